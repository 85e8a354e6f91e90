/* Whether an alternative holds: each of its conditions for some value of its field, and all those values from the same
 * elements of the lists that they share. */
#include "engine/trigger/set.h"

/* The values that were chosen for the conditions so far. */
typedef struct search {
    trigger_set *set;
    const condition *conditions[PATTERN_FIELDS_MAX]; /* those whose fields share lists */
    uint32_t chosen[PATTERN_FIELDS_MAX];             /* elements */
    size_t count;
    uint32_t steps;
} search;

/* What is known of a condition without regard to the others. */
typedef enum verdict { FAILS, HOLDS, DEPENDS /* on which elements the others choose */ } verdict;

static bool seen(const trigger_set *set, const path *field)
{
    return field->generation == set->generation;
}

static bool value_fits(trigger_set *set, const condition *c, value *v)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->predicates[i].fold || c->predicates[i].kind == PREDICATE_NONE_OF) {
            if (!set_reserve_fold(set, v->len)) return false;
        }
        if (predicate_match(&c->predicates[i], v, set->fold)) return true;
    }
    return false;
}

static bool takes_absence(const condition *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->predicates[i].kind == PREDICATE_ABSENT) return true;
    }
    return false;
}

static verdict judge(trigger_set *set, const condition *c)
{
    if (!seen(set, c->path)) return takes_absence(c) ? HOLDS : FAILS;
    for (uint32_t at = c->path->first; at; at = set->values[at - 1].next) {
        if (value_fits(set, c, &set->values[at - 1])) return c->path->in_array ? DEPENDS : HOLDS;
    }
    return c->path->in_array && takes_absence(c) ? DEPENDS : FAILS;
}

/* May two values belong together? Their elements do not lie in different places of one list. */
static bool consistent(const trigger_set *set, uint32_t a, uint32_t b)
{
    const element *all = set->elements;
    if (a == 0 || b == 0 || a == b) return true;
    while (all[a].depth > all[b].depth) a = all[a].parent;
    while (all[b].depth > all[a].depth) b = all[b].parent;
    while (a != b && all[a].parent != all[b].parent) {
        a = all[a].parent;
        b = all[b].parent;
    }
    return a == b || all[a].array != all[b].array;
}

static bool fits_chosen(search *s, size_t level, uint32_t in)
{
    for (size_t i = 0; i < level; i++) {
        s->steps++;
        if (!consistent(s->set, s->chosen[i], in)) return false;
    }
    return true;
}

/* Backtracking; `exists: false` looks only at what was chosen for names before its own, as event-ruler does. */
static bool choose(search *s, size_t level)
{
    if (level == s->count) return true;
    trigger_set *set = s->set;
    const condition *c = s->conditions[level];
    bool absent = takes_absence(c);
    uint32_t tried = UINT32_MAX;
    for (uint32_t at = c->path->first; at && s->steps < SEARCH_STEPS_MAX; at = set->values[at - 1].next) {
        value *v = &set->values[at - 1];
        s->steps++;
        if (v->element == tried || !fits_chosen(s, level, v->element)) continue;
        absent = false;
        if (!value_fits(set, c, v)) continue;
        s->chosen[level] = tried = v->element;
        if (choose(s, level + 1)) return true;
    }
    if (!absent) return false;
    s->chosen[level] = 0;
    return choose(s, level + 1);
}

/* Is no other condition's field in the same list? */
static bool stands_alone(const trigger_set *set, const alternative *a, const condition *c)
{
    for (size_t i = 0; i < a->count; i++) {
        const condition *other = a->conditions[i];
        if (other == c || !seen(set, other->path) || !other->path->in_array) continue;
        if (other->path->outer == c->path->outer || other->path->outer == UINT32_MAX || c->path->outer == UINT32_MAX)
            return false;
    }
    return true;
}

rip_status branch_holds(trigger_set *set, const alternative *a, bool *holds, rip_error *err)
{
    search s;
    s.set = set;
    s.count = 0;
    s.steps = 0;
    *holds = false;
    for (size_t i = 0; i < a->count; i++) {
        const condition *c = a->conditions[i];
        verdict v = judge(set, c);
        if (v == FAILS) return set->out_of_memory ? rip_nomem(err) : RIP_OK;
        if (v == DEPENDS && (takes_absence(c) || !stands_alone(set, a, c))) s.conditions[s.count++] = c;
    }
    *holds = choose(&s, 0);
    if (set->out_of_memory) return rip_nomem(err);
    if (!*holds && s.steps >= SEARCH_STEPS_MAX) {
        return rip_fail(err, RIP_ELIMIT,
                        "the event's lists have too many elements for a pattern with %zu fields in them", s.count);
    }
    return RIP_OK;
}
