/* A dispatch for tests, with playbooks of their own and a fake AWS behind it. */
#ifndef RIPOSTE_TESTS_DISPATCH_WORLD_H
#define RIPOSTE_TESTS_DISPATCH_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/dispatch/dispatch.h"
#include "tests/run/fake_aws.h"

#define FILES_MOST 8

typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    json_t *replies;
    fake_aws *fake;
    aws_client *client;
    run_targets *targets;
    guard *guard;
    journal *journal;
    run_context context;
    library *books;
    dispatch *dispatch;
    suppressions *suppressions;
    dispatch_limits limits;
    size_t kept; /* documents whose source was told that they are safe */
    char folder[64];
    char *files[FILES_MOST];
    size_t file_count, mistakes;
    int64_t began;      /* the clock at the start */
    json_t *log;        /* what the listener was told, in order */
    unsigned now, most; /* runs under way, and their maximum */
} world;

int dispatch_setup(void **state);
int dispatch_teardown(void **state);
/** A playbook in the world's folder that wants every finding of kind "Test"; `rest` are more header fields, `body` that
 * of its run. */
void playbook(world *w, const char *name, const char *rest, const char *body);
/** Load the folder and open a dispatch on the journal, which may hold something already. */
void open_dispatch(world *w);
/** A document comes in. */
void take(world *w, const char *document);
/** An event of kind "Test". */
void event(world *w, const char *id, const char *time);
/** What the listener was told so far is these lines. */
void expect_log(world *w, const char *const *lines);

#define EXPECT_LOG(w, ...) expect_log(w, (const char *const[]){__VA_ARGS__, NULL})
#define NOON "2026-01-01T12:00:00Z"

#endif
