/* Replies: the first byte chooses the operation (so the protocol) and whether it is an error; the rest is the body. */
#include <stdint.h>
#include <stdlib.h>

#include "aws/client.h"
#include "engine/base/data.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const aws_operation *operation_of(const char *service, const char *name)
{
    static aws_models *models;
    const aws_service *found = NULL;
    const aws_operation *operation = NULL;
    if (!models) {
        char *folder = rip_data_path("aws/model", NULL);
        if (!folder || aws_models_new((const char *const *)&folder, 1, &models, NULL) != RIP_OK) abort();
        free(folder);
    }
    if (aws_models_service(models, service, &found, NULL) != RIP_OK) abort();
    if (aws_service_operation(found, name, &operation, NULL) != RIP_OK) abort();
    return operation;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const OPERATIONS[][2] = {
        {"ecs", "DescribeTaskDefinition"}, {"lambda", "GetFunction"}, {"iam", "GetAccountAuthorizationDetails"},
        {"ec2", "DescribeInstances"},      {"s3", "ListObjectsV2"},   {"logs", "StartLiveTail"}};
    if (size < 1) return 0;
    const char *const *chosen = OPERATIONS[(data[0] & 0x7F) % 6];
    aws_http_response response = {.status = data[0] & 0x80 ? 400 : 200};
    json_t *output = NULL;
    aws_error error = {.code = ""};
    rip_error err;
    rip_buffer_append(&response.body, (const char *)data + 1, size - 1);
    rip_status status = aws_protocol_parse(operation_of(chosen[0], chosen[1]), &response, &output, &error, NULL, &err);
    if (status == RIP_OK && !*error.code && !json_is_object(output)) abort();
    if (status == RIP_OK && *error.code && output) abort();
    if (status != RIP_OK && output) abort();
    if (*error.code == '\0' && error.fields) abort();
    json_decref(output);
    json_decref(error.fields);
    aws_http_response_free(&response);
    return 0;
}
