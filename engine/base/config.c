#include "engine/base/config.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/config_private.h"
#include "engine/base/suggest.h"

#define PREFIX "RIPOSTE_"
#define KEYS_MOST 256

struct rip_config {
    config_value *values; /* in the schema's order */
};

static size_t place_of(const rip_config_key *key)
{
    size_t count;
    return (size_t)(key - rip_config_schema(&count));
}

rip_config *rip_config_new(void)
{
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    rip_config *config = calloc(1, sizeof *config);
    if (!config) return NULL;
    config->values = calloc(count, sizeof *config->values);
    for (size_t i = 0; config->values && i < count; i++) {
        rip_error err;
        rip_status status = config_value_parse(&schema[i], schema[i].otherwise, &config->values[i], &err);
        if (status == RIP_EINVAL) abort(); /* a default that its own key refuses */
        if (status == RIP_OK) continue;
        rip_config_free(config);
        return NULL;
    }
    if (config->values) return config;
    free(config);
    return NULL;
}

void rip_config_free(rip_config *config)
{
    if (!config) return;
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) config_value_clear(&schema[i], &config->values[i]);
    free(config->values);
    free(config);
}

void config_report(rip_config_mistake_fn fn, void *data, const rip_error *mistake, rip_error *err)
{
    if (fn) fn(data, mistake);
    if (err && err->status == RIP_OK) *err = *mistake;
}

rip_status config_assign(rip_config *config, const rip_config_key *key, config_value *value, const char *origin,
                         rip_error *err)
{
    char *copy = origin ? strdup(origin) : NULL;
    if (origin && !copy) return rip_nomem(err);
    config_value *place = &config->values[place_of(key)];
    config_value_clear(key, place);
    *place = *value;
    place->origin = copy;
    *value = (config_value){0};
    return RIP_OK;
}

/* From text. */

static const char *suggestion(const char *name)
{
    const char *names[KEYS_MOST];
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count && i < KEYS_MOST; i++) names[i] = schema[i].name;
    return rip_suggest(name, names, count < KEYS_MOST ? count : KEYS_MOST);
}

static rip_status set_from(rip_config *config, const rip_config_key *key, const char *text, const char *origin,
                           rip_error *err)
{
    config_value value = {0};
    rip_status status = config_value_parse(key, text, &value, err);
    if (status == RIP_OK) status = config_assign(config, key, &value, origin, err);
    config_value_clear(key, &value);
    return status == RIP_OK ? RIP_OK : rip_error_prefix(err, "%s: ", key->name);
}

rip_status rip_config_set(rip_config *config, const char *name, const char *text, rip_error *err)
{
    const rip_config_key *key = config_key_find(name);
    if (key) return set_from(config, key, text, "--set", err);
    const char *meant = suggestion(name);
    return rip_fail(err, RIP_EINVAL, "there is no setting %s%s%s", name, meant ? "; did you mean " : "",
                    meant ? meant : "");
}

/* "limits.run_time" -> "RIPOSTE_LIMITS_RUN_TIME" */
static void variable_of(const rip_config_key *key, char *out, size_t size)
{
    size_t at = (size_t)snprintf(out, size, "%s", PREFIX);
    for (const char *p = key->name; *p && at + 1 < size; p++)
        out[at++] = (char)(*p == '.' ? '_' : toupper((unsigned char)*p));
    out[at] = '\0';
}

static bool is_elsewhere(const char *name)
{
    /* Other parts of the program, its tests and its scripts read these. */
    static const char *const NAMES[] = {"RIPOSTE_CONFIG", "RIPOSTE_DATA_DIR", "RIPOSTE_CONFORMANCE", "RIPOSTE_FINDINGS",
                                        "RIPOSTE_REQUIRE_E2E"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(NAMES[i], name) == 0) return true;
    }
    return false;
}

static rip_status read_variable(rip_config *config, const char *name, const char *text, rip_error *err)
{
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    const char *variables[KEYS_MOST];
    char names[KEYS_MOST][64];
    for (size_t i = 0; i < count && i < KEYS_MOST; i++) {
        variable_of(&schema[i], names[i], sizeof names[i]);
        if (strcmp(names[i], name) == 0) {
            rip_status status = set_from(config, &schema[i], text, name, err);
            return status == RIP_OK ? RIP_OK : rip_error_prefix(err, "%s: ", name);
        }
        variables[i] = names[i];
    }
    const char *meant = rip_suggest(name, variables, count < KEYS_MOST ? count : KEYS_MOST);
    return rip_fail(err, RIP_EINVAL, "%s: there is no such setting%s%s", name, meant ? "; did you mean " : "",
                    meant ? meant : "");
}

rip_status rip_config_read_environment(rip_config *config, char *const *environment, rip_config_mistake_fn fn,
                                       void *data, rip_error *err)
{
    rip_error first = {RIP_OK, ""};
    for (; *environment; environment++) {
        if (strncmp(*environment, PREFIX, sizeof PREFIX - 1) != 0) continue;
        size_t len = strcspn(*environment, "=");
        char *name = strndup(*environment, len);
        if (!name) return rip_nomem(err);
        rip_error why = {RIP_OK, ""};
        if ((*environment)[len] == '=' && !is_elsewhere(name) &&
            read_variable(config, name, *environment + len + 1, &why) != RIP_OK) {
            config_report(fn, data, &why, &first);
        }
        free(name);
    }
    if (first.status != RIP_OK && err) *err = first;
    return first.status;
}

/* Values. */

static const config_value *value_of(const rip_config *config, const char *name, unsigned types)
{
    const rip_config_key *key = config_key_find(name);
    if (!key || !(types & (1U << key->type))) {
        fprintf(stderr, "riposte: %s is asked for as what it is not\n", name);
        abort();
    }
    return &config->values[place_of(key)];
}

const char *rip_config_origin(const rip_config *config, const char *key)
{
    const config_value *value = value_of(config, key, ~0U);
    return value->origin ? value->origin : "";
}

const char *rip_config_string(const rip_config *config, const char *key)
{
    return value_of(config, key, 1U << RIP_CONFIG_STRING | 1U << RIP_CONFIG_CHOICE)->text;
}

bool rip_config_boolean(const rip_config *config, const char *key)
{
    return value_of(config, key, 1U << RIP_CONFIG_BOOLEAN)->number != 0;
}

int64_t rip_config_integer(const rip_config *config, const char *key)
{
    return value_of(config, key, 1U << RIP_CONFIG_INTEGER)->number;
}

int64_t rip_config_duration(const rip_config *config, const char *key)
{
    return value_of(config, key, 1U << RIP_CONFIG_DURATION)->number;
}

uint64_t rip_config_size(const rip_config *config, const char *key)
{
    return (uint64_t)value_of(config, key, 1U << RIP_CONFIG_SIZE)->number;
}

const char *const *rip_config_strings(const rip_config *config, const char *key, size_t *count)
{
    const config_value *value = value_of(config, key, 1U << RIP_CONFIG_STRINGS);
    *count = value->count;
    return (const char *const *)value->strings;
}

size_t rip_config_rows(const rip_config *config, const char *key)
{
    return value_of(config, key, 1U << RIP_CONFIG_ROWS)->count;
}

static const config_cell *cell_of(const rip_config *config, const char *name, size_t row, const char *column)
{
    const config_value *value = value_of(config, name, 1U << RIP_CONFIG_ROWS);
    const rip_config_key *key = config_key_find(name);
    for (size_t i = 0; row < value->count && i < key->column_count; i++) {
        if (strcmp(key->columns[i].name, column) == 0) return &value->rows[row].cells[i];
    }
    return NULL;
}

const char *rip_config_cell(const rip_config *config, const char *key, size_t row, const char *column)
{
    const config_cell *cell = cell_of(config, key, row, column);
    return cell ? cell->text : NULL;
}

const json_t *rip_config_cell_json(const rip_config *config, const char *key, size_t row, const char *column)
{
    const config_cell *cell = cell_of(config, key, row, column);
    return cell ? cell->json : NULL;
}

bool rip_config_place(const rip_config *config, const char *key, size_t row, const char *column, unsigned *line,
                      unsigned *at)
{
    const config_value *value = value_of(config, key, 1U << RIP_CONFIG_ROWS);
    const config_cell *cell = column ? cell_of(config, key, row, column) : NULL;
    *line = cell ? cell->line : row < value->count ? value->rows[row].line : 0;
    *at = cell ? cell->column : row < value->count ? value->rows[row].column : 0;
    return *line > 0;
}
