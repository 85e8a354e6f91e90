/* What a service says when it does not do what it was asked for. */
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "aws/protocol/private.h"

static void copy_text(char *out, size_t size, const char *text)
{
    if (text) snprintf(out, size, "%s", text);
}

/* "aws.protocoltests#FooError:http://…" is FooError. */
static void copy_code(aws_error *error, const char *code)
{
    if (!code) return;
    const char *hash = strchr(code, '#');
    if (hash) code = hash + 1;
    snprintf(error->code, sizeof error->code, "%.*s", (int)strcspn(code, ":"), code);
}

/** The error's members by its shape; NULL: the model does not know it, or they can't be read. New reference. */
static json_t *take_fields(const aws_operation *operation, const aws_http_response *response, const aws_error *error,
                           const aws_xml_node *node)
{
    rip_error ignored;
    const aws_shape *shape = aws_operation_error(operation, error->code);
    if (!shape || aws_shape_type(shape) != AWS_STRUCTURE) return NULL;
    const rip_buffer *body = &response->body;
    json_t *fields = node            ? aws_xml_read(shape, node, &ignored)
                     : body->len > 0 ? aws_json_read(shape, body->data, body->len, &ignored)
                                     : json_object();
    if (!fields) return NULL;
    aws_rest_read_envelope(fields, shape, response);
    json_object_del(fields, "message"); /* told already */
    json_object_del(fields, "Message");
    if (json_object_size(fields) > 0) return fields;
    json_decref(fields);
    return NULL;
}

static void read_json_error(const aws_operation *operation, const aws_http_response *response, aws_error *error)
{
    json_t *body = aws_json_load(response->body.data, response->body.len, NULL);
    const char *query = aws_headers_get(&response->headers, "x-amzn-query-error");
    const char *header = aws_headers_get(&response->headers, "x-amzn-errortype");
    const char *code = json_string_value(json_object_get(body, "__type"));
    if (!code) code = json_string_value(json_object_get(body, "code"));
    if (!code) code = json_string_value(json_object_get(body, "Code"));
    copy_code(error, header ? header : code);
    if (query) snprintf(error->code, sizeof error->code, "%.*s", (int)strcspn(query, ";"), query);
    const char *message = json_string_value(json_object_get(body, "message"));
    if (!message) message = json_string_value(json_object_get(body, "Message"));
    copy_text(error->message, sizeof error->message, message);
    error->fields = take_fields(operation, response, error, NULL);
    json_decref(body);
}

/** <Error> itself: it is the root, or within <ErrorResponse>, or EC2's <Response><Errors>. */
static const aws_xml_node *find_error(const aws_xml_node *root)
{
    const aws_xml_node *errors = aws_xml_child(root, "Errors");
    const aws_xml_node *node = aws_xml_child(errors ? errors : root, "Error");
    return node ? node : root;
}

static void read_xml_error(const aws_operation *operation, const aws_http_response *response, aws_error *error)
{
    aws_xml *xml = NULL;
    rip_error ignored;
    if (response->body.len == 0 || aws_xml_parse(response->body.data, response->body.len, &xml, &ignored) != RIP_OK)
        return;
    const aws_xml_node *root = aws_xml_root(xml);
    copy_code(error, aws_xml_find_text(root, "Code"));
    copy_text(error->message, sizeof error->message, aws_xml_find_text(root, "Message"));
    const char *id = aws_xml_find_text(root, "RequestId");
    if (!id) id = aws_xml_find_text(root, "RequestID");
    copy_text(error->request_id, sizeof error->request_id, id);
    error->fields = take_fields(operation, response, error, find_error(root));
    aws_xml_free(xml);
}

void aws_error_read(const aws_operation *operation, const aws_http_response *response, aws_error *error)
{
    aws_protocol protocol = aws_service_protocol(aws_operation_service(operation));
    error->http_status = response->status;
    if (protocol == AWS_JSON || protocol == AWS_REST_JSON)
        read_json_error(operation, response, error);
    else
        read_xml_error(operation, response, error);
    const aws_shape *shape = aws_operation_error(operation, error->code);
    const json_t *again = shape ? aws_shape_trait(shape, "retryable") : NULL;
    error->retryable = again != NULL;
    error->throttled = json_is_true(json_object_get(again, "throttling"));
    if (!*error->code) snprintf(error->code, sizeof error->code, "%d", response->status);
}
