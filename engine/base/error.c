#include "engine/base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static void make_printable(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++) {
        if (*p < 0x20 || *p == 0x7f) *p = '?';
    }
}

rip_status rip_fail(rip_error *err, rip_status status, const char *format, ...)
{
    if (!err) return status;
    err->status = status;
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(err->message, sizeof err->message, format, arguments);
    va_end(arguments);
    make_printable(err->message);
    return status;
}

rip_status rip_error_prefix(rip_error *err, const char *format, ...)
{
    if (!err) return RIP_EINVAL;
    char whole[2 * RIP_ERROR_MESSAGE_MAX];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(whole, RIP_ERROR_MESSAGE_MAX, format, arguments);
    va_end(arguments);
    size_t used = strlen(whole);
    snprintf(whole + used, sizeof whole - used, "%s", err->message);
    make_printable(whole);
    memcpy(err->message, whole, sizeof err->message - 1);
    err->message[sizeof err->message - 1] = '\0';
    return err->status;
}

const char *rip_status_name(rip_status status)
{
    switch (status) {
    case RIP_OK: return "ok";
    case RIP_ENOMEM: return "no-memory";
    case RIP_EINVAL: return "invalid";
    case RIP_ENOTFOUND: return "not-found";
    case RIP_EIO: return "io";
    case RIP_ELIMIT: return "limit";
    case RIP_EDENIED: return "denied";
    case RIP_ETIMEOUT: return "timeout";
    case RIP_ECANCELED: return "canceled";
    case RIP_EREMOTE: return "remote";
    case RIP_EAGAIN: return "again";
    }
    return "unknown";
}
