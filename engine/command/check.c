#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/terminal.h"

static const char HELP[] =
    "Usage: riposte check [OPTION]... [FILE|FOLDER]...\n"
    "\n"
    "Check playbooks without running them: the header's fields, the trigger as an\n"
    "event pattern, the permissions against the API models. Without a file the\n"
    "shipped ones are checked. Mistakes come as file:line:column: field: message.\n"
    "\n"
    "      --output FORMAT   text | json: one JSON object a playbook or mistake\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 all is well; 1 a playbook has a mistake; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte check playbooks/\n"
    "  riposte check --output json my-playbook.lua\n";

static void print_json(json_t *object)
{
    json_dumpf(object, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(object);
}

static void on_mistake_json(void *data, const rip_playbook_mistake *mistake)
{
    (void)data;
    print_json(json_pack("{s:s, s:i, s:i, s:s, s:s}", "path", mistake->path, "line", (int)mistake->line, "column",
                         (int)mistake->column, "field", mistake->field, "mistake", mistake->message));
}

static void print_playbook(const rip_playbook *playbook, bool json)
{
    if (json) {
        json_t *trigger = json_loadb(playbook->trigger, playbook->trigger_len, 0, NULL);
        print_json(json_pack("{s:s, s:s, s:s, s:s?, s:O, s:o}", "path", playbook->path, "name", playbook->name, "about",
                             playbook->about, "mode", playbook->mode, "permissions", playbook->permissions, "trigger",
                             trigger));
        return;
    }
    terminal_print(stdout, TERMINAL_GREEN, "ok");
    printf("  %s  ", playbook->path);
    terminal_quote(stdout, TERMINAL_BOLD, playbook->name, 64);
    printf("\n    ");
    terminal_wrap(stdout, 4, 4, playbook->about);
}

static int check(char **files, size_t count, bool json)
{
    rip_error err;
    rip_config *config = NULL;
    aws_models *models = NULL;
    library *books = NULL;
    size_t mistakes = 0;
    char *shipped = NULL;
    char name[] = "check";
    rip_status status = engine_configure(name, NULL, NULL, 0, &config, &err);
    if (status == RIP_OK) status = engine_models(config, &models, &err);
    if (status == RIP_OK && count == 0) {
        shipped = rip_data_path("playbooks", &err);
        if (!shipped) status = RIP_ENOTFOUND;
    }
    const char *const only[] = {shipped};
    if (status == RIP_OK) {
        status = library_load(count ? (const char *const *)files : only, count ? count : 1, models,
                              json ? on_mistake_json : engine_mistake, name, &mistakes, &books, &err);
    }
    if (status != RIP_OK) terminal_error(name, "%s", err.message);
    for (size_t i = 0; books && i < library_count(books); i++) print_playbook(library_at(books, i), json);
    bool empty = books && library_count(books) == 0 && mistakes == 0;
    if (empty) terminal_error(name, "there is no playbook (a file that ends in .lua) there");
    library_free(books);
    aws_models_free(models);
    rip_config_free(config);
    free(shipped);
    if (status != RIP_OK || empty) return COMMAND_USAGE;
    return mistakes ? COMMAND_FAILED : COMMAND_DONE;
}

int command_check(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    bool json = false;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case 'o':
            json = strcmp(optarg, "json") == 0;
            if (!json && strcmp(optarg, "text") != 0)
                return terminal_usage("check", "--output %s: text or json", optarg);
            break;
        default: return terminal_usage("check", "there is no option %s", argv[optind - 1]);
        }
    }
    return check(argv + optind, (size_t)(argc - optind), json);
}
