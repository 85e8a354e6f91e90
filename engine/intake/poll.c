/* Polling: a round asks each target for what was updated since, page by page; a page is over when all of it is kept,
 * and only then the journal is told how far it got. */
#include "engine/intake/poll.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/intake/poll_private.h"

#define AGAIN_MS 250
#define REALS JSON_REAL_PRECISION(15) /* 5.3 stays 5.3, as an event would have it */
#define OVERLAP_MS INT64_C(600000)    /* services tell of findings minutes after their time of update */
#define SEEN_MOST 20000               /* past it the journal alone knows what was there before */
#define BACKOFF_FIRST 1000            /* ms */
#define BACKOFF_MOST 300000

static const char *const KINDS[] = {[POLL_SECURITYHUB] = "securityhub", [POLL_GUARDDUTY] = "guardduty"};

static void begin_round(void *data);
static void begin_target(poll_source *s);
static void offer(void *data);

const char *poll_target(const poll_source *s)
{
    const char *target = json_string_value(json_array_get(s->targets, s->target));
    return target ? target : "";
}

/* What the journal knows the target by. */
static void set_place(poll_source *s)
{
    const char *target = poll_target(s);
    snprintf(s->place, sizeof s->place, "poll:%s:%s:%s%s%s", KINDS[s->kind], s->account, s->region, *target ? ":" : "",
             target);
}

static void forget_page(poll_source *s)
{
    for (size_t i = 0; i < json_array_size(s->page) && s->documents; i++) free(s->documents[i].key);
    free(s->documents);
    s->documents = NULL;
    json_decref(s->page);
    s->page = NULL;
}

static void set_token(poll_source *s, const char *token)
{
    char *copy = token && *token ? strdup(token) : NULL;
    free(s->token);
    s->token = copy;
}

/* Rounds. */

static void wait_until(poll_source *s, int64_t at)
{
    int64_t wait = at - rip_clock_monotonic(s->clock);
    if (s->running) rip_timer_start(&s->timer, s->clock, wait > 0 ? (uint64_t)wait : 0, begin_round, s);
}

void poll_on_trouble(poll_source *s, const rip_error *why)
{
    int64_t pause = BACKOFF_FIRST << s->failures;
    if (pause < BACKOFF_MOST) s->failures++;
    live_tally_trouble(&s->tally, why);
    wait_until(s, rip_clock_monotonic(s->clock) + (pause < BACKOFF_MOST ? pause : BACKOFF_MOST));
}

/* What this round did not see again is older than what the next one asks for. */
static void forget_seen(poll_source *s)
{
    const char *key;
    json_t *round;
    void *next;
    json_object_foreach_safe (s->seen, next, key, round) {
        if (json_integer_value(round) != s->round) json_object_del(s->seen, key);
    }
}

static void end_round(poll_source *s)
{
    s->failures = 0;
    live_tally_well(&s->tally);
    forget_seen(s);
    wait_until(s, s->began + s->every_ms);
}

static void begin_round(void *data)
{
    poll_source *s = data;
    s->round++;
    s->began = rip_clock_monotonic(s->clock);
    s->to = rip_clock_now(s->clock);
    poll_ask_targets(s);
}

void poll_on_targets(poll_source *s, json_t *targets)
{
    json_decref(s->targets);
    s->targets = targets;
    s->target = 0;
    begin_target(s);
}

static void begin_target(poll_source *s)
{
    int64_t position;
    if (s->target == json_array_size(s->targets)) {
        end_round(s);
        return;
    }
    set_place(s);
    const char *known = journal_position(s->journal, s->place);
    bool was_here = known && rip_time_parse(known, &position);
    s->from = was_here ? position - OVERLAP_MS : s->to - s->since_ms;
    s->newest = 0;
    s->in_order = true;
    set_token(s, NULL);
    poll_ask_page(s);
}

/* Pages. */

static void on_position(void *data, rip_status status, const rip_error *err)
{
    poll_source *s = data;
    bool is_last = !s->token;
    s->under_way--;
    if (status != RIP_OK) {
        poll_on_trouble(s, err);
    } else if (s->running && is_last) {
        s->target++;
        begin_target(s);
    } else if (s->running) {
        poll_ask_page(s);
    }
}

/* How far a page gets that is kept: to its newest update where pages come in order; the last one to all that was asked
 * for. */
static int64_t reached(const poll_source *s)
{
    int64_t before = s->from + OVERLAP_MS;
    if (!s->token) return s->to;
    return s->in_order && s->newest > before ? s->newest : before;
}

static void end_page(poll_source *s)
{
    char position[32];
    bool is_kept = s->is_kept;
    forget_page(s);
    if (!is_kept) {
        rip_error why;
        (void)rip_fail(&why, RIP_EIO, "findings of %s in %s were not kept: they are asked for again", KINDS[s->kind],
                       s->region);
        poll_on_trouble(s, &why);
        return;
    }
    rip_time_format(reached(s), position);
    s->under_way++; /* the journal's answer */
    journal_position_set(s->journal, s->place, position, on_position, s);
}

static void remember(poll_source *s, const char *key)
{
    if (json_object_size(s->seen) < SEEN_MOST) json_object_set_new(s->seen, key, json_integer(s->round));
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    poll_document *d = data;
    poll_source *s = d->source;
    bool is_faulty = status == RIP_EINVAL || status == RIP_ELIMIT;
    s->under_way--;
    if (status == RIP_OK)
        live_tally_kept(&s->tally);
    else if (is_faulty)
        live_tally_failed(&s->tally, d->key ? d->key : "", err);
    if (status != RIP_OK && !is_faulty)
        s->is_kept = false;
    else if (d->key)
        remember(s, d->key);
    if (s->under_way == 0 && s->offered == json_array_size(s->page)) end_page(s);
}

/* False: the sink takes nothing now. */
static bool offer_one(poll_source *s, size_t index)
{
    poll_document *d = &s->documents[index];
    char origin[256];
    rip_error err = {RIP_ENOMEM, "out of memory"};
    if (d->key && json_object_get(s->seen, d->key)) {
        remember(s, d->key);
        return true;
    }
    char *text = rip_json_dump(json_array_get(s->page, index), JSON_COMPACT | REALS);
    snprintf(origin, sizeof origin, "%s/%s", s->tally.name, d->key ? d->key : "");
    s->under_way++; /* `kept` may be called from inside */
    rip_status status = text ? s->sink.take(s->sink.data, text, strlen(text), origin, on_kept, d, &err) : RIP_ENOMEM;
    free(text);
    if (status == RIP_OK) {
        live_tally_taken(&s->tally);
        return true;
    }
    s->under_way--;
    if (status == RIP_EAGAIN || status == RIP_ENOMEM) return false;
    live_tally_failed(&s->tally, origin, &err);
    if (d->key) remember(s, d->key);
    return true;
}

static void offer(void *data)
{
    poll_source *s = data;
    size_t count = json_array_size(s->page);
    s->under_way++; /* the page is not over while it is gone through */
    while (s->offered < count && offer_one(s, s->offered)) s->offered++;
    s->under_way--;
    if (s->offered < count)
        rip_timer_start(&s->timer, s->clock, AGAIN_MS, offer, s);
    else if (s->under_way == 0)
        end_page(s);
}

/* A finding's id and time of update, as both services spell them. */
static char *key_of(const json_t *finding, int64_t *updated)
{
    const char *id = json_string_value(json_object_get(finding, "Id"));
    const char *at = json_string_value(json_object_get(finding, "UpdatedAt"));
    if (!at || !rip_time_parse(at, updated)) *updated = 0;
    if (!id || !at) return NULL;
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s %s", id, at);
    return rip_buffer_take(&key, NULL);
}

void poll_on_page(poll_source *s, json_t *findings, const char *token)
{
    size_t count = json_array_size(findings);
    poll_document *documents = calloc(count + 1, sizeof *documents);
    if (!documents) {
        rip_error err;
        (void)rip_nomem(&err);
        poll_on_trouble(s, &err);
        return;
    }
    int64_t before = s->newest;
    if (token != s->token) set_token(s, token);
    forget_page(s);
    s->page = json_incref(findings);
    s->documents = documents;
    for (size_t i = 0; i < count; i++) {
        int64_t updated;
        documents[i].source = s;
        documents[i].key = key_of(json_array_get(findings, i), &updated);
        if (updated < before) s->in_order = false;
        if (updated > s->newest) s->newest = updated;
    }
    s->offered = 0;
    s->is_kept = true;
    offer(s);
}

/* The source. */

static rip_status poll_start(live_source *source, rip_error *err)
{
    (void)err;
    poll_source *s = (poll_source *)source;
    s->running = true;
    rip_timer_start(&s->timer, s->clock, 0, begin_round, s);
    return RIP_OK;
}

static void give_up(poll_source *s)
{
    s->running = false;
    rip_timer_stop(&s->timer);
    if (s->call) aws_call_cancel(s->call);
    s->call = NULL;
}

/* What was not handed over is asked for when it starts again: a page that was not handed over whole counts for nothing.
 */
static void poll_stop(live_source *source)
{
    give_up((poll_source *)source);
}

static size_t poll_under_way(const live_source *source)
{
    return ((const poll_source *)source)->under_way;
}

static json_t *poll_status(const live_source *source)
{
    const poll_source *s = (const poll_source *)source;
    const char *position = journal_position(s->journal, s->place);
    json_t *told = live_tally_status(&s->tally, s->running ? "running" : "stopped");
    json_object_set_new(told, "under_way", json_integer((json_int_t)s->under_way));
    json_object_set_new(told, "targets", json_integer((json_int_t)json_array_size(s->targets)));
    json_object_set_new(told, "position", position ? json_string(position) : json_null());
    return told;
}

static void poll_free(live_source *source)
{
    poll_source *s = (poll_source *)source;
    if (!s) return;
    give_up(s);
    forget_page(s);
    json_decref(s->targets);
    json_decref(s->seen);
    free(s->token);
    free(s->account);
    free(s->region);
    live_tally_free(&s->tally);
    free(s);
}

static const live_ops OPS = {
    .start = poll_start, .stop = poll_stop, .under_way = poll_under_way, .status = poll_status, .free = poll_free};

static rip_status check(const poll_options *options, rip_error *err)
{
    if (!options->region || !*options->region) return rip_fail(err, RIP_EINVAL, "poll: a region is needed");
    if (options->every_ms != 0 && options->every_ms < 1000)
        return rip_fail(err, RIP_EINVAL, "poll: every: expected 1s or more");
    if (options->since_ms < 0) return rip_fail(err, RIP_EINVAL, "poll: since: expected a span of time");
    return RIP_OK;
}

rip_status poll_source_new(const poll_options *options, live_source **out, rip_error *err)
{
    char name[256];
    rip_status status = check(options, err);
    if (status != RIP_OK) return status;
    poll_source *s = calloc(1, sizeof *s);
    if (!s) return rip_nomem(err);
    const char *account = options->account ? options->account : "";
    s->base.ops = &OPS;
    s->kind = options->kind;
    s->every_ms = options->every_ms ? options->every_ms : 60000;
    s->since_ms = options->since_ms ? options->since_ms : 86400000;
    s->client = options->client;
    s->clock = options->clock;
    s->journal = options->journal;
    s->sink = options->sink;
    s->region = strdup(options->region);
    s->account = strdup(account);
    s->seen = json_object();
    snprintf(name, sizeof name, "%s:%s%s%s", KINDS[s->kind], options->region, *account ? ":" : "", account);
    status = s->region && s->account && s->seen ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK) set_place(s);
    if (status == RIP_OK) status = live_tally_init(&s->tally, "poll", name, options->numbers, err);
    if (status == RIP_OK) status = poll_find_operations(s, err);
    if (status == RIP_OK)
        *out = &s->base;
    else
        poll_free(&s->base);
    return status;
}
