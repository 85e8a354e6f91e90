/* JSON for people: what fits on a line stays on it, the rest has a member a line. */
#include "engine/base/json.h"

#include <stdint.h>

#define STEP 2         /* columns that a level goes in */
#define LEVELS_MOST 32 /* below them all is on one line */

static size_t columns_of(const char *text, size_t len)
{
    size_t columns = 0;
    for (size_t i = 0; i < len; i++) columns += ((unsigned char)text[i] & 0xC0) != 0x80;
    return columns;
}

static void write_scalar(rip_buffer *out, const json_t *value)
{
    (void)rip_json_write(out, value, 0, NULL);
}

static void write_name(rip_buffer *out, const char *name)
{
    json_t *text = json_string(name);
    write_scalar(out, text);
    json_decref(text);
    rip_buffer_puts(out, ": ");
}

/* Take so much room; false: there is not enough. */
static bool take(size_t *room, size_t columns)
{
    if (columns > *room) return false;
    *room -= columns;
    return true;
}

static bool text_fits(const json_t *text, size_t *room)
{
    rip_buffer written = {0};
    if (json_string_length(text) > 4 * *room) return false; /* a column is four bytes at the most */
    write_scalar(&written, text);
    bool fits = take(room, columns_of(written.data ? written.data : "", written.len));
    rip_buffer_free(&written);
    return fits;
}

/* Looks no further than the room goes, however large the value is. */
static bool fits(const json_t *value, size_t *room)
{
    const char *name;
    json_t *each;
    size_t i;
    if (json_is_string(value)) return text_fits(value, room);
    if (!json_is_object(value) && !json_is_array(value)) {
        rip_buffer written = {0};
        write_scalar(&written, value);
        bool enough = take(room, written.len);
        rip_buffer_free(&written);
        return enough;
    }
    if (!take(room, 2)) return false;
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        json_t *text = json_string(name);
        bool enough = text_fits(text, room) && take(room, 4) && fits(each, room);
        json_decref(text);
        if (!enough) return false;
    }
    json_array_foreach (value, i, each) {
        if (!take(room, i ? 2 : 0) || !fits(each, room)) return false;
    }
    return true;
}

static void write_flat(rip_buffer *out, const json_t *value, unsigned level)
{
    const char *name;
    json_t *each;
    size_t i;
    bool first = true;
    if (level == LEVELS_MOST || (!json_is_object(value) && !json_is_array(value))) {
        write_scalar(out, value);
        return;
    }
    rip_buffer_putc(out, json_is_array(value) ? '[' : '{');
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        if (!first) rip_buffer_puts(out, ", ");
        first = false;
        write_name(out, name);
        write_flat(out, each, level + 1);
    }
    json_array_foreach (value, i, each) {
        if (i) rip_buffer_puts(out, ", ");
        write_flat(out, each, level + 1);
    }
    rip_buffer_putc(out, json_is_array(value) ? ']' : '}');
}

typedef struct layout {
    rip_buffer *out;
    unsigned width;
} layout;

static void new_line(const layout *l, unsigned indent)
{
    rip_buffer_printf(l->out, "\n%*s", (int)indent, "");
}

/* `at`: the column that it starts in, with room for a comma behind it. */
static void lay(const layout *l, const json_t *value, unsigned indent, size_t at, unsigned level)
{
    size_t room = at + 1 < l->width ? l->width - at - 1 : 0, i = 0;
    bool is_array = json_is_array(value), is_object = json_is_object(value);
    size_t count = is_array ? json_array_size(value) : json_object_size(value);
    if (level == LEVELS_MOST || count == 0 || (!is_array && !is_object) || fits(value, &room)) {
        write_flat(l->out, value, level);
        return;
    }
    unsigned inner = indent + STEP;
    const char *name;
    json_t *each;
    rip_buffer_putc(l->out, is_array ? '[' : '{');
    json_object_foreach ((json_t *)(uintptr_t)value, name, each) {
        new_line(l, inner);
        size_t before = l->out->len;
        write_name(l->out, name);
        size_t columns = l->out->failed ? 0 : columns_of(l->out->data + before, l->out->len - before);
        lay(l, each, inner, inner + columns, level + 1);
        if (++i < count) rip_buffer_putc(l->out, ',');
    }
    json_array_foreach (value, i, each) {
        new_line(l, inner);
        lay(l, each, inner, inner, level + 1);
        if (i + 1 < count) rip_buffer_putc(l->out, ',');
    }
    new_line(l, indent);
    rip_buffer_putc(l->out, is_array ? ']' : '}');
}

void rip_json_lay_out(rip_buffer *out, const json_t *value, unsigned indent, unsigned at, unsigned width)
{
    const layout l = {out, width};
    lay(&l, value, indent, at, 0);
}
