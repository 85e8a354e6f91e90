#include "lua/source_map.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "lua/source_lexer.h"

/* A field under a longer path is left out, so that a map stays small whatever the text. */
#define PATH_BYTES_MAX 512
#define KEY_BYTES_MAX 128

typedef struct field {
    char *path;
    size_t len;
    rip_source_place place;
} field;

struct rip_source_map {
    bool has_header;
    rip_source_place header;
    field *fields; /* in the order of the text */
    size_t count, cap;
    bool failed; /* out of memory */
};

static void add_field(rip_source_map *map, const rip_buffer *path, const rip_token *token)
{
    if (path->len > PATH_BYTES_MAX || map->count >= RIP_SOURCE_MAP_FIELDS_MAX || map->failed) return;
    if (map->count == map->cap) {
        size_t cap = map->cap ? map->cap * 2 : 32;
        field *fields = realloc(map->fields, cap * sizeof *fields);
        map->failed = !fields;
        if (!fields) return;
        map->fields = fields;
        map->cap = cap;
    }
    char *copy = path->failed ? NULL : strndup(path->data ? path->data : "", path->len);
    map->failed = !copy;
    if (copy) map->fields[map->count++] = (field){copy, path->len, {token->line, token->column}};
}

/* How the nesting of blocks and brackets changes with a token. */
static int nesting(const rip_lexer *lexer)
{
    static const char *const OPEN[] = {"function", "if", "do", "repeat", "(", "{", "["};
    static const char *const CLOSE[] = {"end", "until", ")", "}", "]"};
    for (size_t i = 0; i < sizeof OPEN / sizeof *OPEN; i++) {
        if (rip_lexer_is(lexer, OPEN[i])) return 1;
    }
    for (size_t i = 0; i < sizeof CLOSE / sizeof *CLOSE; i++) {
        if (rip_lexer_is(lexer, CLOSE[i])) return -1;
    }
    return 0;
}

/* Go to what ends the value that the current token starts: ',' or ';' or '}' outside all nesting, or the text's end. */
static void skip_value(rip_lexer *lexer)
{
    int depth = 0;
    for (; lexer->token.kind != RIP_TOKEN_END; rip_lexer_next(lexer)) {
        bool ends = rip_lexer_is(lexer, ",") || rip_lexer_is(lexer, ";") || rip_lexer_is(lexer, "}");
        if (depth == 0 && ends) return;
        depth += nesting(lexer);
        if (depth < 0) return;
    }
}

static bool is_plain_name(const char *text, size_t len)
{
    rip_lexer lexer;
    rip_lexer_init(&lexer, text, len);
    rip_lexer_next(&lexer);
    return lexer.token.kind == RIP_TOKEN_NAME && lexer.token.len == len;
}

static void append_name(rip_buffer *path, const char *name, size_t len)
{
    if (is_plain_name(name, len)) {
        if (path->len) rip_buffer_putc(path, '.');
        rip_buffer_append(path, name, len);
    } else {
        rip_buffer_putc(path, '[');
        rip_escape_json(path, name, len, KEY_BYTES_MAX);
        rip_buffer_putc(path, ']');
    }
}

/* `[ key ] =`: the lexer is at '['. True, past the '=', with the key appended, when the key is a string or a decimal.
 */
static bool bracketed_key(rip_lexer *lexer, rip_buffer *path)
{
    rip_lexer_next(lexer);
    rip_token key = lexer->token;
    rip_lexer_next(lexer);
    if (!rip_lexer_is(lexer, "]")) return false;
    rip_lexer_next(lexer);
    if (!rip_lexer_is(lexer, "=")) return false;
    rip_lexer_next(lexer);
    char text[KEY_BYTES_MAX];
    size_t len = 0;
    if (rip_token_string(&key, text, sizeof text, &len)) {
        append_name(path, text, len);
        return true;
    }
    if (key.kind != RIP_TOKEN_NUMBER || key.len > 9 || strspn(key.text, "0123456789") < key.len) return false;
    rip_buffer_printf(path, "[%lu]", strtoul(key.text, NULL, 10));
    return true;
}

static void read_table(rip_source_map *map, rip_lexer *lexer, rip_buffer *path, int depth);

/* One field of a table: the lexer is at its first token, and ends at what follows its value. */
static void read_field(rip_source_map *map, rip_lexer *lexer, rip_buffer *path, unsigned *index, int depth)
{
    rip_token start = lexer->token;
    size_t outer = path->len;
    bool known = false;
    rip_lexer ahead = *lexer;
    rip_lexer_next(&ahead);
    if (start.kind == RIP_TOKEN_NAME && rip_lexer_is(&ahead, "=")) {
        append_name(path, start.text, start.len < PATH_BYTES_MAX ? start.len : PATH_BYTES_MAX);
        rip_lexer_next(&ahead);
        *lexer = ahead;
        known = start.len < KEY_BYTES_MAX;
    } else if (rip_lexer_is(lexer, "[")) {
        known = bracketed_key(lexer, path);
    } else {
        rip_buffer_printf(path, "[%u]", ++*index);
        known = true;
    }
    if (known) add_field(map, path, &start);
    if (known && rip_lexer_is(lexer, "{") && depth < RIP_SOURCE_MAP_DEPTH_MAX && path->len <= PATH_BYTES_MAX)
        read_table(map, lexer, path, depth + 1);
    skip_value(lexer);
    path->len = outer;
    if (path->data) path->data[outer] = '\0';
}

/* The lexer is at '{', and ends past its '}'. */
static void read_table(rip_source_map *map, rip_lexer *lexer, rip_buffer *path, int depth)
{
    unsigned index = 0;
    rip_lexer_next(lexer);
    while (lexer->token.kind != RIP_TOKEN_END && !rip_lexer_is(lexer, "}")) {
        read_field(map, lexer, path, &index, depth);
        if (rip_lexer_is(lexer, ",") || rip_lexer_is(lexer, ";"))
            rip_lexer_next(lexer);
        else if (!rip_lexer_is(lexer, "}"))
            return; /* not Lua: nothing that follows is this table's for sure */
    }
    rip_lexer_next(lexer);
}

/* The '{' of `local name = {` or `local name <const> = {` on the top level, the last for `name`; `lexer` is put there.
 */
static bool find_local(const char *text, size_t len, const rip_token *name, rip_lexer *lexer)
{
    rip_lexer at;
    bool found = false;
    int depth = 0;
    rip_lexer_init(&at, text, len);
    for (rip_lexer_next(&at); at.token.kind != RIP_TOKEN_END; rip_lexer_next(&at)) {
        if (depth == 0 && rip_lexer_is(&at, "local")) {
            rip_lexer ahead = at;
            rip_lexer_next(&ahead);
            bool same = ahead.token.kind == RIP_TOKEN_NAME && ahead.token.len == name->len &&
                        memcmp(ahead.token.text, name->text, name->len) == 0;
            rip_lexer_next(&ahead);
            for (int i = 0; i < 3 && rip_lexer_is(&ahead, i == 0 ? "<" : i == 1 ? "const" : ">"); i++)
                rip_lexer_next(&ahead);
            bool assigned = rip_lexer_is(&ahead, "=");
            rip_lexer_next(&ahead);
            if (same && assigned && rip_lexer_is(&ahead, "{")) {
                *lexer = ahead;
                found = true;
            }
        }
        depth += nesting(&at);
    }
    return found;
}

/* Put `lexer` at the '{' of the table that the chunk returns. */
static bool find_header(const char *text, size_t len, rip_lexer *lexer)
{
    rip_lexer at, returned = {0};
    int depth = 0;
    rip_lexer_init(&at, text, len);
    for (rip_lexer_next(&at); at.token.kind != RIP_TOKEN_END; rip_lexer_next(&at)) {
        if (depth == 0 && rip_lexer_is(&at, "return")) {
            returned = at;
            rip_lexer_next(&returned);
        }
        depth += nesting(&at);
    }
    if (!returned.at) return false;
    *lexer = returned;
    if (rip_lexer_is(lexer, "{")) return true;
    return returned.token.kind == RIP_TOKEN_NAME && find_local(text, len, &returned.token, lexer);
}

rip_status rip_source_map_new(const char *text, size_t len, rip_source_map **out, rip_error *err)
{
    *out = NULL;
    if (len > RIP_SOURCE_MAP_BYTES_MAX)
        return rip_fail(err, RIP_ELIMIT, "over %zu bytes of Lua", RIP_SOURCE_MAP_BYTES_MAX);
    rip_source_map *map = calloc(1, sizeof *map);
    if (!map) return rip_nomem(err);
    rip_lexer lexer;
    rip_buffer path = {0};
    if (find_header(text, len, &lexer)) {
        map->has_header = true;
        map->header = (rip_source_place){lexer.token.line, lexer.token.column};
        read_table(map, &lexer, &path, 1);
    }
    bool failed = map->failed || path.failed;
    rip_buffer_free(&path);
    if (failed) {
        rip_source_map_free(map);
        return rip_nomem(err);
    }
    *out = map;
    return RIP_OK;
}

void rip_source_map_free(rip_source_map *map)
{
    if (!map) return;
    for (size_t i = 0; i < map->count; i++) free(map->fields[i].path);
    free(map->fields);
    free(map);
}

bool rip_source_map_has_header(const rip_source_map *map)
{
    return map->has_header;
}

bool rip_source_map_find(const rip_source_map *map, const char *path, rip_source_place *place)
{
    size_t len = strlen(path), best_len = 0;
    *place = map->has_header ? map->header : (rip_source_place){1, 1};
    if (len == 0) return map->has_header;
    for (size_t i = 0; i < map->count; i++) {
        const field *each = &map->fields[i];
        bool around = each->len <= len && memcmp(each->path, path, each->len) == 0 &&
                      (each->len == len || path[each->len] == '.' || path[each->len] == '[');
        if (!around || each->len < best_len) continue;
        best_len = each->len;
        *place = each->place;
    }
    return best_len == len;
}
