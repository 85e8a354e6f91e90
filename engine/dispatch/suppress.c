#include "engine/dispatch/suppress.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/clock.h"
#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/trigger/trigger.h"

struct suppressions {
    suppression *items;
    size_t count;
    trigger_set *patterns; /* their owners are the items */
    int64_t next_expiry;   /* INT64_MAX: none */
};

/* Rows of the configuration on their way in. */
typedef struct reading {
    suppressions *set;
    const rip_config *config;
    const char *key;
    rip_config_mistake_fn fn;
    void *data;
    rip_error *err; /* the first mistake */
    size_t mistakes;
} reading;

static void mistake(reading *r, size_t row, const char *column, const char *field, const char *message)
{
    rip_error what;
    unsigned line, at;
    rip_fail(&what, RIP_EINVAL, "%s[%zu].%s%s: %s", r->key, row + 1, column, field, message);
    if (rip_config_place(r->config, r->key, row, column, &line, &at)) {
        char file[512];
        const char *origin = rip_config_origin(r->config, r->key), *colon = strrchr(origin, ':');
        snprintf(file, sizeof file, "%.*s", colon ? (int)(colon - origin) : (int)strlen(origin), origin);
        rip_error_prefix(&what, "%s:%u:%u: ", file, line, at);
    }
    if (r->fn) r->fn(r->data, &what);
    if (r->mistakes++ == 0 && r->err) *r->err = what;
}

static bool read_expiry(const char *text, int64_t *ms)
{
    char whole[40];
    if (rip_time_parse(text, ms)) return true;
    snprintf(whole, sizeof whole, "%.20sT00:00:00Z", text);
    return strlen(text) == 10 && rip_time_parse(whole, ms);
}

static rip_status read_pattern(reading *r, size_t row, const suppression *owner)
{
    const json_t *pattern = rip_config_cell_json(r->config, r->key, row, "pattern");
    if (!pattern) {
        mistake(r, row, "pattern", "", "it is missing");
        return RIP_OK;
    }
    char *text = rip_json_dump(pattern, JSON_COMPACT | JSON_ENCODE_ANY);
    if (!text) return rip_nomem(r->err);
    trigger_mistake where;
    rip_error why;
    rip_status status = trigger_set_add(r->set->patterns, owner, text, strlen(text), &where, &why);
    free(text);
    if (status == RIP_ENOMEM) return rip_nomem(r->err);
    char field[sizeof where.path + 1];
    snprintf(field, sizeof field, "%s%s", where.path[0] && where.path[0] != '[' ? "." : "", where.path);
    if (status != RIP_OK) mistake(r, row, "pattern", field, why.message);
    return RIP_OK;
}

static rip_status read_row(reading *r, size_t row)
{
    suppression *s = &r->set->items[row];
    const char *name = rip_config_cell(r->config, r->key, row, "name");
    const char *reason = rip_config_cell(r->config, r->key, row, "reason");
    const char *expires = rip_config_cell(r->config, r->key, row, "expires");
    if (!name || !*name) mistake(r, row, "name", "", "it is missing");
    if (!reason || !*reason) mistake(r, row, "reason", "", "it is missing: say why these findings are left alone");
    for (size_t i = 0; i < row && name; i++) {
        if (strcmp(r->set->items[i].name, name) == 0) mistake(r, row, "name", "", "another suppression has this name");
    }
    if (expires && *expires && !read_expiry(expires, &s->expires))
        mistake(r, row, "expires", "", "expected a date (2026-12-31) or a date-time (2026-12-31T18:00:00Z)");
    s->name = strdup(name ? name : "");
    s->reason = strdup(reason ? reason : "");
    r->set->count = row + 1;
    return s->name && s->reason ? read_pattern(r, row, s) : rip_nomem(r->err);
}

rip_status suppressions_new(const rip_config *config, const char *key, rip_config_mistake_fn fn, void *data,
                            suppressions **out, rip_error *err)
{
    suppressions *set = calloc(1, sizeof *set);
    if (!set) return rip_nomem(err);
    reading r = {.set = set, .config = config, .key = key, .fn = fn, .data = data, .err = err};
    size_t rows = rip_config_rows(config, key);
    set->items = calloc(rows + 1, sizeof *set->items);
    set->patterns = trigger_set_new();
    rip_status status = set->items && set->patterns ? RIP_OK : rip_nomem(err);
    for (size_t row = 0; row < rows && status == RIP_OK; row++) status = read_row(&r, row);
    if (status == RIP_OK && r.mistakes) status = RIP_EINVAL;
    if (status == RIP_OK)
        *out = set;
    else
        suppressions_free(set);
    return status;
}

void suppressions_free(suppressions *set)
{
    if (!set) return;
    trigger_set_free(set->patterns);
    for (size_t i = 0; i < set->count; i++) {
        free((char *)(uintptr_t)set->items[i].name);
        free((char *)(uintptr_t)set->items[i].reason);
    }
    free(set->items);
    free(set);
}

/* Patterns whose time is over go before an event meets them. */
static void expire(suppressions *set, int64_t now)
{
    if (now < set->next_expiry) return;
    set->next_expiry = INT64_MAX;
    for (size_t i = 0; i < set->count; i++) {
        const suppression *s = &set->items[i];
        if (s->expires > now && s->expires < set->next_expiry) set->next_expiry = s->expires;
        if (s->expires == 0 || s->expires > now || !trigger_set_remove(set->patterns, s)) continue;
        char ended[32], acted[24];
        rip_time_format(s->expires, ended);
        snprintf(acted, sizeof acted, "%llu", (unsigned long long)s->acted);
        rip_log(RIP_LOG_WARN, "suppression.expired", "name", s->name, "reason", s->reason, "expired", ended, "acted",
                acted, NULL);
    }
}

static void on_match(void *data, const void *owner)
{
    const void **first = data;
    if (!*first) *first = owner;
}

rip_status suppressions_match(suppressions *set, const char *event, size_t len, int64_t now, const char *origin,
                              const suppression **by, rip_error *err)
{
    const void *first = NULL;
    *by = NULL;
    expire(set, now);
    if (trigger_set_count(set->patterns) == 0) return RIP_OK;
    rip_status status = trigger_set_match(set->patterns, event, len, on_match, &first, err);
    if (status != RIP_OK || !first) return status;
    suppression *s = &set->items[(const suppression *)first - set->items];
    s->acted++;
    s->acted_at = now;
    rip_log(RIP_LOG_INFO, "finding.suppressed", "by", s->name, "reason", s->reason, "origin", origin, NULL);
    *by = s;
    return RIP_OK;
}

size_t suppressions_count(const suppressions *set)
{
    return set->count;
}

const suppression *suppressions_at(const suppressions *set, size_t index)
{
    return &set->items[index];
}
