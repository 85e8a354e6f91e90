/* A growing run of bytes. A failed allocation sticks, so that a builder appends freely and checks once at its end. */
#ifndef RIPOSTE_BASE_BUFFER_H
#define RIPOSTE_BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"

/** `data` is NUL-terminated whenever it is not NULL; `len` does not count that NUL. Zero-initialise: `rip_buffer b =
 * {0};` */
typedef struct rip_buffer {
    char *data;
    size_t len;
    size_t cap;
    bool failed; /* an allocation failed: what was appended since is lost */
} rip_buffer;

void rip_buffer_append(rip_buffer *buffer, const void *bytes, size_t len);
void rip_buffer_puts(rip_buffer *buffer, const char *text);
void rip_buffer_putc(rip_buffer *buffer, char c);
void rip_buffer_printf(rip_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** Make room for `extra` more bytes and a NUL; false when memory is out (the failure sticks). */
bool rip_buffer_reserve(rip_buffer *buffer, size_t extra);

/** RIP_OK, or RIP_ENOMEM if any append failed. */
rip_status rip_buffer_status(const rip_buffer *buffer, rip_error *err);

/** Give back the memory that its bytes do not take: for what is kept. */
void rip_buffer_fit(rip_buffer *buffer);

/** Hand the bytes to the caller, who frees them with free(); the buffer is empty again. NULL if an append failed.
 *  An empty buffer gives an empty string. */
char *rip_buffer_take(rip_buffer *buffer, size_t *len);

/** Forget the content, keep the memory. */
void rip_buffer_clear(rip_buffer *buffer);

void rip_buffer_free(rip_buffer *buffer);

#endif
