/* A value of the configuration from text or JSON, by its key's type. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/config_private.h"
#include "engine/base/units.h"

static rip_status check_range(const rip_config_key *key, int64_t number, const char *text, rip_error *err)
{
    if (key->least == 0 && key->most == 0) return RIP_OK;
    if (number >= key->least && number <= key->most) return RIP_OK;
    const char *unit = key->type == RIP_CONFIG_DURATION ? " ms" : key->type == RIP_CONFIG_SIZE ? " bytes" : "";
    return rip_fail(err, RIP_EINVAL, "expected %" PRId64 "%s to %" PRId64 "%s, found %s", key->least, unit, key->most,
                    unit, text);
}

static rip_status parse_integer(const char *text, int64_t *number, rip_error *err)
{
    char *end;
    errno = 0;
    long long value = strtoll(text, &end, 10);
    if (!*text || *end || errno != 0) return rip_fail(err, RIP_EINVAL, "expected a whole number, found %s", text);
    *number = value;
    return RIP_OK;
}

static rip_status parse_boolean(const char *text, int64_t *number, rip_error *err)
{
    *number = strcmp(text, "true") == 0;
    if (*number || strcmp(text, "false") == 0) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "expected true or false, found %s", text);
}

static rip_status parse_quantity(const rip_config_key *key, const char *text, int64_t *number, rip_error *err)
{
    uint64_t bytes = 0;
    if (key->type == RIP_CONFIG_DURATION) {
        if (rip_duration_parse(text, number)) return RIP_OK;
        return rip_fail(err, RIP_EINVAL, "expected a span of time such as 30s, 20m or 1h, found %s", text);
    }
    if (!rip_size_parse(text, &bytes))
        return rip_fail(err, RIP_EINVAL, "expected a size such as 64MiB, found %s", text);
    *number = (int64_t)bytes;
    return RIP_OK;
}

static bool is_word_of(const char *words, const char *text)
{
    size_t len = strlen(text);
    for (const char *at = words; *at;) {
        size_t word = strcspn(at, " ");
        if (word == len && strncmp(at, text, len) == 0) return true;
        at += word + (at[word] == ' ');
    }
    return false;
}

static rip_status keep_text(const char *text, config_value *value, rip_error *err)
{
    value->text = strdup(text);
    return value->text ? RIP_OK : rip_nomem(err);
}

static rip_status parse_strings(const char *text, config_value *value, rip_error *err)
{
    size_t count = *text ? 1 : 0;
    for (const char *at = text; *at; at++) count += *at == ',';
    value->strings = calloc(count + 1, sizeof *value->strings);
    if (!value->strings) return rip_nomem(err);
    for (const char *at = text; value->count < count;) {
        at += strspn(at, " ");
        size_t len = strcspn(at, ","), word = len;
        while (word > 0 && at[word - 1] == ' ') word--;
        if (word == 0) return rip_fail(err, RIP_EINVAL, "expected texts separated by commas, found an empty one");
        value->strings[value->count] = strndup(at, word);
        if (!value->strings[value->count++]) return rip_nomem(err);
        at += len + (at[len] == ',');
    }
    return RIP_OK;
}

rip_status config_value_parse(const rip_config_key *key, const char *text, config_value *value, rip_error *err)
{
    rip_status status = RIP_OK;
    json_t *rows;
    json_error_t why;
    switch (key->type) {
    case RIP_CONFIG_STRING: return keep_text(text, value, err);
    case RIP_CONFIG_CHOICE:
        if (is_word_of(key->words, text)) return keep_text(text, value, err);
        return rip_fail(err, RIP_EINVAL, "expected one of %s, found %s", key->words, text);
    case RIP_CONFIG_BOOLEAN: return parse_boolean(text, &value->number, err);
    case RIP_CONFIG_INTEGER: status = parse_integer(text, &value->number, err); break;
    case RIP_CONFIG_DURATION:
    case RIP_CONFIG_SIZE: status = parse_quantity(key, text, &value->number, err); break;
    case RIP_CONFIG_STRINGS: return parse_strings(text, value, err);
    case RIP_CONFIG_ROWS:
        if (!*text) return RIP_OK;
        rows = json_loads(text, JSON_REJECT_DUPLICATES, &why);
        if (!rows) return rip_fail(err, RIP_EINVAL, "expected a JSON array of objects: %s", why.text);
        status = config_value_from_json(key, rows, value, err);
        json_decref(rows);
        return status;
    }
    return status == RIP_OK ? check_range(key, value->number, text, err) : status;
}

/* Rows. */

rip_status config_value_reserve(const rip_config_key *key, size_t rows, config_value *value, rip_error *err)
{
    if (rows > CONFIG_ENTRIES_MAX) return rip_fail(err, RIP_ELIMIT, "over the limit of %d entries", CONFIG_ENTRIES_MAX);
    value->rows = calloc(rows + 1, sizeof *value->rows);
    if (!value->rows) return rip_nomem(err);
    for (value->count = 0; value->count < rows; value->count++) {
        config_row *row = &value->rows[value->count];
        row->cells = calloc(key->column_count, sizeof *row->cells);
        if (!row->cells) return rip_nomem(err);
    }
    return RIP_OK;
}

const rip_config_column *config_row_lacks(const rip_config_key *key, const config_row *row)
{
    for (size_t i = 0; i < key->column_count; i++) {
        if (key->columns[i].required && !row->cells[i].text && !row->cells[i].json) return &key->columns[i];
    }
    return NULL;
}

static rip_status cell_from_json(const rip_config_key *key, config_row *row, const char *name, json_t *json,
                                 rip_error *err)
{
    for (size_t i = 0; i < key->column_count; i++) {
        if (strcmp(key->columns[i].name, name) != 0) continue;
        if (key->columns[i].document) {
            row->cells[i].json = json_incref(json);
            return RIP_OK;
        }
        if (!json_is_string(json)) return rip_fail(err, RIP_EINVAL, "%s: expected a text", name);
        row->cells[i].text = strdup(json_string_value(json));
        return row->cells[i].text ? RIP_OK : rip_nomem(err);
    }
    return rip_fail(err, RIP_EINVAL, "there is no column %s", name);
}

rip_status config_value_from_json(const rip_config_key *key, const json_t *rows, config_value *value, rip_error *err)
{
    if (!json_is_array(rows)) return rip_fail(err, RIP_EINVAL, "expected a JSON array of objects");
    rip_status status = config_value_reserve(key, json_array_size(rows), value, err);
    for (size_t i = 0; value->rows && i < value->count && status == RIP_OK; i++) {
        json_t *from = json_array_get(rows, i), *json;
        const char *name;
        if (!json_is_object(from)) return rip_fail(err, RIP_EINVAL, "entry %zu: expected an object", i + 1);
        json_object_foreach (from, name, json) {
            if (status == RIP_OK) status = cell_from_json(key, &value->rows[i], name, json, err);
        }
        const rip_config_column *missing = status == RIP_OK ? config_row_lacks(key, &value->rows[i]) : NULL;
        if (missing) return rip_fail(err, RIP_EINVAL, "entry %zu: %s is missing", i + 1, missing->name);
    }
    return status;
}

void config_value_clear(const rip_config_key *key, config_value *value)
{
    free(value->text);
    free(value->origin);
    for (size_t i = 0; value->strings && i < value->count; i++) free(value->strings[i]);
    free(value->strings);
    for (size_t i = 0; value->rows && i < value->count; i++) {
        for (size_t k = 0; k < key->column_count; k++) {
            free(value->rows[i].cells[k].text);
            json_decref(value->rows[i].cells[k].json);
        }
        free(value->rows[i].cells);
    }
    free(value->rows);
    *value = (config_value){0};
}
