#include "engine/command/tally.h"
#include "engine/base/text.h"

#include <string.h>
#include <sys/resource.h>

#define SECONDS(ms) ((double)(ms) / 1000)
#define HOUR_MS INT64_C(3600000)

static const double FAST[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 0};
static const double SLOW[] = {0.1, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 900, 3600, 14400, 86400, 0};

#define LABELS(...)                                                                                                    \
    (const char *const[])                                                                                              \
    {                                                                                                                  \
        __VA_ARGS__, NULL                                                                                              \
    }
#define COUNTER(name, help, ...)                                                                                       \
    {                                                                                                                  \
        name, help, METRIC_COUNTER, LABELS(__VA_ARGS__), NULL                                                          \
    }
#define GAUGE(name, help, ...)                                                                                         \
    {                                                                                                                  \
        name, help, METRIC_GAUGE, LABELS(__VA_ARGS__), NULL                                                            \
    }
#define TIMES(name, help, bounds, ...)                                                                                 \
    {                                                                                                                  \
        name, help, METRIC_HISTOGRAM, LABELS(__VA_ARGS__), bounds                                                      \
    }
#define PLAIN(name, help, kind)                                                                                        \
    {                                                                                                                  \
        name, help, kind, NULL, NULL                                                                                   \
    }

static const metric_definition
    EVENTS = COUNTER("riposte_events_total", "Events that came in, by what became of them.", "result"),
    FINDINGS = COUNTER("riposte_findings_total", "Findings that were dealt with.", "source", "severity", "repeated"),
    RUNS = COUNTER("riposte_runs_total", "Runs that ended.", "playbook", "outcome"),
    RUN_TIME = TIMES("riposte_run_duration_seconds", "From a run's start to its end.", SLOW, "playbook"),
    RUN_WAIT = {"riposte_run_wait_seconds", "From a run's queueing to its start.", METRIC_HISTOGRAM, NULL, FAST},
    FIRST_CALL = {"riposte_first_call_seconds", "From a finding's arrival to the first AWS call of its run.",
                  METRIC_HISTOGRAM, NULL, FAST},
    STEPS = COUNTER("riposte_steps_total", "Steps of runs.", "kind", "outcome"),
    STEP_TIME = TIMES("riposte_step_duration_seconds", "Time of a step.", FAST, "kind"),
    CHANGES = COUNTER("riposte_changes_total", "Changes that runs made or planned.", "playbook", "outcome"),
    GUARDS = COUNTER("riposte_guard_refusals_total", "Calls that a guard refused.", "guard", "playbook"),
    CALLS = COUNTER("riposte_aws_calls_total", "Calls to AWS; code is empty for those that succeeded.", "service",
                    "operation", "code"),
    ATTEMPTS = COUNTER("riposte_aws_attempts_total", "Requests that were sent to AWS, retries included.", "service"),
    CALL_TIME =
        TIMES("riposte_aws_call_duration_seconds", "Time of a call to AWS, all tries included.", FAST, "service"),
    QUOTA_TIME = COUNTER("riposte_aws_quota_wait_seconds_total", "Time that calls waited for their quota.", "service"),
    BACKLOG = PLAIN("riposte_backlog_runs", "Findings and runs under way or waiting for their turn.", METRIC_GAUGE),
    UNDER_WAY = PLAIN("riposte_under_way_runs", "Findings and runs under way.", METRIC_GAUGE),
    OLDEST = PLAIN("riposte_queue_age_seconds", "How long the oldest run has waited for its turn.", METRIC_GAUGE),
    BOOKS = PLAIN("riposte_playbooks", "Playbooks that are loaded.", METRIC_GAUGE),
    MISTAKES = PLAIN("riposte_playbook_mistakes", "Mistakes in playbooks, at the last loading.", METRIC_GAUGE),
    RELOADS = COUNTER("riposte_reloads_total", "Reloads of playbooks and configuration.", "result"),
    SPENT = GAUGE("riposte_budget_spent_changes", "Changes within the last hour, where there is a budget.", "scope"),
    BUDGET = GAUGE("riposte_budget_limit_changes", "Changes that are allowed within an hour.", "scope"),
    PAUSED = PLAIN("riposte_paused_scopes", "Scopes in which changes are paused.", METRIC_GAUGE),
    IDENTITY = PLAIN("riposte_identity_known", "0 where STS could not say who the engine is, and changes are refused.",
                     METRIC_GAUGE),
    CPU = PLAIN("process_cpu_seconds_total", "User and system CPU time.", METRIC_COUNTER),
    MEMORY = PLAIN("process_resident_memory_bytes", "Resident memory.", METRIC_GAUGE),
    BUILD = GAUGE("riposte_build_info", "The version that runs; always 1.", "version");

bool tally_open(tally *t)
{
    *t = (tally){.all = metrics_new()};
    if (!t->all) return false;
    metric_set(metrics_get(t->all, &BUILD), LABELS(RIPOSTE_VERSION), 1);
    return true;
}

void tally_close(tally *t)
{
    metrics_free(t->all);
    t->all = NULL;
}

static void add(tally *t, const metric_definition *is, const char *const *values, double by)
{
    metric_add(metrics_get(t->all, is), values, by);
}

static void observe(tally *t, const metric_definition *is, const char *const *values, int64_t ms)
{
    metric_observe(metrics_get(t->all, is), values, SECONDS(ms > 0 ? ms : 0));
}

static int64_t number_of(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

/* What happens. */

void tally_call(void *data, const aws_operation *operation, const aws_result *result)
{
    tally *t = data;
    const char *service = aws_service_name(aws_operation_service(operation));
    const char *code = result->error ? result->error->code : "";
    t->calls++;
    t->failed_calls += result->error != NULL;
    add(t, &CALLS, LABELS(service, aws_operation_name(operation), code), 1);
    add(t, &ATTEMPTS, LABELS(service), result->attempts);
    add(t, &QUOTA_TIME, LABELS(service), SECONDS(result->queued_ms));
    observe(t, &CALL_TIME, LABELS(service), result->elapsed_ms);
}

/* "Guard.Permission" -> "permission" */
static void tally_refusal(tally *t, const char *playbook, const json_t *error)
{
    char name[32];
    const char *code = rip_text(error, "code");
    if (strncmp(code, "Guard.", 6) != 0) return;
    snprintf(name, sizeof name, "%s", code + 6);
    if (*name >= 'A' && *name <= 'Z') *name = (char)(*name - 'A' + 'a');
    add(t, &GUARDS, LABELS(name, playbook), 1);
}

static void tally_step(tally *t, const char *playbook, const journal_step *step)
{
    const char *outcome = step->state == JOURNAL_FINISHED ? step->outcome : "started";
    add(t, &STEPS, LABELS(step->kind, outcome), 1);
    if (step->is_change || strcmp(outcome, "refused") == 0) add(t, &CHANGES, LABELS(playbook, outcome), 1);
    if (step->state != JOURNAL_FINISHED) return;
    if (strcmp(outcome, "refused") == 0) tally_refusal(t, playbook, step->reply);
    observe(t, &STEP_TIME, LABELS(step->kind), step->finished_ms - step->started_ms);
}

void tally_run(tally *t, journal *j, const json_t *record)
{
    const char *id = rip_text(record, "id"), *playbook = rip_text(record, "playbook");
    int64_t queued = number_of(record, "queued"), started = number_of(record, "started");
    bool called = false;
    add(t, &RUNS, LABELS(playbook, rip_text(record, "outcome")), 1);
    if (started) {
        observe(t, &RUN_TIME, LABELS(playbook), number_of(record, "finished") - started);
        observe(t, &RUN_WAIT, NULL, started - queued);
    }
    for (size_t i = 0; i < journal_step_count(j, id); i++) {
        const journal_step *step = journal_step_at(j, id, i);
        tally_step(t, playbook, step);
        if (called || strcmp(step->kind, "aws") != 0) continue;
        called = true;
        if (number_of(record, "attempt") < 2) observe(t, &FIRST_CALL, NULL, step->started_ms - queued);
    }
}

static const char *severity_of(const json_t *finding)
{
    json_int_t score = json_integer_value(json_object_get(json_object_get(finding, "severity"), "score"));
    return score >= 90 ? "critical" : score >= 70 ? "high" : score >= 40 ? "medium" : score >= 1 ? "low" : "none";
}

void tally_finding(tally *t, const dispatched *what)
{
    add(t, &FINDINGS,
        LABELS(rip_text(what->finding, "source"), severity_of(what->finding), what->repeated ? "true" : "false"), 1);
}

void tally_reload(tally *t, bool done)
{
    add(t, &RELOADS, LABELS(done ? "done" : "failed"), 1);
}

/* What is looked at. */

static void set(tally *t, const metric_definition *is, const char *const *values, double to)
{
    metric_set(metrics_get(t->all, is), values, to);
}

static void look_at_budget(tally *t, const engine *e, const char *scope, double limit)
{
    if (limit <= 0) return;
    int64_t since = rip_clock_now(e->clock) - HOUR_MS;
    set(t, &BUDGET, LABELS(scope), limit);
    set(t, &SPENT, LABELS(scope), journal_spent(e->journal, scope, since));
}

static void look_at_budgets(tally *t, const engine *e)
{
    char scope[96];
    double limit = (double)rip_config_integer(e->config, "limits.changes_per_playbook");
    for (size_t i = 0; i < library_count(e->books); i++) {
        snprintf(scope, sizeof scope, "playbook:%s", library_at(e->books, i)->name);
        look_at_budget(t, e, scope, limit);
    }
    size_t i;
    const json_t *account;
    limit = (double)rip_config_integer(e->config, "limits.changes_per_account");
    json_array_foreach (e->accounts, i, account) {
        snprintf(scope, sizeof scope, "account:%s", json_string_value(account));
        look_at_budget(t, e, scope, limit);
    }
}

static void look_at_process(tally *t)
{
    struct rusage usage;
    size_t resident;
    if (getrusage(RUSAGE_SELF, &usage) == 0) {
        set(t, &CPU, NULL,
            (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
                (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6);
    }
    if (uv_resident_set_memory(&resident) == 0) set(t, &MEMORY, NULL, (double)resident);
}

void tally_look(tally *t, const engine *e)
{
    dispatch_counts counts = dispatch_count(e->dispatch);
    const struct {
        const char *result;
        size_t count;
    } EACH[] = {{"wanted", counts.findings},
                {"unwanted", counts.unwanted},
                {"suppressed", counts.suppressed},
                {"repeated", counts.repeated},
                {"faulty", counts.faults}};
    for (size_t i = 0; i < sizeof EACH / sizeof *EACH; i++)
        set(t, &EVENTS, LABELS(EACH[i].result), (double)EACH[i].count);
    int64_t oldest = dispatch_oldest(e->dispatch);
    set(t, &OLDEST, NULL, oldest ? SECONDS(rip_clock_now(e->clock) - oldest) : 0);
    set(t, &BACKLOG, NULL, (double)dispatch_backlog(e->dispatch));
    set(t, &UNDER_WAY, NULL, (double)dispatch_under_way(e->dispatch));
    set(t, &BOOKS, NULL, (double)library_count(e->books));
    set(t, &MISTAKES, NULL, (double)e->mistakes);
    const char *why;
    set(t, &IDENTITY, NULL, guard_knows_itself(e->guard, &why) ? 1 : 0);
    set(t, &PAUSED, NULL, (double)json_object_size(journal_pauses(e->journal)));
    look_at_budgets(t, e);
    look_at_process(t);
}

/* CloudWatch's embedded metric format, specification of 2018-06: the agent makes metrics of such lines. */

void tally_emf(tally *t, const engine *e, FILE *out)
{
    static const char *const NAMES[TALLY_EMF] = {"Events",   "Findings",  "Runs",   "FailedRuns",
                                                 "AwsCalls", "AwsErrors", "Backlog"};
    dispatch_counts counts = dispatch_count(e->dispatch);
    json_t *told = json_array();
    for (size_t i = 0; i < TALLY_EMF; i++)
        json_array_append_new(told, json_pack("{s:s, s:s}", "Name", NAMES[i], "Unit", "Count"));
    json_t *line = json_pack("{s:{s:I, s:[{s:s, s:[[s]], s:o}]}, s:s}", "_aws", "Timestamp",
                             (json_int_t)rip_clock_now(e->clock), "CloudWatchMetrics", "Namespace", "Riposte",
                             "Dimensions", "Service", "Metrics", told, "Service", "riposte");
    const int64_t values[TALLY_EMF] = {(int64_t)counts.events,
                                       (int64_t)counts.findings,
                                       (int64_t)counts.runs,
                                       (int64_t)counts.failed,
                                       t->calls,
                                       t->failed_calls,
                                       0};
    for (size_t i = 0; line && i < TALLY_EMF; i++) {
        json_object_set_new(line, NAMES[i], json_integer(values[i] - t->emf[i]));
        t->emf[i] = values[i];
    }
    if (line) {
        json_object_set_new(line, "Backlog", json_integer((json_int_t)dispatch_backlog(e->dispatch)));
        json_dumpf(line, out, JSON_COMPACT);
        fputc('\n', out);
        fflush(out);
    }
    json_decref(line);
}
