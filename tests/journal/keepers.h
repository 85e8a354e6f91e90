/* Journals for tests: in memory, or durable in a folder of its own. */
#ifndef RIPOSTE_TESTS_JOURNAL_KEEPERS_H
#define RIPOSTE_TESTS_JOURNAL_KEEPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/journal/journal.h"

typedef struct keeper {
    uv_loop_t loop;
    char folder[64]; /* "" : in memory */
    char path[96];
    journal *j;
} keeper;

/** A fresh folder; nothing is opened. */
void keeper_make(keeper *k);
/** Delete the folder. */
void keeper_remove(keeper *k);

/** Open the journal at k->path to write, as `riposte test`; asserts that it works. */
void keeper_open(keeper *k);
rip_status keeper_try(keeper *k, journal_access access, journal **out, rip_error *err);
/** Close, and run the loop until nothing is left in it. */
void keeper_close(keeper *k);

/** Run the loop until *count is `wanted`; asserts that it comes to that. */
void keeper_wait(keeper *k, const int *count, int wanted);

/** A journal_done that asserts RIP_OK and counts in an int. */
void on_done(void *data, rip_status status, const rip_error *err);

/** What a journal_answer was told; `value` is the holder's. */
typedef struct answer {
    int count;
    rip_status status;
    json_t *value;
    rip_error err;
} answer;
void on_answer(void *data, rip_status status, json_t *value, const rip_error *err);

/** Ask, and wait for the answer, which must be RIP_OK. New reference. */
json_t *keeper_recover(keeper *k);
json_t *keeper_find(keeper *k, const journal_filter *filter);
json_t *keeper_read(keeper *k, const char *run);

/** How many runs there are. */
size_t keeper_count(keeper *k);

/** How many mistakes an audit finds. */
int64_t keeper_mistakes(keeper *k);
/** -1: it cannot be read to its end. */
int64_t keeper_try_mistakes(keeper *k, rip_error *err);

/** A finding with its event comes in, for one run or none ("": NULL). What the journal says. New reference. */
json_t *keeper_arrive(keeper *k, const char *id, const char *version, const char *run, int64_t at);
void keeper_begin(keeper *k, const char *run);
void keeper_end(keeper *k, const char *run, const char *outcome, int64_t at);
/** A step of "aws" that calls an operation named for its path and number. */
void keeper_start(keeper *k, const char *run, const char *path, unsigned number, journal_care care);
void keeper_finish(keeper *k, const char *run, const char *path, unsigned number);
/** A finding, its run, three light steps and a change, and the end: all that a small run writes. */
void keeper_whole_run(keeper *k, const char *finding, const char *run, int64_t at);

/** Text at a path of keys and indexes ("record.id", "steps.0.kind"); "" where there is none. */
const char *text_at(const json_t *value, const char *path);

#endif
