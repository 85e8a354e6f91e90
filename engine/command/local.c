#include "engine/command/local.h"

#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/report.h"
#include "engine/command/terminal.h"
#include "engine/dispatch/words.h"
#include "engine/run/record.h"
#include "engine/serve/peer.h"

/* An answer that may come from the loop. */
typedef struct answer {
    bool came;
    rip_status status;
    rip_error err;
    json_t *value;
} answer;

static void on_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    answer *a = data;
    a->came = true;
    a->status = status;
    if (status != RIP_OK && err) a->err = *err;
    a->value = json_incref(value);
}

/* Questions. */

static const char *text_of(const json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

static void put_question(journal *j, const json_t *request, answer *a)
{
    if (strcmp(text_of(request, "do"), "show") == 0) {
        journal_read_run(j, text_of(request, "run"), on_answer, a);
        return;
    }
    if (strcmp(text_of(request, "do"), "status") == 0) {
        json_t *value = json_pack("{s:O}", "pauses", journal_pauses(j));
        on_answer(a, RIP_OK, value, NULL);
        json_decref(value);
        return;
    }
    const json_t *from = json_object_get(request, "filter");
    journal_filter filter = {
        .playbook = text_of(from, "playbook"),
        .account = text_of(from, "account"),
        .region = text_of(from, "region"),
        .finding = text_of(from, "finding"),
        .outcome = text_of(from, "outcome"),
        .since_ms = number_of(from, "since_ms"),
        .most = (unsigned)number_of(from, "most"),
    };
    journal_find_runs(j, &filter, on_answer, a);
}

rip_status local_ask(const char *path, const json_t *request, json_t **value, rip_error *err)
{
    uv_loop_t loop;
    journal *j = NULL;
    answer a = {.status = RIP_OK};
    if (uv_loop_init(&loop) != 0) return rip_fail(err, RIP_EIO, "the event loop could not be started");
    journal_options options = {.path = path, .access = JOURNAL_READ, .loop = &loop};
    rip_status status = journal_open_sqlite(&options, &j, err);
    if (status == RIP_OK) {
        put_question(j, request, &a);
        while (!a.came && uv_run(&loop, UV_RUN_ONCE) != 0) {}
        status = a.came ? a.status : rip_fail(&a.err, RIP_EIO, "%s: the journal did not answer", path);
        if (status != RIP_OK) *err = a.err;
        *value = a.value;
    }
    journal_close(j);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    return status;
}

/* Words. */

typedef struct teller {
    talk *talk;
    json_t *request;
    engine engine;
    answer answer;
    bool failed;
} teller;

static void on_ended(void *data, const char *id, const json_t *record)
{
    teller *l = data;
    if (!record_is_well(record)) l->failed = true;
    json_t *report = record_report(l->engine.journal, id);
    if (report && l->talk->json)
        talk_print_json(json_incref(report));
    else if (report)
        report_run(stdout, report, false);
    json_decref(report);
    fflush(stdout);
}

/* Runs that a person decides on keep the mode that they have, where no person's configuration lowers it: the default is
 * for findings, and this process takes none. */
static rip_status keep_modes(rip_config *config, rip_error *err)
{
    return *rip_config_origin(config, "mode") ? RIP_OK : rip_config_set(config, "mode", "enforce", err);
}

static rip_status start(teller *l, rip_error *err)
{
    dispatch_listener listener = {.ended = on_ended, .data = l};
    rip_config *config = l->talk->config;
    rip_status kept = keep_modes(config, err);
    if (kept != RIP_OK) return kept;
    l->talk->config = NULL;
    aws_transport *transport = NULL;
    rip_status status = engine_open(&l->engine, l->talk->command, config, -1, err);
    if (status == RIP_OK) {
        aws_wire_options wire = engine_wire_options(&l->engine, NULL, NULL);
        status = aws_wire_new(&wire, &transport, err);
    }
    if (status == RIP_OK) status = engine_start(&l->engine, transport, NULL, 0, &listener, err);
    return status;
}

/* What was under way goes on beside what is said. */
static void on_recovered(void *data, rip_status status, const rip_error *err)
{
    teller *l = data;
    if (status == RIP_OK) {
        engine_listen(&l->engine);
        words_perform(l->engine.dispatch, l->request, on_answer, &l->answer);
    } else {
        on_answer(&l->answer, status, NULL, err);
    }
}

/* Then nothing need go on in this process: what is open waits for one that is there to answer findings. */
static bool only_ends_something(const json_t *request)
{
    const char *word = text_of(request, "do");
    return strcmp(word, "pause") == 0 || strcmp(word, "deny") == 0;
}

static rip_status tell(teller *l, rip_error *err)
{
    char who[PEER_NAME_MAX];
    peer_name(geteuid(), who);
    json_object_set_new(l->request, "who", json_string(who));
    if (only_ends_something(l->request))
        on_recovered(l, RIP_OK, NULL);
    else
        dispatch_recover(l->engine.dispatch, on_recovered, l);
    while (!l->answer.came && uv_run(&l->engine.loop, UV_RUN_ONCE) != 0) {}
    if (!l->answer.came) return rip_fail(err, RIP_EIO, "the journal did not answer");
    if (l->answer.status != RIP_OK) *err = l->answer.err;
    return l->answer.status;
}

/* Until nothing can go on any more. */
static void run_to_the_end(teller *l)
{
    while (dispatch_backlog(l->engine.dispatch) > 0 && uv_run(&l->engine.loop, UV_RUN_ONCE) != 0) {}
    size_t rest = dispatch_backlog(l->engine.dispatch);
    if (rest == 0) return;
    l->failed = true;
    terminal_error(l->talk->command, "%zu run%s can't go on now (are changes paused?): `riposte runs --outcome open`",
                   rest, rest == 1 ? "" : "s");
}

/* The whole id for the beginning of one: for a run that is not there, nothing is started. */
static rip_status resolve(const talk *t, json_t *request, rip_error *err)
{
    json_t *run_id = json_object_get(request, "run"), *whole = NULL;
    if (!run_id) return RIP_OK;
    json_t *question = json_pack("{s:s, s:O}", "do", "show", "run", run_id);
    rip_status status = local_ask(t->journal, question, &whole, err);
    if (status == RIP_OK) json_object_set(request, "run", json_object_get(json_object_get(whole, "record"), "id"));
    json_decref(question);
    json_decref(whole);
    return status;
}

rip_status local_tell(talk *t, json_t *request, int *end, rip_error *err)
{
    teller l = {.talk = t, .request = request};
    int failure = COMMAND_FAILED;
    rip_status status = resolve(t, request, err);
    if (status == RIP_OK) {
        status = start(&l, err);
        if (status == RIP_EINVAL) failure = COMMAND_USAGE; /* the configuration or a playbook is wrong */
    }
    bool is_owned = status == RIP_EAGAIN && !l.engine.journal;
    if (status == RIP_OK) status = tell(&l, err);
    if (status == RIP_OK) {
        talk_told(t, request, l.answer.value);
        l.failed = l.failed || talk_is_lowered(request, l.answer.value);
        run_to_the_end(&l);
    } else if (!is_owned) {
        terminal_error(t->command, "%s", err->message);
    }
    engine_close(&l.engine);
    json_decref(l.answer.value);
    if (status != RIP_OK)
        *end = failure;
    else
        *end = l.failed ? COMMAND_FAILED : COMMAND_DONE;
    return is_owned ? RIP_EAGAIN : RIP_OK;
}
