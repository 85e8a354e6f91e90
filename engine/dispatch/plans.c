/* Plans that wait for people, until they decide or the time is up. */
#include <stdlib.h>
#include <string.h>

#include "engine/dispatch/private.h"
#include "engine/dispatch/words.h"

static void held_free(held_plan *held)
{
    rip_timer_stop(&held->deadline);
    free(held->run);
    free(held);
}

static void on_decided(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)value;
    dispatch *d = data;
    if (status != RIP_OK) dispatch_fault(d, "approval", 0, err);
}

/* Nobody has decided in time: the configuration does. */
static void on_deadline(void *data)
{
    held_plan *held = data;
    dispatch *d = held->owner;
    json_t *word = json_pack("{s:s, s:s, s:s, s:s}", "do", d->options.limits.approve_at_end ? "approve" : "deny", "run",
                             held->run, "who", "riposte", "why", "nobody decided in time");
    words_at_deadline(d, word, on_decided, d);
    json_decref(word);
}

void plan_hold(dispatch *d, const json_t *record)
{
    held_plan *held = calloc(1, sizeof *held);
    if (!held) return;
    held->owner = d;
    held->run = strdup(json_string_value(json_object_get(record, "id")));
    held->next = d->plans;
    d->plans = held;
    /* In a drill there is nobody who decides, and its clock jumps to whatever comes next. */
    if (rip_clock_is_virtual(d->options.context->clock)) return;
    int64_t left = json_integer_value(json_object_get(record, "deadline")) - rip_clock_now(d->options.context->clock);
    rip_timer_start(&held->deadline, d->options.context->clock, left > 0 ? (uint64_t)left : 0, on_deadline, held);
}

void plan_drop(dispatch *d, const char *id)
{
    held_plan **link = &d->plans;
    while (*link && strcmp((*link)->run, id) != 0) link = &(*link)->next;
    held_plan *held = *link;
    if (!held) return;
    *link = held->next;
    held_free(held);
}

void plans_free(dispatch *d)
{
    while (d->plans) {
        held_plan *held = d->plans;
        d->plans = held->next;
        held_free(held);
    }
}
