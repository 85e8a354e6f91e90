/* bench-journal FOLDER EVENT: what a durable journal in FOLDER takes: findings of the event in the file EVENT, each
 * accepted, its run begun, three light steps, and the end. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cpu_time.h"
#include "engine/base/data.h"
#include "engine/finding/finding.h"
#include "engine/journal/journal.h"

#define ALONE 2000
#define RUNS 10000
#define STEPS 3

typedef struct bench {
    uv_loop_t loop;
    journal *j;
    char *event;
    size_t event_len;
    json_t *finding, *request, *reply;
    unsigned next, ended, at_once, under_way, runs;
} bench;

static void must(rip_status status, const rip_error *err)
{
    if (status == RIP_OK) return;
    fprintf(stderr, "%s\n", err->message);
    exit(1);
}

static void start_some(bench *b);

static void on_ended(void *data, rip_status status, const rip_error *err)
{
    bench *b = data;
    must(status, err);
    b->ended++;
    b->under_way--;
    start_some(b);
}

static void ignore(void *data, rip_status status, const rip_error *err)
{
    (void)data;
    must(status, err);
}

static void write_steps(bench *b, const char *run)
{
    for (unsigned n = 1; n <= STEPS; n++) {
        journal_step step = {.path = "",
                             .number = n,
                             .kind = "aws",
                             .phase = "contain",
                             .fingerprint = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                             .request = b->request,
                             .care = JOURNAL_LIGHT,
                             .started_ms = 1764000000000};
        journal_step_start(b->j, run, &step, ignore, NULL);
        step.outcome = "done";
        step.reply = b->reply;
        step.finished_ms = step.started_ms + 20;
        journal_step_finish(b->j, run, &step, ignore, NULL);
    }
}

static void on_accepted(void *data, rip_status status, json_t *value, const rip_error *err)
{
    bench *b = data;
    (void)value;
    must(status, err);
    char run[40];
    snprintf(run, sizeof run, "20251125-000000-%08x", ++b->runs);
    json_t *record = json_pack("{s:s, s:I, s:s}", "id", run, "started", (json_int_t)1764000000000, "text",
                               "return { name = 'contain', run = function(finding, run) end }");
    json_t *outcome = json_pack("{s:s, s:I}", "outcome", "done", "finished", (json_int_t)1764000000100);
    journal_run_begin(b->j, record, ignore, NULL);
    write_steps(b, run);
    journal_run_end(b->j, run, outcome, NULL, on_ended, b);
    journal_run_release(b->j, run);
    json_decref(record);
    json_decref(outcome);
}

static void start_some(bench *b)
{
    while (b->next < RUNS && b->under_way < b->at_once) {
        char id[40], run[40];
        unsigned n = ++b->next;
        snprintf(id, sizeof id, "b6c8f0d1e2a34b5c9d7e6f80%08x", n);
        snprintf(run, sizeof run, "20251125-000000-%08x", n);
        json_t *finding = json_copy(b->finding);
        json_object_set_new(finding, "id", json_string(id));
        json_t *record = json_pack("{s:s, s:s, s:{s:s, s:O, s:O, s:O}, s:s, s:I}", "id", run, "playbook", "contain",
                                   "finding", "id", id, "version", json_object_get(finding, "version"), "account",
                                   json_object_get(finding, "account"), "region", json_object_get(finding, "region"),
                                   "mode", "dry-run", "queued", (json_int_t)1764000000000);
        const journal_wanted wanted = {.record = record};
        const journal_arrival arrival = {.finding = finding,
                                         .event = b->event,
                                         .event_len = b->event_len,
                                         .origin = "bench",
                                         .received_ms = 1764000000000,
                                         .wanted = &wanted,
                                         .wanted_count = 1};
        b->under_way++;
        journal_accept(b->j, &arrival, on_accepted, b);
        json_decref(finding);
        json_decref(record);
    }
}

static void open_journal(bench *b, const char *folder, const char *name, char path[512])
{
    rip_error err;
    snprintf(path, 512, "%s/%s", folder, name);
    const journal_options options = {.path = path, .access = JOURNAL_OWN, .loop = &b->loop, .owner = "bench-journal"};
    must(journal_open_sqlite(&options, &b->j, &err), &err);
}

static void close_journal(bench *b)
{
    journal_close(b->j);
    uv_run(&b->loop, UV_RUN_DEFAULT);
}

static void count(void *data, rip_status status, const rip_error *err)
{
    must(status, err);
    ++*(unsigned *)data;
}

/* One who waits for each write: a commit a write. */
static double commits_a_second(bench *b)
{
    uint64_t begun = uv_hrtime();
    unsigned written = 0;
    for (unsigned n = 1; n <= ALONE; n++) {
        char position[16]; /* a new one each time: what does not change is not written */
        snprintf(position, sizeof position, "%u", n);
        journal_position_set(b->j, "bench", position, count, &written);
        while (written < n) uv_run(&b->loop, UV_RUN_ONCE);
    }
    return ALONE * 1e9 / (double)(uv_hrtime() - begun);
}

static double runs_a_second(bench *b, unsigned at_once)
{
    b->next = b->ended = b->runs = 0;
    b->at_once = at_once;
    uint64_t begun = uv_hrtime();
    start_some(b);
    while (b->ended < RUNS) uv_run(&b->loop, UV_RUN_ONCE);
    return RUNS * 1e9 / (double)(uv_hrtime() - begun);
}

static void read_event(bench *b, const char *path)
{
    rip_error err;
    must(rip_read_file(path, (size_t)1 << 20, &b->event, &b->event_len, &err), &err);
    must(finding_normalise(b->event, b->event_len, NULL, &b->finding, &err), &err);
    b->request = json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:i}}", "service", "ecs", "operation", "ListServices",
                           "region", "eu-central-1", "account", "111122223333", "params", "cluster",
                           "arn:aws:ecs:eu-central-1:111122223333:cluster/web", "maxResults", 100);
    b->reply = json_pack("{s:[s, s]}", "serviceArns", "arn:aws:ecs:eu-central-1:111122223333:service/web/api",
                         "arn:aws:ecs:eu-central-1:111122223333:service/web/front");
}

int main(int argc, char **argv)
{
    static const unsigned AT_ONCE[] = {1, 16, 256};
    if (argc != 3) {
        fputs("Usage: bench-journal FOLDER EVENT\n", stderr);
        return 2;
    }
    bench b = {0};
    char path[512];
    struct stat st;
    uv_loop_init(&b.loop);
    read_event(&b, argv[2]);
    open_journal(&b, argv[1], "alone.db", path);
    double commits = commits_a_second(&b);
    printf("one writer that waits: %.0f commits/s\n", commits);
    close_journal(&b);
    for (size_t i = 0; i < sizeof AT_ONCE / sizeof *AT_ONCE; i++) {
        char name[32];
        snprintf(name, sizeof name, "runs-%u.db", AT_ONCE[i]);
        open_journal(&b, argv[1], name, path);
        double before = cpu_us(), rate = runs_a_second(&b, AT_ONCE[i]);
        close_journal(&b);
        printf("%3u at once: %.0f runs/s (%.2f of a commit each), %.0f steps/s, %.0f us CPU a run\n", AT_ONCE[i], rate,
               commits / rate, rate * STEPS, (cpu_us() - before) / RUNS);
    }
    if (stat(path, &st) == 0)
        printf("%.0f bytes a run, %.2f of its event's %zu\n", (double)st.st_size / RUNS,
               (double)st.st_size / RUNS / (double)b.event_len, b.event_len);
    free(b.event);
    json_decref(b.finding);
    json_decref(b.request);
    json_decref(b.reply);
    uv_loop_close(&b.loop);
    return 0;
}
