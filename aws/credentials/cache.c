#include <stdlib.h>

#include "aws/credentials/provider.h"
#include "engine/base/log.h"

/* From this long before their end on they are refreshed while they are still used … */
#define REFRESH_BEFORE_MS (5 * 60 * 1000)
/* … and from this long before it they are not used any more. */
#define USELESS_BEFORE_MS (60 * 1000)
/* After a failed refresh of credentials that still hold. */
#define REFRESH_PAUSE_MS (30 * 1000)

struct aws_credentials_wait {
    aws_credentials_wait **link; /* what points at it: the list of who waits, or of who is being told */
    aws_credentials_wait *next;
    aws_provider_done done;
    void *data;
};

struct aws_credentials_cache {
    rip_clock *clock;
    aws_provider *provider;
    aws_credentials *kept;
    aws_credentials_wait *waiting, *told;
    rip_timer begin, tell; /* a provider may answer from inside fetch: who waits is told from the loop */
    rip_error why;         /* the last refresh failed */
    int64_t not_before;
    bool refreshing;
    bool *freed; /* set while callbacks run, which may free the cache */
};

static void link_wait(aws_credentials_wait **list, aws_credentials_wait *wait)
{
    wait->next = *list;
    wait->link = list;
    if (wait->next) wait->next->link = &wait->next;
    *list = wait;
}

void aws_credentials_wait_cancel(aws_credentials_wait *wait)
{
    *wait->link = wait->next;
    if (wait->next) wait->next->link = wait->link;
    free(wait);
}

aws_credentials_cache *aws_credentials_cache_new(const aws_provider_context *context, aws_provider *provider)
{
    aws_credentials_cache *cache = provider ? calloc(1, sizeof *cache) : NULL;
    if (!cache) {
        if (provider) provider->free(provider);
        return NULL;
    }
    cache->clock = context->clock;
    cache->provider = provider;
    return cache;
}

static void cancel_all(aws_credentials_wait *first)
{
    for (aws_credentials_wait *next; first; first = next) {
        next = first->next;
        aws_credentials_wait_cancel(first);
    }
}

void aws_credentials_cache_free(aws_credentials_cache *cache)
{
    if (!cache) return;
    if (cache->freed) *cache->freed = true;
    cancel_all(cache->waiting);
    cancel_all(cache->told);
    rip_timer_stop(&cache->begin);
    rip_timer_stop(&cache->tell);
    cache->provider->free(cache->provider);
    aws_credentials_unref(cache->kept);
    free(cache);
}

/** Those who wait now are told; a callback may cancel any of them, wait anew, or free the cache. */
static void on_tell(void *data)
{
    aws_credentials_cache *cache = data;
    aws_credentials *held = cache->why.status == RIP_OK ? aws_credentials_ref(cache->kept) : NULL;
    rip_error why = cache->why;
    bool freed = false;
    cache->refreshing = false;
    cache->freed = &freed;
    while (cache->waiting) {
        aws_credentials_wait *w = cache->waiting;
        cache->waiting = w->next;
        link_wait(&cache->told, w); /* turns the list round: first come, first told */
    }
    while (!freed && cache->told) { /* NOLINT(clang-analyzer-unix.Malloc): see below */
        /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): a callback that frees the cache sets `freed` */
        aws_credentials_wait told = *cache->told;
        aws_credentials_wait_cancel(cache->told);
        told.done(told.data, held, held ? NULL : &why);
    }
    aws_credentials_unref(held);
    if (!freed) cache->freed = NULL;
}

static void on_fetched(void *data, aws_credentials *credentials, const rip_error *err)
{
    aws_credentials_cache *cache = data;
    if (credentials) {
        aws_credentials_unref(cache->kept);
        cache->kept = aws_credentials_ref(credentials);
        cache->why = (rip_error){0};
    } else {
        cache->why = *err;
        cache->not_before = rip_clock_monotonic(cache->clock) + REFRESH_PAUSE_MS;
        if (!cache->waiting) rip_log(RIP_LOG_WARN, "aws.credentials.refresh-failed", "error", err->message, NULL);
    }
    rip_timer_start(&cache->tell, cache->clock, 0, on_tell, cache);
}

static void on_begin(void *data)
{
    aws_credentials_cache *cache = data;
    cache->provider->fetch(cache->provider, on_fetched, cache);
}

static void refresh(aws_credentials_cache *cache)
{
    if (cache->refreshing) return;
    cache->refreshing = true;
    rip_timer_start(&cache->begin, cache->clock, 0, on_begin, cache);
}

aws_credentials *aws_credentials_cache_get(aws_credentials_cache *cache, aws_provider_done done, void *data,
                                           aws_credentials_wait **wait)
{
    if (cache->kept) {
        int64_t left = cache->kept->expires_ms - rip_clock_now(cache->clock);
        bool ends = cache->kept->expires_ms != 0;
        if (ends && left < REFRESH_BEFORE_MS && rip_clock_monotonic(cache->clock) >= cache->not_before) refresh(cache);
        if (!ends || left > USELESS_BEFORE_MS) return cache->kept;
    }
    aws_credentials_wait *w = malloc(sizeof *w);
    if (!w) abort();
    *w = (aws_credentials_wait){.done = done, .data = data};
    link_wait(&cache->waiting, w);
    *wait = w;
    refresh(cache);
    return NULL;
}

void aws_credentials_cache_drop(aws_credentials_cache *cache, const aws_credentials *refused)
{
    if (cache->kept != refused) return;
    aws_credentials_unref(cache->kept);
    cache->kept = NULL;
}

bool aws_credentials_cache_is_idle(const aws_credentials_cache *cache)
{
    return !cache->waiting && !cache->told && !cache->refreshing;
}
