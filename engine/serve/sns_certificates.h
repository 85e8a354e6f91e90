/* The certificates that SNS signs with, fetched once and kept for a day. */
#ifndef RIPOSTE_SERVE_SNS_CERTIFICATES_H
#define RIPOSTE_SERVE_SNS_CERTIFICATES_H

#include "engine/base/clock.h"
#include "engine/serve/fetch.h"

typedef struct sns_certificates sns_certificates;

/** Both borrowed. NULL: out of memory. */
sns_certificates *sns_certificates_new(rip_clock *clock, const fetcher *by);
/** Nobody is called any more; the fetcher is given up before the loop runs again. NULL is allowed. */
void sns_certificates_free(sns_certificates *c);

/** The certificate at a URL that sns_parse let through. RIP_EAGAIN: enough are being fetched, or it was not to be had a
 * moment ago. */
void sns_certificates_get(sns_certificates *c, const char *url, fetched done, void *data);

#endif
