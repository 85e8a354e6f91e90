#include "aws/client.h"

#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws/model_private.h"
#include "aws/profile.h"
#include "aws/retry.h"
#include "aws/throttle.h"
#include "engine/base/data.h"
#include "engine/base/digest.h"

#define ATTEMPTS_DEFAULT 3
#define ATTEMPTS_MOST 100
#define ATTEMPT_TIMEOUT_MS 30000
#define CALL_TIMEOUT_MS 600000
#define QUOTAS_BYTES_MAX ((size_t)1 << 20)

/* What the SDKs keep for each client, of which they have one for each service and region: a service that is down must
 * not take from another what its retries need. */
typedef struct peer {
    struct peer *next;
    const aws_service *service;
    aws_retry_quota quota;
    aws_adaptive adaptive;
    char region[];
} peer;

struct aws_client {
    rip_clock *clock;
    aws_models *models;
    aws_transport *transport;
    aws_throttle *throttle;
    int max_attempts, attempt_timeout_ms, call_timeout_ms;
    peer *peers[64];
    bool is_adaptive;
    uint64_t random;
    int64_t clock_off_ms;
    aws_call *first; /* under way */
    aws_client_watcher watcher;
    void *watcher_data;
};

typedef enum call_state { CALL_QUEUED, CALL_WAITING, CALL_SENT } call_state;

struct aws_call {
    aws_client *client;
    peer *peer;
    aws_call *previous, *next;
    call_state state;
    aws_attempt attempt;
    aws_ticket ticket; /* while CALL_QUEUED */
    rip_timer timer;   /* while CALL_WAITING: backoff, or the adaptive limit */
    json_t *params;
    char token[37];
    int tries, throttled;
    int quota_taken;         /* by the last retry */
    bool once, fate_unknown; /* AWS may have acted on a try that failed */
    int64_t started, queued_from, queued_ms;
    bool (*may_send)(void *data);
    aws_call_done done;
    void *data;
    char names[]; /* the region's and the account's, one behind the other */
};

/* Chance: xorshift64*, so that a drill is the same every time. */

static uint64_t next_random(aws_client *client)
{
    uint64_t x = client->random;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    client->random = x;
    return x * UINT64_C(2685821657736338717);
}

static void random_token(aws_client *client, char out[37])
{
    unsigned char bytes[16];
    char hex[33];
    for (size_t i = 0; i < sizeof bytes; i += sizeof(uint64_t)) {
        uint64_t chance = next_random(client);
        memcpy(bytes + i, &chance, sizeof chance);
    }
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* RFC 9562, 5.4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80);
    rip_hex(bytes, sizeof bytes, hex);
    for (const char *from = hex; *from; from++) {
        size_t at = (size_t)(from - hex);
        if (at == 8 || at == 12 || at == 16 || at == 20) *out++ = '-';
        *out++ = *from;
    }
    *out = '\0';
}

static peer *peer_of(aws_client *client, const aws_service *service, const char *region)
{
    peer **slot = &client->peers[aws_name_slot(region)];
    while (*slot && ((*slot)->service != service || strcmp((*slot)->region, region) != 0)) slot = &(*slot)->next;
    if (*slot) return *slot;
    size_t size = strlen(region) + 1;
    peer *p = calloc(1, sizeof *p + size);
    if (!p) return NULL;
    p->service = service;
    memcpy(p->region, region, size);
    aws_retry_quota_init(&p->quota);
    *slot = p;
    return p;
}

/* The life of a call. */

static void call_free(aws_call *call)
{
    aws_client *client = call->client;
    if (call->previous)
        call->previous->next = call->next;
    else if (client->first == call)
        client->first = call->next;
    if (call->next) call->next->previous = call->previous;
    json_decref(call->params);
    free(call);
}

static bool may_go(const aws_attempt *attempt)
{
    const aws_call *call = (const aws_call *)((const char *)attempt - offsetof(aws_call, attempt));
    return call->may_send(call->data);
}

static aws_call *call_new(aws_client *client, const aws_operation *operation, json_t *params,
                          const aws_call_options *options)
{
    const char *account = options->account ? options->account : "";
    size_t region_size = strlen(options->region) + 1;
    size_t account_size = strlen(account) + 1;
    aws_call *call = calloc(1, sizeof *call + region_size + account_size);
    if (!call) return NULL;
    call->client = client;
    call->peer = peer_of(client, aws_operation_service(operation), options->region);
    call->params = params ? json_incref(params) : json_object();
    if (!call->peer || !call->params) {
        call_free(call);
        return NULL;
    }
    memcpy(call->names, options->region, region_size);
    memcpy(call->names + region_size, account, account_size);
    if (options->token)
        snprintf(call->token, sizeof call->token, "%s", options->token);
    else
        random_token(client, call->token);
    call->attempt.operation = operation;
    call->attempt.params = call->params;
    call->attempt.region = call->names;
    call->attempt.account = call->names + region_size;
    call->attempt.token = call->token;
    call->attempt.session = options->session;
    call->once = options->once;
    call->may_send = options->may_send;
    call->attempt.may_go = options->may_send ? may_go : NULL;
    call->started = rip_clock_monotonic(client->clock);
    call->next = client->first;
    if (client->first) client->first->previous = call;
    client->first = call;
    return call;
}

static void end(aws_call *call, json_t *output, const aws_error *error, const char *request_id)
{
    aws_result result = {output,      error,           request_id,
                         call->tries, call->queued_ms, rip_clock_monotonic(call->client->clock) - call->started};
    aws_call_done done = call->done;
    void *data = call->data;
    aws_client *client = call->client;
    if (client->watcher) client->watcher(client->watcher_data, call->attempt.operation, &result);
    call_free(call);
    done(data, &result);
}

/* Time of the tries and the pauses between them; the wait for a quota does not count. */
static int64_t time_left(const aws_call *call)
{
    int64_t spent = rip_clock_monotonic(call->client->clock) - call->started - call->queued_ms;
    return call->client->call_timeout_ms - spent;
}

/* Sending: first the quota's token, then the adaptive limit, then the transport. */

static void send_later(void *data);

static void send_now(aws_call *call)
{
    aws_client *client = call->client;
    int64_t delay =
        client->is_adaptive ? aws_adaptive_delay(&call->peer->adaptive, rip_clock_monotonic(client->clock)) : 0;
    if (delay > 0) {
        call->state = CALL_WAITING;
        rip_timer_start(&call->timer, client->clock, (uint64_t)delay, send_later, call);
        return;
    }
    int64_t left = time_left(call);
    call->attempt.timeout_ms =
        left < client->attempt_timeout_ms ? (int)(left > 1 ? left : 1) : client->attempt_timeout_ms;
    call->state = CALL_SENT;
    call->tries++;
    client->transport->send(client->transport, &call->attempt);
}

/* Who asked for it may not want it any more, now that it has waited. */
static bool is_held_back(aws_call *call)
{
    if (!call->may_send || call->may_send(call->data)) return false;
    aws_error held = {.code = "RequestHeld",
                      .message = "it waited to be sent, and was held back then",
                      .unsent = !call->fate_unknown,
                      .fate_unknown = call->fate_unknown};
    end(call, NULL, &held, "");
    return true;
}

static void send_later(void *data)
{
    aws_call *call = data;
    if (!is_held_back(call)) send_now(call);
}

static void on_granted(void *data)
{
    aws_call *call = data;
    call->queued_ms += rip_clock_monotonic(call->client->clock) - call->queued_from;
    send_later(call);
}

/* Whose quotas the call draws on: an account by its number, "" for the credentials' own. */
static const char *payer(const aws_call *call)
{
    aws_transport *transport = call->client->transport;
    return transport->payer ? transport->payer(transport, call->attempt.account) : call->attempt.account;
}

static void queue(aws_call *call)
{
    call->state = CALL_QUEUED;
    call->queued_from = rip_clock_monotonic(call->client->clock);
    call->ticket.granted = on_granted;
    call->ticket.data = call;
    if (aws_throttle_take(call->client->throttle, call->attempt.operation, call->params, payer(call),
                          call->attempt.region, &call->ticket)) {
        send_now(call);
    }
}

static void try_again(void *data)
{
    aws_call *call = data;
    if (!is_held_back(call)) queue(call);
}

/* Replies. */

static bool may_retry(aws_call *call, const aws_error *error, int64_t delay)
{
    aws_client *client = call->client;
    if (call->once && error->fate_unknown) return false;
    if (!error->retryable || client->max_attempts == 1 || delay >= time_left(call)) return false;
    if (error->throttled) return ++call->throttled < AWS_THROTTLED_MOST;
    if (call->tries - call->throttled >= client->max_attempts) return false;
    call->quota_taken = aws_retry_quota_take(&call->peer->quota, error);
    return call->quota_taken > 0;
}

static void on_failed(aws_call *call, const aws_reply *reply)
{
    aws_client *client = call->client;
    aws_error error = *reply->error;
    aws_retry_classify(&error);
    call->fate_unknown = call->fate_unknown || error.fate_unknown;
    if (!*error.request_id) snprintf(error.request_id, sizeof error.request_id, "%s", reply->request_id);
    if (error.throttled) {
        aws_throttle_learn(client->throttle, call->attempt.operation, call->params, payer(call), call->attempt.region,
                           true);
    }
    double random = (double)(next_random(client) >> 11) / (double)(UINT64_C(1) << 53);
    int64_t delay = aws_retry_delay(call->tries, random, reply->retry_after_ms);
    if (may_retry(call, &error, delay)) {
        call->state = CALL_WAITING;
        rip_timer_start(&call->timer, client->clock, (uint64_t)delay, try_again, call);
    } else {
        error.fate_unknown = call->fate_unknown;
        end(call, NULL, &error, reply->request_id);
    }
}

static void on_reply(aws_attempt *attempt, const aws_reply *reply)
{
    aws_call *call = (aws_call *)((char *)attempt - offsetof(aws_call, attempt));
    aws_client *client = call->client;
    if (client->is_adaptive) {
        aws_error error = reply->error ? *reply->error : (aws_error){.http_status = 200};
        aws_retry_classify(&error);
        aws_adaptive_learn(&call->peer->adaptive, rip_clock_monotonic(client->clock), error.throttled);
    }
    if (reply->server_time_ms) client->clock_off_ms = reply->server_time_ms - rip_clock_now(client->clock);
    if (reply->error) {
        on_failed(call, reply);
        return;
    }
    aws_retry_quota_return(&call->peer->quota, call->quota_taken);
    aws_throttle_learn(client->throttle, call->attempt.operation, call->params, payer(call), call->attempt.region,
                       false);
    end(call, reply->output, NULL, reply->request_id);
}

rip_status aws_call_start(aws_client *client, const aws_operation *operation, json_t *params,
                          const aws_call_options *options, aws_call_done done, void *data, aws_call **out,
                          rip_error *err)
{
    if (!options->region || !*options->region) {
        return rip_fail(err, RIP_EINVAL, "%s: no region is given: name one, or set AWS_REGION",
                        aws_operation_name(operation));
    }
    rip_status status = aws_params_check(operation, params, NULL, err);
    if (status != RIP_OK) return status;
    aws_call *call = call_new(client, operation, params, options);
    if (!call) return rip_nomem(err);
    call->attempt.done = on_reply;
    call->done = done;
    call->data = data;
    *out = call;
    queue(call);
    return RIP_OK;
}

void aws_call_cancel(aws_call *call)
{
    aws_client *client = call->client;
    aws_throttle_leave(&call->ticket);
    rip_timer_stop(&call->timer);
    if (call->state == CALL_SENT) client->transport->cancel(client->transport, &call->attempt);
    call_free(call);
}

bool aws_client_quota(const aws_client *client, const aws_operation *operation, const char **group, double *capacity,
                      double *refill)
{
    return aws_throttle_group(client->throttle, operation, NULL, group, capacity, refill);
}

int64_t aws_client_clock_off(const aws_client *client)
{
    return client->clock_off_ms;
}

/* Making a client. */

/** New reference. */
static rip_status load_quotas(const char *path, json_t **out, rip_error *err)
{
    char *text = NULL;
    json_error_t why;
    rip_status status = rip_read_file(path, QUOTAS_BYTES_MAX, &text, NULL, err);
    if (status == RIP_OK && !(*out = json_loads(text, JSON_REJECT_DUPLICATES, &why)))
        status = rip_fail(err, RIP_EINVAL, "%s:%d:%d: %s", path, why.line, why.column, why.text);
    free(text);
    return status;
}

static rip_status open_throttle(aws_client *client, const aws_client_options *options, rip_error *err)
{
    json_t *all = json_copy((json_t *)(uintptr_t)options->quotas), *own = NULL;
    rip_status status = RIP_OK;
    if (!all) {
        char *path = rip_data_path("aws/quotas.json", err);
        status = path ? load_quotas(path, &all, err) : RIP_ENOTFOUND;
        free(path);
    }
    if (status == RIP_OK && options->own_quotas) {
        status = load_quotas(options->own_quotas, &own, err);
        if (status == RIP_OK && json_object_update(all, own) != 0)
            status = rip_fail(err, RIP_EINVAL, "expected an object of services");
    }
    if (status == RIP_OK) status = aws_throttle_new(client->clock, all, &client->throttle, err);
    if (status != RIP_OK && own) rip_error_prefix(err, "%s: ", options->own_quotas);
    json_decref(own);
    json_decref(all);
    return status;
}

static rip_status read_attempts(aws_client *client, const char *text, rip_error *err)
{
    client->max_attempts = ATTEMPTS_DEFAULT;
    if (!text) return RIP_OK;
    char *after;
    long attempts = strtol(text, &after, 10);
    if (*after || attempts < 1 || attempts > ATTEMPTS_MOST)
        return rip_fail(err, RIP_EINVAL,
                        "AWS_MAX_ATTEMPTS (or max_attempts of the profile) is %s: expected a whole number from 1 to %d",
                        text, ATTEMPTS_MOST);
    client->max_attempts = (int)attempts;
    return RIP_OK;
}

static rip_status read_mode(aws_client *client, const char *mode, rip_error *err)
{
    client->is_adaptive = mode && strcmp(mode, "adaptive") == 0;
    if (!mode || client->is_adaptive || strcmp(mode, "standard") == 0 || strcmp(mode, "legacy") == 0)
        return RIP_OK; /* legacy is the SDKs' old default: standard does for it */
    return rip_fail(err, RIP_EINVAL,
                    "AWS_RETRY_MODE (or retry_mode of the profile) is %s: expected standard or adaptive", mode);
}

static rip_status read_settings(aws_client *client, const aws_client_options *options, rip_error *err)
{
    aws_profiles *profiles = NULL;
    if (options->alone) {
        client->max_attempts = options->max_attempts > 0 ? options->max_attempts : ATTEMPTS_DEFAULT;
        return RIP_OK;
    }
    rip_status status = aws_profiles_load(&profiles, err);
    if (status != RIP_OK) return status;
    const char *profile = aws_profile_name(options->profile);
    if (options->max_attempts > 0)
        client->max_attempts = options->max_attempts;
    else
        status = read_attempts(client, aws_setting(profiles, profile, "AWS_MAX_ATTEMPTS", "max_attempts"), err);
    if (status == RIP_OK)
        status = read_mode(client, aws_setting(profiles, profile, "AWS_RETRY_MODE", "retry_mode"), err);
    aws_profiles_free(profiles);
    return status;
}

static uint64_t system_seed(void)
{
    uint64_t seed = 0;
    if (RAND_bytes((unsigned char *)&seed, sizeof seed) != 1) seed = uv_hrtime();
    return seed ? seed : 1;
}

rip_status aws_client_new(const aws_client_options *options, aws_client **out, rip_error *err)
{
    aws_client *client = calloc(1, sizeof *client);
    if (!client) {
        options->transport->free(options->transport);
        return rip_nomem(err);
    }
    client->clock = options->clock;
    client->models = options->models;
    client->transport = options->transport;
    client->attempt_timeout_ms = options->attempt_timeout_ms > 0 ? options->attempt_timeout_ms : ATTEMPT_TIMEOUT_MS;
    client->call_timeout_ms = options->call_timeout_ms > 0 ? options->call_timeout_ms : CALL_TIMEOUT_MS;
    client->random = options->seed ? options->seed : system_seed();
    rip_status status = read_settings(client, options, err);
    if (status == RIP_OK) status = open_throttle(client, options, err);
    if (status == RIP_OK)
        *out = client;
    else
        aws_client_free(client);
    return status;
}

void aws_client_free(aws_client *client)
{
    if (!client) return;
    for (aws_call *call = client->first, *next; call; call = next) {
        next = call->next;
        aws_call_cancel(call);
    }
    for (size_t i = 0; i < sizeof client->peers / sizeof *client->peers; i++) {
        for (peer *p = client->peers[i], *next; p; p = next) {
            next = p->next;
            free(p);
        }
    }
    aws_throttle_free(client->throttle);
    client->transport->free(client->transport);
    free(client);
}

void aws_client_watch(aws_client *client, aws_client_watcher watcher, void *data)
{
    client->watcher = watcher;
    client->watcher_data = data;
}

aws_models *aws_client_models(const aws_client *client)
{
    return client->models;
}
