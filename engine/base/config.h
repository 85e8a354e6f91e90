/* The configuration: one YAML file, checked against one schema (config_schema.c) with the line of each mistake; every
 * key has a default; environment variables (RIPOSTE_MODE, RIPOSTE_LIMITS_CHANGES …) and flags override the file.
 *
 * Keys are dotted paths ("limits.run_time"). Asking for a key that the schema lacks, or as another type than it has, is
 * a programmer's mistake and aborts. */
#ifndef RIPOSTE_BASE_CONFIG_H
#define RIPOSTE_BASE_CONFIG_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"

#define RIP_CONFIG_BYTES_MAX ((size_t)4 << 20)

typedef struct rip_config rip_config;

typedef enum rip_config_type {
    RIP_CONFIG_STRING,
    RIP_CONFIG_CHOICE, /* one of a few words */
    RIP_CONFIG_BOOLEAN,
    RIP_CONFIG_INTEGER,
    RIP_CONFIG_DURATION, /* milliseconds once read */
    RIP_CONFIG_SIZE,     /* bytes once read */
    RIP_CONFIG_STRINGS,  /* a list of strings */
    RIP_CONFIG_ROWS      /* a list of tables with the columns of the schema */
} rip_config_type;

/** A column of a RIP_CONFIG_ROWS key. */
typedef struct rip_config_column {
    const char *name;
    const char *about;
    bool required;
    bool document; /* any YAML value, kept as JSON: see rip_config_cell_json */
} rip_config_column;

/** One key of the schema. */
typedef struct rip_config_key {
    const char *name; /* "limits.run_time" */
    rip_config_type type;
    const char *otherwise; /* the default as a person writes it; "" for empty lists and texts */
    const char *about;     /* one or two sentences, with units and limits */
    const char *words;     /* RIP_CONFIG_CHOICE: "text json" */
    int64_t least, most;   /* numbers, durations (ms) and sizes; both 0: any */
    const rip_config_column *columns;
    size_t column_count;
} rip_config_key;

/** The schema, in the order in which it is shown. */
const rip_config_key *rip_config_schema(size_t *count);

/** All defaults. NULL: out of memory. */
rip_config *rip_config_new(void);
void rip_config_free(rip_config *config);

/** Told of each mistake; its message starts with the place ("riposte.yaml:12:3: limits.runs: expected …"). */
typedef void (*rip_config_mistake_fn)(void *data, const rip_error *mistake);

/** Read a YAML file over what is set. Every mistake goes to `fn` (may be NULL): unknown keys (with a suggestion), wrong
 * types, values out of range, keys given twice, YAML that is none, anchors and tags past the limits. RIP_EINVAL with
 * the first of them in `err`, RIP_EIO or RIP_ENOTFOUND for the file itself. What is right is set all the same. */
rip_status rip_config_load(rip_config *config, const char *path, rip_config_mistake_fn fn, void *data, rip_error *err);

/** The same from memory; `name` is how mistakes call it. */
rip_status rip_config_parse(rip_config *config, const char *name, const char *text, size_t len,
                            rip_config_mistake_fn fn, void *data, rip_error *err);

/** RIPOSTE_ and the key in capitals with '_' for '.': RIPOSTE_LIMITS_CHANGES=200. RIPOSTE_CONFIG, RIPOSTE_DATA_DIR and
 * names that are no key but belong to other parts are passed over; unknown ones are mistakes, with a suggestion. */
rip_status rip_config_read_environment(rip_config *config, char *const *environment, rip_config_mistake_fn fn,
                                       void *data, rip_error *err);

/** Set one key from text, as --set KEY=VALUE does. A list is separated by commas; rows are JSON. */
rip_status rip_config_set(rip_config *config, const char *key, const char *text, rip_error *err);

/** Where a key's value came from: "riposte.yaml:12", "RIPOSTE_MODE", "--set", or "" for the default. Borrowed. */
const char *rip_config_origin(const rip_config *config, const char *key);

/* Values. Strings are borrowed and live until the key is set again. A string that is not set is "". */
const char *rip_config_string(const rip_config *config, const char *key); /* strings and choices */
bool rip_config_boolean(const rip_config *config, const char *key);
int64_t rip_config_integer(const rip_config *config, const char *key);
int64_t rip_config_duration(const rip_config *config, const char *key);
uint64_t rip_config_size(const rip_config *config, const char *key);
const char *const *rip_config_strings(const rip_config *config, const char *key, size_t *count);
size_t rip_config_rows(const rip_config *config, const char *key);
/** The text of a cell, NULL where it is not given. */
const char *rip_config_cell(const rip_config *config, const char *key, size_t row, const char *column);
/** A document cell; borrowed; NULL where it is not given. Plain scalars are numbers, booleans and null as in YAML 1.2's
 * core schema; quoted ones are strings. */
const json_t *rip_config_cell_json(const rip_config *config, const char *key, size_t row, const char *column);
/** Line and column in the file of a row (or, with `column`, of its cell); false where it came from elsewhere. */
bool rip_config_place(const rip_config *config, const char *key, size_t row, const char *column, unsigned *line,
                      unsigned *at);

#endif
