#include "aws/throttle.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/model_private.h"
#include "engine/base/glob.h"

/* The service's bucket starts to refill when a request arrives, not when it is sent: by this much later, at most. */
#define ARRIVAL_MS 150

#define SLOWER 0.7
#define FASTER 0.1
#define SLOWEST 0.1
/* Replies to one burst come together and tell one thing: the pace is slowed once for all of them. */
#define SLOWER_EVERY_MS 1000

struct aws_bucket {
    aws_throttle *throttle;
    aws_bucket *following;
    char *key; /* account/region/group */
    double capacity, refill;
    double tokens;
    double pace;     /* of the refill: 1, less after a throttled reply */
    int64_t counted; /* until then the refill is in `tokens` */
    int64_t slowed;  /* when the pace was slowed last */
    aws_ticket *first, *last;
    rip_timer timer;
};

struct aws_throttle {
    rip_clock *clock;
    json_t *quotas;
    aws_bucket *buckets[64];
};

/* Groups. */

static rip_status check_group(const char *service, const json_t *group, rip_error *err)
{
    const char *name = json_string_value(json_object_get(group, "group"));
    const json_t *when = json_object_get(group, "when");
    if (when && (!json_is_string(when) || strcmp(json_string_value(when), "unfiltered") != 0)) {
        return rip_fail(err, RIP_EINVAL, "quotas: %s: %s: when: expected \"unfiltered\", the only condition there is",
                        service, name ? name : "a group without a name");
    }
    bool well = name && json_number_value(json_object_get(group, "capacity")) >= 1 &&
                json_number_value(json_object_get(group, "refill")) > 0 &&
                json_is_array(json_object_get(group, "operations"));
    if (well) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "quotas: %s: %s: expected group, capacity (from 1), refill (over 0) and a list of operations",
                    service, name ? name : "a group without a name");
}

static rip_status check_quotas(const json_t *quotas, rip_error *err)
{
    const char *service;
    json_t *groups, *group;
    size_t i;
    if (!json_is_object(quotas)) return rip_fail(err, RIP_EINVAL, "quotas: expected an object of services");
    json_object_foreach ((json_t *)(uintptr_t)quotas, service, groups) {
        if (strcmp(service, "about") == 0) continue;
        if (!json_is_array(groups)) return rip_fail(err, RIP_EINVAL, "quotas: %s: expected a list of groups", service);
        json_array_foreach (groups, i, group) {
            rip_status status = check_group(service, group, err);
            if (status != RIP_OK) return status;
        }
    }
    return RIP_OK;
}

/* DescribeInstances and the like are dearer when they ask for everything. */
static bool is_filtered(const json_t *params)
{
    const char *name;
    json_t *value;
    if (!params) return true;
    json_object_foreach ((json_t *)(uintptr_t)params, name, value) {
        size_t len = strlen(name);
        if (!json_is_number(value) && json_array_size(value) == 0) continue; /* an empty list narrows nothing */
        if (strcmp(name, "Filters") == 0 || strcmp(name, "MaxResults") == 0) return true;
        if (len > 3 && strcmp(name + len - 3, "Ids") == 0) return true;
    }
    return false;
}

static bool names(const json_t *group, const char *operation)
{
    size_t i;
    json_t *glob;
    json_array_foreach (json_object_get(group, "operations"), i, glob) {
        if (json_is_string(glob) && rip_glob_match(json_string_value(glob), operation)) return true;
    }
    return false;
}

static const json_t *group_of(const aws_throttle *throttle, const aws_operation *operation, const json_t *params)
{
    const char *service = aws_service_name(aws_operation_service(operation));
    size_t i;
    json_t *group;
    json_array_foreach (json_object_get(throttle->quotas, service), i, group) {
        if (json_object_get(group, "when") && is_filtered(params)) continue;
        if (names(group, aws_operation_name(operation))) return group;
    }
    return NULL;
}

bool aws_throttle_group(const aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                        const char **group, double *capacity, double *refill)
{
    const json_t *found = group_of(throttle, operation, params);
    if (!found) return false;
    *group = json_string_value(json_object_get(found, "group"));
    *capacity = json_number_value(json_object_get(found, "capacity"));
    *refill = json_number_value(json_object_get(found, "refill"));
    return true;
}

/* Buckets. */

static aws_bucket **slot_of(aws_throttle *throttle, const char *key)
{
    aws_bucket **slot = &throttle->buckets[aws_name_slot(key)];
    while (*slot && strcmp((*slot)->key, key) != 0) slot = &(*slot)->following;
    return slot;
}

static aws_bucket *bucket_new(aws_throttle *throttle, const char *key, const json_t *group)
{
    aws_bucket *bucket = calloc(1, sizeof *bucket);
    if (!bucket) return NULL;
    bucket->throttle = throttle;
    bucket->key = strdup(key);
    bucket->capacity = bucket->tokens = json_number_value(json_object_get(group, "capacity"));
    bucket->refill = json_number_value(json_object_get(group, "refill"));
    bucket->pace = 1;
    bucket->counted = rip_clock_monotonic(throttle->clock);
    if (bucket->key) return bucket;
    free(bucket);
    return NULL;
}

/* NULL: no quota is known, or memory is out (then AWS itself is the throttle). */
static aws_bucket *bucket_of(aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                             const char *account, const char *region)
{
    const json_t *group = group_of(throttle, operation, params);
    char key[256];
    if (!group) return NULL;
    snprintf(key, sizeof key, "%s/%s/%s.%s", account, region, aws_service_name(aws_operation_service(operation)),
             json_string_value(json_object_get(group, "group")));
    aws_bucket **slot = slot_of(throttle, key);
    if (!*slot) *slot = bucket_new(throttle, key, group);
    return *slot;
}

static void refill(aws_bucket *bucket)
{
    int64_t now = rip_clock_monotonic(bucket->throttle->clock);
    if (now <= bucket->counted) return;
    bucket->tokens += (double)(now - bucket->counted) / 1000 * bucket->refill * bucket->pace;
    if (bucket->tokens > bucket->capacity) bucket->tokens = bucket->capacity;
    bucket->counted = now;
}

static void spend(aws_bucket *bucket)
{
    bool full = bucket->tokens >= bucket->capacity;
    bucket->tokens -= 1;
    if (full) bucket->counted = rip_clock_monotonic(bucket->throttle->clock) + ARRIVAL_MS;
}

static void on_refilled(void *data);

static void wait_for_token(aws_bucket *bucket)
{
    if (!bucket->first || rip_timer_running(&bucket->timer)) return;
    int64_t ahead = bucket->counted - rip_clock_monotonic(bucket->throttle->clock);
    double missing = (1 - bucket->tokens) / (bucket->refill * bucket->pace) * 1000;
    uint64_t ms = (uint64_t)(missing > 0 ? missing : 0) + (uint64_t)(ahead > 0 ? ahead : 0) + 1;
    rip_timer_start(&bucket->timer, bucket->throttle->clock, ms, on_refilled, bucket);
}

static void unlink_ticket(aws_bucket *bucket, aws_ticket *ticket)
{
    if (ticket->previous)
        ticket->previous->next = ticket->next;
    else
        bucket->first = ticket->next;
    if (ticket->next)
        ticket->next->previous = ticket->previous;
    else
        bucket->last = ticket->previous;
    ticket->bucket = NULL;
    ticket->previous = ticket->next = NULL;
}

static void on_refilled(void *data)
{
    aws_bucket *bucket = data;
    refill(bucket);
    while (bucket->first && bucket->tokens >= 1) {
        aws_ticket *ticket = bucket->first;
        spend(bucket);
        unlink_ticket(bucket, ticket);
        ticket->granted(ticket->data);
    }
    wait_for_token(bucket);
}

bool aws_throttle_take(aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                       const char *account, const char *region, aws_ticket *ticket)
{
    aws_bucket *bucket = bucket_of(throttle, operation, params, account, region);
    if (!bucket) return true;
    refill(bucket);
    if (!bucket->first && bucket->tokens >= 1) {
        spend(bucket);
        return true;
    }
    ticket->bucket = bucket;
    ticket->previous = bucket->last;
    ticket->next = NULL;
    if (bucket->last)
        bucket->last->next = ticket;
    else
        bucket->first = ticket;
    bucket->last = ticket;
    wait_for_token(bucket);
    return false;
}

void aws_throttle_leave(aws_ticket *ticket)
{
    aws_bucket *bucket = ticket->bucket;
    if (!bucket) return;
    unlink_ticket(bucket, ticket);
    if (!bucket->first) rip_timer_stop(&bucket->timer);
}

void aws_throttle_learn(aws_throttle *throttle, const aws_operation *operation, const json_t *params,
                        const char *account, const char *region, bool throttled)
{
    aws_bucket *bucket = bucket_of(throttle, operation, params, account, region);
    if (!bucket || (!throttled && bucket->pace >= 1)) return;
    refill(bucket);
    if (throttled) {
        if (bucket->tokens > 0) bucket->tokens = 0;
        int64_t now = rip_clock_monotonic(throttle->clock);
        if (bucket->pace >= 1 || now - bucket->slowed >= SLOWER_EVERY_MS) {
            bucket->pace = bucket->pace * SLOWER > SLOWEST ? bucket->pace * SLOWER : SLOWEST;
            bucket->slowed = now;
        }
        rip_timer_stop(&bucket->timer); /* who waits, waits longer */
        wait_for_token(bucket);
    } else {
        bucket->pace = bucket->pace + FASTER < 1 ? bucket->pace + FASTER : 1;
    }
}

/* Life. */

rip_status aws_throttle_new(rip_clock *clock, const json_t *quotas, aws_throttle **out, rip_error *err)
{
    rip_status status = check_quotas(quotas, err);
    if (status != RIP_OK) return status;
    aws_throttle *throttle = calloc(1, sizeof *throttle);
    if (!throttle) return rip_nomem(err);
    throttle->clock = clock;
    throttle->quotas = json_incref((json_t *)(uintptr_t)quotas);
    *out = throttle;
    return RIP_OK;
}

void aws_throttle_free(aws_throttle *throttle)
{
    if (!throttle) return;
    for (size_t i = 0; i < sizeof throttle->buckets / sizeof *throttle->buckets; i++) {
        for (aws_bucket *bucket = throttle->buckets[i], *following; bucket; bucket = following) {
            following = bucket->following;
            rip_timer_stop(&bucket->timer);
            free(bucket->key);
            free(bucket);
        }
    }
    json_decref(throttle->quotas);
    free(throttle);
}
