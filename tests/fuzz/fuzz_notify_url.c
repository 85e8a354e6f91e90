/* Addresses and links from outside: whatever is taken goes over TLS, or to this machine. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/notify/private.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static journal *j;
    rip_error err;
    aws_http_request request = {0};
    char *text = malloc(size + 1);
    if (!text) return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    if (notify_url_split(text, &request, &err) == RIP_OK) {
        bool here = strncmp(request.host, "127.0.0.1", 9) == 0 || strncmp(request.host, "[::1]", 5) == 0 ||
                    strncasecmp(request.host, "localhost", 9) == 0;
        if (strcmp(request.scheme, "https") != 0 && !here) abort();
        if (strpbrk(request.host, "@/ \r\n") || strpbrk(request.path, "? \r\n")) abort();
    }
    aws_http_request_free(&request);
    if (!j && journal_open_memory(&j, &err) != RIP_OK) abort();
    if (notify_link_check(j, text, "run-1", 0, &err) == RIP_OK) abort();
    free(text);
    return 0;
}
