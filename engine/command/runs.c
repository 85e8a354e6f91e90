#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/clock.h"
#include "engine/base/units.h"
#include "engine/command/command.h"
#include "engine/command/talk.h"
#include "engine/command/terminal.h"
#include "engine/command/view.h"

#define LIMIT_MOST 10000
#define WATCH_SECONDS 2u

static const char HELP[] =
    "Usage: riposte runs [OPTION]...\n"
    "\n"
    "List the runs that the journal holds, newest first: their outcome, age, id and\n"
    "playbook, and the finding that they answer; before them the pauses that hold.\n"
    "\n"
    "      --outcome WORD    queued | running | waiting | done | planned | failed |\n"
    "                        any other outcome | open: all that have not ended, or\n"
    "                        wait for a person\n"
    "      --playbook NAME   of this playbook\n"
    "      --account ID      in this account\n"
    "      --region NAME     in this region\n"
    "      --finding ID      for this finding\n"
    "      --since WHEN      queued since: a span of time (2h, 7d), an RFC 3339 time\n"
    "      --limit N         so many at most (default 100)\n"
    "      --watch           go on: each run again when its outcome changes\n" TALK_OPTIONS_HELP
    "\n"
    "With --output json each run is an object on a line of its own.\n"
    "\n"
    "Exit status: 0 done; 1 the journal could not be read; 2 wrong usage or\n"
    "configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte runs --outcome open\n"
    "  riposte runs --since 24h --account 123456789012 --output json\n"
    "  riposte runs --watch\n";

enum {
    OWN_OUTCOME = TALK_OWN_OPTION,
    OWN_PLAYBOOK,
    OWN_ACCOUNT,
    OWN_REGION,
    OWN_FINDING,
    OWN_SINCE,
    OWN_LIMIT,
    OWN_WATCH
};

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int put_since(const talk *t, json_t *filter, const char *text)
{
    int64_t since, span;
    if (!rip_time_parse(text, &since)) {
        if (!rip_duration_parse(text, &span))
            return terminal_usage(t->command, "--since %s: a span of time (2h, 7d) or an RFC 3339 time", text);
        since = now_ms() - span;
    }
    json_object_set_new(filter, "since_ms", json_integer(since));
    return -1;
}

static int put_limit(const talk *t, json_t *filter, const char *text)
{
    char *rest = NULL;
    long limit = strtol(text, &rest, 10);
    if (*rest || limit < 1 || limit > LIMIT_MOST)
        return terminal_usage(t->command, "--limit %s: a number from 1 to %d", text, LIMIT_MOST);
    json_object_set_new(filter, "most", json_integer(limit));
    return -1;
}

static int parse(talk *t, int argc, char **argv, json_t *filter, bool *watch)
{
    static const struct option OPTIONS[] = {{"outcome", required_argument, NULL, OWN_OUTCOME},
                                            {"playbook", required_argument, NULL, OWN_PLAYBOOK},
                                            {"account", required_argument, NULL, OWN_ACCOUNT},
                                            {"region", required_argument, NULL, OWN_REGION},
                                            {"finding", required_argument, NULL, OWN_FINDING},
                                            {"since", required_argument, NULL, OWN_SINCE},
                                            {"limit", required_argument, NULL, OWN_LIMIT},
                                            {"watch", no_argument, NULL, OWN_WATCH},
                                            TALK_LONG_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    int option, end = -1;
    opterr = 0;
    while (end < 0 && (option = getopt_long(argc, argv, TALK_SHORT_OPTIONS, OPTIONS, NULL)) != -1) {
        switch (option) {
        case OWN_OUTCOME: end = talk_put(t, filter, "outcome", optarg); break;
        case OWN_PLAYBOOK: end = talk_put(t, filter, "playbook", optarg); break;
        case OWN_ACCOUNT: end = talk_put(t, filter, "account", optarg); break;
        case OWN_REGION: end = talk_put(t, filter, "region", optarg); break;
        case OWN_FINDING: end = talk_put(t, filter, "finding", optarg); break;
        case OWN_SINCE: end = put_since(t, filter, optarg); break;
        case OWN_LIMIT: end = put_limit(t, filter, optarg); break;
        case OWN_WATCH: *watch = true; break;
        default: end = talk_option(t, option, argv);
        }
    }
    if (end < 0 && optind < argc) return terminal_usage(t->command, "there is nothing to do with %s", argv[optind]);
    return end;
}

static void print(const talk *t, json_t *record)
{
    if (t->json)
        talk_print_json(json_incref(record));
    else
        view_run_brief(stdout, record, now_ms());
}

static void print_all(const talk *t, const json_t *runs)
{
    size_t i;
    json_t *record;
    json_array_foreach (runs, i, record) print(t, record);
    if (json_array_size(runs) == 0 && !t->json) puts("No such runs.");
}

/* Those that are new, or whose state is another than was `seen` (id -> state), the newest last. */
static void print_news(const talk *t, const json_t *runs, json_t *seen)
{
    for (size_t i = json_array_size(runs); i-- > 0;) {
        json_t *record = json_array_get(runs, i);
        const char *id = json_string_value(json_object_get(record, "id")), *state = view_state(record);
        const char *before = id ? json_string_value(json_object_get(seen, id)) : state;
        if (before && strcmp(before, state) == 0) continue;
        print(t, record);
        json_object_set_new(seen, id, json_string(state));
    }
}

/* What holds runs up is told first; only people need it here. */
static rip_status print_pauses(const talk *t, rip_error *err)
{
    if (t->json) return RIP_OK;
    json_t *request = json_pack("{s:s}", "do", "status"), *status = NULL;
    rip_status asked = talk_ask(t, request, &status, err);
    if (asked == RIP_OK) view_pauses(stdout, json_object_get(status, "pauses"), now_ms());
    json_decref(request);
    json_decref(status);
    return asked;
}

static rip_status list(const talk *t, const json_t *request, bool watch, rip_error *err)
{
    json_t *seen = json_object();
    rip_status status = print_pauses(t, err);
    while (status == RIP_OK) {
        json_t *runs = NULL;
        status = talk_ask(t, request, &runs, err);
        if (status == RIP_OK && watch)
            print_news(t, runs, seen);
        else if (status == RIP_OK)
            print_all(t, runs);
        json_decref(runs);
        fflush(stdout);
        if (!watch || ferror(stdout)) break;
        if (status == RIP_OK) sleep(WATCH_SECONDS);
    }
    json_decref(seen);
    return status;
}

int command_runs(int argc, char **argv)
{
    talk t = {.command = "runs", .help = HELP};
    bool watch = false;
    rip_error err;
    json_t *filter = json_object(), *request = json_pack("{s:s, s:o}", "do", "runs", "filter", filter);
    int end = parse(&t, argc, argv, filter, &watch);
    if (end < 0) end = talk_open(&t);
    if (end < 0) {
        bool well = list(&t, request, watch, &err) == RIP_OK;
        if (!well) terminal_error(t.command, "%s", err.message);
        end = well ? COMMAND_DONE : COMMAND_FAILED;
    }
    talk_close(&t);
    json_decref(request);
    return end;
}
