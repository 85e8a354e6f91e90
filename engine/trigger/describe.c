#include "engine/trigger/describe.h"

#include <arpa/inet.h>
#include <math.h>

#include "engine/base/escape.h"

#define SHOWN 80 /* bytes of a string */
#define ITEMS 4  /* of a list */

void describe_string(rip_buffer *out, const char *text, size_t len)
{
    rip_buffer_putc(out, '"');
    rip_escape_line(out, text, len, SHOWN);
    rip_buffer_putc(out, '"');
}

static void describe_text(rip_buffer *out, const char *what, const predicate *p)
{
    rip_buffer_puts(out, what);
    describe_string(out, p->text, p->len);
    rip_buffer_puts(out, p->fold ? " (in any case)" : "");
}

static void describe_wildcard(rip_buffer *out, const predicate *p)
{
    const char *piece = p->text;
    rip_buffer_puts(out, "wildcard \"");
    for (size_t i = 0; i < p->piece_count; i++) {
        if (i) rip_buffer_putc(out, '*');
        rip_escape_line(out, piece, p->pieces[i], SHOWN);
        piece += p->pieces[i];
    }
    rip_buffer_putc(out, '"');
}

static void describe_range(rip_buffer *out, const predicate *p)
{
    rip_buffer_puts(out, "a number");
    if (p->low == p->high) {
        rip_buffer_printf(out, " = %.15g", p->low);
        return;
    }
    if (!isinf(p->low)) rip_buffer_printf(out, " %s %.15g", p->low_open ? ">" : ">=", p->low);
    if (!isinf(p->low) && !isinf(p->high)) rip_buffer_puts(out, " and");
    if (!isinf(p->high)) rip_buffer_printf(out, " %s %.15g", p->high_open ? "<" : "<=", p->high);
}

static void describe_net(rip_buffer *out, const predicate *p)
{
    char text[INET6_ADDRSTRLEN];
    inet_ntop(p->from.size == 4 ? AF_INET : AF_INET6, p->from.bytes, text, sizeof text);
    rip_buffer_printf(out, "an address in %s/%u", text, p->bits);
}

static void describe_predicate(rip_buffer *out, const predicate *p)
{
    switch (p->kind) {
    case PREDICATE_PREFIX: describe_text(out, "prefix ", p); break;
    case PREDICATE_SUFFIX: describe_text(out, "suffix ", p); break;
    case PREDICATE_STRING: describe_text(out, "", p); break;
    case PREDICATE_WORD:
    case PREDICATE_NUMBER: rip_escape_line(out, p->text, p->len, SHOWN); break;
    case PREDICATE_RANGE: describe_range(out, p); break;
    case PREDICATE_WILDCARD: describe_wildcard(out, p); break;
    case PREDICATE_NET: describe_net(out, p); break;
    case PREDICATE_EXISTS: rip_buffer_puts(out, "any value"); break;
    case PREDICATE_ABSENT: rip_buffer_puts(out, "no such field"); break;
    case PREDICATE_NONE_OF: rip_buffer_puts(out, "anything but "); break;
    }
}

static void describe_list(rip_buffer *out, const predicate *items, size_t count, const char *last)
{
    for (size_t i = 0; i < count; i++) {
        if (i) rip_buffer_puts(out, i + 1 == count || i == ITEMS ? last : ", ");
        if (i == ITEMS && count > ITEMS + 1) {
            rip_buffer_printf(out, "%zu more", count - ITEMS);
            return;
        }
        describe_predicate(out, &items[i]);
        if (items[i].kind == PREDICATE_NONE_OF) describe_list(out, items[i].items, items[i].count, " and ");
    }
}

void describe_condition(rip_buffer *out, const condition *c)
{
    describe_list(out, c->predicates, c->count, " or ");
}
