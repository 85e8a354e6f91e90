/* How much one run may put on record: each of its steps stays in memory while it goes on, and in the journal for good.
 */
#include "engine/run/effect_private.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* What a value takes at the least, wherever it is. */
#define VALUE_BYTES 16

static size_t bytes_of(const json_t *value)
{
    size_t bytes = VALUE_BYTES, i;
    const char *key;
    json_t *member;
    if (json_is_string(value)) return bytes + json_string_length(value);
    json_array_foreach (value, i, member) bytes += bytes_of(member);
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) bytes += VALUE_BYTES + strlen(key) + bytes_of(member);
    return bytes;
}

static void add(effect_door *door, const journal_step *step)
{
    door->bytes += bytes_of(step->request) + (step->undo ? bytes_of(step->undo) : 0);
}

void effect_count_recorded(effect_door *door)
{
    const effect_settings *settings = &door->settings;
    door->steps = journal_step_count(settings->journal, settings->run);
    for (size_t i = 0; i < door->steps; i++) {
        const journal_step *step = journal_step_at(settings->journal, settings->run, i);
        add(door, step);
        effect_count_reply(door, step->reply);
    }
}

void effect_count_reply(effect_door *door, const json_t *reply)
{
    if (reply) door->bytes += bytes_of(reply);
}

bool effect_has_room(pending *p)
{
    effect_door *door = p->door;
    const effect_settings *settings = &door->settings;
    effect_end end = {"failed", RIP_ELIMIT, "", NULL};
    door->steps++;
    add(door, &p->step);
    if (settings->steps_allowed > 0 && door->steps > settings->steps_allowed)
        snprintf(end.reason, sizeof end.reason,
                 "over the limit of %zu steps of one run: look for a loop that does not end, or raise limits.run_steps",
                 settings->steps_allowed);
    else if (settings->bytes_allowed > 0 && door->bytes > settings->bytes_allowed)
        snprintf(end.reason, sizeof end.reason,
                 "over the limit of %zu bytes that one run may put on record: ask for less, keep less as evidence, or "
                 "raise limits.run_record",
                 settings->bytes_allowed);
    else
        return true;
    effect_stop_run(door, &end);
    return false;
}
