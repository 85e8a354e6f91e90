/* Why a pattern does not match: the plain way, on a tree, one condition after the other. It shares only the tests on
 * single values with the set, so that the two check each other. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "engine/base/json.h"
#include "engine/trigger/describe.h"
#include "engine/trigger/pattern.h"

#define STEPS_MAX 1000000

/* A list that a value stands in, and its element of it. */
typedef struct place {
    unsigned list;
    size_t index;
} place;

typedef struct leaf {
    char *name;
    char *text; /* what `value` borrows, where it is not the tree's */
    value value;
    const json_t *json;
    place places[PATTERN_DEPTH_MAX];
    unsigned place_count;
} leaf;

typedef struct tree {
    leaf **leaves;
    size_t count, room;
    unsigned lists;
    place places[PATTERN_DEPTH_MAX];
    unsigned place_count, depth;
    rip_buffer name;
    char *fold;
    size_t steps;
    rip_error *err;
} tree;

static void tree_free(tree *t)
{
    for (size_t i = 0; i < t->count; i++) {
        free(t->leaves[i]->name);
        free(t->leaves[i]->text);
        free(t->leaves[i]);
    }
    free(t->leaves);
    rip_buffer_free(&t->name);
    free(t->fold);
}

static rip_status add_leaf(tree *t, const json_t *json)
{
    if (t->count == t->room) {
        size_t room = t->room ? t->room * 2 : 64;
        leaf **grown = realloc(t->leaves, room * sizeof(*grown));
        if (!grown) return rip_nomem(t->err);
        t->leaves = grown;
        t->room = room;
    }
    leaf *l = calloc(1, sizeof *l);
    if (!l) return rip_nomem(t->err);
    t->leaves[t->count++] = l;
    l->name = strdup(t->name.data ? t->name.data : "");
    l->json = json;
    memcpy(l->places, t->places, sizeof l->places);
    l->place_count = t->place_count;
    l->value.kind = json_is_string(json) ? VALUE_STRING : json_is_number(json) ? VALUE_NUMBER : VALUE_WORD;
    if (json_is_string(json)) {
        l->value.text = json_string_value(json);
        l->value.len = (uint32_t)json_string_length(json);
        return l->name ? RIP_OK : rip_nomem(t->err);
    }
    l->text = rip_json_dump(json, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
    if (!l->name || !l->text) return rip_nomem(t->err);
    l->value.text = l->text;
    l->value.len = (uint32_t)strlen(l->text);
    return RIP_OK;
}

static rip_status walk(tree *t, const json_t *json);

static rip_status walk_object(tree *t, const json_t *json)
{
    const char *key;
    json_t *child;
    rip_status status = RIP_OK;
    size_t mark = t->name.len;
    json_object_foreach ((json_t *)(uintptr_t)json, key, child) {
        if (t->depth > 1) rip_buffer_putc(&t->name, '.');
        rip_buffer_puts(&t->name, key);
        status = rip_buffer_status(&t->name, t->err);
        if (status == RIP_OK) status = walk(t, child);
        t->name.len = mark;
        if (t->name.data) t->name.data[mark] = '\0';
        if (status != RIP_OK) break;
    }
    return status;
}

static rip_status walk_array(tree *t, const json_t *json)
{
    size_t i;
    json_t *child;
    unsigned list = ++t->lists;
    json_array_foreach (json, i, child) {
        bool holds_fields = json_is_object(child) || json_is_array(child);
        if (holds_fields) t->places[t->place_count++] = (place){list, i};
        rip_status status = walk(t, child);
        if (holds_fields) t->place_count--;
        if (status != RIP_OK) return status;
    }
    return RIP_OK;
}

static rip_status walk(tree *t, const json_t *json)
{
    if (!json_is_object(json) && !json_is_array(json)) return add_leaf(t, json);
    if (++t->depth > PATTERN_DEPTH_MAX) {
        return rip_fail(t->err, RIP_ELIMIT, "the event is more than %d levels deep", PATTERN_DEPTH_MAX);
    }
    rip_status status = json_is_object(json) ? walk_object(t, json) : walk_array(t, json);
    t->depth--;
    return status;
}

/* Conditions. */

static bool is_field(const leaf *l, const condition *c)
{
    return strlen(l->name) == c->name_len && memcmp(l->name, c->name, c->name_len) == 0;
}

static bool fits(tree *t, const condition *c, leaf *l)
{
    for (size_t i = 0; i < c->count; i++) {
        if (predicate_match(&c->predicates[i], &l->value, t->fold)) return true;
    }
    return false;
}

static bool agrees(const leaf *a, const leaf *b)
{
    for (unsigned i = 0; i < a->place_count; i++) {
        for (unsigned j = 0; j < b->place_count; j++) {
            if (a->places[i].list == b->places[j].list && a->places[i].index != b->places[j].index) return false;
        }
    }
    return true;
}

/* Values for the conditions from `at` on that agree with those `chosen` before; `*furthest` is the first condition that
 * none was found for. */
static bool choose(tree *t, const alternative *a, size_t at, leaf **chosen, size_t *furthest)
{
    if (at > *furthest) *furthest = at;
    if (at == a->count) return true;
    const condition *c = a->conditions[at];
    bool absent = false;
    for (size_t i = 0; i < c->count; i++) absent = absent || c->predicates[i].kind == PREDICATE_ABSENT;
    for (size_t i = 0; i < t->count && t->steps < STEPS_MAX; i++, t->steps++) {
        leaf *l = t->leaves[i];
        if (!is_field(l, c)) continue;
        bool together = true;
        for (size_t j = 0; j < at && together; j++) together = !chosen[j] || agrees(chosen[j], l);
        if (!together) continue;
        absent = false;
        if (!fits(t, c, l)) continue;
        chosen[at] = l;
        if (choose(t, a, at + 1, chosen, furthest)) return true;
    }
    chosen[at] = NULL;
    return absent && choose(t, a, at + 1, chosen, furthest);
}

static void tell_found(tree *t, const condition *c, rip_buffer *out)
{
    size_t found = 0;
    bool would_fit = false;
    for (size_t i = 0; i < t->count; i++) {
        leaf *l = t->leaves[i];
        if (!is_field(l, c)) continue;
        would_fit = would_fit || fits(t, c, l);
        if (found++ > 3) continue;
        rip_buffer_puts(out, found == 1 ? ", found " : found == 4 ? ", …" : ", ");
        if (found < 4 && l->value.kind == VALUE_STRING)
            describe_string(out, l->value.text, l->value.len);
        else if (found < 4)
            rip_escape_line(out, l->value.text, l->value.len, 40);
    }
    if (!found) rip_buffer_puts(out, ", found no such field");
    if (would_fit) rip_buffer_puts(out, " (one fits, but in another element of the list than the fields before it)");
}

static void tell_why(tree *t, const condition *c, rip_buffer *out)
{
    rip_escape_line(out, c->name, c->name_len, 200);
    rip_buffer_puts(out, ": expected ");
    describe_condition(out, c);
    tell_found(t, c, out);
}

static rip_status decide(tree *t, const pattern *p, bool *matches, rip_buffer *why)
{
    const condition *nearest = NULL;
    size_t best = 0;
    *matches = false;
    for (size_t i = 0; i < p->count && !*matches; i++) {
        const alternative *a = &p->alternatives[i];
        size_t furthest = 0;
        leaf **chosen = calloc(a->count + 1, sizeof(*chosen));
        if (!chosen) return rip_nomem(t->err);
        t->steps = 0;
        *matches = choose(t, a, 0, chosen, &furthest);
        free(chosen);
        if (!*matches && t->steps >= STEPS_MAX) return rip_fail(t->err, RIP_ELIMIT, "the event's lists are too long");
        if (*matches || (nearest && furthest <= best)) continue;
        best = furthest;
        nearest = a->conditions[furthest];
    }
    if (!*matches && nearest) tell_why(t, nearest, why);
    return rip_buffer_status(why, t->err);
}

rip_status trigger_explain(const char *pattern_text, size_t pattern_len, const char *event, size_t event_len,
                           bool *matches, char *why, size_t size, rip_error *err)
{
    pattern *p = NULL;
    trigger_mistake mistake;
    rip_status status = pattern_parse(pattern_text, pattern_len, &p, &mistake, err);
    if (status != RIP_OK) {
        return rip_error_prefix(err, "pattern: line %u, column %u: %s%s", mistake.line, mistake.column, mistake.path,
                                mistake.path[0] ? ": " : "");
    }
    json_error_t wrong;
    rip_buffer text = {0};
    tree t = {.err = err, .fold = malloc(event_len * 2 + 2)};
    json_t *root = json_loadb(event, event_len, JSON_ALLOW_NUL, &wrong);
    if (!t.fold)
        status = rip_nomem(err);
    else if (!json_is_object(root))
        status = rip_fail(err, RIP_EINVAL, "event: line %d, column %d: %s", wrong.line, wrong.column,
                          root ? "expected an object" : wrong.text);
    if (status == RIP_OK) status = walk(&t, root);
    if (status == RIP_OK) status = decide(&t, p, matches, &text);
    if (status == RIP_OK && size) {
        size_t len = text.len < size - 1 ? text.len : size - 1;
        if (len) memcpy(why, text.data, len);
        why[len] = '\0';
    }
    rip_buffer_free(&text);
    tree_free(&t);
    json_decref(root);
    pattern_free(p);
    return status;
}
