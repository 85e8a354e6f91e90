#include <curl/curl.h>
#include <getopt.h>
#include <jansson.h>
#include <lua.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>
#include <uv.h>

#include "engine/base/data.h"
#include "engine/command/command.h"
#include "engine/command/terminal.h"

static const char HELP[] =
    "Usage: riposte version [--output text|json]\n"
    "\n"
    "Show the version, the libraries in use, and where its files are.\n"
    "\n"
    "Example:\n"
    "  riposte version --output json\n";

static json_t *versions(void)
{
    rip_error err;
    const char *data = rip_data_dir(&err);
    return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s?}", "riposte", RIPOSTE_VERSION, "lua",
                     LUA_VERSION_MAJOR "." LUA_VERSION_MINOR "." LUA_VERSION_RELEASE, "libuv", uv_version_string(),
                     "libcurl", curl_version_info(CURLVERSION_NOW)->version, "openssl",
                     OpenSSL_version(OPENSSL_VERSION_STRING), "jansson", jansson_version_str(), "data", data);
}

int command_version(int argc, char **argv)
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
                return terminal_usage("version", "--output %s: text or json", optarg);
            break;
        default: return terminal_usage("version", "there is no option %s", argv[optind - 1]);
        }
    }
    json_t *all = versions();
    if (json) {
        json_dumpf(all, stdout, JSON_COMPACT);
        putchar('\n');
    } else {
        const char *key;
        json_t *value;
        json_object_foreach (all, key, value)
            printf("%-8s %s\n", key, json_is_string(value) ? json_string_value(value) : "-");
    }
    json_decref(all);
    return COMMAND_DONE;
}
