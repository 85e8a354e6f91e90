/* What a keeper of the journal provides; private to the room. Each is journal.h's function of that name. */
#ifndef RIPOSTE_JOURNAL_KEEPER_H
#define RIPOSTE_JOURNAL_KEEPER_H

#include "engine/journal/journal.h"

typedef struct journal_ops {
    void (*close)(journal *j);
    void (*digest)(const journal *j, const char *text, size_t len, char out[65]);
    void (*accept)(journal *j, const journal_arrival *arrival, journal_answer done, void *data);
    void (*run_queue)(journal *j, json_t *record, journal_done done, void *data);
    void (*run_begin)(journal *j, json_t *record, journal_done done, void *data);
    void (*run_source)(journal *j, const char *run, const char *name, const char *text, size_t len);
    void (*run_end)(journal *j, const char *run, json_t *outcome, json_t *next, journal_done done, void *data);
    void (*run_decide)(journal *j, const char *run, json_t *decision, const char *outcome, json_t *next,
                       journal_done done, void *data);
    json_t *(*run)(journal *j, const char *run);
    void (*run_release)(journal *j, const char *run);
    const journal_step *(*step_find)(journal *j, const char *run, const char *path, unsigned number);
    void (*step_start)(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
    void (*step_finish)(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
    size_t (*step_count)(journal *j, const char *run);
    const journal_step *(*step_at)(journal *j, const char *run, size_t index);
    unsigned (*step_finished)(journal *j, const char *run);
    void (*pause)(journal *j, const char *scope, json_t *about, journal_done done, void *data);
    void (*resume)(journal *j, const char *scope, json_t *about, journal_done done, void *data);
    json_t *(*pauses)(journal *j);
    void (*spend)(journal *j, const char *scope, int64_t at_ms);
    unsigned (*spent)(journal *j, const char *scope, int64_t since_ms);
    void (*library_keep)(journal *j, const char *digest, const char *pack, size_t len);
    const char *(*library)(journal *j, const char *digest, size_t *len);
    void (*position_set)(journal *j, const char *source, const char *position, journal_done done, void *data);
    const char *(*position)(journal *j, const char *source);
    void (*recover)(journal *j, journal_answer done, void *data);
    void (*find_runs)(journal *j, const journal_filter *filter, journal_answer done, void *data);
    void (*read_run)(journal *j, const char *run, journal_answer done, void *data);
    void (*prune)(journal *j, int64_t before_ms, journal_answer done, void *data);
} journal_ops;

/** A keeper's struct starts with this. */
struct journal {
    const journal_ops *ops;
};

#endif
