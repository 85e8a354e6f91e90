/* Verifying what outlives runs: pauses against their anchors, budgets against the changes that were made. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "engine/journal/journal.h"
#include "engine/journal/sqlite_audit.h"

#define HOUR_MS 3600000
#define MINUTE_MS 60000

/* Pauses. */

void verify_pause_anchor(verifier *v, int64_t place, const char *kind, bytes name, bytes content)
{
    bytes scope, about;
    hash sum;
    bool well = chain_pause_parts(name, &scope, &about);
    if (well) {
        chain_pause(kind, scope, about, &sum);
        well = hash_is(&sum, content);
    }
    json_t *kept = well && strcmp(kind, "paused") == 0 ? json_stringn(about.data, about.len) : NULL;
    if (kept)
        well = json_object_setn_new(v->pauses, scope.data, scope.len, kept) == 0;
    else if (well)
        json_object_deln(v->pauses, scope.data, scope.len);
    if (!well) verify_tell(v, "anchors", "changed: what it says was paused or resumed", "place %" PRId64, place);
}

void verify_pauses(verifier *v)
{
    static const char ALL[] = "SELECT scope, about FROM pauses ORDER BY scope";
    rows *r = db_rows(&v->db, ALL, "");
    for (; db_next(&v->db, r); v->sums->pauses++) {
        const char *scope = db_text(r, 0);
        const json_t *about = json_object_get(v->pauses, scope);
        if (!about)
            verify_tell(v, "pauses", "added: the chain does not know it", "%s", scope);
        else if (strcmp(json_string_value(about), db_text(r, 1)) != 0)
            verify_tell(v, "pauses", "changed: it is not what was anchored", "%s", scope);
        json_object_del(v->pauses, scope);
    }
    const char *scope;
    json_t *about;
    json_object_foreach (v->pauses, scope, about)
        verify_tell(v, "pauses", "removed: nobody has resumed what it stopped", "%s", scope);
}

/* Budgets. A guard looks back an hour; what was charged before is nobody's matter any more. A charge is told to the
 * journal before its change, so there are never fewer charges than changes. */

static void count_change(json_t *made, const char *kind, const char *name, int64_t minute)
{
    char scope[256], key[24];
    snprintf(scope, sizeof scope, "%s:%s", kind, name);
    snprintf(key, sizeof key, "%" PRId64, minute);
    json_t *minutes = json_object_get(made, scope);
    if (!minutes) {
        minutes = json_object();
        json_object_set_new(made, scope, minutes);
    }
    json_object_set_new(minutes, key, json_integer(json_integer_value(json_object_get(minutes, key)) + 1));
}

/* {scope: {minute: changes}}. New reference. */
static json_t *changes_made(verifier *v, int64_t since)
{
    static const char ALL[] =
        "SELECT s.started, s.request, r.playbook, r.account FROM steps s JOIN runs r ON r.place = s.run"
        " WHERE s.care = 2 AND s.started >= ?";
    json_t *made = json_object();
    rows *r = db_rows(&v->db, ALL, "i", since);
    while (db_next(&v->db, r)) {
        int64_t minute = db_int(r, 0) / MINUTE_MS;
        json_t *request = db_json(&v->db, r, 1);
        const char *account = json_string_value(json_object_get(request, "account"));
        count_change(made, "playbook", db_text(r, 2), minute);
        count_change(made, "account", account && *account ? account : db_text(r, 3), minute);
        json_decref(request);
    }
    return made;
}

void verify_budgets(verifier *v)
{
    static const char USED[] = "SELECT used FROM budgets WHERE scope = ? AND minute = ?";
    json_t *made = changes_made(v, ((int64_t)time(NULL) * 1000 - HOUR_MS) / MINUTE_MS * MINUTE_MS), *minutes, *count;
    const char *scope, *minute;
    json_object_foreach (made, scope, minutes) {
        json_object_foreach (minutes, minute, count) {
            int64_t used = db_number(&v->db, USED, 0, "si", scope, (int64_t)strtoll(minute, NULL, 10));
            if (used < json_integer_value(count))
                verify_tell(v, "budgets", "changed: more changes were made than it says", "%s minute %s", scope,
                            minute);
        }
    }
    json_decref(made);
}
