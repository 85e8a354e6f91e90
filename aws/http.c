#include "aws/http.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

static bool is_token(const char *name)
{
    static const char TOKEN[] = "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    size_t len = strlen(name);
    return len > 0 && strspn(name, TOKEN) == len;
}

rip_status aws_headers_add(aws_headers *headers, const char *name, const char *value, rip_error *err)
{
    if (!is_token(name)) return rip_fail(err, RIP_EINVAL, "%s is no name for an HTTP header", name);
    if (strpbrk(value, "\r\n")) return rip_fail(err, RIP_EINVAL, "the HTTP header %s can't hold a line's end", name);
    if (headers->count == headers->cap) {
        size_t cap = headers->cap ? headers->cap * 2 : 8;
        aws_header *items = realloc(headers->items, cap * sizeof *items);
        if (!items) return rip_nomem(err);
        headers->items = items;
        headers->cap = cap;
    }
    aws_header header = {strdup(name), strdup(value)};
    if (!header.name || !header.value) {
        free(header.name);
        free(header.value);
        return rip_nomem(err);
    }
    headers->items[headers->count++] = header;
    return RIP_OK;
}

rip_status aws_headers_set(aws_headers *headers, const char *name, const char *value, rip_error *err)
{
    size_t kept = 0;
    for (size_t i = 0; i < headers->count; i++) {
        if (strcasecmp(headers->items[i].name, name) == 0) {
            free(headers->items[i].name);
            free(headers->items[i].value);
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
    for (size_t i = 0; i < headers->count; i++) {
        free(headers->items[i].name);
        free(headers->items[i].value);
    }
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
