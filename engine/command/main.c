/* argv to one command. */
#include <stdio.h>
#include <string.h>

#include "engine/base/json_memory.h"
#include "engine/base/suggest.h"
#include "engine/command/command.h"
#include "engine/command/terminal.h"

const command COMMANDS[] = {
    {"run", "take findings in and answer them", command_run},
    {"serve", "answer findings for as long as it runs", command_serve},
    {"runs", "list the runs that were made", command_runs},
    {"show", "show one run, step by step", command_show},
    {"approve", "let a plan that waits be carried out", command_approve},
    {"deny", "decide that a plan is never carried out", command_deny},
    {"retry", "do a run again that failed or was stopped", command_retry},
    {"cancel", "end a run that is queued, going on, or waits", command_cancel},
    {"undo", "take back the changes of a run", command_undo},
    {"pause", "stop all changes until they are resumed", command_pause},
    {"resume", "let changes be made again", command_resume},
    {"audit", "verify the record of what was done, or export it", command_audit},
    {"token", "make a token for the API", command_token},
    {"drill", "play a scenario on a simulated account", command_drill},
    {"check", "check playbooks without running them", command_check},
    {"match", "try an event pattern on events", command_match},
    {"policy", "print the IAM policy that playbooks need", command_policy},
    {"config", "check the configuration, or show it", command_config},
    {"init", "write a first configuration, playbook and drill", command_init},
    {"aws", "make one signed call to AWS", command_aws},
    {"completion", "print the completion for a shell", command_completion},
    {"version", "show the version and what it is built with", command_version},
    {"help", "show help, of a command too", command_help},
    {NULL, NULL, NULL},
};

static const command *find(const char *name)
{
    for (const command *c = COMMANDS; c->name; c++) {
        if (strcmp(c->name, name) == 0) return c;
    }
    return NULL;
}

static int unknown(const char *name)
{
    const char *names[sizeof COMMANDS / sizeof *COMMANDS];
    size_t count = 0;
    for (const command *c = COMMANDS; c->name; c++) names[count++] = c->name;
    const char *meant = rip_suggest(name, names, count);
    fputs("riposte: there is no command ", stderr);
    terminal_quote(stderr, TERMINAL_BOLD, name, 64);
    if (meant) fprintf(stderr, "; did you mean %s?", meant);
    fputs("\nTry 'riposte help'.\n", stderr);
    return COMMAND_USAGE;
}

int command_help(int argc, char **argv)
{
    if (argc > 1 && argv[1][0] != '-') {
        const command *c = find(argv[1]);
        char help[] = "--help";
        char *args[] = {argv[1], help, NULL};
        if (!c) return unknown(argv[1]);
        return c->run == command_help ? command_help(1, args) : c->run(2, args);
    }
    puts(
        "Usage: riposte COMMAND [OPTION]... [ARGUMENT]...\n"
        "\n"
        "Riposte answers findings from Amazon GuardDuty and AWS Security Hub with Lua\n"
        "playbooks that call AWS. Out of the box it changes nothing: it shows what it\n"
        "would do.\n"
        "\n"
        "Commands:");
    for (const command *c = COMMANDS; c->name; c++) printf("  %-10s %s\n", c->name, c->about);
    puts(
        "\n"
        "'riposte COMMAND --help' tells a command's options, with examples.\n"
        "\n"
        "Exit status: 0 done; 1 something failed or an expectation was not met; 2 wrong\n"
        "usage or configuration.");
    return COMMAND_DONE;
}

int main(int argc, char **argv)
{
    rip_json_memory_install(RIP_JSON_MEMORY_BYTES);
    if (argc < 2) {
        command_help(1, argv);
        return COMMAND_USAGE;
    }
    const char *name = argv[1];
    if (strcmp(name, "--help") == 0 || strcmp(name, "-h") == 0) name = "help";
    if (strcmp(name, "--version") == 0 || strcmp(name, "-V") == 0) name = "version";
    const command *c = find(name);
    return c ? c->run(argc - 1, argv + 1) : unknown(name);
}
