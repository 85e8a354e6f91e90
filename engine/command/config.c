/* riposte config: the configuration, checked or shown. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/settings.h"
#include "engine/command/terminal.h"

#define SETTINGS_MOST 64
#define COLUMNS 78

static const char HELP[] =
    "Usage: riposte config check [OPTION]... [FILE]\n"
    "       riposte config show [OPTION]...\n"
    "\n"
    "check reads a configuration as the other commands would, with the playbooks,\n"
    "suppressions and windows that it names, and tells every mistake with its line.\n"
    "show prints every key with what it does, its default, and where its value came\n"
    "from, as a file that can be edited and used.\n"
    "\n"
    "      --defaults        show: the defaults, whatever the file and the\n"
    "                        environment say\n"
    "  -c, --config FILE     the configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "  -s, --set KEY=VALUE   one setting over it; may be given again\n"
    "      --output FORMAT   text | json: show: an object a key, each on a line\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 all is well; 1 there are mistakes; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte config check /etc/riposte/riposte.yaml\n"
    "  riposte config show --defaults > riposte.yaml\n";

typedef struct options {
    const char *file;
    const char *settings[SETTINGS_MOST];
    size_t setting_count;
    bool defaults, json;
} options;

/* Showing. */

/* Words of `text` in comment lines. */
static void put_comment(const char *indent, const char *text)
{
    size_t column = 0;
    while (*text) {
        size_t len = strcspn(text, " "), start = strlen(indent) + 1;
        if (column == 0 || column + 1 + len > COLUMNS) {
            printf("%s%s#", column ? "\n" : "", indent);
            column = start;
        }
        printf(" %.*s", (int)len, text);
        column += len + 1;
        text += len + (text[len] == ' ');
    }
    if (column) putchar('\n');
}

static void show_key(const rip_config *config, const rip_config_key *key, const char *indent, const char *name)
{
    rip_buffer about = {0}, value = {0};
    const char *origin = rip_config_origin(config, key->name);
    rip_buffer_printf(&about, "%s (", key->about);
    settings_type(key, &about);
    rip_buffer_printf(&about, "; default: %s)", *key->otherwise ? key->otherwise : "empty");
    for (size_t i = 0; i < key->column_count; i++)
        rip_buffer_printf(&about, " %s%s: %s", key->columns[i].name, key->columns[i].required ? "" : " (optional)",
                          key->columns[i].about);
    settings_value(config, key, &value);
    put_comment(indent, about.data);
    printf("%s%s: %s%s%s\n", indent, name, value.data, *origin ? "  # from " : "", origin);
    rip_buffer_free(&about);
    rip_buffer_free(&value);
}

static void show_json(const rip_config *config, const rip_config_key *key)
{
    rip_buffer type = {0}, value = {0};
    settings_type(key, &type);
    settings_value(config, key, &value);
    json_t *line = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "key", key->name, "value", value.data, "origin",
                             rip_config_origin(config, key->name), "type", type.data, "default", key->otherwise,
                             "about", key->about);
    json_dumpf(line, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(line);
    rip_buffer_free(&type);
    rip_buffer_free(&value);
}

static size_t group_of(const char *name)
{
    const char *dot = strchr(name, '.');
    return dot ? (size_t)(dot - name) + 1 : 0;
}

/* A table of YAML may be there once only: its keys come together. */
static void show_group(const rip_config *config, const rip_config_key *schema, size_t count, size_t first)
{
    size_t group = group_of(schema[first].name);
    for (size_t i = 0; i < first && group; i++) {
        if (strncmp(schema[i].name, schema[first].name, group) == 0) return; /* shown */
    }
    if (group == 0) {
        show_key(config, &schema[first], "", schema[first].name);
        putchar('\n');
        return;
    }
    printf("%.*s:\n", (int)group - 1, schema[first].name);
    for (size_t i = first; i < count; i++) {
        if (strncmp(schema[i].name, schema[first].name, group) == 0)
            show_key(config, &schema[i], "  ", schema[i].name + group);
    }
    putchar('\n');
}

static int show(const options *o)
{
    rip_config *config = NULL;
    rip_error err;
    rip_status status = RIP_OK;
    if (o->defaults)
        config = rip_config_new();
    else
        status = engine_configure("config", o->file, o->settings, o->setting_count, &config, &err);
    if (!config && status == RIP_OK) status = rip_nomem(&err);
    if (status != RIP_OK) {
        terminal_error("config", "%s", err.message);
        return status == RIP_EINVAL ? COMMAND_FAILED : COMMAND_USAGE;
    }
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) {
        if (o->json)
            show_json(config, &schema[i]);
        else
            show_group(config, schema, count, i);
    }
    rip_config_free(config);
    return COMMAND_DONE;
}

/* Checking. */

static rip_status check_modes(const rip_config *config, rip_error *err)
{
    run_mode mode;
    for (size_t i = 0; i < rip_config_rows(config, "accounts.modes"); i++) {
        const char *name = rip_config_cell(config, "accounts.modes", i, "mode");
        if (!run_mode_parse(name, &mode))
            return rip_fail(err, RIP_EINVAL, "accounts.modes[%zu]: there is no mode %s", i + 1, name);
    }
    return RIP_OK;
}

static void print_mistake(void *data, const rip_error *mistake)
{
    (void)data;
    terminal_error("config", "%s", mistake->message);
}

/* Playbooks that the configuration names; those that come along are checked by tests. */
static rip_status check_books(const rip_config *config, size_t *books, size_t *mistakes, rip_error *err)
{
    size_t count;
    char name[] = "config";
    aws_models *models = NULL;
    library *all = NULL;
    const char *const *paths = rip_config_strings(config, "playbooks", &count);
    if (count == 0) return RIP_OK;
    rip_status status = engine_models(config, &models, err);
    if (status == RIP_OK) status = library_load(paths, count, models, engine_mistake, name, mistakes, &all, err);
    if (status == RIP_OK) *books = library_count(all);
    library_free(all);
    aws_models_free(models);
    return status;
}

static rip_status check_inside(const rip_config *config, size_t *books, size_t *mistakes, rip_error *err)
{
    suppressions *kept_back = NULL;
    guard_windows *windows = NULL;
    rip_status first = suppressions_new(config, "suppressions", print_mistake, NULL, &kept_back, err);
    *mistakes += first != RIP_OK;
    suppressions_free(kept_back);
    rip_status status = guard_windows_new(config, "windows", &windows, err);
    guard_windows_free(windows);
    if (status == RIP_OK) status = check_modes(config, err);
    size_t in_books = 0;
    if (status == RIP_OK) status = check_books(config, books, &in_books, err);
    *mistakes += in_books;
    return status;
}

static int check(const options *o)
{
    rip_config *config = NULL;
    rip_error err;
    size_t books = 0, mistakes = 0;
    const char *file = o->file ? o->file : getenv("RIPOSTE_CONFIG");
    rip_status status = engine_configure("config", o->file, o->settings, o->setting_count, &config, &err);
    if (status == RIP_OK) status = check_inside(config, &books, &mistakes, &err);
    rip_config_free(config);
    if (status != RIP_OK) {
        terminal_error("config", "%s", err.message);
        return status == RIP_ENOMEM ? COMMAND_USAGE : COMMAND_FAILED;
    }
    if (mistakes) return COMMAND_FAILED;
    printf("%s: all is well", file && *file ? file : "the defaults");
    if (books) printf(", with %zu playbook%s", books, books == 1 ? "" : "s");
    putchar('\n');
    return COMMAND_DONE;
}

/* The command. */

enum { OPTION_DEFAULTS = 256, OPTION_OUTPUT };

static int parse(options *o, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"defaults", no_argument, NULL, OPTION_DEFAULTS},
                                            {"output", required_argument, NULL, OPTION_OUTPUT},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:s:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c': o->file = optarg; break;
        case 's':
            if (o->setting_count == SETTINGS_MOST) return terminal_usage("config", "over %d settings", SETTINGS_MOST);
            o->settings[o->setting_count++] = optarg;
            break;
        case OPTION_DEFAULTS: o->defaults = true; break;
        case OPTION_OUTPUT:
            o->json = strcmp(optarg, "json") == 0;
            if (!o->json && strcmp(optarg, "text") != 0)
                return terminal_usage("config", "--output %s: text or json", optarg);
            break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("config", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("config", "there is no option %s", argv[optind - 1]);
        }
    }
    return -1;
}

int command_config(int argc, char **argv)
{
    options o = {0};
    int end = parse(&o, argc, argv);
    if (end >= 0) return end;
    const char *word = optind < argc ? argv[optind++] : "";
    bool checks = strcmp(word, "check") == 0;
    if (!checks && strcmp(word, "show") != 0) return terminal_usage("config", "say check or show");
    if (checks && optind < argc) o.file = argv[optind++];
    if (optind < argc) return terminal_usage("config", "%s: one argument too many", argv[optind]);
    return checks ? check(&o) : show(&o);
}
