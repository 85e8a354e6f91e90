/* The one error language of Riposte: a status that code acts on, and a message that a person acts on. */
#ifndef RIPOSTE_BASE_ERROR_H
#define RIPOSTE_BASE_ERROR_H

#include <stddef.h>

typedef enum rip_status {
    RIP_OK = 0,
    RIP_ENOMEM,    /* out of memory */
    RIP_EINVAL,    /* input that is wrong: a document, a header, a parameter, a flag */
    RIP_ENOTFOUND, /* something named does not exist */
    RIP_EIO,       /* the file system, the network, a reply that could not be read */
    RIP_ELIMIT,    /* a limit was passed: bytes, depth, time, memory, changes */
    RIP_EDENIED,   /* a guard, a mode or a missing permission forbids it */
    RIP_ETIMEOUT,  /* a deadline passed */
    RIP_ECANCELED, /* given up on request */
    RIP_EREMOTE,   /* a service answered with an error of its own */
    RIP_EAGAIN     /* …of a kind that passes: trying again later may help */
} rip_status;

#define RIP_ERROR_MESSAGE_MAX 1024

/** What failed, on which input (file, line, field), and what to do. `message` is UTF-8, one line, without a final dot.
 */
typedef struct rip_error {
    rip_status status;
    char message[RIP_ERROR_MESSAGE_MAX];
} rip_error;

/** Fill `err` (which may be NULL) and return `status`, so that a failing function can `return rip_fail(...)`.
 *  Too long a message is cut; control characters are replaced by '?', since messages quote strings from outside. */
rip_status rip_fail(rip_error *err, rip_status status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** The out-of-memory failure. Inline, so that the compiler and the analyzer see that it is never RIP_OK. */
static inline rip_status rip_nomem(rip_error *err)
{
    (void)rip_fail(err, RIP_ENOMEM, "out of memory");
    return RIP_ENOMEM;
}

/** Put where it happened in front of the message that is there ("playbooks/x.lua:12: "). Returns `err->status`. */
rip_status rip_error_prefix(rip_error *err, const char *format, ...) __attribute__((format(printf, 2, 3)));

/** The status's name in lower case ("invalid", "denied"), for logs and JSON. */
const char *rip_status_name(rip_status status);

#endif
