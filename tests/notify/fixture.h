/* A notify with everything around it: a server on the loopback interface, an AWS that answers from a table, a journal,
 * and runs to tell of. */
#ifndef RIPOSTE_TESTS_NOTIFY_FIXTURE_H
#define RIPOSTE_TESTS_NOTIFY_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/notify/notify.h"
#include "tests/aws/loopback.h"
#include "tests/run/fake_aws.h"

typedef struct fixture {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_client *client;
    fake_aws *fake;
    json_t *replies; /* of the fake */
    journal *journal;
    rip_config *config;
    metrics *metrics;
    notify *notify;
    loopback *server;
    const char *reply; /* the server's */
    json_t *posted;    /* bodies, in the order in which they came */
    char head[2048];   /* of the last request */
    rip_buffer mistakes;
    json_t *handed; /* batches that were to become runs that tell of findings */
    bool hands_off; /* the journal does not take such a run */
} fixture;

#define OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/** A test's state is a fixture with a real clock, or a virtual one (then nothing is posted). */
int fixture_setup(void **state);
int fixture_setup_virtual(void **state);
int fixture_teardown(void **state);

/** `rows`: the rows of `notify` as JSON, with %d for the server's port (NULL: none); then notify_new. */
rip_status open_notify(fixture *f, const char *rows);
/** Close it as the end of a process would, and open it again with the same journal and configuration. */
void reopen_notify(fixture *f);

/** Run the loop until nothing waits to be told, or `ms` are over. */
void settle(fixture *f, int ms);
/** Run the loop for so long. */
void run_for(fixture *f, int ms);

/** A run that ended so: a plan that waits ("waiting"), one that was carried out ("done"), one that failed ("failed").
 * `title` is the finding's. */
void tell(fixture *f, const char *id, const char *outcome, const char *title);
/** The same with all that notify_run takes; the finding is borrowed. */
void tell_of(fixture *f, const char *id, const char *mode, const char *outcome, const char *change, const char *state,
             const json_t *finding);

/** The finding of a file of examples/events; new reference. */
json_t *example(const char *file);
/** The file itself; new reference. */
json_t *example_file(const char *file);

/** Parameters of the nth call of that operation, or NULL; borrowed. */
const json_t *sent(const fixture *f, const char *operation, size_t nth);
size_t count_sent(const fixture *f, const char *operation);

#endif
