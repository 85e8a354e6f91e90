#include "engine/command/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/local.h"
#include "engine/command/terminal.h"
#include "engine/serve/control.h"

int talk_option(talk *t, int option, char **argv)
{
    switch (option) {
    case 'c': t->config_file = optarg; break;
    case 'J': t->journal_option = optarg; break;
    case 's':
        if (t->setting_count == TALK_SETTINGS_MOST)
            return terminal_usage(t->command, "over %d settings", TALK_SETTINGS_MOST);
        t->settings[t->setting_count++] = optarg;
        break;
    case 'o':
        t->json = strcmp(optarg, "json") == 0;
        if (!t->json && strcmp(optarg, "text") != 0)
            return terminal_usage(t->command, "--output %s: text or json", optarg);
        break;
    case 'h': fputs(t->help, stdout); return COMMAND_DONE;
    case ':': return terminal_usage(t->command, "%s needs a value", argv[optind - 1]);
    default: return terminal_usage(t->command, "there is no option %s", argv[optind - 1]);
    }
    return -1;
}

int talk_open(talk *t)
{
    rip_error err;
    rip_status status = engine_configure(t->command, t->config_file, t->settings, t->setting_count, &t->config, &err);
    if (status == RIP_OK && t->journal_option)
        status = rip_config_set(t->config, "journal.path", t->journal_option, &err);
    if (status != RIP_OK) {
        terminal_error(t->command, "%s", err.message);
        return COMMAND_USAGE;
    }
    t->journal = rip_config_string(t->config, "journal.path");
    if (*t->journal) return -1;
    return terminal_usage(t->command, "no journal is configured: give --journal PATH, or set journal.path");
}

int talk_put(const talk *t, json_t *request, const char *key, const char *value)
{
    if (json_object_set_new(request, key, json_string(value)) == 0) return -1;
    return terminal_usage(t->command, "%s: this is no UTF-8", value);
}

void talk_close(talk *t)
{
    rip_config_free(t->config);
}

void talk_print_json(json_t *value)
{
    json_dumpf(value, stdout, JSON_COMPACT | JSON_ENCODE_ANY);
    putchar('\n');
    json_decref(value);
}

/* `*heard`: a process owns the journal, and was asked. */
static rip_status ask_owner(const talk *t, const json_t *request, bool *heard, json_t **value, rip_error *err)
{
    char *path = control_path(t->journal);
    if (!path) return rip_nomem(err);
    int fd = -1;
    rip_status status = control_connect(path, &fd, err);
    free(path);
    *heard = fd >= 0;
    if (status == RIP_OK && *heard) status = control_call(fd, request, value, err);
    if (*heard) close(fd);
    return status;
}

rip_status talk_ask(const talk *t, const json_t *request, json_t **value, rip_error *err)
{
    bool heard = false;
    rip_status status = ask_owner(t, request, &heard, value, err);
    if (status == RIP_OK && !heard) status = local_ask(t->journal, request, value, err);
    return status;
}

/* An undo that was to change things, and may not. */
bool talk_is_lowered(const json_t *request, const json_t *value)
{
    const char *mode = json_string_value(json_object_get(value, "mode"));
    const char *asked = json_string_value(json_object_get(request, "mode"));
    if (!mode || strcmp(json_string_value(json_object_get(request, "do")), "undo") != 0) return false;
    return strcmp(mode, asked ? asked : "enforce") != 0;
}

static void print_lowered(const json_t *request, const json_t *value)
{
    if (!talk_is_lowered(request, value)) return;
    printf(
        ",\n  in %s: the configuration's mode allows no more (mode: enforce, or -s\n  mode=enforce where no process "
        "owns the journal)",
        json_string_value(json_object_get(value, "mode")));
}

/* What came of it, in a sentence. */
static void print_told(const json_t *request, const json_t *value)
{
    const char *id = json_string_value(json_object_get(value, "run"));
    const char *follows = json_string_value(json_object_get(value, "follows"));
    const char *outcome = json_string_value(json_object_get(value, "outcome"));
    const char *scope = json_string_value(json_object_get(request, "scope"));
    json_int_t missing = json_integer_value(json_object_get(value, "missing"));
    if (scope) {
        bool pause = strcmp(json_string_value(json_object_get(request, "do")), "pause") == 0;
        fputs(pause ? "No more changes are made: " : "Changes are made again: ", stdout);
        terminal_quote(stdout, TERMINAL_BOLD, scope, 256);
        fputs(".\n", stdout);
    }
    if (!id) return;
    terminal_quote(stdout, TERMINAL_BOLD, id, 64);
    fputs(": ", stdout);
    terminal_quote(stdout, TERMINAL_PLAIN, outcome ? outcome : json_string_value(json_object_get(request, "do")), 64);
    if (missing) printf("; %" JSON_INTEGER_FORMAT " more must approve it", missing);
    if (follows) {
        fputs("; ", stdout);
        terminal_quote(stdout, TERMINAL_BOLD, follows, 64);
        fputs(" follows", stdout);
        print_lowered(request, value);
    }
    putchar('\n');
}

void talk_told(const talk *t, const json_t *request, const json_t *value)
{
    if (t->json)
        talk_print_json(json_copy((json_t *)(uintptr_t)value));
    else
        print_told(request, value);
    fflush(stdout);
}

/* To the process that owns the journal, or, where there is none, to an engine of this process. RIP_EAGAIN: there is
 * one, and it does not listen. */
static rip_status tell(talk *t, json_t *request, int *end, rip_error *err)
{
    bool heard = false;
    json_t *value = NULL;
    rip_status status = ask_owner(t, request, &heard, &value, err);
    if (status == RIP_OK && !heard) return local_tell(t, request, end, err);
    if (status == RIP_OK)
        talk_told(t, request, value);
    else
        terminal_error(t->command, "%s", err->message);
    *end = status == RIP_OK && !talk_is_lowered(request, value) ? COMMAND_DONE : COMMAND_FAILED;
    json_decref(value);
    return RIP_OK;
}

/* A process that starts owns the journal before it listens: who stops it in a hurry need not say it twice. */
int talk_tell(talk *t, json_t *request)
{
    int end = COMMAND_FAILED;
    rip_error err;
    rip_status status = tell(t, request, &end, &err);
    for (unsigned waited = 0; status == RIP_EAGAIN && waited < ENGINE_OWNER_WAIT_MS; waited += ENGINE_OWNER_ASK_MS) {
        usleep(ENGINE_OWNER_ASK_MS * 1000);
        end = talk_open(t); /* the try has taken the configuration over */
        status = end < 0 ? tell(t, request, &end, &err) : RIP_OK;
    }
    if (status == RIP_EAGAIN) terminal_error(t->command, "%s, and it does not answer", err.message);
    json_decref(request);
    return end;
}
