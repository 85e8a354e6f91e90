/* HTTP on the loop: libcurl's multi interface, with limits on everything that a server sends. */
#ifndef RIPOSTE_AWS_TRANSPORT_CURL_H
#define RIPOSTE_AWS_TRANSPORT_CURL_H

#include <uv.h>

#include "aws/http.h"

typedef struct aws_web aws_web;
typedef struct aws_exchange aws_exchange;

typedef struct aws_web_options {
    uv_loop_t *loop;
    const char *ca_bundle; /* NULL: the system's */
    int max_connections;   /* to one host; 0: 64 */
} aws_web_options;

typedef struct aws_web_limits {
    int timeout_ms;    /* for all of it; 0: 30,000 */
    size_t body_bytes; /* 0: 64 MiB */
    bool no_proxy;     /* for addresses on this machine's own link: instance metadata */
    bool once;         /* never sent twice: over a connection of its own, since libcurl sends a request again where a
                          connection that it had kept ends before the reply */
} aws_web_limits;

/** `response` is NULL when none came; then `err` tells why: RIP_ETIMEOUT, RIP_ELIMIT, or RIP_EIO. Both live until the
 * callback returns. */
typedef void (*aws_exchange_done)(void *data, const aws_http_response *response, const rip_error *err);

rip_status aws_web_new(const aws_web_options *options, aws_web **out, rip_error *err);
/** Gives up what is under way; handles close in the loop afterwards. */
void aws_web_free(aws_web *web);

/** Send `request`, whose content is moved out of it (it is empty afterwards, also after an error). Only http and https,
 * no redirects followed, certificates verified, proxies from the environment. `done` is called once, from the loop. */
rip_status aws_web_send(aws_web *web, aws_http_request *request, const aws_web_limits *limits, aws_exchange_done done,
                        void *data, aws_exchange **out, rip_error *err);
/** For the callback: may the host have seen the request? */
bool aws_exchange_sent(const aws_exchange *exchange);
/** `done` is not called any more. */
void aws_web_cancel(aws_exchange *exchange);

#endif
