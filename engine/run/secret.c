#include "engine/run/secret.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

/* "(secret <digest>.<check>)": the check is a digest too, so that a string from a finding cannot pass for one. */
#define OPENING "(secret "
#define DIGITS 64
#define CHECK_DIGITS 16
#define MARK_LEN (sizeof OPENING - 1 + DIGITS + 1 + CHECK_DIGITS + 1)

static void check_of(const journal *j, const char *digest, char out[CHECK_DIGITS + 1])
{
    char text[sizeof "digest " + DIGITS], hex[65];
    snprintf(text, sizeof text, "digest %.64s", digest);
    journal_digest(j, text, strlen(text), hex);
    memcpy(out, hex, CHECK_DIGITS);
    out[CHECK_DIGITS] = '\0';
}

static bool is_mark(const journal *j, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text || json_string_length(value) != MARK_LEN || strncmp(text, OPENING, sizeof OPENING - 1) != 0) return false;
    const char *digest = text + sizeof OPENING - 1;
    char check[CHECK_DIGITS + 1];
    check_of(j, digest, check);
    return digest[DIGITS] == '.' && strncmp(digest + DIGITS + 1, check, CHECK_DIGITS) == 0;
}

static json_t *mark(const journal *j, json_t *secret)
{
    if (is_mark(j, secret)) return json_incref(secret);
    char *text = json_is_string(secret) ? NULL : json_dumps(secret, JSON_ENCODE_ANY | JSON_SORT_KEYS);
    const char *bytes = text ? text : json_string_value(secret);
    char digest[65], check[CHECK_DIGITS + 1];
    journal_digest(j, bytes ? bytes : "", bytes ? strlen(bytes) : 0, digest);
    check_of(j, digest, check);
    free(text);
    return json_sprintf(OPENING "%s.%s)", digest, check);
}

/* Beyond what models mark: names that tell of a secret wherever they stand, compared without '_' and '-'. */
static bool tells_of_secret(const char *name)
{
    static const char *const NAMES[] = {
        "secretstring",      "secretbinary", "secretaccesskey", "awssecretaccesskey",  "sessiontoken",
        "awssessiontoken",   "password",     "privatekey",      "masteruserpassword",  "authtoken",
        "ecsengineauthdata", "clientsecret", "keymaterial",     "plaintextkeymaterial"};
    char plain[64];
    size_t len = 0;
    for (; *name && len + 1 < sizeof plain; name++) {
        if (*name != '_' && *name != '-') plain[len++] = *name;
    }
    plain[len] = '\0';
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcasecmp(plain, NAMES[i]) == 0) return true;
    }
    size_t tail = sizeof "password" - 1;
    return len > tail && strcasecmp(plain + len - tail, "password") == 0;
}

static bool is_sensitive(const aws_member *member)
{
    return member && json_is_true(aws_member_trait(member, "sensitive"));
}

static json_t *masked(const journal *j, const aws_shape *shape, const aws_member *member, const char *name,
                      json_t *value)
{
    if (json_is_null(value)) return json_incref(value);
    bool plain = json_is_string(value) || json_is_number(value);
    if (is_sensitive(member) || (plain && tells_of_secret(name))) return mark(j, value);
    if (plain || json_is_boolean(value)) return json_incref(value);
    return secret_mask(j, member ? aws_member_shape(member) : shape, value);
}

static const aws_member *element_of(const aws_shape *shape, aws_type type)
{
    return shape && aws_shape_type(shape) == type ? aws_shape_element(shape) : NULL;
}

static json_t *mask_array(const journal *j, const aws_shape *shape, json_t *array)
{
    const aws_member *element = element_of(shape, AWS_LIST);
    json_t *copy = NULL, *item;
    size_t i;
    json_array_foreach (array, i, item) {
        json_t *clean = masked(j, NULL, element, "", item);
        if (clean != item && !copy) copy = json_copy(array);
        if (copy)
            json_array_set_new(copy, i, clean);
        else
            json_decref(clean);
    }
    return copy ? copy : json_incref(array);
}

/* {"name": "DB_PASSWORD", "value": "…"} */
static bool is_named_secret(const json_t *object)
{
    const char *name = json_string_value(json_object_get(object, "name"));
    if (!name) name = json_string_value(json_object_get(object, "Name"));
    return name && tells_of_secret(name);
}

static json_t *mask_object(const journal *j, const aws_shape *shape, json_t *object)
{
    const aws_member *each = element_of(shape, AWS_MAP);
    bool structure = shape && aws_shape_type(shape) == AWS_STRUCTURE, named = is_named_secret(object);
    json_t *copy = NULL, *value;
    const char *key;
    json_object_foreach (object, key, value) {
        const aws_member *member = structure ? aws_shape_member(shape, key) : each;
        bool beside = named && json_is_string(value) && strcasecmp(key, "value") == 0;
        json_t *clean = beside ? mark(j, value) : masked(j, NULL, member, key, value);
        if (clean != value && !copy) copy = json_copy(object);
        if (copy)
            json_object_set_new(copy, key, clean);
        else
            json_decref(clean);
    }
    return copy ? copy : json_incref(object);
}

json_t *secret_mask(const journal *j, const aws_shape *shape, json_t *value)
{
    if (json_is_array(value)) return mask_array(j, shape, value);
    if (json_is_object(value)) return mask_object(j, shape, value);
    return json_incref(value);
}

bool secret_lost(const journal *j, const json_t *value)
{
    if (json_is_string(value)) return is_mark(j, value);
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
