/* The protocols' common parts: which one it is, idempotency tokens, host prefixes. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/rand.h>

#include "aws/model_private.h"
#include "aws/protocol/private.h"
#include "engine/base/digest.h"

/* Requests. */

static json_t *random_token(void)
{
    unsigned char bytes[16];
    char hex[33];
    if (RAND_bytes(bytes, sizeof bytes) != 1) return NULL;
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* RFC 9562, 5.4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    rip_hex(bytes, sizeof bytes, hex);
    return json_sprintf("%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12, hex + 16, hex + 20);
}

/* The parameters with an idempotency token, if one is wanted and missing. New reference. */
static json_t *with_token(const aws_operation *operation, const json_t *params, const char *token)
{
    const char *member = aws_operation_token_member(operation);
    json_t *all = json_is_object(params) ? json_incref((json_t *)(uintptr_t)params) : json_object();
    if (!member || json_object_get(all, member)) return all;
    json_t *copy = json_copy(all);
    json_decref(all);
    if (json_object_set_new(copy, member, token ? json_string(token) : random_token()) == 0) return copy;
    json_decref(copy);
    return NULL;
}

/* A copy without members that are null: to leave a parameter out and to give null is the same. New reference. */
static json_t *without_nulls(const json_t *value)
{
    const char *key;
    json_t *each, *copy;
    size_t i;
    if (json_is_array(value)) {
        copy = json_array();
        json_array_foreach (value, i, each) json_array_append_new(copy, without_nulls(each));
        return copy;
    }
    if (!json_is_object(value)) return json_incref((json_t *)(uintptr_t)value);
    copy = json_object();
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        if (!json_is_null(each)) json_object_set_new(copy, key, without_nulls(each));
    }
    return copy;
}

static bool has_null(const json_t *value)
{
    const char *key;
    json_t *each;
    size_t i;
    json_array_foreach (value, i, each) {
        if (has_null(each)) return true;
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        if (json_is_null(each) || has_null(each)) return true;
    }
    return false;
}

/* "{AccountId}.data-" with its labels filled in. */
static rip_status write_host_prefix(const aws_operation *operation, const json_t *params, aws_http_request *request,
                                    rip_error *err)
{
    const char *from = json_string_value(json_object_get(aws_operation_trait(operation, "endpoint"), "hostPrefix"));
    if (!from) return RIP_OK;
    rip_buffer out = {0};
    for (; *from; from++) {
        const char *close = *from == '{' ? strchr(from, '}') : NULL;
        if (!close) {
            rip_buffer_putc(&out, *from);
            continue;
        }
        char name[128];
        snprintf(name, sizeof name, "%.*s", (int)(close - from - 1), from + 1);
        const char *value = json_string_value(json_object_get(params, name));
        /* What goes into a host's name is a label, and nothing else (RFC 1123, 2.1). */
        size_t len = value ? strlen(value) : 0;
        if (len == 0 || len > 63 ||
            strspn(value, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-") != len) {
            rip_buffer_free(&out);
            return rip_fail(err, RIP_EINVAL,
                            "%s: it becomes a part of the host's name: expected letters, digits and '-'", name);
        }
        rip_buffer_puts(&out, value);
        from = close;
    }
    request->host_prefix = rip_buffer_take(&out, NULL);
    return request->host_prefix ? RIP_OK : rip_nomem(err);
}

static rip_status build_json(const aws_operation *operation, const json_t *params, aws_http_request *request,
                             rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    const char *version = aws_service_metadata(service, "jsonVersion"),
               *target = aws_service_metadata(service, "targetPrefix");
    char text[256];
    rip_status status = aws_json_write(&request->body, aws_operation_input(operation), params, err);
    if (status != RIP_OK) return status;
    snprintf(text, sizeof text, "application/x-amz-json-%s", version ? version : "1.0");
    status = aws_headers_add(&request->headers, "Content-Type", text, err);
    snprintf(text, sizeof text, "%s.%s", target ? target : "", aws_operation_name(operation));
    if (status == RIP_OK) status = aws_headers_add(&request->headers, "X-Amz-Target", text, err);
    return status;
}

/* What some services want to see beside what the model says (botocore's handlers of `before-call`). */
static rip_status add_service_headers(const aws_operation *operation, aws_http_request *request, rip_error *err)
{
    const aws_service *service = aws_operation_service(operation);
    rip_status status = RIP_OK;
    /* Errors come with the codes of the query protocol beside their own (Smithy, "awsQueryCompatible trait"). */
    if (aws_service_metadata(service, "queryMode"))
        status = aws_headers_add(&request->headers, "X-Amzn-Query-Mode", "true", err);
    if (status == RIP_OK && json_is_true(aws_operation_trait(operation, "endpointoperation")))
        status = aws_headers_add(&request->headers, "X-Amz-Api-Version", aws_service_api_version(service), err);
    if (status == RIP_OK && strcmp(aws_service_name(service), "glacier") == 0)
        status = aws_headers_add(&request->headers, "X-Amz-Glacier-Version", aws_service_api_version(service), err);
    if (status == RIP_OK && strcmp(aws_service_name(service), "apigateway") == 0 &&
        !aws_headers_get(&request->headers, "Accept"))
        status = aws_headers_add(&request->headers, "Accept", "application/json", err);
    return status;
}

static rip_status build_query(const aws_operation *operation, const json_t *params, aws_http_request *request,
                              rip_error *err)
{
    rip_status status = aws_query_write(operation, params, &request->body, err);
    if (status != RIP_OK) return status;
    return aws_headers_add(&request->headers, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8", err);
}

static rip_status build(const aws_operation *operation, const json_t *params, aws_http_request *request, rip_error *err)
{
    switch (aws_service_protocol(aws_operation_service(operation))) {
    case AWS_QUERY:
    case AWS_EC2: return build_query(operation, params, request, err);
    case AWS_JSON: return build_json(operation, params, request, err);
    case AWS_REST_JSON:
    case AWS_REST_XML: return aws_rest_build(operation, aws_operation_input_member(operation), params, request, err);
    }
    return RIP_EINVAL;
}

rip_status aws_protocol_build(const aws_operation *operation, const json_t *params, const char *token,
                              aws_http_request *request, rip_error *err)
{
    rip_error own;
    if (!err) err = &own;
    json_t *all = with_token(operation, params, token);
    if (all && has_null(all)) {
        json_t *given = without_nulls(all);
        json_decref(all);
        all = given;
    }
    if (!all) return rip_nomem(err);
    request->method = strdup(aws_operation_http_method(operation));
    request->path = strdup("/");
    rip_status status = request->method && request->path ? aws_params_prepare(operation, &all, err) : rip_nomem(err);
    if (status == RIP_OK) status = build(operation, all, request, err);
    if (status == RIP_OK && !request->query) request->query = strdup("");
    if (status == RIP_OK && !request->query) status = rip_nomem(err);
    if (status == RIP_OK) status = write_host_prefix(operation, all, request, err);
    if (status == RIP_OK) status = add_service_headers(operation, request, err);
    if (status == RIP_OK) status = aws_checksum_add(operation, all, request, err);
    if (status == RIP_OK) status = rip_buffer_status(&request->body, err);
    json_decref(all);
    return status;
}

/* Replies. */

static void copy_text(char *out, size_t size, const char *text)
{
    if (text) snprintf(out, size, "%s", text);
}

/* S3 may find out after it has answered 200: then the body is an error in the place of the result (CopyObject,
 * CompleteMultipartUpload). A payload of bytes or text may begin with anything. */
static bool is_late_error(const aws_operation *operation, const rip_buffer *body)
{
    static const char ERROR[] = "<Error>";
    if (aws_service_protocol(aws_operation_service(operation)) != AWS_REST_XML || body->len == 0) return false;
    const aws_shape *shape = aws_operation_output(operation);
    const char *payload = shape ? json_string_value(aws_shape_trait(shape, "payload")) : NULL;
    const aws_member *member = payload ? aws_shape_member(shape, payload) : NULL;
    if (member && aws_shape_type(aws_member_shape(member)) != AWS_STRUCTURE) return false;
    const char *from = body->data;
    const char *declared = strncmp(from, "<?xml", 5) == 0 ? strstr(from, "?>") : NULL;
    if (declared) from = declared + 2;
    from += strspn(from, " \t\r\n");
    return strncmp(from, ERROR, sizeof ERROR - 1) == 0;
}

/* The body is a stream of events: they become the output's member of that kind. */
static rip_status parse_events(const aws_operation *operation, const aws_member *stream,
                               const aws_http_response *response, json_t **output, rip_error *err)
{
    aws_protocol protocol = aws_service_protocol(aws_operation_service(operation));
    const aws_shape *shape = aws_operation_output(operation);
    json_t *value = json_object();
    if (!value) return rip_nomem(err);
    rip_status status = aws_event_stream_read(shape, stream, protocol == AWS_REST_XML, &response->body, value, err);
    if (status == RIP_OK)
        *output = value;
    else
        json_decref(value);
    return status;
}

bool aws_has_body(const aws_shape *shape)
{
    for (size_t i = 0; shape && i < aws_shape_member_count(shape); i++) {
        if (aws_member_location(aws_shape_member_at(shape, i)) == AWS_IN_BODY) return true;
    }
    return false;
}

static void find_request_id(const aws_http_response *response, char *request_id)
{
    static const char *const NAMES[] = {"x-amzn-requestid", "x-amz-request-id", "x-amzn-request-id"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        const char *id = aws_headers_get(&response->headers, NAMES[i]);
        if (id) {
            copy_text(request_id, AWS_REQUEST_ID_MAX, id);
            return;
        }
    }
}

rip_status aws_check_empty(const aws_operation *operation, const aws_http_response *response, rip_error *err)
{
    char id[AWS_REQUEST_ID_MAX] = "";
    find_request_id(response, id);
    bool short_word = response->status == 204 || (*id && !aws_operation_is_read(operation));
    if (short_word || !aws_has_body(aws_operation_output(operation))) return RIP_OK;
    return rip_fail(err, RIP_EIO, "the reply is empty");
}

static rip_status parse_json(const aws_operation *operation, const aws_http_response *response, json_t **output,
                             rip_error *err)
{
    const aws_shape *shape = aws_operation_output(operation);
    const rip_buffer *body = &response->body;
    if (body->len == 0) {
        rip_status status = aws_check_empty(operation, response, err);
        if (status == RIP_OK) *output = json_object();
        return status;
    }
    *output = aws_json_read(shape, body->data, body->len, err);
    return *output ? RIP_OK : err->status;
}

/* <ListUsersResponse>, whatever else the words before it are. */
static bool is_response(const aws_xml_node *root)
{
    static const char END[] = "Response";
    size_t len = strlen(root->name);
    return len >= sizeof END - 1 && strcmp(root->name + len - (sizeof END - 1), END) == 0;
}

static rip_status parse_query(const aws_operation *operation, const aws_http_response *response, json_t **output,
                              char *request_id, rip_error *err)
{
    const aws_shape *shape = aws_operation_output(operation);
    const char *wrapper = aws_operation_result_wrapper(operation);
    if (!wrapper && shape) wrapper = json_string_value(aws_shape_trait(shape, "resultWrapper"));
    aws_xml *xml = NULL;
    if (response->body.len == 0) return rip_fail(err, RIP_EIO, "the reply is empty");
    rip_status status = aws_xml_parse(response->body.data, response->body.len, &xml, err);
    if (status != RIP_OK) return status;
    const aws_xml_node *root = aws_xml_root(xml), *from = wrapper ? aws_xml_child(root, wrapper) : root;
    if (!is_response(root) || (!from && aws_has_body(shape))) {
        rip_fail(err, RIP_EIO, "the reply is none of %s: it begins with <%.64s>", aws_operation_name(operation),
                 root->name);
        aws_xml_free(xml);
        return err->status;
    }
    const aws_xml_node *metadata = aws_xml_child(root, "ResponseMetadata");
    const aws_xml_node *id = aws_xml_child(metadata ? metadata : root, metadata ? "RequestId" : "requestId");
    if (id && request_id) copy_text(request_id, AWS_REQUEST_ID_MAX, id->text);
    *output = shape && from ? aws_xml_read(shape, from, err) : json_object();
    aws_xml_free(xml);
    return *output ? RIP_OK : err->status;
}

rip_status aws_protocol_parse(const aws_operation *operation, const aws_http_response *response, json_t **output,
                              aws_error *error, char *request_id, rip_error *err)
{
    rip_error own;
    char id[AWS_REQUEST_ID_MAX] = "";
    if (!err) err = &own;
    *output = NULL;
    *error = (aws_error){.code = ""};
    rip_status status = RIP_OK;
    const aws_member *stream = aws_event_stream_member(aws_operation_output(operation));
    find_request_id(response, id);
    if (response->status >= 300) {
        aws_error_read(operation, response, error);
        if (!*error->request_id) copy_text(error->request_id, sizeof error->request_id, id);
        copy_text(id, sizeof id, error->request_id);
    } else if (is_late_error(operation, &response->body)) {
        aws_error_read(operation, response, error);
        error->http_status = 500; /* what S3 would have said, had it known: it is tried again as such */
        if (*error->request_id) copy_text(id, sizeof id, error->request_id);
    } else if (stream) {
        status = parse_events(operation, stream, response, output, err);
    } else {
        switch (aws_service_protocol(aws_operation_service(operation))) {
        case AWS_QUERY:
        case AWS_EC2: status = parse_query(operation, response, output, id, err); break;
        case AWS_JSON: status = parse_json(operation, response, output, err); break;
        case AWS_REST_JSON:
        case AWS_REST_XML: status = aws_rest_parse(operation, response, output, err); break;
        }
        if (status == RIP_OK && aws_is_listing(operation)) status = aws_listing_decode(*output, err);
        if (status != RIP_OK) {
            json_decref(*output);
            *output = NULL;
        }
    }
    if (request_id) copy_text(request_id, AWS_REQUEST_ID_MAX, id);
    return status;
}
