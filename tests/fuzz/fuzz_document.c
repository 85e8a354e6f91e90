/* The cutter of documents: the same comes out whatever the chunks. The first byte tells where the input is cut in two.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/intake/document.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static rip_status on_document(void *data, const char *bytes, size_t len, size_t line, size_t column,
                              const rip_error *err)
{
    rip_buffer *out = data;
    rip_buffer_printf(out, "%zu:%zu ", line, column);
    if (bytes)
        rip_buffer_append(out, bytes, len);
    else
        rip_buffer_puts(out, err->message);
    return RIP_OK;
}

static void cut(const char *bytes, size_t len, size_t first, rip_buffer *out)
{
    static const document_limits LIMITS = {.bytes = 256, .depth = 8};
    documents *d = NULL;
    if (documents_new(&LIMITS, on_document, out, &d, NULL) != RIP_OK) abort();
    if (documents_feed(d, bytes, first) != RIP_OK || documents_feed(d, bytes + first, len - first) != RIP_OK ||
        documents_end(d) != RIP_OK)
        abort();
    documents_free(d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 2) return 0;
    const char *bytes = (const char *)data + 1;
    size_t len = size - 1;
    rip_buffer whole = {0}, parts = {0};
    cut(bytes, len, len, &whole);
    cut(bytes, len, data[0] % (len + 1), &parts);
    if (whole.len != parts.len || (whole.len && memcmp(whole.data, parts.data, whole.len) != 0)) abort();
    rip_buffer_free(&whole);
    rip_buffer_free(&parts);
    return 0;
}
