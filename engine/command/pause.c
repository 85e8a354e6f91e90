/* The switch that stops changes, and lets them go on. */
#include <stdio.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/talk.h"
#include "engine/command/terminal.h"

#define SCOPE_HELP                                                                                                     \
    "      --playbook NAME   only of this playbook\n"                                                                  \
    "      --account ID      only in this account\n"                                                                   \
    "      --why TEXT        your reason; recorded, with who you are\n"
#define EXIT_HELP                                                                                                      \
    "\n"                                                                                                               \
    "Exit status: 0 done; 1 it could not be recorded; 2 wrong usage or configuration.\n"                               \
    "\n"

static const char PAUSE[] =
    "Usage: riposte pause [--playbook NAME | --account ID] [OPTION]...\n"
    "\n"
    "Stop all changes, from the next one on, until 'riposte resume'. Findings are\n"
    "taken in as before; a run that comes to a change ends as paused, and is done\n"
    "again when changes are resumed.\n"
    "\n" SCOPE_HELP TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte pause --why 'release weekend'\n"
    "  riposte pause --account 123456789012 --why 'being moved'\n";

static const char RESUME[] =
    "Usage: riposte resume [--playbook NAME | --account ID] [OPTION]...\n"
    "\n"
    "Let changes be made again that 'riposte pause' stopped, with the same options.\n"
    "The runs that were stopped go on.\n"
    "\n" SCOPE_HELP TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte resume --why 'release is done'\n"
    "  riposte resume --account 123456789012\n";

enum { OWN_WHY = TALK_OWN_OPTION, OWN_PLAYBOOK, OWN_ACCOUNT };

static int put_scope(const talk *t, json_t *request, const char *kind, const char *name)
{
    char scope[256];
    if (json_object_get(request, "scope"))
        return terminal_usage(t->command, "give one playbook or one account; call it again for another");
    if (!*name || strlen(name) > 128) return terminal_usage(t->command, "--%s %s: this is no name", kind, name);
    if (strcmp(kind, "account") == 0 && (strlen(name) != 12 || strspn(name, "0123456789") != 12))
        return terminal_usage(t->command, "--account %s: an account's id has twelve digits", name);
    snprintf(scope, sizeof scope, "%s:%s", kind, name);
    return talk_put(t, request, "scope", scope);
}

static int parse(talk *t, int argc, char **argv, json_t *request)
{
    static const struct option OPTIONS[] = {{"why", required_argument, NULL, OWN_WHY},
                                            {"playbook", required_argument, NULL, OWN_PLAYBOOK},
                                            {"account", required_argument, NULL, OWN_ACCOUNT},
                                            TALK_LONG_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    int option, end = -1;
    opterr = 0;
    while (end < 0 && (option = getopt_long(argc, argv, TALK_SHORT_OPTIONS, OPTIONS, NULL)) != -1) {
        switch (option) {
        case OWN_WHY: end = talk_put(t, request, "why", optarg); break;
        case OWN_PLAYBOOK: end = put_scope(t, request, "playbook", optarg); break;
        case OWN_ACCOUNT: end = put_scope(t, request, "account", optarg); break;
        default: end = talk_option(t, option, argv);
        }
    }
    if (end >= 0) return end;
    if (optind < argc) return terminal_usage(t->command, "there is nothing to do with %s", argv[optind]);
    if (!json_object_get(request, "scope")) return talk_put(t, request, "scope", "all");
    return -1;
}

static int say(const char *word, const char *help, int argc, char **argv)
{
    talk t = {.command = word, .help = help};
    json_t *request = json_pack("{s:s, s:s}", "do", word, "why", "");
    int end = parse(&t, argc, argv, request);
    if (end < 0) end = talk_open(&t);
    if (end < 0)
        end = talk_tell(&t, request);
    else
        json_decref(request);
    talk_close(&t);
    return end;
}

int command_pause(int argc, char **argv)
{
    return say("pause", PAUSE, argc, argv);
}

int command_resume(int argc, char **argv)
{
    return say("resume", RESUME, argc, argv);
}
