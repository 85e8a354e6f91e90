/* Events that others post: POST /v1/events, from the senders that the configuration's `webhooks` names.
 *
 *   eventbridge  API destinations, and raw deliveries of SNS: an API key in a header, Basic credentials, or a bearer
 *                token: its secret, or what POST /v1/token gave for it (OAuth 2.0). The body is the event.
 *   sns          HTTPS subscriptions to the topics named: the signature of SNS. The event is in the envelope;
 *                subscriptions are confirmed.
 *   hmac         anybody with the secret: SIGNATURE_HEADER. The body is the event.
 *
 * 200 tells that the journal holds it. 503 with Retry-After: it does not, send it again. */
#ifndef RIPOSTE_SERVE_WEBHOOK_H
#define RIPOSTE_SERVE_WEBHOOK_H

#include "engine/base/clock.h"
#include "engine/base/config.h"
#include "engine/base/metrics.h"
#include "engine/intake/live.h"
#include "engine/serve/fetch.h"
#include "engine/serve/http.h"

/** All borrowed; outlives it. */
typedef struct webhook_options {
    http_server *server;
    const rip_config *config; /* webhooks, http.rate, limits.event_bytes */
    rip_clock *clock;
    const live_sink *sink;
    metrics *metrics; /* may be NULL */
    const fetcher *fetcher;
} webhook_options;

/** Its route is there from now on, and answers 503 until the source is started and after it is stopped. Free it after
 * what it hands over to, before the fetcher and the server, without running the loop between. RIP_EINVAL: the
 * configuration is wrong; RIP_EIO, RIP_ENOTFOUND: a file with secrets. */
rip_status webhook_new(const webhook_options *options, live_source **out, rip_error *err);

#endif
