/* A door for tests, and everything it stands in front of. */
#ifndef RIPOSTE_TESTS_RUN_DOOR_H
#define RIPOSTE_TESTS_RUN_DOOR_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "engine/run/effect.h"
#include "tests/run/fake_aws.h"

#define RUN "run-0123456789abcdef"

/* Everything a door stands in front of. */
typedef struct world {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    json_t *replies;
    fake_aws *fake;
    aws_client *client;
    run_targets *targets;
    guard *guard;
    json_t *accounts, *regions, *arns, *tags, *permissions, *session_tags;
    journal *journal;
    effect_door *door;
    run_mode mode;
    unsigned changes;
    unsigned playbook_hourly;
    bool asks_identity;
    json_t *plan;
    unsigned awake; /* how often a door that was left has told so */
    char outcome[32];
    rip_status stopped; /* what the door told its run */
    char reason[RIP_ERROR_MESSAGE_MAX];
    json_t *detail;
} world;

/* The answer to one effect. */
typedef struct answer {
    bool given;
    json_t *value, *error;
    bool planned;
} answer;

int door_setup(void **state);
/** Put the door up, once the test has set what it stands for. */
void open_door(world *w);
/** As a crash would: the journal and the clock stay. */
void close_door(world *w);
int door_teardown(void **state);
void on_answer(void *data, const rip_effect_reply *reply);
void answer_clear(answer *a);
/** Ask for an effect; the loop has not run yet. `request` and `undo` are stolen. */
void ask(world *w, unsigned number, const char *kind, json_t *request, json_t *undo, answer *a);
json_t *call(const char *service, const char *operation, json_t *params);
json_t *delete_cluster(const char *name);
/** Ask, and let the loop run until nothing moves. */
answer perform(world *w, unsigned number, const char *kind, json_t *request);
const char *code(const answer *a);
size_t sent(world *w);
/** The step of that number in the first fiber, which is there. */
const journal_step *step(world *w, unsigned number);

#endif
