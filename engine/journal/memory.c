/* The journal in memory: for one process's life (`riposte run`, drills, tests), and what a durable keeper answers from.
 */
#include "engine/journal/memory.h"

#include <openssl/rand.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"

#define MINUTE_MS 60000
#define MINUTES_KEPT (24 * 60)

static memory_journal *memory_of(journal *j)
{
    return (memory_journal *)j;
}

static void answer(journal_done done, void *data, rip_status status)
{
    rip_error err = {RIP_OK, ""};
    if (status == RIP_ENOMEM) rip_nomem(&err);
    done(data, status, &err);
}

static void memory_digest(const journal *j, const char *text, size_t len, char out[65])
{
    const memory_journal *memory = (const memory_journal *)j;
    unsigned char digest[RIP_SHA256_BYTES];
    rip_hmac_sha256(memory->key, sizeof memory->key, text, len, digest);
    rip_hex(digest, sizeof digest, out);
}

/* Runs. */

run_log *memory_log(journal *j, const char *run)
{
    memory_journal *memory = memory_of(j);
    json_t *place = run ? json_object_get(memory->runs, run) : NULL;
    return place ? memory->logs[json_integer_value(place)] : NULL;
}

/* Runs that were let go leave holes: close them when there are as many as runs. */
static void close_holes(memory_journal *memory)
{
    size_t kept = 0;
    for (size_t i = 0; i < memory->count; i++) {
        if (!memory->logs[i]) continue;
        json_integer_set(
            json_object_get(memory->runs, json_string_value(json_object_get(memory->logs[i]->record, "id"))),
            (json_int_t)kept);
        memory->logs[kept++] = memory->logs[i];
    }
    memory->count = kept;
}

static bool make_room(memory_journal *memory)
{
    if (memory->count < memory->cap) return true;
    if (json_object_size(memory->runs) * 2 < memory->count) {
        close_holes(memory);
        return true;
    }
    size_t cap = memory->cap ? memory->cap * 2 : 16;
    run_log **logs = realloc(memory->logs, cap * sizeof(*logs));
    if (!logs) return false;
    memory->logs = logs;
    memory->cap = cap;
    return true;
}

run_log *memory_put(journal *j, json_t *record, json_t *finding)
{
    memory_journal *memory = memory_of(j);
    const char *id = json_string_value(json_object_get(record, "id"));
    run_log *log = memory_log(j, id);
    if (log) {
        if (!log->finding) log->finding = json_incref(finding);
        return log->record == record || json_object_update(log->record, record) == 0 ? log : NULL;
    }
    log = id && make_room(memory) ? run_log_new(record, finding) : NULL;
    if (!log || json_object_set_new(memory->runs, id, json_integer((json_int_t)memory->count)) != 0) {
        run_log_free(log);
        return NULL;
    }
    memory->logs[memory->count++] = log;
    return log;
}

void memory_drop(journal *j, const char *run)
{
    memory_journal *memory = memory_of(j);
    json_t *place = json_object_get(memory->runs, run);
    if (!place) return;
    size_t index = (size_t)json_integer_value(place);
    json_object_del(memory->runs, run);
    run_log_free(memory->logs[index]);
    memory->logs[index] = NULL;
}

static void memory_run_queue(journal *j, json_t *record, journal_done done, void *data)
{
    answer(done, data, memory_put(j, record, NULL) ? RIP_OK : RIP_ENOMEM);
}

static void memory_run_source(journal *j, const char *run, const char *name, const char *text, size_t len)
{
    run_log *log = memory_log(j, run);
    if (!log) return;
    json_t *sources = json_object_get(log->record, "sources");
    if (!sources) {
        sources = json_object();
        json_object_set_new(log->record, "sources", sources);
    }
    json_object_set_new(sources, name, json_stringn(text, len));
}

/* A run that follows another answers the same finding. */
static bool follow(journal *j, const run_log *log, json_t *next)
{
    return !next || memory_put(j, next, log->finding);
}

static void memory_run_end(journal *j, const char *run, json_t *outcome, json_t *next, journal_done done, void *data)
{
    run_log *log = memory_log(j, run);
    bool kept = log && json_object_update(log->record, outcome) == 0 && follow(j, log, next);
    answer(done, data, kept ? RIP_OK : RIP_ENOMEM);
}

static void memory_run_decide(journal *j, const char *run, json_t *decision, const char *outcome, json_t *next,
                              journal_done done, void *data)
{
    run_log *log = memory_log(j, run);
    if (!log) {
        rip_error err;
        done(data, rip_fail(&err, RIP_ENOTFOUND, "there is no run %s", run), &err);
        return;
    }
    json_t *decisions = json_object_get(log->record, "decisions");
    if (!decisions) {
        decisions = json_array();
        json_object_set_new(log->record, "decisions", decisions);
    }
    bool kept = json_array_append(decisions, decision) == 0;
    if (outcome) kept = kept && json_object_set_new(log->record, "outcome", json_string(outcome)) == 0;
    answer(done, data, kept && follow(j, log, next) ? RIP_OK : RIP_ENOMEM);
}

static json_t *memory_run(journal *j, const char *run)
{
    run_log *log = memory_log(j, run);
    return log ? log->record : NULL;
}

static void memory_run_release(journal *j, const char *run)
{
    (void)j;
    (void)run;
}

/* Findings. */

static const char *refusal(memory_journal *memory, const journal_wanted *wanted, const journal_arrival *arrival,
                           bool is_update)
{
    const char *id = json_string_value(json_object_get(wanted->record, "id"));
    if (json_object_get(memory->runs, id)) return "repeated";
    if (wanted->only_first && is_update) return "update";
    if (!wanted->cooldown_key) return NULL;
    json_t *last = json_object_get(memory->cooldowns, wanted->cooldown_key);
    if (!last) return NULL;
    /* A time to come was told by a clock that has been set back since: it holds nobody up. */
    int64_t since = arrival->received_ms - json_integer_value(last);
    return since < wanted->cooldown_ms && -since < wanted->cooldown_ms ? "cooldown" : NULL;
}

static json_t *queue_wanted(journal *j, const journal_arrival *arrival, bool is_update)
{
    memory_journal *memory = memory_of(j);
    json_t *runs = json_array();
    for (size_t i = 0; i < arrival->wanted_count; i++) {
        const journal_wanted *wanted = &arrival->wanted[i];
        const char *why = refusal(memory, wanted, arrival, is_update);
        json_array_append_new(runs, why ? json_string(why) : json_null());
        if (why) continue;
        memory_put(j, wanted->record, arrival->finding);
        if (wanted->cooldown_key)
            json_object_set_new(memory->cooldowns, wanted->cooldown_key, json_integer(arrival->received_ms));
    }
    return runs;
}

static void memory_accept(journal *j, const journal_arrival *arrival, journal_answer done, void *data)
{
    memory_journal *memory = memory_of(j);
    const char *id = "", *version = "";
    json_unpack(arrival->finding, "{s:s, s:s}", "id", &id, "version", &version);
    json_t *versions = json_object_get(memory->findings, id);
    bool is_new = !json_object_get(versions, version);
    bool is_update = is_new && json_object_size(versions) > 0;
    if (!versions) {
        versions = json_object();
        json_object_set_new(memory->findings, id, versions);
    }
    json_t *runs = is_new ? queue_wanted(j, arrival, is_update) : json_array();
    for (size_t i = 0; !is_new && i < arrival->wanted_count; i++) json_array_append_new(runs, json_string("repeated"));
    json_t *value = json_pack("{s:b, s:b, s:o}", "is_new", (int)is_new, "is_update", (int)is_update, "runs", runs);
    rip_error err = {RIP_OK, ""};
    bool kept = value && json_object_set_new(versions, version, json_true()) == 0;
    if (!kept) rip_nomem(&err);
    done(data, err.status, kept ? value : NULL, &err);
    json_decref(value);
}

/* Steps. */

static const journal_step *memory_step_find(journal *j, const char *run, const char *path, unsigned number)
{
    return run_log_find(memory_log(j, run), path, number);
}

static void memory_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    run_log *log = memory_log(j, run);
    answer(done, data, log && run_log_start(log, step) ? RIP_OK : RIP_ENOMEM);
}

static void memory_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    run_log *log = memory_log(j, run);
    answer(done, data, log && run_log_finish(log, step) ? RIP_OK : RIP_ENOMEM);
}

static size_t memory_step_count(journal *j, const char *run)
{
    run_log *log = memory_log(j, run);
    return log ? log->count : 0;
}

static const journal_step *memory_step_at(journal *j, const char *run, size_t index)
{
    run_log *log = memory_log(j, run);
    return log && index < log->count ? log->steps[index] : NULL;
}

static unsigned memory_step_finished(journal *j, const char *run)
{
    run_log *log = memory_log(j, run);
    return log ? log->finished : 0;
}

/* What outlives runs. */

static void memory_pause(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    answer(done, data, json_object_set(memory_of(j)->pauses, scope, about) == 0 ? RIP_OK : RIP_ENOMEM);
}

static void memory_resume(journal *j, const char *scope, json_t *about, journal_done done, void *data)
{
    (void)about;
    json_object_del(memory_of(j)->pauses, scope);
    answer(done, data, RIP_OK);
}

static json_t *memory_pauses(journal *j)
{
    return memory_of(j)->pauses;
}

static void forget_minutes(json_t *minutes, int64_t now)
{
    const char *key;
    json_t *value;
    void *tmp;
    json_object_foreach_safe (minutes, tmp, key, value) {
        if (strtoll(key, NULL, 10) < now - MINUTES_KEPT) json_object_del(minutes, key);
    }
}

void memory_spend_back(journal *j, const char *scope, int64_t minute, int64_t used)
{
    json_t *spent = memory_of(j)->spent;
    json_t *minutes = json_object_get(spent, scope);
    char key[24];
    if (!minutes) {
        minutes = json_object();
        json_object_set_new(spent, scope, minutes);
    }
    snprintf(key, sizeof key, "%lld", (long long)minute);
    if (!json_object_get(minutes, key)) forget_minutes(minutes, minute);
    json_object_set_new(minutes, key, json_integer(json_integer_value(json_object_get(minutes, key)) + used));
}

static void memory_spend(journal *j, const char *scope, int64_t at_ms)
{
    memory_spend_back(j, scope, at_ms / MINUTE_MS, 1);
}

static unsigned memory_spent(journal *j, const char *scope, int64_t since_ms)
{
    unsigned sum = 0;
    const char *key;
    json_t *value;
    json_object_foreach (json_object_get(memory_of(j)->spent, scope), key, value) {
        if (strtoll(key, NULL, 10) >= since_ms / MINUTE_MS) sum += (unsigned)json_integer_value(value);
    }
    return sum;
}

bool memory_library_is_news(journal *j, const char *digest)
{
    memory_journal *memory = memory_of(j);
    if (strcmp(memory->library, digest) == 0) return false;
    snprintf(memory->library, sizeof memory->library, "%s", digest);
    return true;
}

static void memory_library_keep(journal *j, const char *digest, const char *pack, size_t len)
{
    if (!memory_library_is_news(j, digest)) return;
    json_object_set_new(memory_of(j)->libraries, digest, json_stringn_nocheck(pack, len));
}

static const char *memory_library(journal *j, const char *digest, size_t *len)
{
    const json_t *pack = json_object_get(memory_of(j)->libraries, digest);
    *len = json_string_length(pack);
    return json_string_value(pack);
}

static void memory_position_set(journal *j, const char *source, const char *position, journal_done done, void *data)
{
    bool kept = json_object_set_new(memory_of(j)->positions, source, json_string(position)) == 0;
    answer(done, data, kept ? RIP_OK : RIP_ENOMEM);
}

static const char *memory_position(journal *j, const char *source)
{
    return json_string_value(json_object_get(memory_of(j)->positions, source));
}

/* Those that no run that is left began with. */
static void forget_libraries(memory_journal *memory)
{
    json_t *needed = json_object();
    json_object_set(needed, memory->library, json_object_get(memory->libraries, memory->library));
    for (size_t i = 0; i < memory->count; i++) {
        const json_t *record = memory->logs[i] ? memory->logs[i]->record : NULL;
        const char *digest = json_string_value(json_object_get(record, "library"));
        if (digest) json_object_set(needed, digest, json_object_get(memory->libraries, digest));
    }
    json_decref(memory->libraries);
    memory->libraries = needed;
}

static void memory_prune(journal *j, int64_t before_ms, journal_answer done, void *data)
{
    memory_journal *memory = memory_of(j);
    json_int_t runs = 0;
    for (size_t i = 0; i < memory->count; i++) {
        const json_t *record = memory->logs[i] ? memory->logs[i]->record : NULL;
        json_t *finished = json_object_get(record, "finished");
        if (!finished || json_integer_value(finished) >= before_ms) continue;
        memory_drop(j, json_string_value(json_object_get(record, "id")));
        runs++;
    }
    forget_libraries(memory);
    rip_error err = {RIP_OK, ""};
    json_t *value = json_pack("{s:I, s:i}", "runs", runs, "findings", 0);
    done(data, RIP_OK, value, &err);
    json_decref(value);
}

/* Opening and closing. */

static void memory_close(journal *j)
{
    memory_journal *memory = memory_of(j);
    for (size_t i = 0; i < memory->count; i++) run_log_free(memory->logs[i]);
    free(memory->logs);
    json_decref(memory->runs);
    json_decref(memory->findings);
    json_decref(memory->cooldowns);
    json_decref(memory->pauses);
    json_decref(memory->spent);
    json_decref(memory->positions);
    json_decref(memory->libraries);
    free(memory);
}

static const journal_ops OPS = {
    .close = memory_close,
    .digest = memory_digest,
    .accept = memory_accept,
    .run_queue = memory_run_queue,
    .run_begin = memory_run_queue, /* both: what is told of a run is merged into its record */
    .run_source = memory_run_source,
    .run_end = memory_run_end,
    .run_decide = memory_run_decide,
    .run = memory_run,
    .run_release = memory_run_release,
    .step_find = memory_step_find,
    .step_start = memory_step_start,
    .step_finish = memory_step_finish,
    .step_count = memory_step_count,
    .step_at = memory_step_at,
    .step_finished = memory_step_finished,
    .pause = memory_pause,
    .resume = memory_resume,
    .pauses = memory_pauses,
    .spend = memory_spend,
    .spent = memory_spent,
    .library_keep = memory_library_keep,
    .library = memory_library,
    .position_set = memory_position_set,
    .position = memory_position,
    .recover = memory_recover,
    .find_runs = memory_find_runs,
    .read_run = memory_read_run,
    .prune = memory_prune,
};

rip_status journal_open_memory(journal **out, rip_error *err)
{
    memory_journal *memory = calloc(1, sizeof *memory);
    if (!memory) return rip_nomem(err);
    memory->base.ops = &OPS;
    memory->findings = json_object();
    memory->cooldowns = json_object();
    memory->runs = json_object();
    memory->pauses = json_object();
    memory->spent = json_object();
    memory->positions = json_object();
    memory->libraries = json_object();
    bool whole = memory->findings && memory->cooldowns && memory->runs && memory->pauses && memory->spent &&
                 memory->positions && memory->libraries && RAND_bytes(memory->key, sizeof memory->key) == 1;
    if (!whole) {
        memory_close(&memory->base);
        return rip_nomem(err);
    }
    *out = &memory->base;
    return RIP_OK;
}
