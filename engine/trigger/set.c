/* A set of patterns: adding, removing, and the way of an event through it. */
#include "engine/trigger/set.h"

#include <stdlib.h>
#include <string.h>

trigger_set *trigger_set_new(void)
{
    return calloc(1, sizeof(trigger_set));
}

bool set_reserve_fold(trigger_set *set, size_t len)
{
    if (set->fold_room >= len * 2 + 2) return true;
    free(set->fold);
    set->fold = malloc(len * 2 + 2);
    set->fold_room = set->fold ? len * 2 + 2 : 0;
    if (!set->fold) set->out_of_memory = true;
    return set->fold != NULL;
}

/* Owners. */

static size_t owner_slot(const trigger_set *set, const void *owner)
{
    uint64_t hash = (uint64_t)(uintptr_t)owner * UINT64_C(0x9E3779B97F4A7C15);
    return (size_t)(hash >> 32) & (set->owner_room - 1);
}

static member **find_owner(const trigger_set *set, const void *owner)
{
    if (set->owner_room == 0) return NULL;
    for (member **at = &set->owners[owner_slot(set, owner)]; *at; at = &(*at)->next_owner) {
        if ((*at)->owner == owner) return at;
    }
    return NULL;
}

static bool grow_owners(trigger_set *set)
{
    if (set->member_count < set->owner_room) return true;
    size_t room = set->owner_room ? set->owner_room * 2 : 16, old = set->owner_room;
    member **table = calloc(room, sizeof(*table)), **before = set->owners;
    if (!table) return false;
    set->owners = table;
    set->owner_room = room;
    for (size_t i = 0; i < old; i++) {
        for (member *m = before[i], *next; m; m = next) {
            next = m->next_owner;
            member **at = &table[owner_slot(set, m->owner)];
            m->next_owner = *at;
            *at = m;
        }
    }
    free(before);
    return true;
}

/* Branches. */

/* The condition that an alternative hangs on: seldom met, and few hang on it already; of equals the longest. */
static const condition *choose_access(const trigger_set *set, const alternative *a)
{
    const condition *best = NULL;
    unsigned best_likely = 0;
    uint32_t best_load = 0;
    size_t best_length = 0;
    for (size_t i = 0; i < a->count; i++) {
        const condition *c = a->conditions[i];
        unsigned likely;
        uint32_t load = index_load(set, c, &likely);
        size_t length = SIZE_MAX;
        for (size_t j = 0; j < c->count; j++) length = c->predicates[j].len < length ? c->predicates[j].len : length;
        bool better = !best || likely < best_likely ||
                      (likely == best_likely && (load < best_load || (load == best_load && length > best_length)));
        if (!better) continue;
        best = c;
        best_likely = likely;
        best_load = load;
        best_length = length;
    }
    return best;
}

static bool new_branch(trigger_set *set, uint32_t *out)
{
    if (set->free_branches.count) {
        *out = set->free_branches.items[--set->free_branches.count];
        return true;
    }
    if (set->branch_count == set->branch_room) {
        uint32_t room = set->branch_room ? set->branch_room * 2 : 16;
        branch *grown = realloc(set->branches, room * sizeof *grown);
        if (!grown) return false;
        set->branches = grown;
        /* So that giving one back never fails. */
        uint32_t *spare = realloc(set->free_branches.items, room * sizeof *spare);
        if (!spare) return false;
        set->free_branches.items = spare;
        set->free_branches.room = room;
        set->branch_room = room;
    }
    *out = set->branch_count++;
    return true;
}

static bool hang(trigger_set *set, member *m, size_t i)
{
    uint32_t number;
    alternative *a = &m->pattern->alternatives[i];
    if (!new_branch(set, &number)) return false;
    a->access = choose_access(set, a);
    set->branches[number] = (branch){.of = m, .what = a};
    m->branches[i] = number;
    if (index_add(set, a->access, number)) return true;
    listing_push(&set->free_branches, number);
    return false;
}

/* Take out the first `count` branches, and the paths of all conditions. */
static void unhang(trigger_set *set, member *m, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        index_remove(set, m->pattern->alternatives[i].access, m->branches[i]);
        set->branches[m->branches[i]].of = NULL;
        listing_push(&set->free_branches, m->branches[i]);
    }
    for (size_t i = 0; i < m->pattern->condition_count; i++) {
        condition *c = m->pattern->conditions[i];
        if (c->path) path_drop(set, c->path);
        c->path = NULL;
    }
}

static bool insert(trigger_set *set, member *m)
{
    for (size_t i = 0; i < m->pattern->condition_count; i++) {
        condition *c = m->pattern->conditions[i];
        c->path = path_take(set, c->name, c->name_len);
        if (!c->path) {
            unhang(set, m, 0);
            return false;
        }
    }
    for (size_t i = 0; i < m->pattern->count; i++) {
        if (hang(set, m, i)) continue;
        unhang(set, m, i);
        return false;
    }
    return true;
}

/* Members. */

static size_t member_bytes(const member *m)
{
    return sizeof *m + sizeof *m->pattern + m->pattern->arena.bytes + m->pattern->count * sizeof(*m->branches);
}

static void member_free(member *m)
{
    if (!m) return;
    pattern_free(m->pattern);
    free(m->branches);
    free(m);
}

rip_status trigger_set_add(trigger_set *set, const void *owner, const char *text, size_t len, trigger_mistake *mistake,
                           rip_error *err)
{
    if (mistake) *mistake = (trigger_mistake){.line = 1, .column = 1};
    if (find_owner(set, owner)) return rip_fail(err, RIP_EINVAL, "this owner has a pattern in the set already");
    member *m = calloc(1, sizeof *m);
    if (!m) return rip_nomem(err);
    rip_status status = pattern_parse(text, len, &m->pattern, mistake, err);
    if (status == RIP_OK) {
        m->owner = owner;
        m->order = ++set->order;
        m->branches = calloc(m->pattern->count, sizeof(*m->branches));
        if (!m->branches || !grow_owners(set) || !insert(set, m)) status = rip_nomem(err);
    }
    if (status != RIP_OK) {
        member_free(m);
        return status;
    }
    member **slot = &set->owners[owner_slot(set, owner)];
    m->next_owner = *slot;
    *slot = m;
    set->member_count++;
    set->pattern_bytes += member_bytes(m);
    return RIP_OK;
}

bool trigger_set_remove(trigger_set *set, const void *owner)
{
    member **at = find_owner(set, owner);
    if (!at) return false;
    member *m = *at;
    *at = m->next_owner;
    unhang(set, m, m->pattern->count);
    set->member_count--;
    set->pattern_bytes -= member_bytes(m);
    member_free(m);
    return true;
}

void trigger_set_free(trigger_set *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->owner_room; i++) {
        while (set->owners[i]) trigger_set_remove(set, set->owners[i]->owner);
    }
    free(set->root.table);
    free(set->entries);
    free(set->branches);
    free(set->free_branches.items);
    free(set->owners);
    free(set->text);
    free(set->decoded);
    free(set->fold);
    free(set->values);
    free(set->elements);
    free(set->candidates.items);
    free(set->matched);
    free(set);
}

size_t trigger_set_count(const trigger_set *set)
{
    return set->member_count;
}

size_t trigger_set_memory(const trigger_set *set)
{
    return sizeof *set + set->pattern_bytes + set->path_bytes + set->entry_room * sizeof(*set->entries) +
           set->branch_room * (sizeof(*set->branches) + sizeof(uint32_t)) + set->owner_room * sizeof(*set->owners) +
           set->text_room + set->decoded_room + set->fold_room + set->value_room * sizeof(*set->values) +
           set->element_room * sizeof(*set->elements) + set->candidates.room * sizeof(uint32_t) +
           set->matched_room * sizeof(*set->matched);
}

/* Matching. */

static int by_order(const void *a, const void *b)
{
    uint64_t first = (*(member *const *)a)->order, second = (*(member *const *)b)->order;
    return (first > second) - (first < second);
}

static bool take_match(trigger_set *set, member *m)
{
    m->generation = set->generation;
    if (set->matched_count == set->matched_room) {
        size_t room = set->matched_room ? set->matched_room * 2 : 16;
        member **grown = realloc(set->matched, room * sizeof(*grown));
        if (!grown) return false;
        set->matched = grown;
        set->matched_room = room;
    }
    set->matched[set->matched_count++] = m;
    return true;
}

static rip_status decide(trigger_set *set, rip_error *err)
{
    const listing *always = set->always ? &set->always->hanging : NULL;
    uint32_t extra = always ? always->count : 0;
    for (uint32_t i = 0; i < set->candidates.count + extra; i++) {
        bool holds = false;
        uint32_t number = i < extra ? always->items[i] : set->candidates.items[i - extra];
        const branch *b = &set->branches[number];
        if (b->of->generation == set->generation) continue;
        rip_status status = branch_holds(set, b->what, &holds, err);
        if (status == RIP_OK && holds && !take_match(set, b->of)) status = rip_nomem(err);
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

rip_status trigger_set_match(trigger_set *set, const char *event, size_t len, trigger_match_fn fn, void *data,
                             rip_error *err)
{
    set->generation++;
    set->candidates.count = 0;
    set->matched_count = 0;
    set->out_of_memory = false;
    rip_status status = event_scan(set, event, len, err);
    if (status == RIP_OK) status = decide(set, err);
    if (status != RIP_OK) return status;
    if (set->matched_count > 1) qsort(set->matched, set->matched_count, sizeof(*set->matched), by_order);
    for (size_t i = 0; i < set->matched_count; i++) fn(data, set->matched[i]->owner);
    return RIP_OK;
}
