#include <getopt.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/command/command.h"
#include "engine/command/terminal.h"
#include "engine/trigger/trigger.h"

#define FILE_BYTES_MAX ((size_t)64 << 20)

static const char HELP[] =
    "Usage: riposte match --pattern FILE --event FILE [--explain]\n"
    "       riposte match --cases FILE\n"
    "\n"
    "Try an event pattern, in EventBridge's language, on an event. FILE may be - for\n"
    "standard input. Prints match, no-match or invalid.\n"
    "\n"
    "      --pattern FILE   the pattern, as JSON\n"
    "      --event FILE     the event, as JSON\n"
    "      --explain        where it does not match, say which condition failed, and\n"
    "                       what was found there\n"
    "      --cases FILE     one {\"pattern\": ..., \"event\": ...} a line; prints one\n"
    "                       word a line, in their order\n"
    "  -h, --help           this text\n"
    "\n"
    "Exit status: 0 a match (with --cases: all lines were read); 1 no match; 2 a\n"
    "pattern or event that is invalid, or wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte match --pattern trigger.json --event finding.json --explain\n"
    "  riposte match --pattern trigger.json --event - < finding.json\n"
    "  riposte match --cases cases.ndjson\n";

static const char NAME[] = "match";

static rip_status read_all(const char *path, rip_buffer *out, rip_error *err)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!in) return rip_fail(err, RIP_EIO, "%s can't be read", path);
    char piece[65536];
    size_t got;
    while (out->len <= FILE_BYTES_MAX && (got = fread(piece, 1, sizeof piece, in)) > 0)
        rip_buffer_append(out, piece, got);
    bool failed = ferror(in) != 0;
    if (in != stdin) fclose(in);
    if (failed) return rip_fail(err, RIP_EIO, "%s can't be read to its end", path);
    if (out->len > FILE_BYTES_MAX) return rip_fail(err, RIP_ELIMIT, "%s has over 64 MiB", path);
    return rip_buffer_status(out, err);
}

static void on_match(void *data, const void *owner)
{
    (void)owner;
    *(bool *)data = true;
}

/* With the set, as `run` does. */
static rip_status match(const char *pattern, size_t pattern_len, const char *event, size_t event_len, bool *matches,
                        const char *pattern_name, const char *event_name, rip_error *err)
{
    trigger_mistake mistake;
    trigger_set *set = trigger_set_new();
    *matches = false;
    if (!set) return rip_nomem(err);
    rip_status status = trigger_set_add(set, NAME, pattern, pattern_len, &mistake, err);
    if (status != RIP_OK) {
        rip_error_prefix(err, "%s:%u:%u: %s%s", pattern_name, mistake.line, mistake.column, mistake.path,
                         mistake.path[0] ? ": " : "");
    } else {
        status = trigger_set_match(set, event, event_len, on_match, matches, err);
        if (status != RIP_OK) rip_error_prefix(err, "%s: ", event_name);
    }
    trigger_set_free(set);
    return status;
}

static int match_files(const char *pattern_path, const char *event_path, bool explain)
{
    rip_buffer pattern = {0}, event = {0};
    rip_error err;
    bool matches = false;
    char why[RIP_ERROR_MESSAGE_MAX] = "";
    rip_status status = read_all(pattern_path, &pattern, &err);
    if (status == RIP_OK) status = read_all(event_path, &event, &err);
    bool were_read = status == RIP_OK;
    if (were_read)
        status = match(pattern.data ? pattern.data : "", pattern.len, event.data ? event.data : "", event.len, &matches,
                       pattern_path, event_path, &err);
    if (status == RIP_OK && explain && !matches)
        status =
            trigger_explain(pattern.data, pattern.len, event.data, event.len, &(bool){false}, why, sizeof why, &err);
    if (were_read) puts(status != RIP_OK ? "invalid" : matches ? "match" : "no-match");
    if (status != RIP_OK) terminal_error(NAME, "%s", err.message);
    if (why[0]) puts(why);
    rip_buffer_free(&pattern);
    rip_buffer_free(&event);
    if (status != RIP_OK) return COMMAND_USAGE;
    return matches ? COMMAND_DONE : COMMAND_FAILED;
}

/* The parts of a line go through jansson: a case file is a test's input, not a stranger's. */
static const char *match_case(const char *line, size_t len)
{
    json_t *one = json_loadb(line, len, JSON_ALLOW_NUL, NULL);
    char *pattern = rip_json_dump(json_object_get(one, "pattern"), JSON_ENCODE_ANY | JSON_COMPACT);
    char *event = rip_json_dump(json_object_get(one, "event"), JSON_ENCODE_ANY | JSON_COMPACT);
    rip_error err;
    bool matches = false;
    bool well = pattern && event &&
                match(pattern, strlen(pattern), event, strlen(event), &matches, "pattern", "event", &err) == RIP_OK;
    free(pattern);
    free(event);
    json_decref(one);
    return !well ? "invalid" : matches ? "match" : "no-match";
}

static int match_cases(const char *path)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "rb");
    if (!in) {
        terminal_error(NAME, "%s can't be read", path);
        return COMMAND_USAGE;
    }
    char *line = NULL;
    size_t room = 0;
    ssize_t len;
    while ((len = getline(&line, &room, in)) > 0) puts(match_case(line, (size_t)len));
    bool failed = ferror(in) != 0;
    free(line);
    if (in != stdin) fclose(in);
    if (failed) terminal_error(NAME, "%s can't be read to its end", path);
    return failed ? COMMAND_USAGE : COMMAND_DONE;
}

int command_match(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"pattern", required_argument, NULL, 'p'}, {"event", required_argument, NULL, 'e'},
        {"explain", no_argument, NULL, 'x'},       {"cases", required_argument, NULL, 'c'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    const char *pattern = NULL, *event = NULL, *cases = NULL;
    bool explain = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case 'p': pattern = optarg; break;
        case 'e': event = optarg; break;
        case 'x': explain = true; break;
        case 'c': cases = optarg; break;
        case ':': return terminal_usage(NAME, "%s needs a value", argv[optind - 1]);
        default: return terminal_usage(NAME, "there is no option %s", argv[optind - 1]);
        }
    }
    if (optind < argc) return terminal_usage(NAME, "there is nothing to do with %s", argv[optind]);
    if (cases && !pattern && !event) return match_cases(cases);
    if (cases || !pattern || !event) return terminal_usage(NAME, "give --pattern and --event, or --cases alone");
    if (strcmp(pattern, "-") == 0 && strcmp(event, "-") == 0)
        return terminal_usage(NAME, "only one of pattern and event can come from standard input");
    return match_files(pattern, event, explain);
}
