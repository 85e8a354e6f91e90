/* The header of signed requests, and forms: what is read of them lies within them. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serve/html.h"
#include "engine/serve/signature.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_error err;
    signature s;
    char *header = strndup((const char *)data, size), *body = malloc(size + 1);
    if (!header || !body) abort();
    if (signature_parse(header, &s, &err) == RIP_OK) {
        if (s.at <= 0 || s.count == 0 || s.count > SIGNATURES_MOST) abort();
        if (signature_is_of(&s, "a secret that nobody knows", (const char *)data, size)) abort();
    }
    memcpy(body, data, size); /* without a NUL behind it */
    char *field = html_form_field(body, size, "token");
    if (field && strlen(field) > size) abort();
    rip_buffer page = {0};
    html_text(&page, field);
    if (page.data && strpbrk(page.data, "<>\"'")) abort();
    rip_buffer_free(&page);
    free(field);
    free(body);
    free(header);
    return 0;
}
