#include "engine/run/secret_known.h"

#include <ctype.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/run/secret.h"

typedef struct secret_known_one {
    char *text;
    size_t len;
    char mark[SECRET_MARK_SIZE];
} secret_known_one;

/* Long enough, and of two kinds of characters at least: no word. */
static bool is_findable(const char *text, size_t len)
{
    bool lower = false, upper = false, digit = false, other = false;
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        lower = lower || islower(c);
        upper = upper || isupper(c);
        digit = digit || isdigit(c);
        other = other || !isalnum(c);
    }
    return len >= SECRET_KNOWN_LEAST && lower + upper + digit + other >= 2;
}

static bool is_known(const secret_known *known, const char *text, size_t len)
{
    for (size_t i = 0; i < known->count; i++) {
        if (known->all[i].len == len && memcmp(known->all[i].text, text, len) == 0) return true;
    }
    return false;
}

static void add(secret_known *known, const journal *j, const char *text, size_t len)
{
    if (known->count >= SECRET_KNOWN_MOST || !is_findable(text, len) || is_known(known, text, len)) return;
    secret_known_one *all = realloc(known->all, (known->count + 1) * sizeof *all);
    char *copy = malloc(len);
    if (all) known->all = all;
    if (!all || !copy) {
        free(copy);
        return;
    }
    memcpy(copy, text, len);
    size_t at = known->count++;
    for (; at > 0 && all[at - 1].len < len; at--) all[at] = all[at - 1];
    all[at] = (secret_known_one){.text = copy, .len = len};
    secret_mark_text(j, text, len, all[at].mark);
}

static void learn_within(secret_known *known, const journal *j, json_t *value)
{
    const char *key;
    json_t *item;
    size_t i;
    json_array_foreach (value, i, item) learn_within(known, j, item);
    json_object_foreach (value, key, item) {
        if (json_is_string(item) && secret_is_name(key))
            add(known, j, json_string_value(item), json_string_length(item));
        else
            learn_within(known, j, item);
    }
}

void secret_known_learn(secret_known *known, const journal *j, const char *text, size_t len)
{
    add(known, j, text, len);
    json_t *inside = len > 0 && *text == '{' ? json_loadb(text, len, JSON_ALLOW_NUL, NULL) : NULL;
    if (inside) learn_within(known, j, inside);
    json_decref(inside);
}

static const secret_known_one *one_at(const secret_known *known, const char *text, size_t left)
{
    for (size_t i = 0; i < known->count; i++) {
        const secret_known_one *one = &known->all[i];
        if (one->len <= left && *one->text == *text && memcmp(one->text, text, one->len) == 0) return one;
    }
    return NULL;
}

static void hide_into(const secret_known *known, const char *text, size_t len, rip_buffer *out)
{
    size_t from = 0;
    for (size_t at = 0; at < len;) {
        const secret_known_one *one = one_at(known, text + at, len - at);
        if (!one) {
            at++;
            continue;
        }
        rip_buffer_append(out, text + from, at - from);
        rip_buffer_puts(out, one->mark);
        at += one->len;
        from = at;
    }
    rip_buffer_append(out, text + from, len - from);
}

char *secret_known_hide_text(const secret_known *known, const char *text, size_t len)
{
    rip_buffer out = {0};
    hide_into(known, text, len, &out);
    return rip_buffer_take(&out, NULL);
}

static json_t *hide_string(const secret_known *known, json_t *string)
{
    rip_buffer out = {0};
    hide_into(known, json_string_value(string), json_string_length(string), &out);
    json_t *hidden = out.failed ? json_null() : json_stringn(out.data ? out.data : "", out.len);
    rip_buffer_free(&out);
    return hidden ? hidden : json_null(); /* rather nothing than the secret */
}

static json_t *hide_members(const secret_known *known, json_t *object)
{
    json_t *hidden = json_object(), *item;
    const char *key;
    size_t len;
    json_object_keylen_foreach(object, key, len, item)
    {
        rip_buffer name = {0};
        hide_into(known, key, len, &name);
        if (!name.failed)
            json_object_setn_new(hidden, name.data ? name.data : "", name.len, secret_known_hide(known, item));
        rip_buffer_free(&name);
    }
    return hidden;
}

json_t *secret_known_hide(const secret_known *known, json_t *value)
{
    if (known->count == 0) return json_incref(value);
    if (json_is_string(value)) return hide_string(known, value);
    if (json_is_object(value)) return hide_members(known, value);
    if (!json_is_array(value)) return json_incref(value);
    json_t *hidden = json_array(), *item;
    size_t i;
    json_array_foreach (value, i, item) json_array_append_new(hidden, secret_known_hide(known, item));
    return hidden;
}

void secret_known_clear(secret_known *known)
{
    for (size_t i = 0; i < known->count; i++) {
        explicit_bzero(known->all[i].text, known->all[i].len);
        free(known->all[i].text);
    }
    free(known->all);
    *known = (secret_known){0};
}
