#include "lua/playbook.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/json.h"
#include "engine/base/suggest.h"
#include "engine/base/units.h"
#include <lauxlib.h>

#include "lua/json.h"
#include "lua/playbook_vm.h"

#define NAME_MAX_LEN 64
#define CHANGES_MAX 1000000
#define TIME_SECONDS_MAX (366.0 * 86400)

static const rip_vm_limits LOAD_LIMITS = {.memory_bytes = (size_t)16 << 20, .instructions = 10000000};

static const char *const FIELDS[] = {"name", "about",     "trigger",  "permissions", "mode", "limits",
                                     "lock", "correlate", "cooldown", "also",        "run"};
#define FIELD_COUNT (sizeof FIELDS / sizeof *FIELDS)

/* Mistakes are told in the order of the file, and found in any order. */
#define MISTAKES_MAX 50

typedef struct found_mistake {
    unsigned line, column;
    char field[128];
    char text[RIP_ERROR_MESSAGE_MAX / 2];
} found_mistake;

/* A header on its way from Lua to a playbook. */
typedef struct header {
    rip_playbook *playbook;
    json_t *plain;                         /* the fields that are plain values */
    bool has_run, has_lock, has_correlate; /* functions */
    rip_playbook_mistake_fn fn;
    void *data;
    rip_error *err;
    found_mistake found[MISTAKES_MAX];
    size_t mistakes;
} header;

static void mistake(header *h, const char *field, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void mistake(header *h, const char *field, const char *format, ...)
{
    if (h->mistakes == MISTAKES_MAX) return;
    found_mistake *found = &h->found[h->mistakes++];
    va_list args;
    va_start(args, format);
    vsnprintf(found->text, sizeof found->text, format, args);
    va_end(args);
    snprintf(found->field, sizeof found->field, "%s", field);
    rip_playbook_place(h->playbook, field, &found->line, &found->column);
}

static int compare_mistakes(const void *left, const void *right)
{
    const found_mistake *a = left, *b = right;
    if (a->line != b->line) return a->line < b->line ? -1 : 1;
    if (a->column != b->column) return a->column < b->column ? -1 : 1;
    int order = strcmp(a->field, b->field);
    return order ? order : strcmp(a->text, b->text);
}

static rip_status tell_mistakes(header *h)
{
    if (h->mistakes == 0) return RIP_OK;
    qsort(h->found, h->mistakes, sizeof *h->found, compare_mistakes);
    for (size_t i = 0; h->fn && i < h->mistakes; i++) {
        const found_mistake *each = &h->found[i];
        rip_playbook_mistake what = {h->playbook->path, each->line, each->column, each->field, each->text};
        h->fn(h->data, &what);
    }
    const found_mistake *first = h->found;
    return rip_fail(h->err, RIP_EINVAL, "%s:%u:%u: %s%s%s", h->playbook->path, first->line, first->column, first->field,
                    *first->field ? ": " : "", first->text);
}

bool rip_playbook_place(const rip_playbook *playbook, const char *field, unsigned *line, unsigned *column)
{
    rip_source_place place = {1, 1};
    bool found = playbook->lines && rip_source_map_find(playbook->lines, field, &place);
    *line = place.line;
    *column = place.column;
    return found;
}

/* From Lua to plain values. Nothing here raises: to_json and the raw accesses do not. */

static void take_field(header *h, lua_State *L, const char *key)
{
    if (lua_isfunction(L, -1)) {
        if (strcmp(key, "run") == 0)
            h->has_run = true;
        else if (strcmp(key, "lock") == 0)
            h->has_lock = true;
        else if (strcmp(key, "correlate") == 0)
            h->has_correlate = true;
        else
            mistake(h, key, "expected a plain value, found a function");
        return;
    }
    json_t *value = NULL;
    rip_error err;
    if (rip_lua_to_json(L, -1, &value, &err) != RIP_OK)
        mistake(h, key, "%s", err.message);
    else
        json_object_set_new(h->plain, key, value);
}

static void take_header(header *h, lua_State *L)
{
    if (!lua_istable(L, -1)) {
        mistake(h, "", "expected the file to return a table with name, trigger, permissions and run, found %s",
                luaL_typename(L, -1));
        return;
    }
    lua_pushnil(L);
    while (lua_next(L, -2)) {
        if (lua_type(L, -2) != LUA_TSTRING) {
            mistake(h, "", "expected named fields only");
        } else {
            const char *key = lua_tostring(L, -2);
            bool known = false;
            for (size_t i = 0; i < FIELD_COUNT; i++) known = known || strcmp(FIELDS[i], key) == 0;
            const char *meant = known ? NULL : rip_suggest(key, FIELDS, FIELD_COUNT);
            if (known)
                take_field(h, L, key);
            else
                mistake(h, key, "there is no such field%s%s", meant ? "; did you mean " : "", meant ? meant : "");
        }
        lua_pop(L, 1);
    }
}

/* Field by field. */

/* A text that a NUL would end early, and so make another. */
static bool has_nul(const json_t *value)
{
    return json_is_string(value) && strlen(json_string_value(value)) != json_string_length(value);
}

static const json_t *wanted(header *h, const char *field, json_type type, const char *what, bool required)
{
    const json_t *value = json_object_get(h->plain, field);
    if (value && json_typeof(value) == type && !has_nul(value)) return value;
    if (value || required) mistake(h, field, "expected %s%s", what, value ? "" : ": it is missing");
    return NULL;
}

static bool is_name(const char *text)
{
    size_t len = strlen(text);
    if (len == 0 || len > NAME_MAX_LEN) return false;
    return strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-._") == len && isalnum((unsigned char)text[0]);
}

static void check_names(header *h)
{
    const json_t *name = wanted(h, "name", JSON_STRING, "a name", true);
    if (name && !is_name(json_string_value(name))) {
        mistake(h, "name", "expected up to %d lower-case letters, digits, '-', '.' and '_'", NAME_MAX_LEN);
    }
    const json_t *about = wanted(h, "about", JSON_STRING, "a line of text", false);
    h->playbook->name = strdup(name ? json_string_value(name) : "");
    h->playbook->about = strdup(about ? json_string_value(about) : "");
}

static void check_trigger(header *h)
{
    const json_t *trigger =
        wanted(h, "trigger", JSON_OBJECT, "an EventBridge event pattern: a table with named fields", true);
    if (!trigger) return;
    h->playbook->trigger = rip_json_dump(trigger, JSON_COMPACT);
    h->playbook->trigger_len = h->playbook->trigger ? strlen(h->playbook->trigger) : 0;
}

static bool is_permission(const char *text)
{
    const char *colon = strchr(text, ':');
    if (!colon || colon == text || !colon[1]) return false;
    size_t service = strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-");
    return text + service == colon &&
           strspn(colon + 1, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789*?") == strlen(colon + 1);
}

static void check_permissions(header *h)
{
    const json_t *list = json_object_get(h->plain, "permissions");
    if (json_is_object(list) && json_object_size(list) == 0) { /* an empty table: nothing is permitted */
        h->playbook->permissions = json_array();
        return;
    }
    list = wanted(h, "permissions", JSON_ARRAY, "a list of IAM actions such as \"ecs:DeleteCluster\"", true);
    if (!list) return;
    h->playbook->permissions = json_incref((json_t *)(uintptr_t)list);
    size_t i;
    json_t *each;
    json_array_foreach (list, i, each) {
        if (json_is_string(each) && !has_nul(each) && is_permission(json_string_value(each))) continue;
        char field[64];
        snprintf(field, sizeof field, "permissions[%zu]", i + 1);
        mistake(h, field,
                "expected an IAM action with its service, such as \"ecs:DeleteCluster\" or \"ecs:Describe*\"");
    }
}

static void check_mode(header *h)
{
    static const char *const MODES[] = {"observe", "dry-run", "approve", "enforce"};
    const json_t *mode = wanted(h, "mode", JSON_STRING, "observe, dry-run, approve or enforce", false);
    if (!mode) return;
    for (size_t i = 0; i < sizeof MODES / sizeof *MODES; i++) {
        if (strcmp(MODES[i], json_string_value(mode)) == 0) h->playbook->mode = strdup(MODES[i]);
    }
    if (!h->playbook->mode)
        mistake(h, "mode", "expected observe, dry-run, approve or enforce, found %s", json_string_value(mode));
}

static void check_time(header *h, const char *field, const json_t *time, int64_t *out)
{
    int64_t ms = 0;
    bool well =
        json_is_number(time)
            ? json_number_value(time) <= TIME_SECONDS_MAX && (ms = (int64_t)(json_number_value(time) * 1000)) > 0
            : json_is_string(time) && rip_duration_parse(json_string_value(time), &ms) && ms > 0;
    if (!well)
        mistake(h, field, "expected a span of time such as \"20m\", or seconds");
    else
        *out = ms;
}

static void check_limits(header *h)
{
    static const char *const LIMITS[] = {"changes", "time"};
    const json_t *limits = wanted(h, "limits", JSON_OBJECT, "a table with changes and time", false);
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)limits, key, value) {
        if (strcmp(key, "time") == 0) {
            check_time(h, "limits.time", value, &h->playbook->limit_time_ms);
        } else if (strcmp(key, "changes") == 0) {
            json_int_t changes = json_integer_value(value);
            if (changes < 1 || changes > CHANGES_MAX)
                mistake(h, "limits.changes", "expected a whole number from 1 to %d", CHANGES_MAX);
            else
                h->playbook->limit_changes = (unsigned)changes;
        } else {
            char field[80];
            const char *meant = rip_suggest(key, LIMITS, 2);
            snprintf(field, sizeof field, "limits.%.64s", key);
            mistake(h, field, "there is no such limit%s%s", meant ? "; did you mean " : "", meant ? meant : "");
        }
    }
}

static void check_key(header *h, const char *field, bool is_function, rip_playbook_key *key)
{
    const json_t *value = json_object_get(h->plain, field);
    key->is_function = is_function;
    if (json_is_string(value))
        key->text = strdup(json_string_value(value));
    else if (value)
        mistake(h, field, "expected a string or a function(finding) that gives one");
}

/* Which findings make runs beside new ones that are open. */
static void check_also(header *h)
{
    static const char *const STATES[] = {"archived", "resolved", "suppressed", "updates"};
    rip_playbook *p = h->playbook;
    bool *const FLAGS[] = {&p->also_archived, &p->also_resolved, &p->also_suppressed, &p->also_updates};
    const json_t *list = json_object_get(h->plain, "also");
    if (!list || (json_is_object(list) && json_object_size(list) == 0)) return;
    list = wanted(h, "also", JSON_ARRAY, "a list of archived, resolved, suppressed, updates", false);
    size_t i;
    json_t *each;
    json_array_foreach (list, i, each) {
        const char *name = json_is_string(each) ? json_string_value(each) : "";
        bool known = false;
        for (size_t k = 0; k < sizeof STATES / sizeof *STATES; k++) {
            if (strcmp(STATES[k], name) == 0) *FLAGS[k] = known = true;
        }
        if (!known) mistake(h, "also", "expected archived, resolved, suppressed or updates, found %.40s", name);
    }
}

static void check_functions(header *h)
{
    if (!h->has_run) mistake(h, "run", "expected a function(finding, run)");
    check_key(h, "lock", h->has_lock, &h->playbook->lock);
    check_key(h, "correlate", h->has_correlate, &h->playbook->correlate);
    const json_t *cooldown = json_object_get(h->plain, "cooldown");
    if (cooldown) check_time(h, "cooldown", cooldown, &h->playbook->cooldown_ms);
}

static rip_status read_header(header *h)
{
    rip_playbook *playbook = h->playbook;
    rip_playbook_vm box = {0};
    rip_status status = rip_playbook_vm_open(&box, playbook, &LOAD_LIMITS, NULL, NULL, h->err);
    if (status == RIP_OK) status = rip_vm_load(box.vm, playbook->path, playbook->text, playbook->text_len, h->err);
    if (status == RIP_OK) status = rip_vm_compile(box.vm, &playbook->compiled, h->err);
    if (status == RIP_OK && rip_vm_call(box.vm, 0, 1, h->err) != RIP_VM_DONE) status = h->err->status;
    if (status == RIP_OK) {
        take_header(h, rip_vm_state(box.vm));
    } else {
        rip_playbook_mistake what = {playbook->path, 0, 0, "", h->err->message};
        if (h->fn) h->fn(h->data, &what);
    }
    rip_playbook_vm_close(&box);
    if (status != RIP_OK) return status;
    check_names(h);
    check_trigger(h);
    check_permissions(h);
    check_mode(h);
    check_limits(h);
    check_functions(h);
    check_also(h);
    if (h->mistakes) return tell_mistakes(h);
    bool whole = playbook->name && playbook->about && playbook->trigger && playbook->permissions;
    return whole ? RIP_OK : rip_nomem(h->err);
}

static rip_status read_text(header *h)
{
    rip_playbook *playbook = h->playbook;
    rip_status status = RIP_OK;
    if (!playbook->text)
        status = rip_read_file(playbook->path, RIP_PLAYBOOK_BYTES_MAX, &playbook->text, &playbook->text_len, h->err);
    if (status == RIP_OK) playbook->shared_text = json_stringn(playbook->text, playbook->text_len);
    if (status == RIP_OK) status = rip_source_map_new(playbook->text, playbook->text_len, &playbook->lines, h->err);
    if (status == RIP_OK) return read_header(h);
    rip_playbook_mistake what = {playbook->path, 0, 0, "", h->err->message};
    if (h->fn) h->fn(h->data, &what);
    return status;
}

/* `playbook` is taken over; NULL: out of memory. */
static rip_status read_playbook(rip_playbook *playbook, rip_playbook_mistake_fn fn, void *data, rip_playbook **out,
                                rip_error *err)
{
    *out = NULL;
    header *h = calloc(1, sizeof *h);
    bool whole = h && playbook && (h->plain = json_object());
    if (h) {
        h->fn = fn;
        h->data = data;
        h->err = err;
        h->playbook = playbook;
    }
    rip_status status = whole ? read_text(h) : rip_nomem(err);
    if (status == RIP_OK)
        *out = playbook;
    else
        rip_playbook_free(playbook);
    if (h) json_decref(h->plain);
    free(h);
    return status;
}

static rip_playbook *playbook_new(const char *path)
{
    rip_playbook *playbook = calloc(1, sizeof *playbook);
    if (playbook) playbook->path = strdup(path);
    if (playbook && playbook->path) return playbook;
    free(playbook);
    return NULL;
}

rip_status rip_playbook_load(const char *path, rip_playbook_mistake_fn fn, void *data, rip_playbook **out,
                             rip_error *err)
{
    rip_error own;
    return read_playbook(playbook_new(path), fn, data, out, err ? err : &own);
}

static void modules_free(rip_module_set *set)
{
    if (!set) return;
    for (size_t i = 0; i < set->count; i++) {
        free((char *)(uintptr_t)set->entries[i].name);
        free((char *)(uintptr_t)set->entries[i].path);
        free((char *)(uintptr_t)set->entries[i].bytes);
    }
    free((rip_module_entry *)(uintptr_t)set->entries);
    free(set);
}

/* Where the module's file is, beside the playbook's: errors of a replay name the same place as those of the first time.
 */
static char *module_path(const char *playbook, const char *name)
{
    const char *slash = strrchr(playbook, '/');
    rip_buffer path = {0};
    rip_buffer_append(&path, playbook, slash ? (size_t)(slash - playbook) : 0);
    rip_buffer_puts(&path, slash ? "/" : "./");
    for (; *name; name++) rip_buffer_putc(&path, *name == '.' ? '/' : *name);
    rip_buffer_puts(&path, ".lua");
    return rip_buffer_take(&path, NULL);
}

/* Texts of modules, with copies of their own. */
static rip_module_set *modules_of(const char *playbook, const json_t *sources)
{
    rip_module_set *set = calloc(1, sizeof *set);
    rip_module_entry *entries = calloc(json_object_size(sources) + 1, sizeof *entries);
    if (!set || !entries) {
        free(set);
        free(entries);
        return NULL;
    }
    set->entries = entries;
    const char *name;
    json_t *text;
    json_object_foreach ((json_t *)(uintptr_t)sources, name, text) {
        size_t len = json_string_length(text);
        char *bytes = malloc(len + 1), *own_name = strdup(name), *own_path = module_path(playbook, name);
        if (!bytes || !own_name || !own_path) {
            free(bytes);
            free(own_name);
            free(own_path);
            modules_free(set);
            return NULL;
        }
        memcpy(bytes, json_string_value(text), len + 1);
        entries[set->count++] = (rip_module_entry){own_name, own_path, bytes, len};
    }
    return set;
}

rip_status rip_playbook_recall(const char *path, const char *text, size_t len, const json_t *sources,
                               const rip_library *library, rip_playbook **out, rip_error *err)
{
    if (!text) return rip_fail(err, RIP_EINVAL, "%s: the record holds no text of it", path);
    rip_playbook *playbook = playbook_new(path);
    if (playbook) {
        playbook->text = malloc(len + 1);
        playbook->text_len = len;
        playbook->modules = modules_of(path, sources);
        playbook->library = library;
        if (playbook->text) memcpy(playbook->text, text, len + 1);
    }
    if (!playbook || !playbook->text || !playbook->modules) {
        rip_playbook_free(playbook);
        return rip_nomem(err);
    }
    return read_playbook(playbook, NULL, NULL, out, err);
}

void rip_playbook_free(rip_playbook *playbook)
{
    if (!playbook) return;
    rip_source_map_free(playbook->lines);
    json_decref(playbook->permissions);
    free(playbook->path);
    free(playbook->name);
    free(playbook->about);
    free(playbook->text);
    json_decref(playbook->shared_text);
    rip_buffer_free(&playbook->compiled);
    free(playbook->trigger);
    free(playbook->mode);
    free(playbook->lock.text);
    free(playbook->correlate.text);
    modules_free(playbook->modules);
    free(playbook);
}
