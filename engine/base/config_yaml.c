/* One YAML document into nodes, by libyaml's events: every node knows its place. */
#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "engine/base/config_private.h"

#define DEPTH_MAX 32
#define NODES_MAX 100000

typedef struct reading {
    yaml_parser_t parser;
    const char *name;
    unsigned depth, nodes;
    rip_error *err;
} reading;

static rip_status fail_at(const reading *r, const yaml_mark_t *mark, rip_status status, const char *what)
{
    return rip_fail(r->err, status, "%s:%zu:%zu: %s", r->name, mark->line + 1, mark->column + 1, what);
}

static rip_status next(reading *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event)) return RIP_OK;
    if (r->parser.error == YAML_MEMORY_ERROR) return rip_nomem(r->err);
    bool decoding = r->parser.error == YAML_READER_ERROR;
    if (decoding)
        return rip_fail(r->err, RIP_EINVAL, "%s: byte %zu: %s: expected UTF-8 text", r->name, r->parser.problem_offset,
                        r->parser.problem ? r->parser.problem : "it cannot be read");
    return fail_at(r, &r->parser.problem_mark, RIP_EINVAL, r->parser.problem ? r->parser.problem : "it is no YAML");
}

void config_node_free(config_node *node)
{
    while (node) {
        config_node *following = node->next;
        config_node_free(node->first);
        free(node->text);
        free(node->key);
        free(node);
        node = following;
    }
}

static config_node *node_new(reading *r, const yaml_event_t *event, config_kind kind)
{
    config_node *node = calloc(1, sizeof *node);
    if (!node) return NULL;
    r->nodes++;
    node->kind = kind;
    node->line = (unsigned)event->start_mark.line + 1;
    node->column = (unsigned)event->start_mark.column + 1;
    return node;
}

static void append(config_node *parent, config_node *child)
{
    if (parent->last)
        parent->last->next = child;
    else
        parent->first = child;
    parent->last = child;
    parent->count++;
}

static rip_status read_node(reading *r, const yaml_event_t *event, config_node **out);

static rip_status read_list(reading *r, config_node *list)
{
    for (;;) {
        yaml_event_t event;
        config_node *child = NULL;
        rip_status status = next(r, &event);
        if (status != RIP_OK) return status;
        bool end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) status = read_node(r, &event, &child);
        yaml_event_delete(&event);
        if (end || status != RIP_OK) return status;
        append(list, child);
    }
}

static const config_node *child_of(const config_node *table, const char *key)
{
    for (const config_node *child = table->first; child; child = child->next) {
        if (strcmp(child->key, key) == 0) return child;
    }
    return NULL;
}

/* The key is a scalar that the table has not got yet. */
static rip_status take_key(reading *r, const config_node *table, const yaml_event_t *event, char **key)
{
    if (event->type != YAML_SCALAR_EVENT) return fail_at(r, &event->start_mark, RIP_EINVAL, "expected a key");
    const char *text = (const char *)event->data.scalar.value;
    if (strlen(text) != event->data.scalar.length)
        return fail_at(r, &event->start_mark, RIP_EINVAL, "a key with a NUL character");
    const config_node *before = child_of(table, text);
    if (before) {
        rip_fail(r->err, RIP_EINVAL, "%s is given twice, first on line %u", text, before->key_line);
        return rip_error_prefix(r->err, "%s:%zu:%zu: ", r->name, event->start_mark.line + 1,
                                event->start_mark.column + 1);
    }
    *key = strdup(text);
    return *key ? RIP_OK : rip_nomem(r->err);
}

static rip_status read_entry(reading *r, config_node *table, const yaml_event_t *key_event)
{
    char *key = NULL;
    config_node *child = NULL;
    yaml_event_t event;
    rip_status status = take_key(r, table, key_event, &key);
    if (status == RIP_OK) status = next(r, &event);
    if (status != RIP_OK) {
        free(key);
        return status;
    }
    status = read_node(r, &event, &child);
    yaml_event_delete(&event);
    if (status != RIP_OK) {
        free(key);
        return status;
    }
    child->key = key;
    child->key_line = (unsigned)key_event->start_mark.line + 1;
    child->key_column = (unsigned)key_event->start_mark.column + 1;
    append(table, child);
    return RIP_OK;
}

static rip_status read_table(reading *r, config_node *table)
{
    for (;;) {
        yaml_event_t event;
        rip_status status = next(r, &event);
        if (status != RIP_OK) return status;
        bool end = event.type == YAML_MAPPING_END_EVENT;
        if (!end) status = read_entry(r, table, &event);
        yaml_event_delete(&event);
        if (end || status != RIP_OK) return status;
    }
}

static rip_status read_scalar(reading *r, const yaml_event_t *event, config_node *node)
{
    const char *text = (const char *)event->data.scalar.value;
    size_t len = event->data.scalar.length;
    if (memchr(text, '\0', len)) return fail_at(r, &event->start_mark, RIP_EINVAL, "a value with a NUL character");
    node->plain = event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE;
    node->text = strndup(text, len);
    return node->text ? RIP_OK : rip_nomem(r->err);
}

static const char *refused(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_ALIAS_EVENT: return "aliases are not taken: write the value out";
    case YAML_SCALAR_EVENT:
        if (event->data.scalar.anchor) return "anchors are not taken: write the value out";
        return event->data.scalar.tag && !event->data.scalar.quoted_implicit ? "tags are not taken" : NULL;
    case YAML_SEQUENCE_START_EVENT:
        if (event->data.sequence_start.anchor) return "anchors are not taken: write the value out";
        return event->data.sequence_start.tag ? "tags are not taken" : NULL;
    case YAML_MAPPING_START_EVENT:
        if (event->data.mapping_start.anchor) return "anchors are not taken: write the value out";
        return event->data.mapping_start.tag ? "tags are not taken" : NULL;
    default: return "expected a value";
    }
}

static rip_status read_node(reading *r, const yaml_event_t *event, config_node **out)
{
    const char *why = refused(event);
    if (why) return fail_at(r, &event->start_mark, RIP_EINVAL, why);
    if (r->depth >= DEPTH_MAX) return fail_at(r, &event->start_mark, RIP_ELIMIT, "it nests too deeply");
    if (r->nodes >= NODES_MAX) return fail_at(r, &event->start_mark, RIP_ELIMIT, "there are too many values");
    config_kind kind = event->type == YAML_SCALAR_EVENT           ? CONFIG_SCALAR
                       : event->type == YAML_SEQUENCE_START_EVENT ? CONFIG_LIST
                                                                  : CONFIG_TABLE;
    config_node *node = node_new(r, event, kind);
    if (!node) return rip_nomem(r->err);
    r->depth++;
    rip_status status = kind == CONFIG_SCALAR ? read_scalar(r, event, node)
                        : kind == CONFIG_LIST ? read_list(r, node)
                                              : read_table(r, node);
    r->depth--;
    if (status == RIP_OK)
        *out = node;
    else
        config_node_free(node);
    return status;
}

/* Stream start, document start, the root, document end; then the stream's end. */
static rip_status read_document(reading *r, config_node **root)
{
    yaml_event_t event;
    rip_status status = next(r, &event); /* the stream's start */
    if (status != RIP_OK) return status;
    yaml_event_delete(&event);
    unsigned documents = 0;
    for (bool end = false; !end && status == RIP_OK;) {
        status = next(r, &event);
        if (status != RIP_OK) return status;
        switch (event.type) {
        case YAML_STREAM_END_EVENT: end = true; break;
        case YAML_DOCUMENT_START_EVENT:
            if (documents++ > 0)
                status = fail_at(r, &event.start_mark, RIP_EINVAL, "expected one document, found another");
            break;
        case YAML_DOCUMENT_END_EVENT: break;
        default: status = read_node(r, &event, root);
        }
        yaml_event_delete(&event);
    }
    return status;
}

rip_status config_yaml_read(const char *name, const char *text, size_t len, config_node **root, rip_error *err)
{
    reading r = {.name = name, .err = err};
    *root = NULL;
    if (!yaml_parser_initialize(&r.parser)) return rip_nomem(err);
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, len);
    rip_status status = read_document(&r, root);
    yaml_parser_delete(&r.parser);
    if (status != RIP_OK) {
        config_node_free(*root);
        *root = NULL;
    }
    return status;
}

/* To JSON. */

bool config_node_is_null(const config_node *node)
{
    if (node->kind != CONFIG_SCALAR || !node->plain) return false;
    return !*node->text || strcmp(node->text, "~") == 0 || strcasecmp(node->text, "null") == 0;
}

static json_t *plain_json(const char *text)
{
    static const char *const WORDS[][2] = {{"true", "false"}, {"True", "False"}, {"TRUE", "FALSE"}};
    for (size_t i = 0; i < sizeof WORDS / sizeof *WORDS; i++) {
        if (strcmp(text, WORDS[i][0]) == 0) return json_true();
        if (strcmp(text, WORDS[i][1]) == 0) return json_false();
    }
    bool numeric = strspn(text, "+-.0123456789eE") == strlen(text) && strpbrk(text, "0123456789");
    char *end;
    errno = 0;
    long long integer = strtoll(text, &end, 10);
    if (numeric && !*end && errno == 0) return json_integer(integer);
    double real = numeric ? strtod(text, &end) : 0;
    if (numeric && !*end && isfinite(real)) return json_real(real);
    return json_string(text);
}

json_t *config_node_json(const config_node *node)
{
    if (config_node_is_null(node)) return json_null();
    if (node->kind == CONFIG_SCALAR) return node->plain ? plain_json(node->text) : json_string(node->text);
    json_t *all = node->kind == CONFIG_LIST ? json_array() : json_object();
    for (const config_node *child = node->first; child; child = child->next) {
        json_t *value = config_node_json(child);
        int added =
            node->kind == CONFIG_LIST ? json_array_append_new(all, value) : json_object_set_new(all, child->key, value);
        if (added == 0) continue;
        json_decref(all);
        return NULL;
    }
    return all;
}
