#include "engine/journal/journal.h"

#include "engine/journal/keeper.h"

void journal_close(journal *j)
{
    if (j) j->ops->close(j);
}

void journal_accept(journal *j, json_t *finding, bool *is_new, journal_done done, void *data)
{
    j->ops->accept(j, finding, is_new, done, data);
}

void journal_run_begin(journal *j, json_t *record, journal_done done, void *data)
{
    j->ops->run_begin(j, record, done, data);
}

void journal_run_end(journal *j, const char *run, json_t *outcome, journal_done done, void *data)
{
    j->ops->run_end(j, run, outcome, done, data);
}

json_t *journal_run(journal *j, const char *run)
{
    return j->ops->run(j, run);
}

const journal_step *journal_step_find(journal *j, const char *run, const char *path, unsigned number)
{
    return j->ops->step_find(j, run, path, number);
}

void journal_step_start(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    j->ops->step_start(j, run, step, done, data);
}

void journal_step_finish(journal *j, const char *run, const journal_step *step, journal_done done, void *data)
{
    j->ops->step_finish(j, run, step, done, data);
}

size_t journal_step_count(journal *j, const char *run)
{
    return j->ops->step_count(j, run);
}

const journal_step *journal_step_at(journal *j, const char *run, size_t index)
{
    return j->ops->step_at(j, run, index);
}
