#include "aws/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *name, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        char c = name[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
        if (!plain && (!c || !strchr("!#$%&'*+.^_`|~", c))) return false;
    }
    return len > 0;
}

rip_status aws_headers_add(aws_headers *headers, const char *name, const char *value, rip_error *err)
{
    return aws_headers_add_bytes(headers, name, strlen(name), value, strlen(value), err);
}

rip_status aws_headers_add_bytes(aws_headers *headers, const char *name, size_t name_len, const char *value,
                                 size_t value_len, rip_error *err)
{
    if (!is_token(name, name_len))
        return rip_fail(err, RIP_EINVAL, "%.*s is no name for an HTTP header", (int)name_len, name);
    if (memchr(value, '\r', value_len) || memchr(value, '\n', value_len) || memchr(value, '\0', value_len))
        return rip_fail(err, RIP_EINVAL, "the HTTP header %.*s can't hold a line's end", (int)name_len, name);
    if (headers->count == headers->cap) {
        size_t cap = headers->cap ? headers->cap * 2 : 8;
        aws_header *items = realloc(headers->items, cap * sizeof *items);
        if (!items) return rip_nomem(err);
        headers->items = items;
        headers->cap = cap;
    }
    char *both = malloc(name_len + value_len + 2);
    if (!both) return rip_nomem(err);
    aws_header header = {both, both + name_len + 1};
    memcpy(header.name, name, name_len);
    header.name[name_len] = '\0';
    memcpy(header.value, value, value_len);
    header.value[value_len] = '\0';
    headers->items[headers->count++] = header;
    return RIP_OK;
}

rip_status aws_headers_set(aws_headers *headers, const char *name, const char *value, rip_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->items[i].name, name) == 0) {
            free(headers->items[i].name);
        } else {
            headers->items[kept++] = headers->items[i];
        }
    }
    headers->count = kept;
    return aws_headers_add(headers, name, value, err);
}

const char *aws_headers_get(const aws_headers *headers, const char *name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->items[i].name, name) == 0) return headers->items[i].value;
    }
    return NULL;
}

void aws_headers_free(aws_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) free(headers->items[i].name);
    free(headers->items);
    *headers = (aws_headers){0};
}

void aws_http_request_free(aws_http_request *request)
{
    free(request->method);
    free(request->scheme);
    free(request->host);
    free(request->host_prefix);
    free(request->path);
    free(request->query);
    aws_headers_free(&request->headers);
    rip_buffer_free(&request->body);
    *request = (aws_http_request){0};
}

void aws_http_response_free(aws_http_response *response)
{
    aws_headers_free(&response->headers);
    rip_buffer_free(&response->body);
    *response = (aws_http_response){0};
}

void aws_uri_encode(rip_buffer *out, const char *text, size_t len, bool keep_slash)
{
    static const char HEX[] = "0123456789ABCDEF";
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool plain = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
                     c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
        if (plain) {
            rip_buffer_putc(out, (char)c);
        } else {
            char escaped[3] = {'%', HEX[c >> 4], HEX[c & 15]};
            rip_buffer_append(out, escaped, 3);
        }
    }
}
