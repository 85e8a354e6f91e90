#include "engine/intake/document.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"

#define BYTES_DEFAULT ((size_t)1 << 20)
#define DEPTH_DEFAULT 64U
#define MARK_BYTES 3U
#define DEPTH_FOLLOWED 1024U /* deeper than any limit: what is left of such a document is passed over */

typedef enum place {
    BETWEEN,  /* documents */
    WITHIN,   /* a document */
    PAST_LINE /* a fault: the rest of the line is passed over */
} place;

struct documents {
    document_limits limits;
    document_fn fn;
    void *data;
    place place;
    bool in_array;       /* an array of documents */
    bool by_line;        /* the document before was one whole line */
    unsigned mark;       /* bytes of a byte order mark seen at the very start; MARK_BYTES: no longer looked for */
    size_t line, column; /* of the next byte */

    /* The document that is being followed. */
    rip_buffer kept; /* its bytes from earlier chunks */
    size_t size, doc_line, doc_column;
    char open[DEPTH_FOLLOWED]; /* the brackets that are open */
    unsigned depth;
    bool in_string, escaped;
    bool faulty;      /* it was told already: passed over to its end */
    char significant; /* the last byte that is no white space, outside of strings */
};

rip_status documents_new(const document_limits *limits, document_fn fn, void *data, documents **out, rip_error *err)
{
    documents *d = calloc(1, sizeof *d);
    if (!d) return rip_nomem(err);
    if (limits) d->limits = *limits;
    if (d->limits.bytes == 0) d->limits.bytes = BYTES_DEFAULT;
    if (d->limits.depth == 0) d->limits.depth = DEPTH_DEFAULT;
    d->fn = fn;
    d->data = data;
    d->line = d->column = 1;
    *out = d;
    return RIP_OK;
}

void documents_free(documents *d)
{
    if (!d) return;
    rip_buffer_free(&d->kept);
    free(d);
}

static rip_status fault(documents *d, size_t line, size_t column, const rip_error *err)
{
    return d->fn(d->data, NULL, 0, line, column, err);
}

static void describe(char c, char out[16])
{
    unsigned char byte = (unsigned char)c;
    if (byte > 0x20 && byte < 0x7F) {
        memcpy(out, "'?'", 4);
        out[1] = c;
    } else {
        snprintf(out, 16, "byte 0x%02x", byte);
    }
}

static void begin(documents *d)
{
    d->place = WITHIN;
    d->doc_line = d->line;
    d->doc_column = d->column;
    d->size = 0;
    d->depth = 0;
    d->in_string = d->escaped = d->faulty = false;
    d->significant = '\0';
    rip_buffer_clear(&d->kept);
}

/* Tell of the document that is being followed; what is left of it is passed over. */
static rip_status give_up(documents *d, const rip_error *err)
{
    if (d->faulty) return RIP_OK;
    d->faulty = true;
    rip_buffer_clear(&d->kept);
    return fault(d, d->doc_line, d->doc_column, err);
}

static rip_status broken(documents *d, const char *what, char found)
{
    rip_error err;
    char name[16];
    describe(found, name);
    rip_fail(&err, RIP_EINVAL, "line %zu, column %zu: %s, found %s", d->line, d->column, what, name);
    return give_up(d, &err);
}

/* The document is whole: it ends with the byte before `end`. What of it is in this chunk starts at `from`. */
static rip_status hand_on(documents *d, const char *from, const char *end)
{
    d->place = BETWEEN;
    d->by_line = d->line == d->doc_line && d->doc_column == 1;
    if (d->faulty) return RIP_OK;
    if (d->kept.len == 0) return d->fn(d->data, from, (size_t)(end - from), d->doc_line, d->doc_column, NULL);
    rip_buffer_append(&d->kept, from, (size_t)(end - from));
    rip_status status = rip_buffer_status(&d->kept, NULL);
    if (status == RIP_OK) status = d->fn(d->data, d->kept.data, d->kept.len, d->doc_line, d->doc_column, NULL);
    rip_buffer_clear(&d->kept);
    return status;
}

static rip_status open_bracket(documents *d, char c)
{
    rip_error err;
    if (d->depth == d->limits.depth) {
        rip_fail(&err, RIP_ELIMIT, "line %zu, column %zu: the document nests deeper than %u", d->line, d->column,
                 d->limits.depth);
        rip_status status = give_up(d, &err);
        if (status != RIP_OK) return status;
    }
    if (d->depth < DEPTH_FOLLOWED) d->open[d->depth] = c;
    d->depth++;
    return RIP_OK;
}

static bool closes(const documents *d, char c)
{
    return d->depth > DEPTH_FOLLOWED || d->open[d->depth - 1] == (c == '}' ? '{' : '[');
}

/* May a value start here? */
static bool value_expected(const documents *d)
{
    return d->significant == '\0' || strchr(":,[", d->significant) != NULL;
}

static void advance(documents *d, char c)
{
    if (c == '\n') {
        d->line++;
        d->column = 1;
    } else {
        d->column++;
    }
}

/* Within a string; a line end in it means that the document is broken off. */
static rip_status follow_string(documents *d, char c)
{
    if (c == '\n') {
        rip_status status = broken(d, "expected the end of a string", c);
        d->place = BETWEEN;
        return status;
    }
    if (d->escaped)
        d->escaped = false;
    else if (c == '\\')
        d->escaped = true;
    else if (c == '"')
        d->in_string = false;
    return RIP_OK;
}

/* A document that was broken off may be followed by one that is whole: it starts where no value may. */
static bool starts_anew(const documents *d, char c)
{
    if (c != '{' || d->size == 0) return false;
    return !value_expected(d) || (d->by_line && d->column == 1);
}

/* One byte of a document. *end: it was the last. */
static rip_status follow(documents *d, char c, bool *end)
{
    rip_status status = RIP_OK;
    rip_error err;
    if (++d->size == d->limits.bytes + 1) {
        rip_fail(&err, RIP_ELIMIT, "the document is over the limit of %zu bytes", d->limits.bytes);
        status = give_up(d, &err);
        if (status != RIP_OK) return status;
    }
    if (d->in_string) return follow_string(d, c);
    switch (c) {
    case ' ':
    case '\t':
    case '\r':
    case '\n': return RIP_OK;
    case '"': d->in_string = true; break;
    case '{':
    case '[': status = open_bracket(d, c); break;
    case '}':
    case ']':
        if (!closes(d, c)) {
            status = broken(d, d->open[d->depth - 1] == '{' ? "expected '}'" : "expected ']'", c);
            d->place = PAST_LINE;
            return status;
        }
        *end = --d->depth == 0;
        break;
    default: break;
    }
    d->significant = c;
    return status;
}

static rip_status between(documents *d, char c)
{
    rip_error err;
    char name[16];
    if (strchr(" \t\r\n", c) && c) return RIP_OK;
    if (c == '{') {
        begin(d);
        return RIP_OK;
    }
    if (c == '[' && !d->in_array) {
        d->in_array = true;
        return RIP_OK;
    }
    if (d->in_array && (c == ',' || c == ']')) {
        d->in_array = c == ',';
        return RIP_OK;
    }
    describe(c, name);
    rip_fail(&err, RIP_EINVAL, "expected a JSON object%s, found %s", d->in_array ? "" : " or an array of them", name);
    d->place = PAST_LINE;
    return fault(d, d->line, d->column, &err);
}

/* The bytes of a document from `from` on stay behind when the chunk ends. */
static rip_status keep(documents *d, const char *from, const char *end)
{
    if (d->place != WITHIN || d->faulty) return RIP_OK;
    rip_buffer_append(&d->kept, from, (size_t)(end - from));
    return rip_buffer_status(&d->kept, NULL);
}

/* A mark that is not whole is no mark: its first byte is what was found. */
static rip_status end_mark(documents *d)
{
    bool partial = d->mark > 0 && d->mark < MARK_BYTES;
    d->mark = MARK_BYTES;
    return partial ? between(d, '\xEF') : RIP_OK;
}

/* Some programs write a byte order mark; it may come in several chunks. */
static rip_status skip_mark(documents *d, const char **bytes, size_t *len)
{
    static const char MARK[] = "\xEF\xBB\xBF";
    for (; *len > 0 && d->mark < MARK_BYTES && **bytes == MARK[d->mark]; d->mark++, --*len) ++*bytes;
    return *len > 0 ? end_mark(d) : RIP_OK;
}

rip_status documents_feed(documents *d, const char *bytes, size_t len)
{
    rip_status marked = skip_mark(d, &bytes, &len);
    if (marked != RIP_OK) return marked;
    const char *from = bytes, *end = bytes + len; /* `from`: where in this chunk the document starts */
    for (const char *at = bytes; at < end;) {
        rip_status status = RIP_OK;
        bool whole = false;
        if (d->place == BETWEEN) {
            status = between(d, *at);
            from = at;
        }
        if (status == RIP_OK && d->place == WITHIN) {
            if (!d->in_string && starts_anew(d, *at)) {
                status = broken(d, "expected the document's end", *at);
                if (status != RIP_OK) return status;
                begin(d);
                from = at;
            }
            status = follow(d, *at, &whole);
        }
        if (status != RIP_OK) return status;
        if (d->place == PAST_LINE && *at == '\n') d->place = BETWEEN;
        if (whole) status = hand_on(d, from, at + 1);
        if (status != RIP_OK) return status;
        advance(d, *at++);
    }
    return keep(d, from, end);
}

rip_status documents_end(documents *d)
{
    rip_error err;
    rip_status marked = end_mark(d);
    if (marked != RIP_OK) return marked;
    if (d->place == WITHIN) {
        d->place = BETWEEN;
        rip_fail(&err, RIP_EINVAL, "line %zu, column %zu: the document ends within %s", d->line, d->column,
                 d->in_string                                                 ? "a string"
                 : d->depth <= DEPTH_FOLLOWED && d->open[d->depth - 1] == '[' ? "an array"
                                                                              : "an object");
        return give_up(d, &err);
    }
    if (!d->in_array) return RIP_OK;
    d->in_array = false;
    rip_fail(&err, RIP_EINVAL, "the array of documents does not end: expected ']'");
    return fault(d, d->line, d->column, &err);
}
