/* Effects that are not AWS's: waits, the clock, chance, and what is only put on record. */
#include "engine/run/effect_private.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "engine/run/preflight.h"

void effect_uuid_of(const char *text, char out[37])
{
    char hex[RIP_SHA256_HEX];
    rip_sha256_hex(text, strlen(text), hex);
    snprintf(out, 37, "%.8s-%.4s-4%.3s-a%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17, hex + 20);
}

static void on_slept(void *data)
{
    pending *p = data;
    p->value = json_true();
    effect_finish(p, "done");
}

/* How many of its kind the fiber has asked for before. */
static unsigned asked_before(const pending *p)
{
    const effect_settings *settings = &p->door->settings;
    unsigned count = 0;
    for (size_t i = 0; i < journal_step_count(settings->journal, settings->run); i++) {
        const journal_step *step = journal_step_at(settings->journal, settings->run, i);
        count += step->number < p->step.number && strcmp(step->path, p->path) == 0 && strcmp(step->kind, p->kind) == 0;
    }
    return count;
}

/* The same for the run that makes a plan and for the one that carries it out, which asks for other things in between:
 * "uuid/RUN/PATH/N". */
static void seed_of(const pending *p, char out[512])
{
    snprintf(out, 512, "%s/%s/%s/%u", p->kind, p->door->settings.planned_by, p->path, asked_before(p));
}

/* 64 bits that are the same whenever this step of this run asks. */
static uint64_t step_random(const pending *p)
{
    char text[512];
    unsigned char digest[RIP_SHA256_BYTES];
    seed_of(p, text);
    rip_sha256(text, strlen(text), digest);
    uint64_t value;
    memcpy(&value, digest, sizeof value);
    return value;
}

/* A wait that began before a crash is over when it would have been; a clock that was set back cannot make it longer
 * than it was meant. */
static int64_t left_to_sleep(const pending *p)
{
    json_int_t ms = json_integer_value(json_object_get(p->request, "ms"));
    const effect_settings *settings = &p->door->settings;
    const journal_step *before = journal_step_find(settings->journal, settings->run, p->path, p->step.number);
    int64_t gone = p->started && before ? rip_clock_now(settings->clock) - before->started_ms : 0;
    return gone > 0 ? ms - gone : ms;
}

static void sleep_or_go_on(pending *p)
{
    bool nothing_happens = p->door->settings.mode != RUN_ENFORCE && p->door->changes > 0;
    int64_t left = left_to_sleep(p);
    if (nothing_happens || left <= 0)
        on_slept(p);
    else
        rip_timer_start(&p->timer, p->door->settings.clock, (uint64_t)left, on_slept, p);
}

static void park(pending *p)
{
    effect_end end = {"uncertain", RIP_EREMOTE, "", p->step.request};
    const char *operation = json_string_value(json_object_get(p->request, "operation"));
    const char *step = json_string_value(json_object_get(p->request, "step"));
    snprintf(end.reason, sizeof end.reason,
             "whether %.200s (step %.100s) has happened is not known, and could not be found out: look, then retry",
             operation ? operation : "a change", step ? step : "?");
    effect_stop_run(p->door, &end);
}

void effect_settled(effect_door *door, const json_t *request)
{
    if (door->plan && json_is_true(json_object_get(request, "happened")))
        run_plan_bind(door->plan, run_plan_take(door->plan, json_object_get(request, "request")),
                      json_object_get(request, "reply"));
}

static json_t *planned_changes(const effect_door *door)
{
    const effect_settings *settings = &door->settings;
    preflight_place place = {guard_targets(settings->guard), aws_client_models(settings->client), door->unknowns,
                             settings->partition};
    return preflight_changes(settings->journal, settings->run, &place);
}

static json_t *told_time(const pending *p)
{
    int64_t now = rip_clock_now(p->door->settings.clock);
    if (p->door->plan) run_plan_told_time(p->door->plan, now);
    return json_integer(now);
}

static json_t *value_of(const pending *p)
{
    if (strcmp(p->kind, "now") == 0) return told_time(p);
    if (strcmp(p->kind, "plan") == 0) return planned_changes(p->door);
    if (strcmp(p->kind, "random") == 0) {
        json_int_t most = json_integer_value(json_object_get(p->request, "most"));
        return json_integer(1 + (json_int_t)(step_random(p) % (uint64_t)(most > 0 ? most : 1)));
    }
    if (strcmp(p->kind, "uuid") == 0) {
        char text[512], uuid[37];
        seed_of(p, text);
        effect_uuid_of(text, uuid);
        return json_string(uuid);
    }
    return json_true(); /* log, evidence, left-alone, settled, preflight: being in the journal is all there is to them
                         */
}

void effect_own_act(pending *p)
{
    if (strcmp(p->kind, "sleep") == 0) {
        sleep_or_go_on(p);
    } else if (strcmp(p->kind, "park") == 0) {
        park(p);
    } else {
        if (strcmp(p->kind, "settled") == 0) effect_settled(p->door, p->step.request);
        json_t *value = value_of(p);
        effect_succeed(p, value, "done");
        json_decref(value);
    }
}
