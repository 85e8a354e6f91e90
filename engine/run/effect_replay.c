/* The replay of a run that was cut off, or has slept: finished steps are answered from the journal, in the order in
 * which they finished the first time, so that fibers that share variables see the same world twice. What the journal
 * does not hold waits until all that it does hold has been handed out. */
#include "engine/run/effect_private.h"

#include <stdio.h>
#include <string.h>

static bool is_replaying(const effect_door *door)
{
    return door->replayed < door->recorded;
}

static void diverge(effect_door *door, const char *what)
{
    effect_end end = {"diverged", RIP_EINVAL, "", NULL};
    snprintf(end.reason, sizeof end.reason, "diverged: %.600s: the playbook is not deterministic, or not the same",
             what);
    effect_stop_run(door, &end);
}

static bool is_same_question(pending *p, const journal_step *step)
{
    if (strcmp(step->fingerprint, p->fingerprint) == 0) return true;
    char what[RIP_ERROR_MESSAGE_MAX];
    snprintf(what, sizeof what, "step %s%s%u was %s %.12s and is now %s %.12s", p->path, *p->path ? "/" : "",
             p->step.number, step->kind, step->fingerprint, p->kind, p->fingerprint);
    diverge(p->door, what);
    return false;
}

/* What an answer from before the crash has changed in the door itself. */
static void count(effect_door *door, const journal_step *step, bool failed)
{
    door->changes += step->is_change;
    if (door->plan && step->is_change && !failed)
        run_plan_bind(door->plan, run_plan_take(door->plan, step->request), step->reply);
    if (door->plan && strcmp(step->kind, "now") == 0) run_plan_told_time(door->plan, json_integer_value(step->reply));
    if (strcmp(step->kind, "settled") == 0) effect_settled(door, step->request);
}

/* Same question, same answer. */
static void answer_from_journal(pending *p)
{
    effect_door *door = p->door;
    const journal_step *step = journal_step_find(door->settings.journal, door->settings.run, p->path, p->step.number);
    bool failed = strcmp(step->outcome, "failed") == 0 || strcmp(step->outcome, "refused") == 0 ||
                  strcmp(step->outcome, "uncertain") == 0;
    rip_effect_reply reply = {failed ? NULL : step->reply, failed ? step->reply : NULL,
                              strcmp(step->outcome, "planned") == 0 || strcmp(step->outcome, "foreseen") == 0};
    if (!door->rewound) count(door, step, failed);
    rip_effect_done done = p->done;
    void *data = p->data;
    door->replayed++;
    pending_free(p);
    done(data, &reply);
}

static pending *next_in_order(const effect_door *door)
{
    for (pending *p = door->first; p; p = p->next) {
        if (p->order == door->replayed + 1) return p;
    }
    return NULL;
}

static void hand_out(effect_door *door)
{
    pending *p;
    while (!door->stopped && is_replaying(door) && (p = next_in_order(door))) answer_from_journal(p);
}

bool effect_replay_holds(pending *p, const journal_step *step)
{
    if (!is_replaying(p->door)) return false;
    if (step && !is_same_question(p, step)) return true;
    if (step && step->state == JOURNAL_FINISHED) {
        p->order = step->order;
        hand_out(p->door);
    } else {
        p->held = true;
    }
    return true;
}

/* The first step whose turn it would be. */
static void diverge_at_next(effect_door *door)
{
    const effect_settings *settings = &door->settings;
    char what[256] = "the journal holds a step that nobody asks for";
    for (size_t i = 0; i < journal_step_count(settings->journal, settings->run); i++) {
        const journal_step *step = journal_step_at(settings->journal, settings->run, i);
        if (step->state != JOURNAL_FINISHED || step->order != door->replayed + 1) continue;
        snprintf(what, sizeof what, "step %s%s%u (%s) is on record, and nobody asks for it", step->path,
                 *step->path ? "/" : "", step->number, step->kind);
    }
    diverge(door, what);
}

bool effect_door_is_replaying(const effect_door *door)
{
    return is_replaying(door);
}

static pending *next_held(const effect_door *door)
{
    pending *oldest = NULL;
    for (pending *p = door->first; p; p = p->next) {
        if (p->held) oldest = p; /* the list has the newest first */
    }
    return oldest;
}

void effect_replay_quiet(effect_door *door)
{
    if (door->stopped) return;
    if (is_replaying(door)) {
        diverge_at_next(door);
        return;
    }
    pending *p = next_held(door);
    if (!p) return;
    p->held = false;
    effect_proceed(p);
    /* An answer from inside has set fibers going, and there will be another quiet; else the next goes on its way. */
    if (!door->stopped) effect_replay_quiet(door);
}

bool effect_door_sleeps(const effect_door *door, int64_t least_ms)
{
    if (door->stopped || door->told_secret || is_replaying(door) || !door->first) return false;
    int64_t least = rip_clock_monotonic(door->settings.clock) + least_ms;
    for (const pending *p = door->first; p; p = p->next) {
        if (!rip_timer_running(&p->timer) || p->timer.due < least) return false; /* nothing but a wait has a timer */
    }
    return true;
}

void effect_door_leave(effect_door *door)
{
    door->left = true;
}

void effect_door_rewind(effect_door *door)
{
    /* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): it takes itself out of the list */
    while (door->first) pending_free(door->first);
    door->recorded = journal_step_finished(door->settings.journal, door->settings.run);
    door->replayed = 0;
    door->left = false;
    door->rewound = true;
}
