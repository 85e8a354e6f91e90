#include "engine/base/buffer.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool rip_buffer_reserve(rip_buffer *buffer, size_t extra)
{
    if (buffer->failed) return false;
    if (extra >= SIZE_MAX / 2 - buffer->len) {
        buffer->failed = true;
        return false;
    }
    size_t need = buffer->len + extra + 1;
    if (need <= buffer->cap) return true;
    size_t cap = buffer->cap ? buffer->cap : 64;
    while (cap < need) cap *= 2;
    char *data = realloc(buffer->data, cap);
    if (!data) {
        buffer->failed = true;
        return false;
    }
    buffer->data = data;
    buffer->cap = cap;
    buffer->data[buffer->len] = '\0';
    return true;
}

void rip_buffer_append(rip_buffer *buffer, const void *bytes, size_t len)
{
    if (!rip_buffer_reserve(buffer, len)) return;
    if (len) memcpy(buffer->data + buffer->len, bytes, len);
    buffer->len += len;
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): where there is capacity there is data */
    buffer->data[buffer->len] = '\0';
}

void rip_buffer_puts(rip_buffer *buffer, const char *text)
{
    rip_buffer_append(buffer, text, strlen(text));
}

void rip_buffer_putc(rip_buffer *buffer, char c)
{
    rip_buffer_append(buffer, &c, 1);
}

void rip_buffer_printf(rip_buffer *buffer, const char *format, ...)
{
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int need = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    if (need >= 0 && rip_buffer_reserve(buffer, (size_t)need)) {
        vsnprintf(buffer->data + buffer->len, (size_t)need + 1, format, again);
        buffer->len += (size_t)need;
    }
    va_end(again);
}

rip_status rip_buffer_status(const rip_buffer *buffer, rip_error *err)
{
    return buffer->failed ? rip_nomem(err) : RIP_OK;
}

void rip_buffer_fit(rip_buffer *buffer)
{
    char *data = buffer->data ? realloc(buffer->data, buffer->len + 1) : NULL;
    if (!data) return;
    buffer->data = data;
    buffer->cap = buffer->len + 1;
}

char *rip_buffer_take(rip_buffer *buffer, size_t *len)
{
    if (!buffer->data) rip_buffer_append(buffer, "", 0);
    if (buffer->failed) {
        rip_buffer_free(buffer);
        return NULL;
    }
    char *data = buffer->data;
    if (len) *len = buffer->len;
    *buffer = (rip_buffer){0};
    return data;
}

void rip_buffer_clear(rip_buffer *buffer)
{
    buffer->len = 0;
    if (buffer->data) buffer->data[0] = '\0';
}

void rip_buffer_free(rip_buffer *buffer)
{
    free(buffer->data);
    *buffer = (rip_buffer){0};
}
