#include "aws/profile.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/buffer.h"
#include "engine/base/data.h"

#define ENTRIES_MAX 20000
#define NAME_MAX_BYTES 256

typedef struct entry {
    char *section; /* "profile default", "sso-session x" */
    char *key;     /* NULL: the section itself */
    char *value;
} entry;

struct aws_profiles {
    entry *entries;
    size_t count, cap;
};

/* Where the parser is. */
typedef struct reader {
    aws_profiles *profiles;
    const char *name;
    unsigned line;
    bool is_credentials;
    bool skip; /* in a section that is none of ours */
    char section[NAME_MAX_BYTES];
    char parent[NAME_MAX_BYTES]; /* the key that indented lines belong to */
    rip_error *err;
} reader;

aws_profiles *aws_profiles_new(void)
{
    return calloc(1, sizeof(aws_profiles));
}

static void wipe(char *text)
{
    if (text) OPENSSL_cleanse(text, strlen(text));
    free(text);
}

void aws_profiles_free(aws_profiles *profiles)
{
    if (!profiles) return;
    for (size_t i = 0; i < profiles->count; i++) {
        free(profiles->entries[i].section);
        free(profiles->entries[i].key);
        wipe(profiles->entries[i].value);
    }
    free(profiles->entries);
    free(profiles);
}

static entry *find(const aws_profiles *profiles, const char *section, const char *key)
{
    for (size_t i = 0; i < profiles->count; i++) {
        entry *e = &profiles->entries[i];
        if (strcmp(e->section, section) != 0) continue;
        if (key ? e->key && strcmp(e->key, key) == 0 : !e->key) return e;
    }
    return NULL;
}

static rip_status put(reader *r, const char *key, const char *value)
{
    aws_profiles *p = r->profiles;
    entry *known = find(p, r->section, key);
    char *copy = value ? strdup(value) : NULL;
    if (value && !copy) return rip_nomem(r->err);
    if (known) {
        wipe(known->value);
        known->value = copy;
        return RIP_OK;
    }
    if (p->count == ENTRIES_MAX) {
        wipe(copy);
        return rip_fail(r->err, RIP_ELIMIT, "%s:%u: there are more than %d settings", r->name, r->line, ENTRIES_MAX);
    }
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 32;
        entry *entries = realloc(p->entries, cap * sizeof *entries);
        if (!entries) {
            wipe(copy);
            return rip_nomem(r->err);
        }
        p->entries = entries;
        p->cap = cap;
    }
    entry fresh = {strdup(r->section), key ? strdup(key) : NULL, copy};
    if (!fresh.section || (key && !fresh.key)) {
        free(fresh.section);
        free(fresh.key);
        wipe(copy);
        return rip_nomem(r->err);
    }
    p->entries[p->count++] = fresh;
    return RIP_OK;
}

static char *trim(char *text)
{
    while (*text == ' ' || *text == '\t') text++;
    size_t len = strlen(text);
    while (len > 0 && strchr(" \t\r", text[len - 1])) text[--len] = '\0';
    return text;
}

static rip_status read_section(reader *r, char *line)
{
    char *end = strchr(line, ']');
    if (!end) return rip_fail(r->err, RIP_EINVAL, "%s:%u: the section's ']' is missing", r->name, r->line);
    *end = '\0';
    char *name = trim(line + 1);
    size_t kind_len = strcspn(name, " \t");
    char *rest = trim(name + kind_len);
    if (strlen(name) + sizeof "profile " > sizeof r->section)
        return rip_fail(r->err, RIP_ELIMIT, "%s:%u: the section's name is too long", r->name, r->line);
    r->parent[0] = '\0';
    r->skip = false;
    bool known = (kind_len == 7 && memcmp(name, "profile", 7) == 0) ||
                 (kind_len == 11 && memcmp(name, "sso-session", 11) == 0) ||
                 (kind_len == 8 && memcmp(name, "services", 8) == 0);
    if (!r->is_credentials && known && *rest)
        snprintf(r->section, sizeof r->section, "%.*s %s", (int)kind_len, name, rest);
    else if (r->is_credentials || strcmp(name, "default") == 0)
        snprintf(r->section, sizeof r->section, "profile %s", name);
    else
        r->skip = true;
    return r->skip ? RIP_OK : put(r, NULL, NULL);
}

static void lower(char *text)
{
    for (; *text; text++) {
        if (*text >= 'A' && *text <= 'Z') *text = (char)(*text + 32);
    }
}

static rip_status read_setting(reader *r, char *line, bool indented)
{
    char *equals = strchr(line, '=');
    if (!equals) {
        if (indented && *r->parent) return RIP_OK; /* a value that goes on: none of ours does */
        return rip_fail(r->err, RIP_EINVAL, "%s:%u: expected KEY = VALUE", r->name, r->line);
    }
    *equals = '\0';
    char *key = trim(line);
    char *value = trim(equals + 1);
    char *comment = strstr(value, " #");
    if (!comment) comment = strstr(value, " ;");
    if (comment) {
        *comment = '\0';
        value = trim(value);
    }
    if (!*r->section || !*key)
        return rip_fail(r->err, RIP_EINVAL, "%s:%u: expected a [section] and a key first", r->name, r->line);
    lower(key);
    char full[2 * NAME_MAX_BYTES];
    if (strlen(key) >= NAME_MAX_BYTES)
        return rip_fail(r->err, RIP_ELIMIT, "%s:%u: the key is too long", r->name, r->line);
    if (indented && *r->parent)
        snprintf(full, sizeof full, "%s.%s", r->parent, key);
    else
        snprintf(full, sizeof full, "%s", key);
    if (!indented) snprintf(r->parent, sizeof r->parent, "%s", *value ? "" : key);
    return put(r, full, value);
}

static rip_status read_line(reader *r, char *line)
{
    bool indented = *line == ' ' || *line == '\t';
    char *text = trim(line);
    if (!*text || *text == '#' || *text == ';') return RIP_OK;
    if (*text == '[' && !indented) return read_section(r, text);
    return r->skip ? RIP_OK : read_setting(r, text, indented);
}

rip_status aws_profiles_parse(aws_profiles *profiles, const char *name, bool is_credentials, const char *text,
                              size_t len, rip_error *err)
{
    if (len > AWS_PROFILE_BYTES_MAX)
        return rip_fail(err, RIP_ELIMIT, "%s: larger than %zu bytes", name, AWS_PROFILE_BYTES_MAX);
    if (memchr(text, '\0', len)) return rip_fail(err, RIP_EINVAL, "%s: holds a NUL: it is no text", name);
    reader r = {.profiles = profiles, .name = name, .is_credentials = is_credentials, .err = err};
    char *copy = strndup(text, len);
    if (!copy) return rip_nomem(err);
    rip_status status = RIP_OK;
    for (char *at = copy, *next; at && status == RIP_OK; at = next) {
        next = strchr(at, '\n');
        if (next) *next++ = '\0';
        r.line++;
        status = read_line(&r, at);
    }
    OPENSSL_cleanse(copy, len);
    free(copy);
    return status;
}

static rip_status read_one(aws_profiles *profiles, const char *variable, const char *otherwise, bool is_credentials,
                           rip_error *err)
{
    const char *given = getenv(variable);
    const char *home = getenv("HOME");
    rip_buffer path = {0};
    if (given && given[0] == '~' && given[1] == '/' && home)
        rip_buffer_printf(&path, "%s%s", home, given + 1);
    else if (given && *given)
        rip_buffer_puts(&path, given);
    else if (home)
        rip_buffer_printf(&path, "%s/.aws/%s", home, otherwise);
    else
        return RIP_OK;
    char *text = NULL;
    size_t len = 0;
    rip_status status = path.failed ? rip_nomem(err) : RIP_OK;
    if (status == RIP_OK) status = rip_read_file(path.data, AWS_PROFILE_BYTES_MAX, &text, &len, err);
    if (status == RIP_OK)
        status = aws_profiles_parse(profiles, path.data, is_credentials, text, len, err);
    else if (status == RIP_ENOTFOUND)
        status = RIP_OK;
    if (text) OPENSSL_cleanse(text, len);
    free(text);
    rip_buffer_free(&path);
    return status;
}

rip_status aws_profiles_load(aws_profiles **out, rip_error *err)
{
    aws_profiles *profiles = aws_profiles_new();
    if (!profiles) return rip_nomem(err);
    rip_status status = read_one(profiles, "AWS_CONFIG_FILE", "config", false, err);
    if (status == RIP_OK) status = read_one(profiles, "AWS_SHARED_CREDENTIALS_FILE", "credentials", true, err);
    if (status == RIP_OK)
        *out = profiles;
    else
        aws_profiles_free(profiles);
    return status;
}

const char *aws_profiles_section(const aws_profiles *profiles, const char *kind, const char *name, const char *key)
{
    char section[NAME_MAX_BYTES + 16];
    if (!profiles || strlen(name) >= NAME_MAX_BYTES) return NULL;
    snprintf(section, sizeof section, "%s %s", kind, name);
    const entry *e = find(profiles, section, key);
    return e ? e->value : NULL;
}

bool aws_profiles_has(const aws_profiles *profiles, const char *profile)
{
    char section[NAME_MAX_BYTES + 16];
    if (!profiles || strlen(profile) >= NAME_MAX_BYTES) return false;
    snprintf(section, sizeof section, "profile %s", profile);
    return find(profiles, section, NULL) != NULL;
}

const char *aws_profiles_get(const aws_profiles *profiles, const char *profile, const char *key)
{
    return aws_profiles_section(profiles, "profile", profile, key);
}

const char *aws_profile_name(const char *given)
{
    if (given && *given) return given;
    const char *named = getenv("AWS_PROFILE");
    return named && *named ? named : "default";
}

const char *aws_setting(const aws_profiles *profiles, const char *profile, const char *variable, const char *key)
{
    const char *value = variable ? getenv(variable) : NULL;
    if (value && *value) return value;
    value = key ? aws_profiles_get(profiles, profile, key) : NULL;
    return value && *value ? value : NULL;
}

bool aws_setting_on(const aws_profiles *profiles, const char *profile, const char *variable, const char *key)
{
    const char *value = aws_setting(profiles, profile, variable, key);
    return value && strcasecmp(value, "true") == 0;
}
