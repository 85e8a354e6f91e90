#include <stdio.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/talk.h"
#include "engine/command/terminal.h"
#include "engine/command/view.h"

static const char HELP[] =
    "Usage: riposte show [OPTION]... RUN\n"
    "\n"
    "Show one run: the finding that it answers, what was decided about it, and its\n"
    "steps in time, each with what was asked, what came back, how long it took, and\n"
    "what takes it back. Of a run that waits for approval the plan is shown. RUN is\n"
    "an id as 'riposte runs' tells it, or the beginning of one.\n"
    "\n"
    "      --steps WHICH     all | changes (default: all; of a plan the changes)\n" TALK_OPTIONS_HELP
    "\n"
    "With --output json it is one object on a line, with nothing left out.\n"
    "\n"
    "Exit status: 0 done; 1 there is no such run, or the journal could not be read;\n"
    "2 wrong usage or configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte show run-3fa8c1d29b070e12\n"
    "  riposte show --steps changes run-3fa8\n";

enum { OWN_STEPS = TALK_OWN_OPTION };

static int parse(talk *t, int argc, char **argv, view_steps *steps)
{
    static const struct option OPTIONS[] = {
        {"steps", required_argument, NULL, OWN_STEPS}, TALK_LONG_OPTIONS, {NULL, 0, NULL, 0}};
    int option, end;
    opterr = 0;
    while ((option = getopt_long(argc, argv, TALK_SHORT_OPTIONS, OPTIONS, NULL)) != -1) {
        if (option == OWN_STEPS) {
            *steps = strcmp(optarg, "all") == 0 ? VIEW_ALL : VIEW_CHANGES;
            if (*steps == VIEW_CHANGES && strcmp(optarg, "changes") != 0)
                return terminal_usage(t->command, "--steps %s: all or changes", optarg);
        } else if ((end = talk_option(t, option, argv)) >= 0) {
            return end;
        }
    }
    if (optind + 1 != argc) return terminal_usage(t->command, "give one run");
    return -1;
}

int command_show(int argc, char **argv)
{
    talk t = {.command = "show", .help = HELP};
    view_steps steps = VIEW_AS_FITS;
    json_t *request = json_pack("{s:s}", "do", "show");
    int end = parse(&t, argc, argv, &steps);
    if (end < 0) end = talk_put(&t, request, "run", argv[optind]);
    if (end < 0) end = talk_open(&t);
    if (end < 0) {
        rip_error err;
        json_t *whole = NULL;
        bool well = talk_ask(&t, request, &whole, &err) == RIP_OK;
        if (!well)
            terminal_error(t.command, "%s", err.message);
        else if (t.json)
            talk_print_json(json_incref(whole));
        else
            view_run(stdout, whole, steps);
        json_decref(whole);
        end = well ? COMMAND_DONE : COMMAND_FAILED;
    }
    talk_close(&t);
    json_decref(request);
    return end;
}
