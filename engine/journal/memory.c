/* The journal in memory: for one process's life (`riposte run`, drills, tests). */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/journal/keeper.h"

typedef struct run_log {
    json_t *record;
    journal_step **steps; /* in the order in which they were started */
    size_t count, cap;
    size_t *slots; /* hash table of (path, number): index into steps + 1, 0 is free */
    size_t slot_count;
    unsigned finished;
} run_log;

typedef struct memory_journal {
    journal base;
    json_t *findings;  /* "id\nversion" -> finding */
    json_t *run_index; /* id -> place in runs */
    run_log **runs;
    size_t run_count, run_cap;
} memory_journal;

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

/* Steps. */

static void step_free(journal_step *step)
{
    if (!step) return;
    free((char *)(uintptr_t)step->path);
    free((char *)(uintptr_t)step->kind);
    free((char *)(uintptr_t)step->phase);
    free((char *)(uintptr_t)step->fingerprint);
    free((char *)(uintptr_t)step->outcome);
    free((char *)(uintptr_t)step->irreversible);
    json_decref(step->request);
    json_decref(step->reply);
    json_decref(step->undo);
    free(step);
}

static journal_step *step_copy(const journal_step *from)
{
    journal_step *step = calloc(1, sizeof *step);
    if (!step) return NULL;
    step->path = strdup(from->path);
    step->number = from->number;
    step->kind = strdup(from->kind);
    step->phase = strdup(from->phase);
    step->fingerprint = strdup(from->fingerprint);
    step->request = json_incref(from->request);
    step->is_change = from->is_change;
    step->state = JOURNAL_STARTED;
    step->started_ms = from->started_ms;
    if (step->path && step->kind && step->phase && step->fingerprint) return step;
    step_free(step);
    return NULL;
}

static size_t slot_of(const run_log *log, const char *path, unsigned number)
{
    size_t hash = 14695981039346656037u;
    for (const char *p = path; *p; p++) hash = (hash ^ (unsigned char)*p) * 1099511628211u;
    hash = (hash ^ number) * 1099511628211u;
    hash ^= hash >> 29;
    size_t slot = hash & (log->slot_count - 1);
    while (log->slots[slot]) {
        const journal_step *step = log->steps[log->slots[slot] - 1];
        if (step->number == number && strcmp(step->path, path) == 0) break;
        slot = (slot + 1) & (log->slot_count - 1);
    }
    return slot;
}

static bool grow(run_log *log)
{
    if (log->count < log->cap) return true;
    size_t cap = log->cap ? log->cap * 2 : 64;
    journal_step **steps = realloc(log->steps, cap * sizeof(*steps));
    if (!steps) return false;
    log->steps = steps;
    size_t *slots = calloc(cap * 2, sizeof *slots);
    if (!slots) return false;
    free(log->slots);
    log->slots = slots;
    log->slot_count = cap * 2;
    log->cap = cap;
    for (size_t i = 0; i < log->count; i++) log->slots[slot_of(log, steps[i]->path, steps[i]->number)] = i + 1;
    return true;
}

static run_log *log_of(journal *j, const char *run)
{
    memory_journal *memory = memory_of(j);
    json_t *place = json_object_get(memory->run_index, run);
    return place ? memory->runs[json_integer_value(place)] : NULL;
}

static journal_step *find(run_log *log, const char *path, unsigned number)
{
    if (!log || log->count == 0) return NULL;
    size_t at = log->slots[slot_of(log, path, number)];
    return at ? log->steps[at - 1] : NULL;
}

static const journal_step *memory_step_find(journal *j, const char *run, const char *path, unsigned number)
{
    return find(log_of(j, run), path, number);
}

static void memory_step_start(journal *j, const char *run, const journal_step *from, journal_done done, void *data)
{
    run_log *log = log_of(j, run);
    journal_step *step = log && grow(log) ? step_copy(from) : NULL;
    if (!step) {
        answer(done, data, RIP_ENOMEM);
        return;
    }
    size_t slot = slot_of(log, step->path, step->number);
    log->steps[log->count++] = step;
    log->slots[slot] = log->count;
    answer(done, data, RIP_OK);
}

static void memory_step_finish(journal *j, const char *run, const journal_step *from, journal_done done, void *data)
{
    run_log *log = log_of(j, run);
    journal_step *step = find(log, from->path, from->number);
    char *outcome = strdup(from->outcome);
    char *irreversible = from->irreversible ? strdup(from->irreversible) : NULL;
    if (!step || !outcome || (from->irreversible && !irreversible)) {
        free(outcome);
        free(irreversible);
        answer(done, data, RIP_ENOMEM);
        return;
    }
    step->state = JOURNAL_FINISHED;
    step->finished_ms = from->finished_ms;
    step->outcome = outcome;
    step->irreversible = irreversible;
    step->reply = json_incref(from->reply);
    step->undo = json_incref(from->undo);
    step->order = ++log->finished;
    answer(done, data, RIP_OK);
}

static size_t memory_step_count(journal *j, const char *run)
{
    run_log *log = log_of(j, run);
    return log ? log->count : 0;
}

static const journal_step *memory_step_at(journal *j, const char *run, size_t index)
{
    run_log *log = log_of(j, run);
    return log && index < log->count ? log->steps[index] : NULL;
}

/* Findings and runs. */

static void memory_accept(journal *j, json_t *finding, bool *is_new, journal_done done, void *data)
{
    const char *id = "", *version = "";
    json_unpack(finding, "{s:s, s:s}", "id", &id, "version", &version);
    rip_buffer key = {0};
    rip_buffer_printf(&key, "%s\n%s", id, version);
    char *text = rip_buffer_take(&key, NULL);
    *is_new = text && !json_object_get(memory_of(j)->findings, text);
    bool kept = text && (!*is_new || json_object_set(memory_of(j)->findings, text, finding) == 0);
    free(text);
    answer(done, data, kept ? RIP_OK : RIP_ENOMEM);
}

static void log_free(run_log *log)
{
    json_decref(log->record);
    for (size_t i = 0; i < log->count; i++) step_free(log->steps[i]);
    free(log->steps);
    free(log->slots);
    free(log);
}

static run_log *log_new(memory_journal *memory, const char *id)
{
    if (memory->run_count == memory->run_cap) {
        size_t cap = memory->run_cap ? memory->run_cap * 2 : 16;
        run_log **runs = realloc(memory->runs, cap * sizeof(*runs));
        if (!runs) return NULL;
        memory->runs = runs;
        memory->run_cap = cap;
    }
    run_log *log = calloc(1, sizeof *log);
    if (!log || json_object_set_new(memory->run_index, id, json_integer((json_int_t)memory->run_count)) != 0) {
        free(log);
        return NULL;
    }
    memory->runs[memory->run_count++] = log;
    return log;
}

static void memory_run_begin(journal *j, json_t *record, journal_done done, void *data)
{
    const char *id = json_string_value(json_object_get(record, "id"));
    run_log *log = log_of(j, id);
    if (!log) log = log_new(memory_of(j), id);
    if (log && !log->record) log->record = json_incref(record);
    answer(done, data, log ? RIP_OK : RIP_ENOMEM);
}

static void memory_run_end(journal *j, const char *run, json_t *outcome, journal_done done, void *data)
{
    run_log *log = log_of(j, run);
    bool kept = log && json_object_update(log->record, outcome) == 0;
    answer(done, data, kept ? RIP_OK : RIP_ENOMEM);
}

static json_t *memory_run(journal *j, const char *run)
{
    run_log *log = log_of(j, run);
    return log ? log->record : NULL;
}

static void memory_close(journal *j)
{
    memory_journal *memory = memory_of(j);
    for (size_t i = 0; i < memory->run_count; i++) log_free(memory->runs[i]);
    free(memory->runs);
    json_decref(memory->run_index);
    json_decref(memory->findings);
    free(memory);
}

static const journal_ops OPS = {
    .close = memory_close,
    .accept = memory_accept,
    .run_begin = memory_run_begin,
    .run_end = memory_run_end,
    .run = memory_run,
    .step_find = memory_step_find,
    .step_start = memory_step_start,
    .step_finish = memory_step_finish,
    .step_count = memory_step_count,
    .step_at = memory_step_at,
};

rip_status journal_open_memory(journal **out, rip_error *err)
{
    memory_journal *memory = calloc(1, sizeof *memory);
    if (!memory) return rip_nomem(err);
    memory->base.ops = &OPS;
    memory->findings = json_object();
    memory->run_index = json_object();
    if (!memory->findings || !memory->run_index) {
        memory_close(&memory->base);
        return rip_nomem(err);
    }
    *out = &memory->base;
    return RIP_OK;
}
