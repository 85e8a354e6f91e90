/* From the text of a pattern to its alternatives. */
#include "engine/trigger/pattern.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/compile.h"

/* Alternatives while they are made. */
typedef struct alternatives {
    alternative *items;
    size_t count;
} alternatives;

rip_status compile_wrong(compiler *c, size_t at, const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    c->at = at;
    return rip_fail(c->err, RIP_EINVAL, "%s", text);
}

size_t compile_enter(compiler *c, const char *key, size_t len)
{
    size_t mark = c->path.len;
    bool plain = len > 0 && !isdigit((unsigned char)key[0]);
    for (size_t i = 0; i < len; i++) plain = plain && (isalnum((unsigned char)key[i]) || key[i] == '_');
    rip_buffer_puts(&c->path, plain ? mark ? "." : "" : "[\"");
    rip_buffer_append(&c->path, key, len);
    rip_buffer_puts(&c->path, plain ? "" : "\"]");
    return mark;
}

size_t compile_enter_index(compiler *c, size_t index)
{
    size_t mark = c->path.len;
    rip_buffer_printf(&c->path, "[%zu]", index);
    return mark;
}

static void truncate_to(rip_buffer *b, size_t mark)
{
    b->len = mark;
    if (b->data) b->data[mark] = '\0';
}

void compile_leave(compiler *c, size_t mark)
{
    truncate_to(&c->path, mark);
}

static bool is_or(const node *n)
{
    return n->key_len == 3 && memcmp(n->key, "$or", 3) == 0;
}

static void alternatives_free(alternatives *set)
{
    for (size_t i = 0; i < set->count; i++) free(set->items[i].conditions);
    free(set->items);
    *set = (alternatives){0};
}

/* The order of names decides what `exists: false` sees of an array: see match.c. */
static int compare_names(const condition *a, const condition *b)
{
    size_t shorter = a->name_len < b->name_len ? a->name_len : b->name_len;
    int order = memcmp(a->name, b->name, shorter);
    return order ? order : (a->name_len > b->name_len) - (a->name_len < b->name_len);
}

/* Put a condition in its place; a field that is there already is replaced, as event-ruler does. */
static bool alternative_put(alternative *a, condition *add)
{
    size_t at = 0;
    while (at < a->count && compare_names(a->conditions[at], add) < 0) at++;
    if (at < a->count && compare_names(a->conditions[at], add) == 0) {
        a->conditions[at] = add;
        return true;
    }
    condition **grown = realloc(a->conditions, (a->count + 1) * sizeof(*grown));
    if (!grown) return false;
    memmove(grown + at + 1, grown + at, (a->count - at) * sizeof(*grown));
    grown[at] = add;
    a->conditions = grown;
    a->count++;
    return true;
}

static rip_status too_much(compiler *c, size_t at, const char *what, int most)
{
    c->at = at;
    return rip_fail(c->err, RIP_ELIMIT, "the pattern has over %d %s", most, what);
}

static rip_status alternatives_append(compiler *c, alternatives *set, const alternatives *add, size_t at)
{
    if (set->count + add->count > PATTERN_ALTERNATIVES_MAX) {
        return too_much(c, at, "alternatives ($or multiplies)", PATTERN_ALTERNATIVES_MAX);
    }
    alternative *grown = realloc(set->items, (set->count + add->count) * sizeof *grown);
    if (!grown) return rip_nomem(c->err);
    set->items = grown;
    for (size_t i = 0; i < add->count; i++) {
        const alternative *from = &add->items[i];
        alternative *copy = &grown[set->count];
        *copy = (alternative){.conditions = calloc(from->count + 1, sizeof(*copy->conditions)), .count = from->count};
        if (!copy->conditions) return rip_nomem(c->err);
        if (from->count) memcpy(copy->conditions, from->conditions, from->count * sizeof(*copy->conditions));
        set->count++;
    }
    return RIP_OK;
}

static rip_status compile_object(compiler *c, const node *object, bool in_or, alternatives *set);

static rip_status compile_or(compiler *c, const node *list, alternatives *set)
{
    if (list->kind != NODE_ARRAY) return compile_wrong(c, list->at, "expected a list of objects after $or");
    if (list->count < 2) return compile_wrong(c, list->at, "$or takes at least two objects");
    alternatives all = {0};
    rip_status status = RIP_OK;
    size_t i = 0;
    for (const node *n = list->first; n && status == RIP_OK; n = n->next) {
        size_t mark = compile_enter_index(c, ++i);
        alternatives branch = {0};
        if (n->kind != NODE_OBJECT) status = compile_wrong(c, n->at, "$or takes objects only");
        if (status == RIP_OK) status = alternatives_append(c, &branch, set, n->at);
        if (status == RIP_OK) status = compile_object(c, n, true, &branch);
        if (status == RIP_OK) status = alternatives_append(c, &all, &branch, n->at);
        alternatives_free(&branch);
        if (status == RIP_OK) compile_leave(c, mark);
    }
    alternatives_free(set);
    *set = all;
    return status;
}

static rip_status compile_field(compiler *c, const node *list, alternatives *set)
{
    condition *made = arena_alloc(c->memory, sizeof *made);
    if (!made) return rip_nomem(c->err);
    made->name = arena_copy(c->memory, c->name.data, c->name.len);
    made->name_len = c->name.len;
    if (!made->name) return rip_nomem(c->err);
    rip_status status = compile_values(c, list, made);
    if (status != RIP_OK) return status;
    for (size_t i = 0; i < set->count; i++) {
        if (set->items[i].count == PATTERN_FIELDS_MAX) return too_much(c, list->at, "fields", PATTERN_FIELDS_MAX);
        if (!alternative_put(&set->items[i], made)) return rip_nomem(c->err);
    }
    return RIP_OK;
}

static rip_status compile_member(compiler *c, const node *n, bool in_or, alternatives *set)
{
    if (is_or(n)) return compile_or(c, n, set);
    if (in_or && expression_is_name(n->key)) {
        return compile_wrong(c, n->key_at, "\"%s\" is a match expression: it can't be a field inside $or", n->key);
    }
    size_t mark = c->name.len;
    if (c->levels++ > 0) rip_buffer_putc(&c->name, '.');
    rip_buffer_append(&c->name, n->key, n->key_len);
    rip_status status = rip_buffer_status(&c->name, c->err);
    if (status == RIP_OK && n->kind == NODE_OBJECT)
        status = compile_object(c, n, in_or, set);
    else if (status == RIP_OK && n->kind == NODE_ARRAY)
        status = compile_field(c, n, set);
    else if (status == RIP_OK)
        status = compile_wrong(c, n->at, "\"%.64s\" must be an object or a list of values", n->key);
    truncate_to(&c->name, mark);
    c->levels--;
    return status;
}

static rip_status compile_object(compiler *c, const node *object, bool in_or, alternatives *set)
{
    if (object->count == 0) return compile_wrong(c, object->at, "an object in a pattern must not be empty");
    for (const node *n = object->first; n; n = n->next) {
        size_t mark = compile_enter(c, n->key, n->key_len);
        rip_status status = compile_member(c, n, in_or, set);
        if (status != RIP_OK) return status;
        compile_leave(c, mark);
    }
    return RIP_OK;
}

/* Give the pattern what was made: conditions are counted once, however many alternatives share them. */
static rip_status keep(compiler *c, const alternatives *set)
{
    pattern *p = c->out;
    size_t all = 0;
    p->alternatives = arena_alloc(c->memory, set->count * sizeof *p->alternatives);
    if (!p->alternatives) return rip_nomem(c->err);
    for (size_t i = 0; i < set->count; i++) {
        size_t count = set->items[i].count;
        p->alternatives[i].count = count;
        p->alternatives[i].conditions = arena_alloc(c->memory, count * sizeof(condition *));
        if (!p->alternatives[i].conditions) return rip_nomem(c->err);
        if (count) memcpy(p->alternatives[i].conditions, set->items[i].conditions, count * sizeof(condition *));
        all += count;
    }
    p->count = set->count;
    p->conditions = arena_alloc(c->memory, all * sizeof(condition *));
    if (!p->conditions) return rip_nomem(c->err);
    for (size_t i = 0; i < p->count; i++) {
        for (size_t j = 0; j < p->alternatives[i].count; j++) {
            condition *each = p->alternatives[i].conditions[j];
            if (each->kept) continue;
            p->conditions[p->condition_count++] = each;
            each->kept = true;
        }
    }
    return RIP_OK;
}

static void tell_place(const compiler *c, const char *text, size_t len, trigger_mistake *mistake)
{
    *mistake = (trigger_mistake){.byte = c->at, .line = 1, .column = 1};
    for (size_t i = 0; i < c->at && i < len; i++) {
        mistake->column++;
        if (text[i] != '\n') continue;
        mistake->line++;
        mistake->column = 1;
    }
    snprintf(mistake->path, sizeof mistake->path, "%s", c->path.data ? c->path.data : "");
}

static rip_status compile(compiler *c, const char *text, size_t len, arena *nodes)
{
    node *root = NULL;
    if (len > PATTERN_BYTES_MAX) {
        return rip_fail(c->err, RIP_ELIMIT, "the pattern has over %zu bytes", PATTERN_BYTES_MAX);
    }
    rip_status status = document_parse(text, len, PATTERN_DEPTH_MAX, nodes, &root, &c->at, c->err);
    if (status != RIP_OK) return status;
    if (root->kind != NODE_OBJECT) return compile_wrong(c, root->at, "a pattern is an object");
    alternatives set = {calloc(1, sizeof *set.items), 1};
    status = set.items ? compile_object(c, root, false, &set) : rip_nomem(c->err);
    if (status == RIP_OK) status = keep(c, &set);
    if (set.items) alternatives_free(&set);
    return status;
}

rip_status pattern_parse(const char *text, size_t len, pattern **out, trigger_mistake *mistake, rip_error *err)
{
    pattern *p = calloc(1, sizeof *p);
    arena nodes = {0};
    if (!p) return rip_nomem(err);
    compiler c = {.out = p, .memory = &p->arena, .err = err};
    rip_status status = compile(&c, text, len, &nodes);
    if (status != RIP_OK && mistake) tell_place(&c, text, len, mistake);
    arena_free(&nodes);
    rip_buffer_free(&c.path);
    rip_buffer_free(&c.name);
    if (status != RIP_OK) {
        pattern_free(p);
        return status;
    }
    *out = p;
    return RIP_OK;
}

void pattern_free(pattern *p)
{
    if (!p) return;
    arena_free(&p->arena);
    free(p);
}
