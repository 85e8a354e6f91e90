/* Match expressions: what may stand in the list of a field. */
#include <string.h>

#include "engine/base/suggest.h"
#include "engine/trigger/compile.h"
#include "engine/trigger/fold.h"

static const char *const NAMES[] = {
    "prefix", "suffix", "equals-ignore-case", "wildcard", "anything-but", "numeric", "cidr", "exists", "exactly"};
#define NAME_COUNT (sizeof NAMES / sizeof *NAMES)

static const char *const KINDS[] = {"an object", "a list", "a string", "a number", "true", "false", "null"};

bool expression_is_name(const char *text)
{
    for (size_t i = 0; i < NAME_COUNT; i++) {
        if (strcmp(NAMES[i], text) == 0) return true;
    }
    return false;
}

static bool is(const node *n, const char *name)
{
    return n->key_len == strlen(name) && memcmp(n->key, name, n->key_len) == 0;
}

static rip_status set_text(compiler *c, const node *n, bool fold, predicate *out)
{
    out->fold = fold;
    out->len = n->len;
    if (!fold) {
        out->text = arena_copy(c->memory, n->text, n->len);
        return out->text ? RIP_OK : rip_nomem(c->err);
    }
    char *folded = arena_alloc(c->memory, n->len + n->len / 2 + 2);
    if (!folded) return rip_nomem(c->err);
    out->len = fold_case(n->text, n->len, folded);
    out->text = folded;
    return RIP_OK;
}

/* The one member of an object; NULL: it has none or several, which is told. */
static const node *only_member(compiler *c, const node *object)
{
    if (object->count == 1) return object->first;
    if (object->count == 0)
        compile_wrong(c, object->at, "expected a match expression, such as {\"prefix\": \"a\"}");
    else
        compile_wrong(c, object->first->next->key_at, "only one key is allowed in a match expression");
    return NULL;
}

static rip_status wanted(compiler *c, const node *n, node_kind kind)
{
    if (n->kind == kind) return RIP_OK;
    return compile_wrong(c, n->at, "expected %s, found %s", KINDS[kind], KINDS[n->kind]);
}

/* Numbers. */

static rip_status number(compiler *c, const node *n, double *out)
{
    rip_status status = wanted(c, n, NODE_NUMBER);
    if (status == RIP_OK && !number_parse(n->text, n->len, out)) {
        status = compile_wrong(c, n->at, "a number that is compared has at most 17 digits and fits a double");
    }
    return status;
}

static rip_status number_value(compiler *c, const node *n, predicate *out)
{
    out->kind = PREDICATE_NUMBER;
    out->has_number = number_parse(n->text, n->len, &out->low);
    return set_text(c, n, false, out);
}

static rip_status range_bound(compiler *c, const node *operator, predicate * out, bool second)
{
    const char *op = operator->text;
    double bound = 0;
    rip_status status = wanted(c, operator, NODE_STRING);
    if (status != RIP_OK) return status;
    bool low = op[0] == '>', high = op[0] == '<', equal = strcmp(op, "=") == 0;
    bool known = equal || ((low || high) && (op[1] == '\0' || strcmp(op + 1, "=") == 0));
    if (!known || operator->len != strlen(op)) {
        return compile_wrong(c, operator->at, "expected \"=\", \"<\", \"<=\", \">\" or \">=\"");
    }
    if (second && !high) return compile_wrong(c, operator->at, "a range ends with \"<\" or \"<=\" and a number");
    if (!operator->next) return compile_wrong(c, operator->at, "expected a number after \"%s\"", op);
    status = number(c, operator->next, &bound);
    if (status != RIP_OK) return status;
    if (low || equal) {
        out->low = bound;
        out->low_open = low && !op[1];
    }
    if (high || equal) {
        out->high = bound;
        out->high_open = high && !op[1];
    }
    return RIP_OK;
}

static rip_status compile_numeric(compiler *c, const node *n, predicate *out)
{
    rip_status status = wanted(c, n, NODE_ARRAY);
    if (status != RIP_OK) return status;
    if (n->count == 0) return compile_wrong(c, n->at, "expected an operator and a number, such as [\">=\", 7]");
    out->kind = PREDICATE_RANGE;
    out->low = -__builtin_inf();
    out->high = __builtin_inf();
    status = range_bound(c, n->first, out, false);
    if (status != RIP_OK || n->count == 2) return status;
    const node *second = n->first->next->next;
    if (n->first->text[0] != '>') return compile_wrong(c, second->at, "a range begins with \">\" or \">=\"");
    status = range_bound(c, second, out, true);
    if (status != RIP_OK) return status;
    if (n->count > 4) return compile_wrong(c, second->next->next->at, "there is more than a range takes");
    if (out->low >= out->high) return compile_wrong(c, n->at, "the range is empty: its start is not below its end");
    return RIP_OK;
}

/* Addresses. */

static rip_status compile_cidr(compiler *c, const node *n, predicate *out)
{
    rip_status status = wanted(c, n, NODE_STRING);
    if (status != RIP_OK) return status;
    const char *slash = memchr(n->text, '/', n->len);
    size_t address_len = slash ? (size_t)(slash - n->text) : n->len;
    if (!slash) return compile_wrong(c, n->at, "expected an address, '/' and a number of bits, such as \"10.0.0.0/8\"");
    if (!address_parse(n->text, address_len, &out->from)) return compile_wrong(c, n->at, "there is no such address");
    size_t digits = n->len - address_len - 1;
    if (digits == 0 || digits > 3 || strspn(slash + 1, "0123456789") != digits) {
        return compile_wrong(c, n->at, "expected a number of bits after '/'");
    }
    for (size_t i = 0; i < digits; i++) out->bits = out->bits * 10 + (unsigned)(slash[1 + i] - '0');
    if (out->bits > out->from.size * 8) {
        return compile_wrong(c, n->at, "an IPv%d address has %u bits", out->from.size == 4 ? 4 : 6, out->from.size * 8);
    }
    out->kind = PREDICATE_NET;
    return RIP_OK;
}

/* Strings. */

static rip_status string_value(compiler *c, const node *n, predicate *out)
{
    out->kind = PREDICATE_STRING;
    if (memchr(n->text, ':', n->len) && address_parse(n->text, n->len, &out->from)) {
        out->kind = PREDICATE_NET; /* an IPv6 address has many spellings */
        out->bits = 128;
    }
    return set_text(c, n, false, out);
}

static rip_status fold_value(compiler *c, const node *n, predicate *out)
{
    rip_status status = wanted(c, n, NODE_STRING);
    out->kind = PREDICATE_STRING;
    return status == RIP_OK ? set_text(c, n, true, out) : status;
}

/* "a*b\*c": the pieces between the stars; a backslash takes the meaning from '*' and '\'. */
static rip_status wildcard_value(compiler *c, const node *n, predicate *out)
{
    rip_status status = wanted(c, n, NODE_STRING);
    if (status != RIP_OK) return status;
    uint32_t pieces[PATTERN_STARS_MAX + 1] = {0};
    size_t last = 0, used = 0;
    char *text = arena_alloc(c->memory, n->len + 1);
    if (!text) return rip_nomem(c->err);
    for (size_t i = 0; i < n->len; i++) {
        char ch = n->text[i];
        if (ch == '*') {
            if (i && n->text[i - 1] == '*' && pieces[last] == 0 && last > 0)
                return compile_wrong(c, n->at, "two '*' in a row: one does");
            if (++last > PATTERN_STARS_MAX) {
                c->at = n->at;
                return rip_fail(c->err, RIP_ELIMIT, "a wildcard has at most %d '*'", PATTERN_STARS_MAX);
            }
            continue;
        }
        if (ch == '\\') {
            ch = i + 1 < n->len ? n->text[++i] : '\0';
            if (ch != '*' && ch != '\\') {
                return compile_wrong(c, n->at, "a backslash in a wildcard stands before '*' or another backslash");
            }
        }
        text[used++] = ch;
        pieces[last]++;
    }
    uint32_t *lengths = arena_alloc(c->memory, (last + 1) * sizeof *lengths);
    if (!lengths) return rip_nomem(c->err);
    memcpy(lengths, pieces, (last + 1) * sizeof *lengths);
    out->kind = PREDICATE_WILDCARD;
    out->text = text;
    out->len = used;
    out->pieces = lengths;
    out->piece_count = last + 1;
    return RIP_OK;
}

/* A prefix or suffix: a string, or {"equals-ignore-case": string}. */
static rip_status affix_value(compiler *c, const node *n, predicate_kind kind, predicate *out)
{
    const node *text = n;
    size_t mark = c->path.len;
    if (n->kind == NODE_OBJECT) {
        text = only_member(c, n);
        if (!text) return RIP_EINVAL;
        if (!is(text, "equals-ignore-case")) {
            return compile_wrong(c, text->key_at, "only equals-ignore-case may stand in a prefix or suffix");
        }
        compile_enter(c, text->key, text->key_len);
    }
    rip_status status = wanted(c, text, NODE_STRING);
    out->kind = kind;
    if (status == RIP_OK) status = set_text(c, text, n->kind == NODE_OBJECT, out);
    if (status == RIP_OK) compile_leave(c, mark);
    return status;
}

/* anything-but. */

typedef rip_status (*item_fn)(compiler *c, const node *n, predicate *out);

static rip_status not_plain(compiler *c, const node *n, predicate *out)
{
    if (n->kind == NODE_NUMBER) return number_value(c, n, out);
    if (n->kind != NODE_STRING) {
        return compile_wrong(c, n->at, "expected a string or a number in anything-but, found %s", KINDS[n->kind]);
    }
    out->kind = PREDICATE_STRING;
    return set_text(c, n, false, out);
}

static rip_status not_empty(compiler *c, const node *n, predicate *out, rip_status status)
{
    if (status == RIP_OK && out->len == 0) return compile_wrong(c, n->at, "it must not be empty in anything-but");
    return status;
}

static rip_status not_prefix(compiler *c, const node *n, predicate *out)
{
    return not_empty(c, n, out, affix_value(c, n, PREDICATE_PREFIX, out));
}

static rip_status not_suffix(compiler *c, const node *n, predicate *out)
{
    return not_empty(c, n, out, affix_value(c, n, PREDICATE_SUFFIX, out));
}

static rip_status compile_items(compiler *c, const node *n, item_fn fn, predicate *out)
{
    out->kind = PREDICATE_NONE_OF;
    out->count = n->kind == NODE_ARRAY ? n->count : 1;
    if (out->count == 0) return compile_wrong(c, n->at, "the list is empty");
    out->items = arena_alloc(c->memory, out->count * sizeof *out->items);
    if (!out->items) return rip_nomem(c->err);
    if (n->kind != NODE_ARRAY) return fn(c, n, out->items);
    size_t i = 0;
    for (const node *item = n->first; item; item = item->next, i++) {
        size_t mark = compile_enter_index(c, i + 1);
        rip_status status = fn(c, item, out->items + i);
        if (status != RIP_OK) return status;
        if (out->items[i].kind != out->items[0].kind) {
            return compile_wrong(c, item->at, "the values of one anything-but are all strings or all numbers");
        }
        compile_leave(c, mark);
    }
    return RIP_OK;
}

static rip_status compile_anything_but(compiler *c, const node *n, predicate *out)
{
    static const struct {
        const char *name;
        item_fn fn;
    } INSIDE[] = {{"prefix", not_prefix},
                  {"suffix", not_suffix},
                  {"equals-ignore-case", fold_value},
                  {"wildcard", wildcard_value}};
    if (n->kind != NODE_OBJECT) return compile_items(c, n, not_plain, out);
    const node *inside = only_member(c, n);
    if (!inside) return RIP_EINVAL;
    for (size_t i = 0; i < sizeof INSIDE / sizeof *INSIDE; i++) {
        if (!is(inside, INSIDE[i].name)) continue;
        size_t mark = compile_enter(c, inside->key, inside->key_len);
        rip_status status = compile_items(c, inside, INSIDE[i].fn, out);
        if (status == RIP_OK) compile_leave(c, mark);
        return status;
    }
    return compile_wrong(c, inside->key_at,
                         "anything-but takes prefix, suffix, equals-ignore-case or wildcard, not \"%s\"", inside->key);
}

/* All of them. */

static rip_status compile_exists(compiler *c, const node *n, predicate *out)
{
    if (n->kind != NODE_TRUE && n->kind != NODE_FALSE) {
        return compile_wrong(c, n->at, "expected true or false, found %s", KINDS[n->kind]);
    }
    out->kind = n->kind == NODE_TRUE ? PREDICATE_EXISTS : PREDICATE_ABSENT;
    return RIP_OK;
}

static rip_status compile_expression(compiler *c, const node *object, predicate *out)
{
    const node *n = only_member(c, object);
    if (!n) return RIP_EINVAL;
    rip_status status;
    size_t mark = compile_enter(c, n->key, n->key_len);
    if (is(n, "prefix") || is(n, "suffix")) {
        status = affix_value(c, n, is(n, "prefix") ? PREDICATE_PREFIX : PREDICATE_SUFFIX, out);
    } else if (is(n, "equals-ignore-case")) {
        status = fold_value(c, n, out);
    } else if (is(n, "wildcard")) {
        status = wildcard_value(c, n, out);
    } else if (is(n, "anything-but")) {
        status = compile_anything_but(c, n, out);
    } else if (is(n, "numeric")) {
        status = compile_numeric(c, n, out);
    } else if (is(n, "cidr")) {
        status = compile_cidr(c, n, out);
    } else if (is(n, "exists")) {
        status = compile_exists(c, n, out);
    } else if (is(n, "exactly")) {
        status = wanted(c, n, NODE_STRING);
        if (status == RIP_OK) status = string_value(c, n, out);
    } else {
        const char *meant = rip_suggest(n->key, NAMES, NAME_COUNT);
        status = compile_wrong(c, n->key_at, "there is no match expression \"%s\"%s%s", n->key,
                               meant ? "; did you mean " : "", meant ? meant : "");
    }
    if (status == RIP_OK) compile_leave(c, mark);
    return status;
}

static rip_status compile_value(compiler *c, const node *n, predicate *out)
{
    switch (n->kind) {
    case NODE_OBJECT: return compile_expression(c, n, out);
    case NODE_STRING: return string_value(c, n, out);
    case NODE_NUMBER: return number_value(c, n, out);
    case NODE_ARRAY:
        return compile_wrong(c, n->at,
                             "expected a string, a number, true, false, null or a match expression, found a list");
    default: out->kind = PREDICATE_WORD; return set_text(c, n, false, out);
    }
}

rip_status compile_values(compiler *c, const node *list, condition *out)
{
    if (list->count == 0) return compile_wrong(c, list->at, "the list of values is empty: nothing would match");
    out->count = list->count;
    out->predicates = arena_alloc(c->memory, list->count * sizeof *out->predicates);
    if (!out->predicates) return rip_nomem(c->err);
    size_t i = 0;
    for (const node *n = list->first; n; n = n->next, i++) {
        size_t mark = compile_enter_index(c, i + 1);
        rip_status status = compile_value(c, n, out->predicates + i);
        if (status != RIP_OK) return status;
        compile_leave(c, mark);
    }
    return RIP_OK;
}
