/* What a person decides about one run: approve, deny, retry, cancel, undo. */
#include <stdio.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/talk.h"
#include "engine/command/terminal.h"
#include "engine/run/mode.h"

#define RUN_AND_WHY                                                                                                    \
    "RUN is an id as 'riposte runs' tells it, or the beginning of one. Who you are\n"                                  \
    "(by your user id) and why are recorded. With a process that owns the journal it\n"                                \
    "does the rest; without one, this command does, and reports the run that follows.\n"                               \
    "\n"                                                                                                               \
    "      --why TEXT        your reason\n"
#define EXIT_HELP                                                                                                      \
    "\n"                                                                                                               \
    "Exit status: 0 done; 1 there is no such run, it is not in a state for it, or the\n"                               \
    "run that follows failed; 2 wrong usage or configuration.\n"                                                       \
    "\n"

static const char APPROVE[] =
    "Usage: riposte approve [OPTION]... RUN\n"
    "\n"
    "Let the plan of a run that waits be carried out: exactly the changes that\n"
    "'riposte show RUN' lists. A change outside the plan stops the run, which then\n"
    "waits again, with the difference.\n"
    "\n" RUN_AND_WHY TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte approve run-3fa8c1d29b070e12 --why 'INC-2041, agreed with the owner'\n";

static const char DENY[] =
    "Usage: riposte deny [OPTION]... RUN\n"
    "\n"
    "Decide that the plan of a run that waits is never carried out.\n"
    "\n" RUN_AND_WHY TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte deny run-3fa8c1d29b070e12 --why 'this is our own load test'\n";

static const char RETRY[] =
    "Usage: riposte retry [--happened | --repeat] [OPTION]... RUN\n"
    "\n"
    "Do a run again from the start: one that failed, was stopped, is parked, or is\n"
    "uncertain whether its last change happened. Of such a one say what you found.\n"
    "\n"
    "      --happened        the change that is uncertain did happen\n"
    "      --repeat          it did not: make it again\n"
    "\n" RUN_AND_WHY TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte retry run-3fa8c1d29b070e12\n"
    "  riposte retry --happened run-3fa8 --why 'the key is gone in the console'\n";

static const char CANCEL[] =
    "Usage: riposte cancel [OPTION]... RUN\n"
    "\n"
    "End a run that is queued, going on, or waits. What it has changed stays changed:\n"
    "see 'riposte undo'.\n"
    "\n" RUN_AND_WHY TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte cancel run-3fa8c1d29b070e12 --why 'false alarm'\n";

static const char UNDO[] =
    "Usage: riposte undo [--step STEP] [--mode MODE] [OPTION]... RUN\n"
    "\n"
    "Take back the changes of a run, the last first, by a run of its own. What the\n"
    "world no longer matches is skipped, and told.\n"
    "\n"
    "      --step STEP       only this one, as 'riposte show' numbers it (4, 2.7/3)\n"
    "      --mode MODE       dry-run: only show what would be done | enforce; the\n"
    "                        configuration's mode may lower it\n"
    "\n" RUN_AND_WHY TALK_OPTIONS_HELP EXIT_HELP
    "Examples:\n"
    "  riposte undo --mode dry-run run-3fa8c1d29b070e12\n"
    "  riposte undo run-3fa8c1d29b070e12 --why 'the instance was a build machine'\n";

enum { OWN_WHY = TALK_OWN_OPTION, OWN_HAPPENED, OWN_REPEAT, OWN_STEP, OWN_MODE };

/* What a user said is settled, once. */
static int put_settled(const talk *t, json_t *request, const char *how)
{
    const char *before = json_string_value(json_object_get(request, "settled"));
    if (before && strcmp(before, how) != 0)
        return terminal_usage(t->command, "--happened and --repeat exclude each other");
    return talk_put(t, request, "settled", how);
}

static int put_mode(const talk *t, json_t *request, const char *name)
{
    run_mode mode;
    if (!run_mode_parse(name, &mode) || (mode != RUN_DRY_RUN && mode != RUN_ENFORCE))
        return terminal_usage(t->command, "--mode %s: dry-run or enforce", name);
    return talk_put(t, request, "mode", name);
}

static int parse(talk *t, int argc, char **argv, const struct option *options, json_t *request)
{
    int option, end = -1;
    opterr = 0;
    while (end < 0 && (option = getopt_long(argc, argv, TALK_SHORT_OPTIONS, options, NULL)) != -1) {
        switch (option) {
        case OWN_WHY: end = talk_put(t, request, "why", optarg); break;
        case OWN_HAPPENED: end = put_settled(t, request, "happened"); break;
        case OWN_REPEAT: end = put_settled(t, request, "repeat"); break;
        case OWN_STEP: end = talk_put(t, request, "step", optarg); break;
        case OWN_MODE: end = put_mode(t, request, optarg); break;
        default: end = talk_option(t, option, argv);
        }
    }
    if (end >= 0) return end;
    if (optind + 1 != argc) return terminal_usage(t->command, "give one run");
    return talk_put(t, request, "run", argv[optind]);
}

static int decide(const char *word, const char *help, const struct option *options, int argc, char **argv)
{
    talk t = {.command = word, .help = help};
    json_t *request = json_pack("{s:s, s:s}", "do", word, "why", "");
    int end = parse(&t, argc, argv, options, request);
    if (end < 0) end = talk_open(&t);
    if (end < 0)
        end = talk_tell(&t, request);
    else
        json_decref(request);
    talk_close(&t);
    return end;
}

static const struct option PLAIN[] = {{"why", required_argument, NULL, OWN_WHY}, TALK_LONG_OPTIONS, {NULL, 0, NULL, 0}};

int command_approve(int argc, char **argv)
{
    return decide("approve", APPROVE, PLAIN, argc, argv);
}

int command_deny(int argc, char **argv)
{
    return decide("deny", DENY, PLAIN, argc, argv);
}

int command_cancel(int argc, char **argv)
{
    return decide("cancel", CANCEL, PLAIN, argc, argv);
}

int command_retry(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"why", required_argument, NULL, OWN_WHY},
                                            {"happened", no_argument, NULL, OWN_HAPPENED},
                                            {"repeat", no_argument, NULL, OWN_REPEAT},
                                            TALK_LONG_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    return decide("retry", RETRY, OPTIONS, argc, argv);
}

int command_undo(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"why", required_argument, NULL, OWN_WHY},
                                            {"step", required_argument, NULL, OWN_STEP},
                                            {"mode", required_argument, NULL, OWN_MODE},
                                            TALK_LONG_OPTIONS,
                                            {NULL, 0, NULL, 0}};
    return decide("undo", UNDO, OPTIONS, argc, argv);
}
