#include "lua/source_lexer.h"

#include <stdlib.h>
#include <string.h>

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

void rip_lexer_init(rip_lexer *lexer, const char *text, size_t len)
{
    *lexer = (rip_lexer){.at = text, .end = text + len, .line = 1, .line_start = text};
    if (len > 0 && *text == '#') {
        while (lexer->at < lexer->end && *lexer->at != '\n') lexer->at++;
    }
}

static void advance(rip_lexer *lexer)
{
    if (*lexer->at++ != '\n') return;
    lexer->line++;
    lexer->line_start = lexer->at;
}

/* The level of the long bracket that starts at `at` ("[[": 0, "[=[": 1), or -1. */
static int long_level(const char *at, const char *end)
{
    const char *c = at + 1;
    while (c < end && *c == '=') c++;
    return c < end && *c == '[' ? (int)(c - at - 1) : -1;
}

static void skip_long(rip_lexer *lexer, int level)
{
    for (lexer->at += level + 2; lexer->at < lexer->end; advance(lexer)) {
        if (*lexer->at != ']') continue;
        const char *c = lexer->at + 1;
        while (c < lexer->end && *c == '=') c++;
        if (c < lexer->end && *c == ']' && c - lexer->at - 1 == level) {
            lexer->at = c + 1;
            return;
        }
    }
}

static void skip_blank(rip_lexer *lexer)
{
    while (lexer->at < lexer->end) {
        if (strchr(" \t\r\n\v\f", *lexer->at) && *lexer->at) {
            advance(lexer);
        } else if (lexer->end - lexer->at >= 2 && lexer->at[0] == '-' && lexer->at[1] == '-') {
            lexer->at += 2;
            int level = lexer->at < lexer->end && *lexer->at == '[' ? long_level(lexer->at, lexer->end) : -1;
            if (level >= 0)
                skip_long(lexer, level);
            else
                while (lexer->at < lexer->end && *lexer->at != '\n') lexer->at++;
        } else {
            return;
        }
    }
}

static void skip_quoted(rip_lexer *lexer)
{
    char quote = *lexer->at++;
    while (lexer->at < lexer->end && *lexer->at != quote && *lexer->at != '\n') {
        if (*lexer->at == '\\' && lexer->at + 1 < lexer->end) {
            bool skips = lexer->at[1] == 'z';
            lexer->at++;
            advance(lexer);
            while (skips && lexer->at < lexer->end && *lexer->at && strchr(" \t\r\n\v\f", *lexer->at)) advance(lexer);
        } else {
            lexer->at++;
        }
    }
    if (lexer->at < lexer->end && *lexer->at == quote) lexer->at++;
}

static void skip_number(rip_lexer *lexer)
{
    while (lexer->at < lexer->end) {
        char c = *lexer->at;
        if (strchr("eEpP", c) && c && lexer->at + 1 < lexer->end && strchr("+-", lexer->at[1]) && lexer->at[1])
            lexer->at += 2;
        else if (is_digit(c) || is_letter(c) || c == '.')
            lexer->at++;
        else
            return;
    }
}

static rip_token_kind skip_token(rip_lexer *lexer)
{
    char c = *lexer->at;
    int level = c == '[' ? long_level(lexer->at, lexer->end) : -1;
    if (is_letter(c)) {
        while (lexer->at < lexer->end && (is_letter(*lexer->at) || is_digit(*lexer->at))) lexer->at++;
        return RIP_TOKEN_NAME;
    }
    if (level >= 0) {
        skip_long(lexer, level);
        return RIP_TOKEN_STRING;
    }
    if (c == '"' || c == '\'') {
        skip_quoted(lexer);
        return RIP_TOKEN_STRING;
    }
    if (is_digit(c) || (c == '.' && lexer->at + 1 < lexer->end && is_digit(lexer->at[1]))) {
        skip_number(lexer);
        return RIP_TOKEN_NUMBER;
    }
    /* Of the symbols of two characters, only those with '=' could be taken for something else. */
    bool with_equals = strchr("=~<>", c) && c && lexer->at + 1 < lexer->end && lexer->at[1] == '=';
    lexer->at += with_equals ? 2 : 1;
    return RIP_TOKEN_SYMBOL;
}

void rip_lexer_next(rip_lexer *lexer)
{
    skip_blank(lexer);
    rip_token *token = &lexer->token;
    token->text = lexer->at;
    token->line = lexer->line;
    token->column = (unsigned)(lexer->at - lexer->line_start) + 1;
    token->kind = lexer->at < lexer->end ? skip_token(lexer) : RIP_TOKEN_END;
    token->len = (size_t)(lexer->at - token->text);
}

bool rip_lexer_is(const rip_lexer *lexer, const char *text)
{
    const rip_token *token = &lexer->token;
    bool plain = token->kind == RIP_TOKEN_NAME || token->kind == RIP_TOKEN_SYMBOL;
    return plain && token->len == strlen(text) && memcmp(token->text, text, token->len) == 0;
}

/* The byte that an escape stands for: names of header fields need no more than the simple ones. */
static int escaped(char c)
{
    static const char FROM[] = "abfnrtv\\\"'", TO[] = "\a\b\f\n\r\t\v\\\"'";
    const char *found = c ? strchr(FROM, c) : NULL;
    return found ? (unsigned char)TO[found - FROM] : -1;
}

bool rip_token_string(const rip_token *token, char *out, size_t max, size_t *len)
{
    const char *at = token->text, *end = token->text + token->len;
    *len = 0;
    if (token->kind != RIP_TOKEN_STRING || token->len < 2) return false;
    if (*at == '[') {
        size_t edge = (size_t)long_level(at, end) + 2;
        if (token->len < 2 * edge || end[-1] != ']') return false;
        at += edge;
        end -= edge;
        if (at < end && *at == '\n') at++;
        if ((size_t)(end - at) > max) return false;
        *len = (size_t)(end - at);
        memcpy(out, at, *len);
        return true;
    }
    if (end[-1] != *at) return false;
    for (at++, end--; at < end; at++) {
        int byte = (unsigned char)*at;
        if (*at == '\\') byte = at + 1 < end ? escaped(*++at) : -1;
        if (byte < 0 || *len == max) return false;
        out[(*len)++] = (char)byte;
    }
    return true;
}
