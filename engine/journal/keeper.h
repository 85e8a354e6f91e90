/* What a keeper of the journal provides; private to the room. */
#ifndef RIPOSTE_JOURNAL_KEEPER_H
#define RIPOSTE_JOURNAL_KEEPER_H

#include "engine/journal/journal.h"

typedef struct journal_ops {
    void (*close)(journal *j);
    void (*accept)(journal *j, json_t *finding, bool *is_new, journal_done done, void *data);
    void (*run_begin)(journal *j, json_t *record, journal_done done, void *data);
    void (*run_end)(journal *j, const char *run, json_t *outcome, journal_done done, void *data);
    json_t *(*run)(journal *j, const char *run);
    const journal_step *(*step_find)(journal *j, const char *run, const char *path, unsigned number);
    void (*step_start)(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
    void (*step_finish)(journal *j, const char *run, const journal_step *step, journal_done done, void *data);
    size_t (*step_count)(journal *j, const char *run);
    const journal_step *(*step_at)(journal *j, const char *run, size_t index);
} journal_ops;

/** A keeper's struct starts with this. */
struct journal {
    const journal_ops *ops;
};

#endif
