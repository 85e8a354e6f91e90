/* A YAML file over what is set: nodes are matched with the schema, and every mistake is told with its place. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/config_private.h"
#include "engine/base/data.h"
#include "engine/base/suggest.h"

typedef struct loading {
    rip_config *config;
    const char *name;
    rip_config_mistake_fn fn;
    void *data;
    rip_error first; /* of the mistakes */
} loading;

static void mistake(loading *l, unsigned line, unsigned column, const char *field, const rip_error *why)
{
    rip_error told = *why;
    rip_error_prefix(&told, "%s:%u:%u: %s%s", l->name, line, column, field, *field ? ": " : "");
    config_report(l->fn, l->data, &told, &l->first);
}

static const char *kind_name(const config_node *node)
{
    return node->kind == CONFIG_SCALAR ? "a text" : node->kind == CONFIG_LIST ? "a list" : "a table";
}

static rip_status strings_from(const config_node *node, config_value *value, rip_error *err)
{
    if (config_node_is_null(node)) return RIP_OK;
    if (node->kind != CONFIG_LIST)
        return rip_fail(err, RIP_EINVAL, "expected a list of texts, found %s", kind_name(node));
    if (node->count > CONFIG_ENTRIES_MAX)
        return rip_fail(err, RIP_ELIMIT, "over the limit of %d entries", CONFIG_ENTRIES_MAX);
    value->strings = calloc(node->count + 1, sizeof *value->strings);
    if (!value->strings) return rip_nomem(err);
    for (const config_node *child = node->first; child; child = child->next) {
        if (child->kind != CONFIG_SCALAR || config_node_is_null(child))
            return rip_fail(err, RIP_EINVAL, "entry %zu: expected a text, found %s", value->count + 1,
                            config_node_is_null(child) ? "nothing" : kind_name(child));
        value->strings[value->count] = strdup(child->text);
        if (!value->strings[value->count++]) return rip_nomem(err);
    }
    return RIP_OK;
}

static rip_status cell_from(const rip_config_key *key, config_row *row, const config_node *node, rip_error *err)
{
    const char *names[16];
    for (size_t i = 0; i < key->column_count; i++) {
        names[i] = key->columns[i].name;
        if (strcmp(names[i], node->key) != 0) continue;
        config_cell *cell = &row->cells[i];
        cell->line = node->line;
        cell->column = node->column;
        if (key->columns[i].document) return (cell->json = config_node_json(node)) ? RIP_OK : rip_nomem(err);
        if (node->kind != CONFIG_SCALAR || config_node_is_null(node))
            return rip_fail(err, RIP_EINVAL, "%s: expected a text, found %s", node->key,
                            config_node_is_null(node) ? "nothing" : kind_name(node));
        return (cell->text = strdup(node->text)) ? RIP_OK : rip_nomem(err);
    }
    const char *meant = rip_suggest(node->key, names, key->column_count);
    return rip_fail(err, RIP_EINVAL, "%s: there is no such column%s%s", node->key, meant ? "; did you mean " : "",
                    meant ? meant : "");
}

static rip_status row_from(loading *l, const rip_config_key *key, config_row *row, const config_node *node)
{
    rip_error why = {RIP_OK, ""};
    row->line = node->line;
    row->column = node->column;
    if (node->kind != CONFIG_TABLE) {
        rip_fail(&why, RIP_EINVAL, "expected a table, found %s", kind_name(node));
        mistake(l, node->line, node->column, key->name, &why);
        return RIP_EINVAL;
    }
    for (const config_node *child = node->first; child; child = child->next) {
        if (cell_from(key, row, child, &why) == RIP_OK) continue;
        mistake(l, child->key_line, child->key_column, key->name, &why);
        return why.status;
    }
    const rip_config_column *missing = config_row_lacks(key, row);
    if (!missing) return RIP_OK;
    rip_fail(&why, RIP_EINVAL, "%s is missing", missing->name);
    mistake(l, node->line, node->column, key->name, &why);
    return RIP_EINVAL;
}

/* What is wrong within the rows is told here, each at its own place. */
static rip_status rows_from(loading *l, const rip_config_key *key, const config_node *node, config_value *value,
                            rip_error *err)
{
    if (config_node_is_null(node)) return RIP_OK;
    if (node->kind != CONFIG_LIST)
        return rip_fail(err, RIP_EINVAL, "expected a list of tables, found %s", kind_name(node));
    rip_status status = config_value_reserve(key, node->count, value, err), worst = RIP_OK;
    size_t i = 0;
    for (const config_node *child = node->first; child && status == RIP_OK; child = child->next) {
        if (row_from(l, key, &value->rows[i++], child) != RIP_OK) worst = RIP_ECANCELED;
    }
    return status != RIP_OK ? status : worst;
}

static void set_key(loading *l, const rip_config_key *key, const config_node *node)
{
    config_value value = {0};
    rip_error why = {RIP_OK, ""};
    rip_status status;
    char origin[512];
    if (key->type == RIP_CONFIG_STRINGS)
        status = strings_from(node, &value, &why);
    else if (key->type == RIP_CONFIG_ROWS)
        status = rows_from(l, key, node, &value, &why);
    else if (node->kind != CONFIG_SCALAR)
        status = rip_fail(&why, RIP_EINVAL, "expected one value, found %s", kind_name(node));
    else
        status = config_value_parse(key, config_node_is_null(node) ? "" : node->text, &value, &why);
    snprintf(origin, sizeof origin, "%s:%u", l->name, node->key_line);
    if (status == RIP_OK) status = config_assign(l->config, key, &value, origin, &why);
    config_value_clear(key, &value);
    if (status != RIP_OK && status != RIP_ECANCELED) mistake(l, node->line, node->column, key->name, &why);
}

static bool is_section(const char *path)
{
    size_t count, len = strlen(path);
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) {
        if (strncmp(schema[i].name, path, len) == 0 && schema[i].name[len] == '.') return true;
    }
    return false;
}

/* What may stand where an unknown key does: the next word of each of the schema's names below the same section. */
static const char *nearest(const char *prefix, const char *key, char memory[64][64])
{
    const char *names[64];
    size_t count, known = 0, len = strlen(prefix);
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count && known < 64; i++) {
        const char *name = schema[i].name;
        if (len > 0 && (strncmp(name, prefix, len) != 0 || name[len] != '.')) continue;
        name += len > 0 ? len + 1 : 0;
        snprintf(memory[known], 64, "%.*s", (int)strcspn(name, "."), name);
        names[known] = memory[known];
        known++;
    }
    return rip_suggest(key, names, known);
}

static void unknown_key(loading *l, const config_node *node, const char *prefix, const char *path)
{
    char memory[64][64];
    rip_error why;
    const char *meant = nearest(prefix, node->key, memory);
    rip_fail(&why, RIP_EINVAL, "there is no such key%s%s%s%s", meant ? "; did you mean " : "", meant ? prefix : "",
             meant && *prefix ? "." : "", meant ? meant : "");
    mistake(l, node->key_line, node->key_column, path, &why);
}

static void walk(loading *l, const config_node *table, const char *prefix)
{
    for (const config_node *node = table->first; node; node = node->next) {
        char path[256];
        rip_error why;
        snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", node->key);
        const rip_config_key *key = config_key_find(path);
        if (key) {
            set_key(l, key, node);
        } else if (!is_section(path)) {
            unknown_key(l, node, prefix, path);
        } else if (node->kind == CONFIG_TABLE) {
            walk(l, node, path);
        } else if (!config_node_is_null(node)) {
            rip_fail(&why, RIP_EINVAL, "expected a table, found %s", kind_name(node));
            mistake(l, node->line, node->column, path, &why);
        }
    }
}

rip_status rip_config_parse(rip_config *config, const char *name, const char *text, size_t len,
                            rip_config_mistake_fn fn, void *data, rip_error *err)
{
    loading l = {config, name, fn, data, {RIP_OK, ""}};
    config_node *root = NULL;
    rip_error why = {RIP_OK, ""};
    rip_status status = config_yaml_read(name, text, len, &root, &why);
    if (status != RIP_OK) {
        config_report(fn, data, &why, &l.first);
    } else if (root && root->kind == CONFIG_TABLE) {
        walk(&l, root, "");
    } else if (root && !config_node_is_null(root)) {
        rip_fail(&why, RIP_EINVAL, "expected a table of settings, found %s", kind_name(root));
        mistake(&l, root->line, root->column, "", &why);
    }
    config_node_free(root);
    if (l.first.status != RIP_OK && err) *err = l.first;
    return l.first.status;
}

rip_status rip_config_load(rip_config *config, const char *path, rip_config_mistake_fn fn, void *data, rip_error *err)
{
    char *text = NULL;
    size_t len = 0;
    rip_status status = rip_read_file(path, RIP_CONFIG_BYTES_MAX, &text, &len, err);
    if (status != RIP_OK) return status;
    status = rip_config_parse(config, path, text, len, fn, data, err);
    free(text);
    return status;
}
