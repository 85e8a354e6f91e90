/* Lua's tokens, as far as finding the places of table fields needs them. Any bytes may be given. */
#ifndef RIPOSTE_LUA_SOURCE_LEXER_H
#define RIPOSTE_LUA_SOURCE_LEXER_H

#include <stdbool.h>
#include <stddef.h>

typedef enum rip_token_kind {
    RIP_TOKEN_END,
    RIP_TOKEN_NAME,
    RIP_TOKEN_STRING,
    RIP_TOKEN_NUMBER,
    RIP_TOKEN_SYMBOL
} rip_token_kind;

typedef struct rip_token {
    rip_token_kind kind;
    const char *text; /* with the quotes of a string */
    size_t len;
    unsigned line, column;
} rip_token;

/** Copied to come back to a place. */
typedef struct rip_lexer {
    const char *at, *end;
    unsigned line;
    const char *line_start;
    rip_token token; /* the current one */
} rip_lexer;

/** Start before the first token; rip_lexer_next then gives it. A first line that starts with '#' is skipped. */
void rip_lexer_init(rip_lexer *lexer, const char *text, size_t len);

/** Go to the next token. Past the end of the text, RIP_TOKEN_END for ever. */
void rip_lexer_next(rip_lexer *lexer);

/** Is the current token this keyword or symbol? */
bool rip_lexer_is(const rip_lexer *lexer, const char *text);

/** The value of a short or long string token in `out`; false when it has over `max` bytes or an escape that is none. */
bool rip_token_string(const rip_token *token, char *out, size_t max, size_t *len);

#endif
