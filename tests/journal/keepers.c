#include "tests/journal/keepers.h"

#include <ftw.h>
#include <unistd.h>

#include "engine/journal/audit.h"

void keeper_make(keeper *k)
{
    memset(k, 0, sizeof *k);
    assert_int_equal(uv_loop_init(&k->loop), 0);
    snprintf(k->folder, sizeof k->folder, "/tmp/riposte-journal-XXXXXX");
    assert_non_null(mkdtemp(k->folder));
    snprintf(k->path, sizeof k->path, "%s/journal.db", k->folder);
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
    (void)st;
    (void)kind;
    (void)at;
    return remove(path);
}

void keeper_remove(keeper *k)
{
    if (k->j) keeper_close(k);
    assert_int_equal(uv_loop_close(&k->loop), 0);
    if (*k->folder) assert_int_equal(nftw(k->folder, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

rip_status keeper_try(keeper *k, journal_access access, journal **out, rip_error *err)
{
    const journal_options options = {.path = k->path, .access = access, .loop = &k->loop, .owner = "riposte test"};
    rip_status status = journal_open_sqlite(&options, out, err);
    if (status != RIP_OK) uv_run(&k->loop, UV_RUN_DEFAULT);
    return status;
}

void keeper_open(keeper *k)
{
    rip_error err = {RIP_OK, ""};
    rip_status status = *k->folder ? keeper_try(k, JOURNAL_OWN, &k->j, &err) : journal_open_memory(&k->j, &err);
    if (status != RIP_OK) fail_msg("%s", err.message);
}

void keeper_close(keeper *k)
{
    journal_close(k->j);
    k->j = NULL;
    uv_run(&k->loop, UV_RUN_DEFAULT);
}

void keeper_wait(keeper *k, const int *count, int wanted)
{
    while (*count < wanted && uv_run(&k->loop, UV_RUN_ONCE)) continue;
    assert_int_equal(*count, wanted);
}

void on_done(void *data, rip_status status, const rip_error *err)
{
    if (status != RIP_OK) fail_msg("%s", err->message);
    ++*(int *)data;
}

void on_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    answer *a = data;
    a->count++;
    a->status = status;
    a->value = json_incref(value);
    a->err = *err;
}

static json_t *wait_for(keeper *k, answer *a)
{
    keeper_wait(k, &a->count, 1);
    if (a->status != RIP_OK) fail_msg("%s", a->err.message);
    return a->value;
}

json_t *keeper_recover(keeper *k)
{
    answer a = {0};
    journal_recover(k->j, on_answer, &a);
    return wait_for(k, &a);
}

json_t *keeper_find(keeper *k, const journal_filter *filter)
{
    answer a = {0};
    journal_find_runs(k->j, filter, on_answer, &a);
    return wait_for(k, &a);
}

json_t *keeper_read(keeper *k, const char *run)
{
    answer a = {0};
    journal_read_run(k->j, run, on_answer, &a);
    return wait_for(k, &a);
}

static json_t *record_of(const char *run, const char *finding, const char *version, int64_t at)
{
    return json_pack("{s:s, s:s, s:{s:s, s:s, s:s, s:s}, s:s, s:s, s:I}", "id", run, "playbook", "contain", "finding",
                     "id", finding, "version", version, "account", "111122223333", "region", "eu-central-1", "mode",
                     "enforce", "lock", "111122223333/eu-central-1", "queued", (json_int_t)at);
}

json_t *keeper_arrive(keeper *k, const char *id, const char *version, const char *run, int64_t at)
{
    answer a = {0};
    json_t *event = json_pack("{s:s, s:s}", "detail-type", "GuardDuty Finding", "id", id);
    char *text = json_dumps(event, JSON_COMPACT);
    json_t *finding = json_pack("{s:s, s:s, s:o}", "id", id, "version", version, "event", event);
    journal_wanted wanted = {.record = record_of(run, id, version, at)};
    const journal_arrival arrival = {.finding = finding,
                                     .event = text,
                                     .event_len = strlen(text),
                                     .origin = "test",
                                     .received_ms = at,
                                     .wanted = &wanted,
                                     .wanted_count = *run ? 1 : 0};
    journal_accept(k->j, &arrival, on_answer, &a);
    json_decref(wanted.record);
    json_decref(finding);
    free(text);
    return wait_for(k, &a);
}

void keeper_begin(keeper *k, const char *run)
{
    int written = 0;
    json_t *record = json_pack("{s:s, s:s, s:I, s:s}", "id", run, "playbook", "contain", "started", (json_int_t)7,
                               "text", "return { run = function() end }");
    journal_run_begin(k->j, record, on_done, &written);
    json_decref(record);
    keeper_wait(k, &written, 1);
}

void keeper_end(keeper *k, const char *run, const char *outcome, int64_t at)
{
    int written = 0;
    json_t *end = json_pack("{s:s, s:I}", "outcome", outcome, "finished", (json_int_t)at);
    journal_run_end(k->j, run, end, NULL, on_done, &written);
    json_decref(end);
    keeper_wait(k, &written, 1);
}

void keeper_start(keeper *k, const char *run, const char *path, unsigned number, journal_care care)
{
    int written = 0;
    json_t *request = json_pack("{s:s, s:i}", "path", path, "number", (int)number);
    json_t *undo = care == JOURNAL_SAFE ? json_pack("[{s:s}]", "operation", "StartInstances") : NULL;
    const journal_step step = {.path = path,
                               .number = number,
                               .kind = "aws",
                               .phase = "",
                               .fingerprint = "f",
                               .request = request,
                               .is_change = care == JOURNAL_SAFE,
                               .care = care,
                               .started_ms = 4,
                               .undo = undo};
    journal_step_start(k->j, run, &step, on_done, &written);
    json_decref(request);
    json_decref(undo);
    keeper_wait(k, &written, 1);
}

void keeper_finish(keeper *k, const char *run, const char *path, unsigned number)
{
    int written = 0;
    json_t *reply = json_pack("{s:i}", "n", (int)number);
    json_t *undo = json_incref(journal_step_find(k->j, run, path, number)->undo);
    const journal_step step = {
        .path = path, .number = number, .outcome = "done", .reply = reply, .finished_ms = 5, .undo = undo};
    journal_step_finish(k->j, run, &step, on_done, &written);
    json_decref(undo);
    json_decref(reply);
    keeper_wait(k, &written, 1);
}

void keeper_whole_run(keeper *k, const char *finding, const char *run, int64_t at)
{
    json_decref(keeper_arrive(k, finding, "1", run, at));
    keeper_begin(k, run);
    journal_run_source(k->j, run, "lib", "return {}", 9);
    for (unsigned n = 1; n <= 4; n++) {
        keeper_start(k, run, "", n, n == 3 ? JOURNAL_SAFE : JOURNAL_LIGHT);
        keeper_finish(k, run, "", n);
    }
    keeper_end(k, run, "done", at);
}

size_t keeper_count(keeper *k)
{
    const journal_filter all = {.most = 10000};
    json_t *found = keeper_find(k, &all);
    size_t count = json_array_size(found);
    json_decref(found);
    return count;
}

static void ignore_mistake(void *data, const journal_mistake *mistake)
{
    (void)data;
    (void)mistake;
}

int64_t keeper_try_mistakes(keeper *k, rip_error *err)
{
    journal_verified sums;
    rip_status status = journal_audit_verify(k->path, NULL, ignore_mistake, NULL, &sums, err);
    return status == RIP_OK ? sums.mistakes : -1;
}

int64_t keeper_mistakes(keeper *k)
{
    rip_error err;
    int64_t mistakes = keeper_try_mistakes(k, &err);
    if (mistakes < 0) fail_msg("%s", err.message);
    return mistakes;
}

const char *text_at(const json_t *value, const char *path)
{
    char name[64];
    while (*path && value) {
        size_t len = strcspn(path, ".");
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        value = json_is_array(value) ? json_array_get(value, strtoul(name, NULL, 10)) : json_object_get(value, name);
        path += len + (path[len] == '.');
    }
    const char *text = json_string_value(value);
    return text ? text : "";
}
