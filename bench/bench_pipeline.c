/* bench-pipeline [--journal PATH] [--findings N] [--waiting N] [--rate N]: the way of a finding, end to end: taken in,
 * matched, accepted into the journal, and answered in dry-run by a playbook with three calls on the simulated account.
 *
 * Prints findings a second, with an account that answers at once and with one that answers as AWS does; the time from
 * a finding's acceptance to its first call at --rate a second (p50, p99); memory with --waiting runs that wait at once,
 * for their turn or for an hour; bytes of the journal a run. Without --journal it is kept in memory. */
#include <getopt.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "cpu_time.h"
#include "engine/base/data.h"
#include "engine/base/json.h"
#include "engine/base/json_memory.h"
#include "engine/dispatch/dispatch.h"
#include "lua/library_image.h"
#include "lua/sim_transport.h"

#define FINDINGS 20000
#define WAITING 10000
#define RATE 100
#define RATE_SECONDS 5
#define QUIET_LOOKS 12 /* a minute of them */

/* How much goes on at once, and whether the account takes as long for an answer as AWS. */
typedef struct pace {
    unsigned runs, backlog;
    const char *latency; /* as in a seed */
} pace;

static const pace PROMPT = {64, 1000, "none"};    /* the service's own limits */
static const pace LIKE_AWS = {2048, 4096, "aws"}; /* a call takes 80 ms: as many runs as make up for that */

static const char PLAYBOOK[] =
    "return {\n"
    "  name = 'bench',\n"
    "  trigger = { source = { 'aws.guardduty' } },\n"
    "  permissions = { 'ecs:DescribeClusters', 'ecs:ListServices', 'ecs:TagResource' },\n"
    "  run = function(finding, run)\n"
    "    local ecs = run.aws.ecs()\n"
    "    local found = ecs:describe_clusters { clusters = { 'c' } }\n"
    "    ecs:list_services { cluster = 'c' }\n"
    "    ecs:tag_resource({ resourceArn = found.clusters[1].clusterArn,\n"
    "      tags = { { key = 'k', value = finding.id } } }, { undo = {} })\n"
    "  end,\n"
    "}\n";

static const char WAITER[] =
    "return {\n"
    "  name = 'waiter',\n"
    "  trigger = { source = { 'aws.guardduty' } },\n"
    "  permissions = {},\n"
    "  run = function(finding, run) run:sleep('1h') end,\n"
    "}\n";

typedef struct bench {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_transport *account;
    aws_client *client;
    run_targets *targets;
    guard *guard;
    journal *journal;
    run_context context;
    library *books;
    dispatch *dispatch;
    char folder[64];
    const char *path;   /* of the journal; NULL: memory */
    size_t ended, kept; /* runs; findings whose source was told */
    size_t given;       /* findings handed over */
    size_t first;       /* number of the first finding */
    double *accepted;   /* when each was kept, by its number */
    double *waits;      /* from there to the first call */
    size_t wait_count;
    aws_transport spy; /* in front of the account: sees the first call of each run */
    json_t *seen;      /* runs whose first call was sent */
} bench;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what, const rip_error *err)
{
    fprintf(stderr, "bench-pipeline: %s: %s\n", what, err->message);
    exit(1);
}

static double megabytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    bool read = file && fgets(line, sizeof line, file);
    if (file) fclose(file);
    const char *resident = read ? strchr(line, ' ') : NULL; /* the second number */
    return resident ? (double)strtol(resident, NULL, 10) * (double)sysconf(_SC_PAGESIZE) / 1e6 : 0;
}

/* The world. */

static bench *the_bench; /* the spy has no other way to it */

static void spy_send(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    bench *b = the_bench;
    const aws_session *session = attempt->session;
    if (session && session->name && b->waits && !json_object_get(b->seen, session->name)) {
        json_object_set_new(b->seen, session->name, json_true());
        size_t number = b->wait_count++;
        b->waits[number] = seconds() - b->accepted[number];
    }
    b->account->send(b->account, attempt);
}

static void spy_cancel(aws_transport *self, aws_attempt *attempt)
{
    (void)self;
    the_bench->account->cancel(the_bench->account, attempt);
}

static void spy_free(aws_transport *self)
{
    (void)self;
    the_bench->account->free(the_bench->account);
}

static void on_ended(void *data, const char *id, const json_t *record)
{
    bench *b = data;
    const char *outcome = json_string_value(json_object_get(record, "outcome"));
    b->ended++;
    if (!outcome || strcmp(outcome, "planned") == 0) return;
    char *text = rip_json_dump(json_object_get(record, "error"), 0);
    fprintf(stderr, "bench-pipeline: %s ended as %s: %s\n", id, outcome, text);
    exit(1);
}

static void on_fault(void *data, const char *origin, size_t line, const rip_error *err)
{
    (void)data;
    (void)origin;
    (void)line;
    fail("a finding", err);
}

static void write_playbook(bench *b, const char *text)
{
    char path[96];
    strcpy(b->folder, "/tmp/bench-pipeline-XXXXXX");
    if (!mkdtemp(b->folder)) exit(1);
    snprintf(path, sizeof path, "%s/bench.lua", b->folder);
    FILE *file = fopen(path, "w");
    if (!file) exit(1);
    fputs(text, file);
    fclose(file);
}

static void open_world(bench *b, const char *playbook, unsigned runs, const char *latency)
{
    rip_error err;
    the_bench = b;
    uv_loop_init(&b->loop);
    b->clock = rip_clock_new_real(&b->loop);
    char *models = rip_data_path("aws/model", &err);
    const char *const folders[] = {models};
    if (!models || aws_models_new(folders, 1, &b->models, &err) != RIP_OK) fail("models", &err);
    free(models);
    json_t *seed = json_pack("{s:s, s:s, s:s, s:s, s:{s:[{s:s}]}}", "account", "123456789012", "region", "us-east-1",
                             "quotas", "none", "latency", latency, "ecs", "clusters", "clusterName", "c");
    if (sim_transport_new(b->clock, seed, &b->account, &err) != RIP_OK) fail("account", &err);
    json_decref(seed);
    b->seen = json_object();
    b->spy = (aws_transport){.send = spy_send, .cancel = spy_cancel, .free = spy_free};
    /* No quota is in the way: it is the engine that is measured. */
    json_t *quotas = json_object();
    aws_client_options options = {
        .clock = b->clock, .models = b->models, .transport = &b->spy, .alone = true, .quotas = quotas};
    if (aws_client_new(&options, &b->client, &err) != RIP_OK) fail("client", &err);
    json_decref(quotas);
    journal_options keeper = {.path = b->path, .access = JOURNAL_OWN, .loop = &b->loop, .owner = "bench-pipeline"};
    rip_status status =
        b->path ? journal_open_sqlite(&keeper, &b->journal, &err) : journal_open_memory(&b->journal, &err);
    if (status != RIP_OK) fail("journal", &err);
    if (run_targets_load(NULL, 0, &b->targets, &err) != RIP_OK) fail("targets", &err);
    guard_policy policy = {.is_simulated = true};
    guard_context guards = {b->targets, b->client, b->journal, b->clock};
    if (guard_new(&policy, &guards, &b->guard, &err) != RIP_OK) fail("guards", &err);
    b->context = (run_context){.clock = b->clock,
                               .journal = b->journal,
                               .client = b->client,
                               .guard = b->guard,
                               .mode = RUN_DRY_RUN,
                               .changes = 100,
                               .run_time_ms = 7200000};
    write_playbook(b, playbook);
    const char *const paths[] = {b->folder};
    size_t mistakes = 0;
    if (library_load(paths, 1, b->models, NULL, NULL, &mistakes, &b->books, &err) != RIP_OK || mistakes)
        fail("playbook", &err);
    dispatch_options dispatching = {.context = &b->context,
                                    .books = b->books,
                                    .limits = {.runs = runs},
                                    .listener = {.ended = on_ended, .fault = on_fault, .data = b}};
    if (dispatch_new(&dispatching, &b->dispatch, &err) != RIP_OK) fail("dispatch", &err);
}

static void close_world(bench *b)
{
    char path[96];
    dispatch_free(b->dispatch);
    library_free(b->books);
    journal_close(b->journal);
    guard_free(b->guard);
    run_targets_free(b->targets);
    aws_client_free(b->client);
    aws_models_free(b->models);
    rip_clock_free(b->clock);
    json_decref(b->seen);
    uv_run(&b->loop, UV_RUN_DEFAULT);
    uv_loop_close(&b->loop);
    snprintf(path, sizeof path, "%s/bench.lua", b->folder);
    unlink(path);
    rmdir(b->folder);
}

/* Findings: one text, with an id of its own each time. */

static char *template_text(size_t *len, char **id)
{
    rip_error err;
    char *path = rip_data_path("examples/events/guardduty-event.json", &err), *text = NULL;
    if (!path || rip_read_file(path, (size_t)1 << 20, &text, len, &err) != RIP_OK) fail("finding", &err);
    free(path);
    json_t *event = json_loads(text, 0, NULL);
    free(text);
    json_t *detail = json_object_get(event, "detail");
    json_object_set_new(detail, "id", json_string("ID00000000000000ID"));
    /* As large as a finding of the field: 4.5 KB. */
    char filler[3400];
    memset(filler, 'x', sizeof filler - 1);
    filler[sizeof filler - 1] = '\0';
    json_object_set_new(detail, "description", json_string(filler));
    text = rip_json_dump(event, JSON_COMPACT);
    json_decref(event);
    *len = strlen(text);
    *id = strstr(text, "ID00000000000000ID");
    return text;
}

typedef struct kept_one {
    bench *bench;
    size_t number;
} kept_one;

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    kept_one *k = data;
    if (status != RIP_OK) fail("accept", err);
    k->bench->kept++;
    if (k->bench->accepted) k->bench->accepted[k->number - k->bench->first] = seconds();
    free(k);
}

static void give(bench *b, char *text, size_t len, char *id)
{
    char digits[20];
    rip_error err;
    kept_one *k = malloc(sizeof *k);
    if (!k) exit(1);
    *k = (kept_one){b, b->given};
    snprintf(digits, sizeof digits, "%014zu", b->given++);
    memcpy(id + 2, digits, 14);
    dispatch_source from = {.origin = "bench", .done = on_kept, .data = k};
    if (dispatch_document(b->dispatch, &from, text, len, &err) != RIP_OK) fail("dispatch", &err);
}

/* What is measured. */

static off_t journal_bytes(const bench *b)
{
    static const char *const PARTS[] = {"", "-wal"};
    off_t sum = 0;
    for (size_t i = 0; b->path && i < 2; i++) {
        char path[4096];
        struct stat info;
        snprintf(path, sizeof path, "%s%s", b->path, PARTS[i]);
        if (stat(path, &info) == 0) sum += info.st_size;
    }
    return sum;
}

static void measure_throughput(bench *b, unsigned findings, pace at)
{
    size_t len, end = b->given + findings;
    char *id, *text = template_text(&len, &id);
    open_world(b, PLAYBOOK, at.runs, at.latency);
    off_t before = journal_bytes(b);
    double start = seconds();
    while (b->ended < findings) {
        while (b->given < end && dispatch_backlog(b->dispatch) < at.backlog) give(b, text, len, id);
        uv_run(&b->loop, UV_RUN_ONCE);
    }
    double elapsed = seconds() - start;
    printf("%u findings of %zu bytes in %.2f s: %.0f findings/s, %.0f us of CPU each (%u runs at once, %s)\n", findings,
           len, elapsed, (double)findings / elapsed, cpu_us() / (double)findings, at.runs,
           strcmp(at.latency, "none") == 0 ? "answered at once" : "answered after 40 to 120 ms");
    close_world(b);
    if (b->path) printf("journal: %.0f bytes a run\n", (double)(journal_bytes(b) - before) / (double)findings);
    free(text);
}

static void measure_prompt(bench *b, unsigned findings)
{
    measure_throughput(b, findings, PROMPT);
}

static void measure_like_aws(bench *b, unsigned findings)
{
    b->given = 300000000; /* none that the journal knows */
    measure_throughput(b, findings, LIKE_AWS);
}

static int compare(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return a < b ? -1 : a > b;
}

static void measure_latency(bench *b, unsigned rate)
{
    size_t len, findings = (size_t)rate * RATE_SECONDS;
    char *id, *text = template_text(&len, &id);
    b->accepted = calloc(findings, sizeof *b->accepted);
    b->waits = calloc(findings, sizeof *b->waits);
    open_world(b, PLAYBOOK, LIKE_AWS.runs, LIKE_AWS.latency);
    b->first = b->given = 100000000; /* none that the journal knows */
    double start = seconds();
    while (b->ended < findings) {
        size_t due = (size_t)((seconds() - start) * rate) + 1;
        while (b->given - b->first < findings && b->given - b->first < due) give(b, text, len, id);
        uv_run(&b->loop, UV_RUN_NOWAIT);
        usleep(100);
    }
    qsort(b->waits, b->wait_count, sizeof *b->waits, compare);
    printf("accepted to first call at %u/s: p50 %.2f ms, p99 %.2f ms\n", rate, b->waits[b->wait_count / 2] * 1e3,
           b->waits[b->wait_count * 99 / 100] * 1e3);
    close_world(b);
    free(b->accepted);
    free(b->waits);
    free(text);
}

/* `at_once` of them asleep, the others waiting for their turn. */
static void measure_waiting(bench *b, unsigned waiting, unsigned at_once)
{
    size_t len;
    char *id, *text = template_text(&len, &id);
    open_world(b, WAITER, at_once, LIKE_AWS.latency);
    double before = megabytes();
    b->given = 200000000 + (size_t)at_once * 100000;
    for (unsigned i = 0; i < waiting; i++) {
        give(b, text, len, id);
        uv_run(&b->loop, UV_RUN_NOWAIT);
    }
    while (b->kept < waiting || dispatch_asleep(b->dispatch) < at_once) uv_run(&b->loop, UV_RUN_ONCE);
    for (int i = 0; i < QUIET_LOOKS; i++) { /* as the service does in quiet times */
        rip_library_images_rest();
        rip_json_memory_rest();
    }
    double now = megabytes();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    printf("%u runs wait at once, %u of them asleep: %.0f MB (%.1f KB each), %.0f MB at most until then\n", waiting,
           at_once, now, (now - before) * 1e3 / waiting, (double)usage.ru_maxrss * 1024 / 1e6);
    close_world(b);
    free(text);
}

static void measure_queued(bench *b, unsigned waiting)
{
    measure_waiting(b, waiting, waiting < 64 ? waiting : 64);
}

static void measure_asleep(bench *b, unsigned waiting)
{
    measure_waiting(b, waiting, waiting);
}

/* Each in a process of its own: none is measured with what another has left in its heap. */
static void in_child(void (*measure)(bench *b, unsigned count), const char *path, unsigned count)
{
    bench b = {.path = path};
    int status = 0;
    if (count == 0) return;
    pid_t child = fork();
    if (child == 0) {
        measure(&b, count);
        exit(0);
    }
    if (child < 0 || waitpid(child, &status, 0) != child || status != 0) exit(1);
}

int main(int argc, char **argv)
{
    rip_json_memory_install(RIP_JSON_MEMORY_BYTES);
    static const struct option OPTIONS[] = {{"journal", required_argument, NULL, 'j'},
                                            {"findings", required_argument, NULL, 'n'},
                                            {"waiting", required_argument, NULL, 'w'},
                                            {"rate", required_argument, NULL, 'r'},
                                            {NULL, 0, NULL, 0}};
    const char *path = NULL;
    unsigned findings = FINDINGS, waiting = WAITING, rate = RATE;
    int option;
    while ((option = getopt_long(argc, argv, "j:n:w:r:", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'j': path = optarg; break;
        case 'n': findings = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'w': waiting = (unsigned)strtoul(optarg, NULL, 10); break;
        case 'r': rate = (unsigned)strtoul(optarg, NULL, 10); break;
        default: return 2;
        }
    }
    if (path && access(path, F_OK) == 0) { /* what it holds would not be answered again */
        fprintf(stderr, "bench-pipeline: %s is there already: give a path where no journal is\n", path);
        return 2;
    }
    in_child(measure_prompt, path, findings);
    in_child(measure_like_aws, path, findings);
    in_child(measure_latency, path, rate);
    in_child(measure_queued, path, waiting);
    in_child(measure_asleep, path, waiting);
    return 0;
}
