/* Whether the journal is as it was written, and what an auditor is given of it. */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/command/command.h"
#include "engine/command/talk.h"
#include "engine/command/terminal.h"
#include "engine/journal/audit.h"

static const char HELP[] =
    "Usage: riposte audit verify [--head HEAD] [OPTION]...\n"
    "       riposte audit export [--since PLACE] [--output FILE] [OPTION]...\n"
    "\n"
    "'verify' reads the whole journal and tells every row that was changed, removed,\n"
    "added or moved since it was written, and the head of its chain. Keep that head\n"
    "elsewhere: with it a later verify also finds a journal that was rewritten from\n"
    "some place on, or cut off. 'export' writes what was done as JSON lines.\n"
    "Both read beside a process that writes.\n"
    "\n"
    "      --head HEAD       PLACE:HASH that an earlier verify told: must be there\n"
    "      --since PLACE     export what came after this place (default 0: all)\n"
    "      --output FILE     export: where to (default -: standard output)\n"
    "      --output FORMAT   verify: text | json: an object a mistake, then a summary\n"
    "  -J, --journal PATH    the journal (default: the configuration's)\n"
    "  -c, --config FILE     configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "  -s, --set KEY=VALUE   one setting over the configuration; may be given again\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 all is as it was written, or exported; 1 it is not, or could not\n"
    "be read; 2 wrong usage or configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte audit verify --journal /var/lib/riposte/journal\n"
    "  riposte audit export --since 1042 --output /var/spool/siem/riposte.jsonl\n";

typedef struct audit {
    talk talk;
    const char *head, *output; /* as given */
    int64_t since;
    bool exports;
    FILE *out;
    size_t lines;
} audit;

/* Verify. */

static void on_mistake(void *data, const journal_mistake *mistake)
{
    const audit *a = data;
    if (a->talk.json) {
        talk_print_json(
            json_pack("{s:s, s:s, s:s}", "table", mistake->table, "row", mistake->row, "mistake", mistake->what));
        return;
    }
    terminal_quote(stdout, TERMINAL_BOLD, mistake->table, 64);
    putchar(' ');
    terminal_quote(stdout, TERMINAL_BOLD, mistake->row, 256);
    fputs(": ", stdout);
    terminal_quote(stdout, TERMINAL_RED, mistake->what, 512);
    putchar('\n');
}

static void print_verified(const journal_verified *v)
{
    printf("%" JSON_INTEGER_FORMAT " links over %" JSON_INTEGER_FORMAT " findings, %" JSON_INTEGER_FORMAT
           " runs, %" JSON_INTEGER_FORMAT " steps, %" JSON_INTEGER_FORMAT " decisions: ",
           (json_int_t)v->anchors, (json_int_t)v->findings, (json_int_t)v->runs, (json_int_t)v->steps,
           (json_int_t)v->decisions);
    if (v->mistakes)
        terminal_print(stdout, TERMINAL_RED, "%" JSON_INTEGER_FORMAT " not as written\n", (json_int_t)v->mistakes);
    else
        terminal_print(stdout, TERMINAL_GREEN, "all as written\n");
    if (v->pruned) printf("%" JSON_INTEGER_FORMAT " rows were forgotten as configured\n", (json_int_t)v->pruned);
    printf("head %s\n", v->head);
}

static json_t *json_of(const journal_verified *v)
{
    return json_pack("{s:{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:s}}", "verified", "anchors",
                     (json_int_t)v->anchors, "findings", (json_int_t)v->findings, "runs", (json_int_t)v->runs, "steps",
                     (json_int_t)v->steps, "decisions", (json_int_t)v->decisions, "texts", (json_int_t)v->texts,
                     "pauses", (json_int_t)v->pauses, "pruned", (json_int_t)v->pruned, "mistakes",
                     (json_int_t)v->mistakes, "head", v->head);
}

static int verify(audit *a)
{
    journal_verified verified = {0};
    rip_error err;
    if (journal_audit_verify(a->talk.journal, a->head, on_mistake, a, &verified, &err) != RIP_OK) {
        terminal_error("audit", "%s", err.message);
        return COMMAND_FAILED;
    }
    if (a->talk.json)
        talk_print_json(json_of(&verified));
    else
        print_verified(&verified);
    return verified.mistakes ? COMMAND_FAILED : COMMAND_DONE;
}

/* Export. */

static rip_status on_line(void *data, const char *line, size_t len, rip_error *err)
{
    audit *a = data;
    bool well = fwrite(line, 1, len, a->out) == len && fputc('\n', a->out) != EOF;
    if (!well) return rip_fail(err, RIP_EIO, "%s: it can't be written: %s", a->output, strerror(errno));
    a->lines++;
    return RIP_OK;
}

static rip_status open_output(audit *a, rip_error *err)
{
    a->out = stdout;
    if (strcmp(a->output, "-") == 0) return RIP_OK;
    mode_t before = umask(077); /* it tells what was found, and where */
    a->out = fopen(a->output, "w");
    umask(before);
    if (!a->out) return rip_fail(err, RIP_EIO, "%s: it can't be opened: %s", a->output, strerror(errno));
    return RIP_OK;
}

static rip_status close_output(const audit *a, rip_error *err)
{
    int failed = a->out == stdout ? fflush(stdout) : fclose(a->out);
    if (failed == 0) return RIP_OK;
    return rip_fail(err, RIP_EIO, "%s: it can't be written to its end: %s", a->output, strerror(errno));
}

static int export_links(audit *a)
{
    int64_t last = a->since;
    rip_error err, late;
    rip_status status = open_output(a, &err);
    if (status == RIP_OK) {
        status = journal_audit_export(a->talk.journal, a->since, on_line, a, &last, &err);
        rip_status closed = close_output(a, &late);
        if (status == RIP_OK && closed != RIP_OK) {
            status = closed;
            err = late;
        }
    }
    if (status != RIP_OK) {
        terminal_error("audit", "%s", err.message);
        return COMMAND_FAILED;
    }
    fprintf(stderr, "%zu lines; go on with --since %lld\n", a->lines, (long long)last);
    return COMMAND_DONE;
}

/* The command. */

enum { OWN_HEAD = TALK_OWN_OPTION, OWN_SINCE };

static int put_since(audit *a, const char *text)
{
    char *rest = NULL;
    errno = 0;
    a->since = strtoll(text, &rest, 10);
    if (errno == 0 && *text && !*rest && a->since >= 0) return -1;
    return terminal_usage("audit", "--since %s: the place that an export told, a whole number", text);
}

static int parse(audit *a, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"head", required_argument, NULL, OWN_HEAD},
                                            {"since", required_argument, NULL, OWN_SINCE},
                                            TALK_LONG_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    int option, end = -1;
    bool since = false;
    opterr = 0;
    while (end < 0 && (option = getopt_long(argc, argv, TALK_SHORT_OPTIONS, OPTIONS, NULL)) != -1) {
        switch (option) {
        case OWN_HEAD: a->head = optarg; break;
        case OWN_SINCE:
            since = true;
            end = put_since(a, optarg);
            break;
        case 'o': a->output = optarg; break;
        default: end = talk_option(&a->talk, option, argv);
        }
    }
    if (end >= 0) return end;
    const char *action = optind + 1 == argc ? argv[optind] : "";
    a->exports = strcmp(action, "export") == 0;
    if (!a->exports && strcmp(action, "verify") != 0) return terminal_usage("audit", "give verify or export");
    if (a->exports && a->head) return terminal_usage("audit", "--head goes with verify");
    if (!a->exports && since) return terminal_usage("audit", "--since goes with export");
    if (!a->output) a->output = a->exports ? "-" : "text";
    if (a->exports) return -1;
    a->talk.json = strcmp(a->output, "json") == 0;
    if (!a->talk.json && strcmp(a->output, "text") != 0)
        return terminal_usage("audit", "--output %s: text or json", a->output);
    return -1;
}

int command_audit(int argc, char **argv)
{
    audit a = {.talk = {.command = "audit", .help = HELP}};
    int end = parse(&a, argc, argv);
    if (end < 0) end = talk_open(&a.talk);
    if (end < 0) end = a.exports ? export_links(&a) : verify(&a);
    talk_close(&a.talk);
    return end;
}
