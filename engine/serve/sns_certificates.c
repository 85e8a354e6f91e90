#include "engine/serve/sns_certificates.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MOST 16
#define FETCHED_AT_ONCE 4
#define WAITING_MOST 256 /* for one */
#define KEPT_MS INT64_C(86400000)
#define FAILED_MS INT64_C(30000)

typedef struct waiting {
    fetched done;
    void *data;
    struct waiting *next;
} waiting;

typedef struct certificate {
    sns_certificates *owner;
    char *url; /* NULL: the place is free */
    char *pem; /* NULL: it was not to be had, or is being fetched */
    size_t len;
    int64_t until_ms;
    bool is_fetched; /* just now */
    waiting *first;
    unsigned count;
} certificate;

struct sns_certificates {
    rip_clock *clock;
    const fetcher *fetcher;
    unsigned under_way;
    certificate all[KEPT_MOST];
};

sns_certificates *sns_certificates_new(rip_clock *clock, const fetcher *by)
{
    sns_certificates *c = calloc(1, sizeof *c);
    if (!c) return NULL;
    c->clock = clock;
    c->fetcher = by;
    return c;
}

static void clear(certificate *k)
{
    while (k->first) {
        waiting *w = k->first;
        k->first = w->next;
        free(w);
    }
    free(k->url);
    free(k->pem);
    *k = (certificate){0};
}

void sns_certificates_free(sns_certificates *c)
{
    if (!c) return;
    for (size_t i = 0; i < KEPT_MOST; i++) clear(&c->all[i]);
    free(c);
}

static void on_fetched(void *data, rip_status status, const char *bytes, size_t len, const rip_error *err)
{
    certificate *k = data;
    sns_certificates *c = k->owner;
    if (status == RIP_OK && (k->pem = malloc(len + 1)) != NULL) {
        memcpy(k->pem, bytes, len);
        k->pem[len] = '\0';
        k->len = len;
    }
    k->is_fetched = false;
    k->until_ms = rip_clock_monotonic(c->clock) + (k->pem ? KEPT_MS : FAILED_MS);
    c->under_way--;
    waiting *w = k->first;
    k->first = NULL;
    k->count = 0;
    while (w) {
        waiting *next = w->next;
        w->done(w->data, status, bytes, len, err);
        free(w);
        w = next;
    }
}

/* Its place, or a free one, or the one that is to be dropped first. */
static certificate *place_of(sns_certificates *c, const char *url)
{
    certificate *oldest = NULL;
    int64_t now = rip_clock_monotonic(c->clock);
    for (size_t i = 0; i < KEPT_MOST; i++) {
        certificate *k = &c->all[i];
        if (k->url && !k->is_fetched && now >= k->until_ms) clear(k);
        if (k->url && strcmp(k->url, url) == 0) return k;
        if (!k->is_fetched && (!oldest || k->until_ms < oldest->until_ms)) oldest = k;
    }
    return oldest;
}

static rip_status wait_for(certificate *k, fetched done, void *data, rip_error *err)
{
    waiting *w = k->count < WAITING_MOST ? malloc(sizeof *w) : NULL;
    if (!w) return rip_fail(err, RIP_EAGAIN, "too many messages wait for a certificate of SNS");
    *w = (waiting){done, data, k->first};
    k->first = w;
    k->count++;
    return RIP_OK;
}

static rip_status fetch(sns_certificates *c, certificate *k, const char *url, fetched done, void *data, rip_error *err)
{
    if (!k || c->under_way == FETCHED_AT_ONCE)
        return rip_fail(err, RIP_EAGAIN, "too many certificates of SNS are being fetched");
    clear(k);
    *k = (certificate){.owner = c, .url = strdup(url), .is_fetched = true};
    rip_status status = k->url ? wait_for(k, done, data, err) : rip_nomem(err);
    if (status != RIP_OK) {
        clear(k);
        return status;
    }
    c->under_way++;
    c->fetcher->get(c->fetcher->self, url, on_fetched, k);
    return RIP_OK;
}

void sns_certificates_get(sns_certificates *c, const char *url, fetched done, void *data)
{
    rip_error err = {RIP_OK, ""};
    rip_status status = RIP_OK;
    certificate *k = place_of(c, url);
    if (!k || !k->url || strcmp(k->url, url) != 0)
        status = fetch(c, k, url, done, data, &err);
    else if (k->is_fetched)
        status = wait_for(k, done, data, &err);
    else if (k->pem)
        done(data, RIP_OK, k->pem, k->len, &err);
    else
        status = rip_fail(&err, RIP_EAGAIN, "%s could not be fetched a moment ago", url);
    if (status != RIP_OK) done(data, status, NULL, 0, &err);
}
