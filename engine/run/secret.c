#include "engine/run/secret.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"

/* "(secret <digest>.<check>)": the check is a digest too, so that a string from a finding cannot pass for one. */
#define OPENING "(secret "
#define DIGITS 64
#define CHECK_DIGITS 16
#define MARK_LEN (sizeof OPENING - 1 + DIGITS + 1 + CHECK_DIGITS + 1)
_Static_assert(MARK_LEN + 1 == SECRET_MARK_SIZE, "the size that secret.h tells");

/* "(sealed <step> <base64>)": it tells its step, which is a part of what it is bound to, so that who opens it need not
 * know which one it was. */
#define SEALED "(sealed "

static void check_of(const journal *j, const char *digest, char out[CHECK_DIGITS + 1])
{
    char text[sizeof "digest " + DIGITS], hex[65];
    snprintf(text, sizeof text, "digest %.64s", digest);
    journal_digest(j, text, strlen(text), hex);
    memcpy(out, hex, CHECK_DIGITS);
    out[CHECK_DIGITS] = '\0';
}

/* `text` has MARK_LEN bytes at least. */
static bool begins_with_mark(const journal *j, const char *text)
{
    if (strncmp(text, OPENING, sizeof OPENING - 1) != 0) return false;
    const char *digest = text + sizeof OPENING - 1;
    char check[CHECK_DIGITS + 1];
    check_of(j, digest, check);
    return digest[DIGITS] == '.' && strncmp(digest + DIGITS + 1, check, CHECK_DIGITS) == 0;
}

static bool is_mark(const journal *j, const json_t *value)
{
    const char *text = json_string_value(value);
    return text && json_string_length(value) == MARK_LEN && begins_with_mark(j, text);
}

static bool has_mark(const journal *j, const char *text)
{
    for (const char *at = text; (at = strstr(at, OPENING)); at++) {
        if (strlen(at) >= MARK_LEN && begins_with_mark(j, at)) return true;
    }
    return false;
}

void secret_mark_text(const journal *j, const char *text, size_t len, char out[SECRET_MARK_SIZE])
{
    char digest[65], check[CHECK_DIGITS + 1];
    journal_digest(j, text, len, digest);
    check_of(j, digest, check);
    snprintf(out, SECRET_MARK_SIZE, OPENING "%.64s.%s)", digest, check);
}

/* Lists in the order of their elements' texts: AWS gives some of them, environments above all, in any order. */
typedef struct sortable {
    char *text;
    json_t *value;
} sortable;

static int by_text(const void *a, const void *b)
{
    return strcmp(((const sortable *)a)->text, ((const sortable *)b)->text);
}

static json_t *in_order(const json_t *value);

static json_t *list_in_order(const json_t *list)
{
    size_t count = json_array_size(list);
    sortable *elements = calloc(count + 1, sizeof *elements);
    json_t *ordered = json_array();
    bool whole = elements && ordered;
    for (size_t i = 0; whole && i < count; i++) {
        elements[i].value = in_order(json_array_get(list, i));
        elements[i].text = rip_json_dump(elements[i].value, JSON_ENCODE_ANY | JSON_SORT_KEYS);
        whole = elements[i].text;
    }
    if (whole) qsort(elements, count, sizeof *elements, by_text);
    for (size_t i = 0; elements && i < count; i++) {
        json_array_append_new(ordered, elements[i].value);
        free(elements[i].text);
    }
    free(elements);
    return ordered;
}

static json_t *in_order(const json_t *value)
{
    if (json_is_array(value)) return list_in_order(value);
    if (!json_is_object(value)) return json_incref((json_t *)(uintptr_t)value);
    json_t *ordered = json_object(), *each;
    const char *key;
    json_object_foreach ((json_t *)(uintptr_t)value, key, each) json_object_set_new(ordered, key, in_order(each));
    return ordered;
}

static char *canonical_text(const json_t *value)
{
    json_t *ordered = in_order(value);
    char *text = rip_json_dump(ordered, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    json_decref(ordered);
    return text;
}

static json_t *mark(const journal *j, json_t *secret)
{
    if (is_mark(j, secret)) return json_incref(secret);
    char *text = json_is_string(secret) ? NULL : canonical_text(secret);
    const char *bytes = text ? text : json_string_value(secret);
    char digest[SECRET_MARK_SIZE];
    secret_mark_text(j, bytes ? bytes : "", bytes ? strlen(bytes) : 0, digest);
    free(text);
    return json_string(digest);
}

/* Beyond what models mark: names that tell of a secret wherever they stand, compared without '_' and '-'. */
bool secret_is_name(const char *name)
{
    static const char *const NAMES[] = {"secretstring",       "secretbinary", "secretaccesskey",
                                        "awssecretaccesskey", "sessiontoken", "awssessiontoken",
                                        "privatekey",         "authtoken",    "ecsengineauthdata",
                                        "clientsecret",       "keymaterial",  "plaintextkeymaterial"};
    static const char ENDING[] = "password";
    char plain[64];
    size_t len = 0, tail = sizeof ENDING - 1;
    for (; *name && len + 1 < sizeof plain; name++) {
        if (*name != '_' && *name != '-')
            plain[len++] = (char)(*name >= 'A' && *name <= 'Z' ? *name + 'a' - 'A' : *name);
    }
    plain[len] = '\0';
    if (len >= tail && strcmp(plain + len - tail, ENDING) == 0) return true;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (plain[0] == NAMES[i][0] && strcmp(plain, NAMES[i]) == 0) return true;
    }
    return false;
}

/* What becomes of secrets: a digest, or, for a place, something sealed. */
typedef struct hiding {
    const journal *journal;
    const secret_place *place; /* NULL: digests */
    secret_known *known;       /* learns those that a name tells of; NULL: nobody asks */
    rip_error *err;
    bool failed;
} hiding;

static void put_place(rip_buffer *out, const char *run, const char *step, size_t step_len)
{
    rip_buffer_printf(out, "%s\n", run);
    rip_buffer_append(out, step, step_len);
    rip_buffer_putc(out, '\0');
}

static bool looks_sealed(const json_t *value)
{
    const char *text = json_string_value(value);
    return text && strncmp(text, SEALED, sizeof SEALED - 1) == 0;
}

static rip_status open_one(const journal *j, const secret_place *place, const json_t *sealed, json_t **out,
                           rip_error *err)
{
    const char *step = json_string_value(sealed) + sizeof SEALED - 1, *space = strchr(step, ' ');
    size_t step_len = space ? (size_t)(space - step) : 0, len = space ? strlen(space + 1) : 0, text_len = 0;
    rip_buffer about = {0};
    char *text = NULL;
    put_place(&about, place->run, step, step_len);
    bool here = len > 0 && space[len] == ')' && !about.failed &&
                (!place->step || (strlen(place->step) == step_len && strncmp(place->step, step, step_len) == 0));
    rip_error why = {RIP_EDENIED, "it belongs to another step"};
    if (here && journal_unseal(j, about.data, space + 1, len - 1, &text, &text_len, &why) == RIP_OK)
        *out = json_loadb(text, text_len, JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
    else
        *out = NULL;
    if (text) explicit_bzero(text, text_len);
    free(text);
    rip_buffer_free(&about);
    if (*out) return RIP_OK;
    return rip_fail(err, RIP_EDENIED,
                    "what was before step %.*s of run %s holds a secret that cannot be opened (%.200s): is the "
                    "journal's key the one that it was written with?",
                    step_len < 100 ? (int)step_len : 100, step, place->run, why.message);
}

static bool is_reply_reference(const json_t *value)
{
    return json_is_object(value) && json_object_size(value) == 1 && json_is_string(json_object_get(value, "$reply"));
}

static json_t *seal(hiding *h, json_t *secret)
{
    json_t *opened = NULL;
    if (is_mark(h->journal, secret) || is_reply_reference(secret)) return json_incref(secret);
    if (looks_sealed(secret) && open_one(h->journal, h->place, secret, &opened, NULL) == RIP_OK) {
        json_decref(opened);
        return json_incref(secret);
    }
    char *text = rip_json_dump(secret, JSON_ENCODE_ANY | JSON_COMPACT), *sealed = NULL;
    rip_buffer about = {0};
    put_place(&about, h->place->run, h->place->step, strlen(h->place->step));
    rip_status status = text && !about.failed
                            ? journal_seal(h->journal, about.data, text, strlen(text), &sealed, h->err)
                            : rip_nomem(h->err);
    json_t *result = status == RIP_OK ? json_sprintf(SEALED "%s %s)", h->place->step, sealed) : NULL;
    if (status == RIP_OK && !result) rip_nomem(h->err);
    if (text) explicit_bzero(text, strlen(text));
    free(text);
    free(sealed);
    rip_buffer_free(&about);
    if (result) return result;
    h->failed = true;
    return json_null();
}

static json_t *hide(hiding *h, json_t *secret)
{
    return h->place ? seal(h, secret) : mark(h->journal, secret);
}

/* A name tells of it. */
static json_t *hide_named(hiding *h, json_t *secret)
{
    bool is_news = h->known && json_is_string(secret) && !is_mark(h->journal, secret);
    if (is_news) secret_known_learn(h->known, h->journal, json_string_value(secret), json_string_length(secret));
    return hide(h, secret);
}

static json_t *hide_within(hiding *h, const aws_shape *shape, json_t *value);

static json_t *hidden(hiding *h, const aws_member *member, const char *name, json_t *value)
{
    if (json_is_null(value)) return json_incref(value);
    bool plain = json_is_string(value) || json_is_number(value);
    if (plain && secret_is_name(name)) return hide_named(h, value);
    if ((member && aws_member_is_sensitive(member)) || (h->place && looks_sealed(value))) return hide(h, value);
    if (plain || json_is_boolean(value)) return json_incref(value);
    return hide_within(h, member ? aws_member_shape(member) : NULL, value);
}

static const aws_member *element_of(const aws_shape *shape, aws_type type)
{
    return shape && aws_shape_type(shape) == type ? aws_shape_element(shape) : NULL;
}

static json_t *hide_in_array(hiding *h, const aws_shape *shape, json_t *array)
{
    const aws_member *element = element_of(shape, AWS_LIST);
    json_t *copy = NULL, *item;
    size_t i;
    json_array_foreach (array, i, item) {
        json_t *clean = hidden(h, element, "", item);
        if (clean != item && !copy) copy = json_copy(array);
        if (copy)
            json_array_set_new(copy, i, clean);
        else
            json_decref(clean);
    }
    return copy ? copy : json_incref(array);
}

/* {"name": "DB_PASSWORD", "value": "…"}, or a parameter of SSM: {"Type": "SecureString", "Value": "…"} */
static bool is_named_secret(const json_t *object)
{
    const char *type = json_string_value(json_object_get(object, "Type"));
    if (type && strcmp(type, "SecureString") == 0) return true;
    const char *name = json_string_value(json_object_get(object, "name"));
    if (!name) name = json_string_value(json_object_get(object, "Name"));
    return name && secret_is_name(name);
}

static json_t *hide_in_object(hiding *h, const aws_shape *shape, json_t *object)
{
    const aws_member *each = element_of(shape, AWS_MAP);
    bool structure = shape && aws_shape_type(shape) == AWS_STRUCTURE, named = is_named_secret(object);
    json_t *copy = NULL, *value;
    const char *key;
    json_object_foreach (object, key, value) {
        const aws_member *member = structure ? aws_shape_member(shape, key) : each;
        bool beside = named && json_is_string(value) && strcasecmp(key, "value") == 0;
        json_t *clean = beside ? hide_named(h, value) : hidden(h, member, key, value);
        if (clean != value && !copy) copy = json_copy(object);
        if (copy)
            json_object_set_new(copy, key, clean);
        else
            json_decref(clean);
    }
    return copy ? copy : json_incref(object);
}

static json_t *hide_within(hiding *h, const aws_shape *shape, json_t *value)
{
    if (json_is_array(value)) return hide_in_array(h, shape, value);
    if (json_is_object(value)) return hide_in_object(h, shape, value);
    return json_incref(value);
}

json_t *secret_mask(const journal *j, const aws_shape *shape, json_t *value, secret_known *known)
{
    hiding h = {.journal = j, .known = known};
    return hide_within(&h, shape, value);
}

json_t *secret_seal(const journal *j, const secret_place *place, const aws_shape *shape, json_t *value, rip_error *err)
{
    hiding h = {.journal = j, .place = place, .err = err};
    json_t *sealed = hide_within(&h, shape, value);
    if (!h.failed) return sealed;
    json_decref(sealed);
    return NULL;
}

bool secret_lost(const journal *j, const json_t *value)
{
    if (json_is_string(value)) return has_mark(j, json_string_value(value));
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (secret_lost(j, json_array_get(value, i))) return true;
    }
    const char *key;
    json_t *item;
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (secret_lost(j, item)) return true;
    }
    return false;
}

/* A copy of a list or an object with its members opened. */
static rip_status open_members(const journal *j, const secret_place *place, json_t *value, json_t **out, rip_error *err)
{
    json_t *copy = NULL, *item, *opened;
    const char *key;
    size_t i;
    rip_status status = RIP_OK;
    json_array_foreach (value, i, item) {
        status = secret_open(j, place, item, &opened, err);
        if (status != RIP_OK) break;
        if (opened != item && !copy) copy = json_copy(value);
        if (opened != item)
            json_array_set_new(copy, i, opened);
        else
            json_decref(opened);
    }
    json_object_foreach (value, key, item) {
        status = secret_open(j, place, item, &opened, err);
        if (status != RIP_OK) break;
        if (opened != item && !copy) copy = json_copy(value);
        if (opened != item)
            json_object_set_new(copy, key, opened);
        else
            json_decref(opened);
    }
    if (status == RIP_OK)
        *out = copy ? copy : json_incref(value);
    else
        json_decref(copy);
    return status;
}

rip_status secret_open(const journal *j, const secret_place *place, json_t *value, json_t **out, rip_error *err)
{
    if (looks_sealed(value)) return open_one(j, place, value, out, err);
    if (json_is_array(value) || json_is_object(value)) return open_members(j, place, value, out, err);
    *out = json_incref(value);
    return RIP_OK;
}

/* What stands for it, whatever it is: NULL where that is not known. */
static json_t *digest_of(const journal *j, const char *run, json_t *value)
{
    const secret_place place = {run, NULL};
    json_t *opened = NULL;
    if (secret_open(j, &place, value, &opened, NULL) != RIP_OK) return NULL;
    json_t *digest = mark(j, opened);
    json_decref(opened);
    return digest;
}

bool secret_same(const journal *j, const char *run, json_t *a, json_t *b)
{
    json_t *one = digest_of(j, run, a), *other = digest_of(j, run, b);
    bool same = one && other && json_equal(one, other);
    json_decref(one);
    json_decref(other);
    return same;
}
