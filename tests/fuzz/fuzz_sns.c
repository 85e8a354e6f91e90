/* Messages of SNS: whatever is posted is read or refused, and nothing that is made up is believed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/serve/sns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Of a key that was thrown away: openssl req -x509 -newkey rsa:2048 -nodes -keyout /dev/null -days 36500 */
static const char CERTIFICATE[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIDGzCCAgOgAwIBAgIUadQe51byoqTdD8vNOEN4u+CVz6cwDQYJKoZIhvcNAQEL\n"
    "BQAwHDEaMBgGA1UEAwwRc25zLmFtYXpvbmF3cy5jb20wIBcNMjYxMTI1MDEwMzM4\n"
    "WhgPMjEyNjExMDEwMTAzMzhaMBwxGjAYBgNVBAMMEXNucy5hbWF6b25hd3MuY29t\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAoSokV4BEEn9808epo0gh\n"
    "5/uj38bn/pJTlyHHtJFaJtaqUiGpk03IaiP3XqBcPHyTJsXUZLRBM2kMHuUM/Ak3\n"
    "F/w2OVBwsaFq8erNxKg4yAbWWB8A3bEsSoAejs0RX8i5gAiVkzBOvf7umAw54Uwu\n"
    "JnB5rs5x6tYkTJSXKwGuG7LZikvT1m5LCFzjNVO75rVfuH/lLCpJYn4wUc2xcjd9\n"
    "R0PG55wjtzDb1fEv3GTaAOW08KtvDID7/UqmlL+1H45azUcO6OWNZK08Ii71Bc4s\n"
    "YJF6cXo2DGzlt8BGsYZKw7iDMGe7IcRxKJ6w6J/BoZ057u1ibsx4ypuzC7eHYN0T\n"
    "ywIDAQABo1MwUTAdBgNVHQ4EFgQUSHa9kDYIqHAoubOnDWD1FRfJ9WkwHwYDVR0j\n"
    "BBgwFoAUSHa9kDYIqHAoubOnDWD1FRfJ9WkwDwYDVR0TAQH/BAUwAwEB/zANBgkq\n"
    "hkiG9w0BAQsFAAOCAQEAVVAkYOCrwzPsomNglL9b4mjMb2FEXMJAlk3wHsKTMgdr\n"
    "wHJtVQfgDGUBS+YzN/KyeAkXNxNa6q1NkxvcOMytwRXE2n6QuRqwfVyYLIgbVCo8\n"
    "OeId/jTXHS4eM6W+z7WQwc8dw8l8oZjea5nPLnL8WYJU3FdFKour5ZtNE1uMJF+0\n"
    "hAxwV5C9k+yGNsha0ztArUEv4QihUVueMwpK83cSzA89Hx3/DYWTZumGaEQ7EFma\n"
    "Q5cbA83PS4oztYvmsdiM+ysGxOQ3iMZU5ptbBisIg/pUmBfVkyN4qGI/KGW98itZ\n"
    "9UWsIqobNdewvCGm8gnGkSIRI62S12VpnDWgKu7juw==\n"
    "-----END CERTIFICATE-----\n";

#define NOW INT64_C(1795478400000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rip_error err;
    sns_message m;
    if (sns_parse((const char *)data, size, &m, &err) != RIP_OK) return 0;
    static const char HOST[] = "https://sns.";
    if (strncmp(m.certificate_url, HOST, strlen(HOST)) != 0) abort();
    if (sns_verify(&m, CERTIFICATE, strlen(CERTIFICATE), NOW, &err) == RIP_OK) abort();
    sns_message_free(&m);
    return 0;
}
