#include "engine/command/serve.h"

#include <getopt.h>
#include <limits.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/terminal.h"

static const char HELP[] =
    "Usage: riposte serve [OPTION]...\n"
    "\n"
    "Take findings in for as long as it runs, from the queues, polls, folders and the\n"
    "webhook that the configuration names, and answer each with the playbooks that\n"
    "want it. A journal (journal.path) is needed: what is under way when it stops\n"
    "goes on when it starts again.\n"
    "\n"
    "SIGHUP, and any change of the files themselves, reloads playbooks, suppressions\n"
    "and limits without dropping work; a broken playbook stays as it was. SIGTERM and\n"
    "SIGINT stop it: runs under way have serve.stop to end; a second one stops at\n"
    "once.\n"
    "\n"
    "  -c, --config FILE     configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "  -m, --mode MODE       observe | dry-run | approve | enforce\n"
    "  -p, --playbooks PATH  a playbook or a folder of them; may be given again\n"
    "  -J, --journal PATH    the journal (as journal.path of the configuration)\n"
    "  -s, --set KEY=VALUE   one setting over the configuration; may be given again\n"
    "      --endpoint-url URL  send AWS calls there (as $AWS_ENDPOINT_URL)\n"
    "      --profile NAME    AWS profile (as $AWS_PROFILE)\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 stopped when told to; 1 it could not go on; 2 wrong usage or\n"
    "configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte serve --config /etc/riposte/riposte.yaml\n"
    "  riposte serve -c riposte.yaml --set log.format=json --set log.level=info\n";

enum { OPTION_ENDPOINT = 256, OPTION_PROFILE };

static int add(const char **list, size_t *count, const char *value, const char *option)
{
    if (*count == SERVE_PATHS_MOST) return terminal_usage("serve", "over %d times %s", SERVE_PATHS_MOST, option);
    list[(*count)++] = value;
    return -1;
}

/* -1: go on; else the command's exit status. */
static int parse(serve_flags *f, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"mode", required_argument, NULL, 'm'},
                                            {"playbooks", required_argument, NULL, 'p'},
                                            {"config", required_argument, NULL, 'c'},
                                            {"journal", required_argument, NULL, 'J'},
                                            {"set", required_argument, NULL, 's'},
                                            {"endpoint-url", required_argument, NULL, OPTION_ENDPOINT},
                                            {"profile", required_argument, NULL, OPTION_PROFILE},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option, result = -1;
    opterr = 0;
    while (result < 0 && (option = getopt_long(argc, argv, ":m:p:c:J:s:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'm': f->mode = optarg; break;
        case 'p': result = add(f->playbooks, &f->playbook_count, optarg, "--playbooks"); break;
        case 'c': f->config = optarg; break;
        case 'J': f->journal = optarg; break;
        case 's': result = add(f->settings, &f->setting_count, optarg, "--set"); break;
        case OPTION_ENDPOINT: f->endpoint_url = optarg; break;
        case OPTION_PROFILE: f->profile = optarg; break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("serve", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("serve", "there is no option %s", argv[optind - 1]);
        }
    }
    if (result < 0 && optind < argc) return terminal_usage("serve", "%s: it takes no arguments", argv[optind]);
    return result;
}

int command_serve(int argc, char **argv)
{
    serve s = {0};
    char mode[64], path[PATH_MAX + 16];
    int end = parse(&s.flags, argc, argv);
    if (end < 0 && s.flags.mode) {
        snprintf(mode, sizeof mode, "mode=%s", s.flags.mode);
        end = add(s.flags.settings, &s.flags.setting_count, mode, "--set");
    }
    if (end < 0 && s.flags.journal) {
        snprintf(path, sizeof path, "journal.path=%s", s.flags.journal);
        end = add(s.flags.settings, &s.flags.setting_count, path, "--set");
    }
    if (end >= 0) return end;
    rip_error err;
    end = COMMAND_USAGE;
    if (serve_open(&s, &err) == RIP_OK)
        end = serve_work(&s);
    else
        terminal_error("serve", "%s", err.message);
    serve_close(&s);
    return end;
}
