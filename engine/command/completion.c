/* riposte completion: what a shell needs to complete commands and options. One table, three shells. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/terminal.h"

static const char HELP[] =
    "Usage: riposte completion bash|zsh|fish\n"
    "\n"
    "Print the completion of commands and options for a shell.\n"
    "\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 done; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte completion bash > /etc/bash_completion.d/riposte\n"
    "  riposte completion zsh > \"${fpath[1]}/_riposte\"\n"
    "  riposte completion fish > ~/.config/fish/completions/riposte.fish\n";

#define JOURNAL "--journal --config --set --output --help"

/* A command's options, and the words that its first argument may be ("" where it is a file). A test holds them against
 * the commands' own help. */
typedef struct entry {
    const char *name, *options, *words;
} entry;

static const entry TABLE[] = {
    {"run",
     "--mode --playbooks --config --journal --set --endpoint-url --profile --preflight --verbose --output --help", ""},
    {"serve", "--mode --playbooks --config --journal --set --endpoint-url --profile --help", ""},
    {"runs", "--outcome --playbook --account --region --finding --since --limit --watch " JOURNAL, ""},
    {"show", "--steps " JOURNAL, ""},
    {"approve", "--why " JOURNAL, ""},
    {"deny", "--why " JOURNAL, ""},
    {"retry", "--why --happened --repeat " JOURNAL, ""},
    {"cancel", "--why " JOURNAL, ""},
    {"undo", "--why --step --mode " JOURNAL, ""},
    {"pause", "--playbook --account --why " JOURNAL, ""},
    {"resume", "--playbook --account --why " JOURNAL, ""},
    {"audit", "--head --since --output --journal --config --set --help", "verify export"},
    {"token", "--role --help", ""},
    {"drill", "--mode --playbooks --approve --preflight --verbose --output --state --help", ""},
    {"check", "--output --help", ""},
    {"match", "--pattern --event --explain --cases --help", ""},
    {"policy", "--engine --partition --config --set --help", ""},
    {"config", "--defaults --config --set --output --help", "check show"},
    {"init", "--help", ""},
    {"completion", "--help", "bash zsh fish"},
    {"aws", "--input --region --account --profile --endpoint-url --config --all-pages --print-request --output --help",
     ""},
    {"version", "--output --help", ""},
};

#define ENTRIES (sizeof TABLE / sizeof *TABLE)

static void put_commands(const char *separator)
{
    for (const command *c = COMMANDS; c->name; c++) printf("%s%s", c == COMMANDS ? "" : separator, c->name);
}

static void bash(void)
{
    fputs(
        "# bash completion of riposte\n"
        "_riposte() {\n"
        "  local word=${COMP_WORDS[COMP_CWORD]} words options\n"
        "  COMPREPLY=()\n"
        "  if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
        "    COMPREPLY=($(compgen -W \"",
        stdout);
    put_commands(" ");
    fputs(
        "\" -- \"$word\"))\n"
        "    return\n"
        "  fi\n"
        "  case ${COMP_WORDS[1]} in\n",
        stdout);
    for (size_t i = 0; i < ENTRIES; i++)
        printf("    %s) options='%s' words='%s' ;;\n", TABLE[i].name, TABLE[i].options, TABLE[i].words);
    fputs("    help) options='' words=\"", stdout);
    put_commands(" ");
    fputs(
        "\" ;;\n"
        "    *) return ;;\n"
        "  esac\n"
        "  case $word in\n"
        "    -*) COMPREPLY=($(compgen -W \"$options\" -- \"$word\")) ;;\n"
        "    *) if [ -n \"$words\" ] && [ \"$COMP_CWORD\" -eq 2 ]; then\n"
        "         COMPREPLY=($(compgen -W \"$words\" -- \"$word\"))\n"
        "       fi ;;\n"
        "  esac\n"
        "}\n"
        "complete -o default -F _riposte riposte\n",
        stdout);
}

static void zsh(void)
{
    fputs(
        "#compdef riposte\n"
        "_riposte() {\n"
        "  local -a commands\n"
        "  commands=(\n",
        stdout);
    for (const command *c = COMMANDS; c->name; c++) printf("    '%s:%s'\n", c->name, c->about);
    fputs(
        "  )\n"
        "  if (( CURRENT == 2 )); then\n"
        "    _describe command commands\n"
        "    return\n"
        "  fi\n"
        "  local flags first\n"
        "  case $words[2] in\n",
        stdout);
    for (size_t i = 0; i < ENTRIES; i++)
        printf("    %s) flags='%s' first='%s' ;;\n", TABLE[i].name, TABLE[i].options, TABLE[i].words);
    fputs(
        "    help) _describe command commands; return ;;\n"
        "    *) _files; return ;;\n"
        "  esac\n"
        "  if [[ $PREFIX == -* ]]; then\n"
        "    compadd -- ${=flags}\n"
        "  elif [[ -n $first && $CURRENT -eq 3 ]]; then\n"
        "    compadd -- ${=first}\n"
        "  else\n"
        "    _files\n"
        "  fi\n"
        "}\n"
        "_riposte \"$@\"\n",
        stdout);
}

/* Each word of `list` in a line of fish's own. */
static void fish_words(const char *name, const char *list, bool options)
{
    while (*list) {
        size_t len = strcspn(list, " ");
        if (options)
            printf("complete -c riposte -n '__fish_seen_subcommand_from %s' -l %.*s\n", name, (int)len - 2, list + 2);
        else
            printf("complete -c riposte -n '__fish_seen_subcommand_from %s' -a %.*s\n", name, (int)len, list);
        list += len + (list[len] == ' ');
    }
}

static void fish(void)
{
    fputs("# fish completion of riposte\n", stdout);
    for (const command *c = COMMANDS; c->name; c++)
        printf("complete -c riposte -n __fish_use_subcommand -a %s -d '%s'\n", c->name, c->about);
    for (size_t i = 0; i < ENTRIES; i++) {
        fish_words(TABLE[i].name, TABLE[i].options, true);
        fish_words(TABLE[i].name, TABLE[i].words, false);
    }
}

int command_completion(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    static const struct {
        const char *name;
        void (*print)(void);
    } SHELLS[] = {{"bash", bash}, {"zsh", zsh}, {"fish", fish}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        if (option != 'h') return terminal_usage("completion", "there is no option %s", argv[optind - 1]);
        fputs(HELP, stdout);
        return COMMAND_DONE;
    }
    for (size_t i = 0; argc - optind == 1 && i < sizeof SHELLS / sizeof *SHELLS; i++) {
        if (strcmp(argv[optind], SHELLS[i].name) != 0) continue;
        SHELLS[i].print();
        return COMMAND_DONE;
    }
    return terminal_usage("completion", "say bash, zsh or fish");
}
