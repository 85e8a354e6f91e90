/* The REST protocols: parameters in the path, the query and headers; what is left in a JSON or an XML body. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/model_private.h"
#include "aws/protocol/private.h"
#include "engine/base/json.h"

typedef struct rest {
    const aws_operation *operation;
    const aws_shape *input;
    const json_t *params;
    aws_http_request *request;
    bool xml;
    rip_error *err;
} rest;

static const json_t *param(const rest *r, const aws_member *member)
{
    return json_object_get(r->params, aws_member_name(member));
}

/* The path. */

static const aws_member *label_member(const rest *r, const char *label, size_t len)
{
    for (size_t i = 0; r->input && i < aws_shape_member_count(r->input); i++) {
        const aws_member *member = aws_shape_member_at(r->input, i);
        const char *name = aws_member_location_name(member);
        if (aws_member_location(member) == AWS_IN_URI && strlen(name) == len && memcmp(name, label, len) == 0)
            return member;
    }
    return NULL;
}

static rip_status write_label(const rest *r, const char *label, size_t len, rip_buffer *out)
{
    bool greedy = len > 0 && label[len - 1] == '+';
    const aws_member *member = label_member(r, label, greedy ? len - 1 : len);
    const json_t *value = member ? param(r, member) : NULL;
    rip_buffer text = {0};
    if (!value) return rip_fail(r->err, RIP_EINVAL, "%.*s: it is required, and missing", (int)len, label);
    rip_status status = aws_value_write(&text, member, value, AWS_TIME_ISO8601, r->err);
    if (status == RIP_OK && text.len == 0) {
        status = rip_fail(r->err, RIP_EINVAL, "%s: it can't be empty: it is a part of the request's path",
                          aws_member_name(member));
    }
    if (status == RIP_OK) aws_uri_encode(out, text.data, text.len, greedy);
    rip_buffer_free(&text);
    return status;
}

static rip_status write_template(const rest *r, const char *from, size_t len, rip_buffer *out)
{
    for (size_t i = 0; i < len; i++) {
        const char *close = from[i] == '{' ? memchr(from + i, '}', len - i) : NULL;
        if (!close) {
            rip_buffer_putc(out, from[i]);
            continue;
        }
        rip_status status = write_label(r, from + i + 1, (size_t)(close - from) - i - 1, out);
        if (status != RIP_OK) return status;
        i = (size_t)(close - from);
    }
    return RIP_OK;
}

/* The query. */

static rip_status write_pair(rip_buffer *out, const char *name, const aws_member *member, const json_t *value,
                             rip_error *err)
{
    rip_buffer text = {0};
    rip_status status = aws_value_write(&text, member, value, AWS_TIME_ISO8601, err);
    if (status == RIP_OK) {
        if (out->len) rip_buffer_putc(out, '&');
        aws_uri_encode(out, name, strlen(name), false);
        rip_buffer_putc(out, '=');
        aws_uri_encode(out, text.data ? text.data : "", text.len, false);
    }
    rip_buffer_free(&text);
    return status;
}

static rip_status write_query_value(rip_buffer *out, const char *name, const aws_member *member, const json_t *value,
                                    rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    rip_status status = RIP_OK;
    const char *key;
    json_t *each;
    size_t i;
    if (aws_shape_type(shape) == AWS_MAP) {
        json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
            if (status == RIP_OK) status = write_query_value(out, key, aws_shape_element(shape), each, err);
        }
    } else if (aws_shape_type(shape) == AWS_LIST) {
        json_array_foreach (value, i, each) {
            if (status == RIP_OK) status = write_pair(out, name, aws_shape_element(shape), each, err);
        }
    } else {
        status = write_pair(out, name, member, value, err);
    }
    return status;
}

/* Does a member of its own stand for this key? A map of query parameters must not repeat it. */
static bool names_member(const rest *r, const char *key)
{
    for (size_t i = 0; i < aws_shape_member_count(r->input); i++) {
        const aws_member *member = aws_shape_member_at(r->input, i);
        if (aws_member_location(member) == AWS_IN_QUERY && aws_shape_type(aws_member_shape(member)) != AWS_MAP &&
            param(r, member) && strcmp(aws_member_location_name(member), key) == 0) {
            return true;
        }
    }
    return false;
}

static rip_status write_query(const rest *r, rip_buffer *out)
{
    rip_status status = RIP_OK;
    for (size_t i = 0; r->input && i < aws_shape_member_count(r->input); i++) {
        const aws_member *member = aws_shape_member_at(r->input, i);
        const json_t *value = aws_member_location(member) == AWS_IN_QUERY ? param(r, member) : NULL;
        if (!value || status != RIP_OK) continue;
        if (aws_shape_type(aws_member_shape(member)) != AWS_MAP) {
            status = write_query_value(out, aws_member_location_name(member), member, value, r->err);
            continue;
        }
        const char *key;
        json_t *each;
        json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
            if (status != RIP_OK || names_member(r, key)) continue;
            status = write_query_value(out, key, aws_shape_element(aws_member_shape(member)), each, r->err);
        }
    }
    return status;
}

static rip_status write_uri(rest *r)
{
    const char *uri = aws_operation_http_uri(r->operation);
    const char *mark = strchr(uri, '?');
    rip_buffer path = {0}, query = {0};
    rip_status status = write_template(r, uri, mark ? (size_t)(mark - uri) : strlen(uri), &path);
    if (status == RIP_OK && mark) status = write_template(r, mark + 1, strlen(mark + 1), &query);
    if (status == RIP_OK) status = write_query(r, &query);
    if (status != RIP_OK) {
        rip_buffer_free(&path);
        rip_buffer_free(&query);
        return status;
    }
    free(r->request->path);
    r->request->path = rip_buffer_take(&path, NULL);
    r->request->query = rip_buffer_take(&query, NULL);
    return r->request->path && r->request->query ? RIP_OK : rip_nomem(r->err);
}

/* Headers. */

static void write_quoted(rip_buffer *out, const char *text)
{
    if (!strpbrk(text, ",\"")) {
        rip_buffer_puts(out, text);
        return;
    }
    rip_buffer_putc(out, '"');
    for (; *text; text++) {
        if (*text == '"') rip_buffer_putc(out, '\\');
        rip_buffer_putc(out, *text);
    }
    rip_buffer_putc(out, '"');
}

static rip_status write_header_list(rip_buffer *out, const aws_member *member, const json_t *value, rip_error *err)
{
    const aws_member *element = aws_shape_element(aws_member_shape(member));
    rip_status status = RIP_OK;
    size_t i;
    json_t *each;
    json_array_foreach (value, i, each) {
        rip_buffer text = {0};
        if (status == RIP_OK) status = aws_value_write(&text, element, each, AWS_TIME_RFC822, err);
        if (i) rip_buffer_puts(out, ",");
        if (aws_shape_type(aws_member_shape(element)) == AWS_STRING)
            write_quoted(out, text.data ? text.data : "");
        else
            rip_buffer_puts(out, text.data ? text.data : "");
        rip_buffer_free(&text);
    }
    return status;
}

static rip_status write_header(rest *r, const char *name, const aws_member *member, const json_t *value)
{
    rip_buffer text = {0};
    rip_status status;
    if (json_is_true(aws_member_trait(member, "jsonvalue"))) {
        char *json = rip_json_dump(value, JSON_COMPACT | JSON_ENCODE_ANY);
        status = json ? RIP_OK : rip_nomem(r->err);
        if (json) aws_value_base64(&text, json, strlen(json));
        free(json);
    } else if (json_is_array(value)) {
        status = write_header_list(&text, member, value, r->err);
        if (json_array_size(value) == 0) return status;
    } else {
        status = aws_value_write(&text, member, value, AWS_TIME_RFC822, r->err);
    }
    if (status == RIP_OK) status = aws_headers_add(&r->request->headers, name, text.data ? text.data : "", r->err);
    rip_buffer_free(&text);
    return status;
}

/* What the names of a map's headers start with ("x-amz-meta-"). */
static const char *header_prefix(const aws_member *member)
{
    const char *prefix = json_string_value(aws_member_trait(member, "locationName"));
    return prefix ? prefix : "";
}

static rip_status write_header_map(rest *r, const aws_member *member, const json_t *value)
{
    const char *key;
    json_t *each;
    rip_status status = RIP_OK;
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
        rip_buffer name = {0};
        rip_buffer_printf(&name, "%s%s", header_prefix(member), key);
        if (status == RIP_OK) status = write_header(r, name.data, aws_shape_element(aws_member_shape(member)), each);
        rip_buffer_free(&name);
    }
    return status;
}

static rip_status write_headers(rest *r)
{
    rip_status status = RIP_OK;
    for (size_t i = 0; r->input && i < aws_shape_member_count(r->input) && status == RIP_OK; i++) {
        const aws_member *member = aws_shape_member_at(r->input, i);
        const json_t *value = param(r, member);
        if (!value) continue;
        if (aws_member_location(member) == AWS_IN_HEADER)
            status = write_header(r, aws_member_location_name(member), member, value);
        else if (aws_member_location(member) == AWS_IN_HEADERS)
            status = write_header_map(r, member, value);
    }
    return status;
}

/* The body. */

static rip_status content_type(rest *r, const char *type)
{
    if (aws_headers_get(&r->request->headers, "Content-Type")) return RIP_OK;
    return aws_headers_add(&r->request->headers, "Content-Type", type, r->err);
}

static rip_status write_structured(rest *r, const aws_member *member, const aws_shape *shape, const json_t *value)
{
    rip_status status;
    if (r->xml) {
        const char *name = member && aws_member_has_location_name(member) ? aws_member_location_name(member) : NULL;
        if (!name) name = json_string_value(aws_shape_trait(shape, "locationName"));
        if (!name) name = shape == r->input ? aws_shape_name(shape) : aws_member_name(member);
        status = aws_xml_write(&r->request->body, member, name, value, r->err);
        return status == RIP_OK ? content_type(r, "application/xml") : status;
    }
    status = aws_json_write(&r->request->body, shape, value, r->err);
    return status == RIP_OK ? content_type(r, "application/json") : status;
}

static rip_status write_payload(rest *r, const aws_member *member)
{
    const json_t *value = param(r, member);
    const aws_shape *shape = aws_member_shape(member);
    const char *text = json_string_value(value);
    switch (aws_shape_type(shape)) {
    case AWS_BLOB:
        if (text && !aws_value_unbase64(&r->request->body, text, strlen(text))) {
            return rip_fail(r->err, RIP_EINVAL, "%s: expected base64", aws_member_name(member));
        }
        return value || !r->xml ? content_type(r, "application/octet-stream") : RIP_OK;
    case AWS_STRING:
        rip_buffer_puts(&r->request->body, text ? text : "");
        return value ? content_type(r, "text/plain") : RIP_OK;
    default: break;
    }
    if (value) return write_structured(r, member, shape, value);
    if (r->xml) return RIP_OK;
    rip_buffer_puts(&r->request->body, "{}");
    return content_type(r, "application/json");
}

static rip_status write_body(rest *r, const aws_member *input_member)
{
    const char *payload = r->input ? json_string_value(aws_member_trait(input_member, "payload")) : NULL;
    bool has_body_member = false, given = false;
    if (payload && aws_shape_member(r->input, payload)) return write_payload(r, aws_shape_member(r->input, payload));
    for (size_t i = 0; r->input && i < aws_shape_member_count(r->input); i++) {
        const aws_member *member = aws_shape_member_at(r->input, i);
        if (aws_member_location(member) != AWS_IN_BODY) continue;
        has_body_member = true;
        given = given || param(r, member);
    }
    if (given || (has_body_member && !r->xml)) return write_structured(r, input_member, r->input, r->params);
    return RIP_OK;
}

rip_status aws_rest_build(const aws_operation *operation, const aws_member *input_member, const json_t *params,
                          aws_http_request *request, rip_error *err)
{
    rest r = {operation,
              aws_operation_input(operation),
              params,
              request,
              aws_service_protocol(aws_operation_service(operation)) == AWS_REST_XML,
              err};
    rip_status status = write_uri(&r);
    if (status == RIP_OK) status = write_headers(&r);
    if (status == RIP_OK) status = write_body(&r, input_member);
    return status;
}

/* Replies. */

static json_t *read_header_list(const aws_member *member, const char *text)
{
    const aws_member *element = aws_shape_element(aws_member_shape(member));
    json_t *list = json_array();
    while (*text) {
        rip_buffer item = {0};
        text += strspn(text, " \t");
        bool quoted = *text == '"';
        if (quoted) text++;
        while (*text && (quoted ? *text != '"' : *text != ',')) {
            if (quoted && *text == '\\' && text[1]) text++;
            rip_buffer_putc(&item, *text++);
        }
        if (quoted && *text) text++;
        text += strcspn(text, ",");
        if (*text == ',') text++;
        while (!quoted && item.len && (item.data[item.len - 1] == ' ' || item.data[item.len - 1] == '\t'))
            item.data[--item.len] = '\0';
        json_t *value = aws_value_read(element, item.data ? item.data : "", item.len);
        rip_buffer_free(&item);
        if (value) json_array_append_new(list, value);
    }
    return list;
}

static json_t *read_header(const aws_member *member, const char *text)
{
    if (json_is_true(aws_member_trait(member, "jsonvalue"))) {
        rip_buffer json = {0};
        json_t *value = aws_value_unbase64(&json, text, strlen(text)) ? aws_json_load(json.data, json.len, NULL) : NULL;
        rip_buffer_free(&json);
        return value;
    }
    if (aws_shape_type(aws_member_shape(member)) == AWS_LIST) return read_header_list(member, text);
    return aws_value_read(member, text, strlen(text));
}

static json_t *read_header_map(const aws_member *member, const aws_headers *headers)
{
    const char *prefix = header_prefix(member);
    size_t len = strlen(prefix);
    json_t *map = json_object();
    for (size_t i = 0; i < headers->count; i++) {
        if (strncasecmp(headers->items[i].name, prefix, len) != 0) continue;
        json_object_set_new(map, headers->items[i].name + len, json_string(headers->items[i].value));
    }
    return map;
}

void aws_rest_read_envelope(json_t *output, const aws_shape *shape, const aws_http_response *response)
{
    for (size_t i = 0; i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const char *text;
        json_t *value = NULL;
        switch (aws_member_location(member)) {
        case AWS_IN_STATUS: value = json_integer(response->status); break;
        case AWS_IN_HEADER:
            text = aws_headers_get(&response->headers, aws_member_location_name(member));
            value = text ? read_header(member, text) : NULL;
            break;
        case AWS_IN_HEADERS: value = read_header_map(member, &response->headers); break;
        default: break;
        }
        if (value) json_object_set_new(output, aws_member_name(member), value);
    }
}

static json_t *read_xml(const aws_shape *shape, const rip_buffer *body, rip_error *err)
{
    aws_xml *document = NULL;
    json_t *value = NULL;
    if (aws_xml_parse(body->data, body->len, &document, err) != RIP_OK) return NULL;
    const aws_xml_node *root = aws_xml_root(document);
    if (aws_xml_may_be(shape, root))
        value = shape ? aws_xml_read(shape, root, err) : json_object();
    else
        rip_fail(err, RIP_EIO, "the reply is another page: it begins with <%.64s>", root->name);
    aws_xml_free(document);
    return value;
}

static json_t *read_document(const aws_shape *shape, const rip_buffer *body, bool xml, rip_error *err)
{
    if (body->len == 0) return json_object();
    if (xml) return read_xml(shape, body, err);
    return aws_json_read(shape, body->data, body->len, err);
}

static json_t *read_payload(const aws_member *member, const rip_buffer *body, bool xml, rip_error *err)
{
    const aws_shape *shape = aws_member_shape(member);
    rip_buffer text = {0};
    json_t *value;
    switch (aws_shape_type(shape)) {
    case AWS_BLOB:
        aws_value_base64(&text, body->data ? body->data : "", body->len);
        value = json_stringn(text.data ? text.data : "", text.len);
        rip_buffer_free(&text);
        return value;
    case AWS_STRING:
        value = json_stringn(body->data ? body->data : "", body->len);
        if (!value) rip_fail(err, RIP_EIO, "the reply is no UTF-8 text");
        return value;
    default: return read_document(shape, body, xml, err);
    }
}

rip_status aws_rest_parse(const aws_operation *operation, const aws_http_response *response, json_t **output,
                          rip_error *err)
{
    const aws_shape *shape = aws_operation_output(operation);
    bool xml = aws_service_protocol(aws_operation_service(operation)) == AWS_REST_XML;
    rip_error own;
    if (!err) err = &own;
    (void)rip_nomem(err); /* what it is where no reader below says otherwise */
    if (!shape) {
        *output = read_document(NULL, &response->body, xml, err);
        return *output ? RIP_OK : err->status;
    }
    const char *payload = json_string_value(aws_member_trait(aws_operation_output_member(operation), "payload"));
    const aws_member *member = payload ? aws_shape_member(shape, payload) : NULL;
    json_t *value;
    if (member) {
        bool structured = aws_shape_type(aws_member_shape(member)) == AWS_STRUCTURE;
        if (structured && response->body.len == 0 && aws_check_empty(operation, response, err) != RIP_OK)
            return err->status;
        json_t *inner = structured && response->body.len == 0 ? NULL : read_payload(member, &response->body, xml, err);
        if (!inner && !(structured && response->body.len == 0)) return err->status;
        value = json_object();
        if (inner) json_object_set_new(value, aws_member_name(member), inner);
    } else {
        if (response->body.len == 0 && aws_check_empty(operation, response, err) != RIP_OK) return err->status;
        value = read_document(shape, &response->body, xml, err);
    }
    if (!value) return err->status;
    aws_rest_read_envelope(value, shape, response);
    *output = value;
    return RIP_OK;
}
