/* What the files of the configuration share: values as they are kept, YAML as it is read. */
#ifndef RIPOSTE_BASE_CONFIG_PRIVATE_H
#define RIPOSTE_BASE_CONFIG_PRIVATE_H

#include "engine/base/config.h"

/* A YAML value. Of a table each child carries its key. */
typedef enum config_kind { CONFIG_SCALAR, CONFIG_LIST, CONFIG_TABLE } config_kind;

typedef struct config_node config_node;
struct config_node {
    config_kind kind;
    bool plain; /* a scalar without quotes: it may be a number, a boolean or null */
    char *text; /* of a scalar; may not hold NUL */
    unsigned line, column;
    char *key; /* in a table */
    unsigned key_line, key_column;
    config_node *first, *last, *next;
    unsigned count; /* children */
};

/** Read one YAML document into nodes; *root is NULL for an empty one. `name` is how mistakes call it. Anchors, aliases
 * and tags are refused, keys given twice too; nesting is bounded. RIP_EINVAL with the place, RIP_ELIMIT, RIP_ENOMEM. */
rip_status config_yaml_read(const char *name, const char *text, size_t len, config_node **root, rip_error *err);
void config_node_free(config_node *node);

/** A plain scalar that is empty, ~ or null. */
bool config_node_is_null(const config_node *node);

/** As JSON, plain scalars by YAML 1.2's core schema; a new reference, NULL when memory is out. */
json_t *config_node_json(const config_node *node);

/* A value. Which members count is told by the key's type. */
typedef struct config_cell {
    char *text;
    json_t *json;
    unsigned line, column;
} config_cell;

typedef struct config_row {
    config_cell *cells; /* one for each column of the key */
    unsigned line, column;
} config_row;

typedef struct config_value {
    char *text;     /* strings and choices */
    int64_t number; /* booleans, integers, milliseconds, bytes */
    char **strings; /* lists */
    config_row *rows;
    size_t count; /* of strings or rows */
    char *origin; /* NULL: the default */
} config_value;

/** The schema's key of that name, or NULL. */
const rip_config_key *config_key_find(const char *name);

/* Each fills `value` (zeroed before) for `key`; RIP_EINVAL tells what was expected and what was found, without the
 * place. What was filled is freed by config_value_clear in any case. */
rip_status config_value_parse(const rip_config_key *key, const char *text, config_value *value, rip_error *err);
rip_status config_value_from_json(const rip_config_key *key, const json_t *rows, config_value *value, rip_error *err);
void config_value_clear(const rip_config_key *key, config_value *value);

/** Empty rows for `key`. RIP_ELIMIT past CONFIG_ENTRIES_MAX. */
rip_status config_value_reserve(const rip_config_key *key, size_t rows, config_value *value, rip_error *err);

/** The first required column that a row lacks, or NULL. */
const rip_config_column *config_row_lacks(const rip_config_key *key, const config_row *row);

/** Put a value in place; `value` is emptied. `origin` is copied; NULL: the default. */
rip_status config_assign(rip_config *config, const rip_config_key *key, config_value *value, const char *origin,
                         rip_error *err);

/** Report a mistake to `fn` (may be NULL), and keep the first in `err`, whose status must be RIP_OK before. */
void config_report(rip_config_mistake_fn fn, void *data, const rip_error *mistake, rip_error *err);

#define CONFIG_ENTRIES_MAX 10000 /* of one list */

#endif
