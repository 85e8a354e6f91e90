/* For each line {"service", "operation", "region", "params"} on standard input, prints the request that is sent for it,
 * as
 * {"method", "host", "path", "query", "headers": [[name, value], …], "body": base64}, or {"error"}. Models come from
 * the folder that is the one argument. tests/e2e/test_requests.py compares them with botocore's. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/protocol.h"
#include "aws/protocol/value.h"
#include "aws/request.h"

static json_t *request_json(const aws_http_request *request)
{
    rip_buffer body = {0};
    json_t *headers = json_array();
    for (size_t i = 0; i < request->headers.count; i++)
        json_array_append_new(headers,
                              json_pack("[s, s]", request->headers.items[i].name, request->headers.items[i].value));
    aws_value_base64(&body, request->body.data ? request->body.data : "", request->body.len);
    json_t *value =
        json_pack("{s:s, s:s, s:s, s:s, s:o, s:s}", "method", request->method, "host", request->host, "path",
                  request->path, "query", request->query, "headers", headers, "body", body.data ? body.data : "");
    rip_buffer_free(&body);
    return value;
}

static json_t *answer(aws_models *models, aws_signer *signer, const aws_credentials *credentials, const json_t *asked)
{
    const char *name = json_string_value(json_object_get(asked, "service"));
    const char *region = json_string_value(json_object_get(asked, "region"));
    const json_t *params = json_object_get(asked, "params");
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    aws_endpoints endpoints = {.options.profile = "default"};
    aws_http_request request = {0};
    rip_error err;
    rip_status status = aws_models_service(models, name, &service, &err);
    if (status == RIP_OK)
        status =
            aws_service_operation(service, json_string_value(json_object_get(asked, "operation")), &operation, &err);
    if (status == RIP_OK) status = aws_params_check(operation, params, NULL, &err);
    if (status == RIP_OK) status = aws_protocol_build(operation, params, NULL, &request, &err);
    if (status == RIP_OK)
        status = aws_request_address_and_sign(&endpoints, signer, operation, region, credentials, 0, &request, &err);
    json_t *value = status == RIP_OK ? request_json(&request) : json_pack("{s:s}", "error", err.message);
    aws_http_request_free(&request);
    return value;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "";
    aws_models *models = NULL;
    aws_signer *signer = aws_signer_new();
    aws_credentials *credentials = NULL;
    char *line = NULL;
    size_t room = 0;
    rip_error err;
    if (argc != 2 || !signer ||
        aws_credentials_new("AKIDEXAMPLE", "secret", NULL, NULL, 0, "test", &credentials, &err) != RIP_OK ||
        aws_models_new(&folder, 1, &models, &err) != RIP_OK)
        return EXIT_FAILURE;
    while (getline(&line, &room, stdin) > 0) {
        json_t *asked = json_loads(line, 0, NULL);
        json_t *value = answer(models, signer, credentials, asked);
        json_dumpf(value, stdout, JSON_COMPACT);
        putchar('\n');
        json_decref(value);
        json_decref(asked);
    }
    free(line);
    aws_credentials_unref(credentials);
    aws_signer_free(signer);
    aws_models_free(models);
    return EXIT_SUCCESS;
}
