/* A new token of the API, and the row of the configuration that lets it in. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/terminal.h"
#include "engine/serve/token.h"

static const char HELP[] =
    "Usage: riposte token [OPTION]... NAME\n"
    "\n"
    "Make a bearer token for the API and print it, with its row for api.tokens in the\n"
    "configuration. The row has only the token's digest: the token itself is shown\n"
    "this once and kept nowhere. NAME is whose it is, as the journal will record it.\n"
    "\n"
    "      --role ROLE       viewer (looks; the default) | approver (decides about\n"
    "                        plans, too) | operator (retries, cancels, undoes and\n"
    "                        pauses, too)\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 done; 1 the machine gives no random numbers; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte token --role approver ana\n"
    "  curl -H \"Authorization: Bearer $TOKEN\" http://127.0.0.1:8080/v1/approvals\n";

#define NAME_MOST 64

static bool is_name(const char *name)
{
    static const char LETTERS[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@-";
    size_t len = strlen(name);
    return len > 0 && len <= NAME_MOST && strspn(name, LETTERS) == len;
}

static int make(const char *name, const char *role)
{
    rip_error err;
    char text[TOKEN_TEXT], digest[RIP_SHA256_HEX];
    if (token_make(text, digest, &err) != RIP_OK) {
        terminal_error("token", "%s", err.message);
        return COMMAND_FAILED;
    }
    printf("%s\n", text);
    fprintf(stderr,
            "\nIts row in the configuration:\n\napi:\n  tokens:\n    - name: \"%s\"\n      role: %s\n      sha256: "
            "\"%s\"\n",
            name, role, digest);
    return COMMAND_DONE;
}

int command_token(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"role", required_argument, NULL, 'r'}, {"help", no_argument, NULL, 'h'}, {NULL, 0, NULL, 0}};
    const char *role = "viewer";
    token_role known;
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'r': role = optarg; break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("token", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("token", "there is no option %s", argv[optind - 1]);
        }
    }
    if (!token_role_parse(role, &known))
        return terminal_usage("token", "--role %s: expected viewer, approver or operator", role);
    if (optind + 1 != argc) return terminal_usage("token", "name the one person or program that it is for");
    if (!is_name(argv[optind]))
        return terminal_usage("token", "%s: a name has up to %d letters, digits and ._@-", argv[optind], NAME_MOST);
    return make(argv[optind], role);
}
