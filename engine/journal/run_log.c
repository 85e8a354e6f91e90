#include "engine/journal/run_log.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

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
    step->irreversible = from->irreversible ? strdup(from->irreversible) : NULL;
    step->request = json_incref(from->request);
    step->undo = json_incref(from->undo);
    step->is_change = from->is_change;
    step->care = from->care;
    step->state = JOURNAL_STARTED;
    step->started_ms = from->started_ms;
    bool whole = step->path && step->kind && step->phase && step->fingerprint;
    if (whole && (!from->irreversible || step->irreversible)) return step;
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
    size_t cap = log->cap ? log->cap * 2 : 8;
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

journal_step *run_log_find(const run_log *log, const char *path, unsigned number)
{
    if (!log || log->count == 0) return NULL;
    size_t at = log->slots[slot_of(log, path, number)];
    return at ? log->steps[at - 1] : NULL;
}

size_t run_log_index(const run_log *log, const char *path, unsigned number)
{
    return log->slots[slot_of(log, path, number)] - 1;
}

bool run_log_start(run_log *log, const journal_step *from)
{
    if (run_log_find(log, from->path, from->number)) return true;
    journal_step *step = grow(log) ? step_copy(from) : NULL;
    if (!step) return false;
    size_t slot = slot_of(log, step->path, step->number);
    log->steps[log->count++] = step;
    log->slots[slot] = log->count;
    return true;
}

bool run_log_finish(run_log *log, const journal_step *from)
{
    journal_step *step = run_log_find(log, from->path, from->number);
    char *outcome = strdup(from->outcome);
    char *irreversible = from->irreversible ? strdup(from->irreversible) : NULL;
    if (!step || !outcome || (from->irreversible && !irreversible)) {
        free(outcome);
        free(irreversible);
        return false;
    }
    free((char *)(uintptr_t)step->irreversible);
    json_decref(step->undo);
    step->state = JOURNAL_FINISHED;
    step->finished_ms = from->finished_ms;
    step->outcome = outcome;
    step->irreversible = irreversible;
    step->reply = json_incref(from->reply);
    step->undo = json_incref(from->undo);
    step->order = ++log->finished;
    return true;
}

run_log *run_log_new(json_t *record, json_t *finding)
{
    run_log *log = calloc(1, sizeof *log);
    if (!log) return NULL;
    log->record = json_incref(record);
    log->finding = json_incref(finding);
    return log;
}

void run_log_free(run_log *log)
{
    if (!log) return;
    json_decref(log->record);
    json_decref(log->finding);
    for (size_t i = 0; i < log->count; i++) step_free(log->steps[i]);
    free(log->steps);
    free(log->slots);
    free(log);
}
