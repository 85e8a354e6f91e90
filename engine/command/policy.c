/* riposte policy: what IAM must allow, written from what playbooks declare. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/glob.h"
#include "engine/base/json.h"
#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/terminal.h"
#include "engine/dispatch/feedback.h"
#include "engine/run/target.h"

#define MANAGED_POLICY_MOST 6144 /* characters but for white space: IAM's quota of a managed policy */
#define SETTINGS_MOST 64

static const char HELP[] =
    "Usage: riposte policy [OPTION]... [PLAYBOOK|FOLDER]...\n"
    "\n"
    "Print the IAM policy that playbooks need: what their headers declare, no more.\n"
    "It belongs to the role that acts in the accounts (accounts.role; where there is\n"
    "none, the engine's own). Without an argument it is for the configuration's\n"
    "playbooks, else the shipped ones.\n"
    "\n"
    "      --engine          what the engine itself needs by its configuration,\n"
    "                        instead: queues, polls, notifications, assuming the role\n"
    "      --partition NAME  of the ARNs (default: aws)\n"
    "  -c, --config FILE     configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "  -s, --set KEY=VALUE   one setting over it; may be given again\n"
    "  -h, --help            this text\n"
    "\n"
    "Exit status: 0 done; 1 a playbook has a mistake; 2 wrong usage or configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte policy playbooks/ > policy.json\n"
    "  riposte policy --engine --config riposte.yaml\n";

typedef struct options {
    const char *file, *partition;
    const char *settings[SETTINGS_MOST];
    size_t setting_count;
    bool engine;
} options;

/* Statements. */

static int compare(const void *a, const void *b)
{
    return strcmp(json_string_value(*(json_t *const *)a), json_string_value(*(json_t *const *)b));
}

static bool is_covered(const json_t *all, size_t which)
{
    size_t i;
    const json_t *each;
    const char *one = json_string_value(json_array_get(all, which));
    json_array_foreach (all, i, each) {
        const char *other = json_string_value(each);
        bool same = strcmp(other, one) == 0;
        if (i != which && (same ? i < which : strchr(other, '*') && rip_glob_match(other, one))) return true;
    }
    return false;
}

/* Sorted, and without what another one covers. New reference. */
static json_t *tidy(const json_t *actions)
{
    size_t count = json_array_size(actions), kept = 0;
    json_t **list = calloc(count + 1, sizeof(*list)), *out = json_array();
    for (size_t i = 0; list && i < count; i++) {
        if (!is_covered(actions, i)) list[kept++] = json_array_get(actions, i);
    }
    if (kept > 1) qsort((void *)list, kept, sizeof(*list), compare);
    for (size_t i = 0; i < kept; i++) json_array_append(out, list[i]);
    free((void *)list);
    return out;
}

static void add_statement(json_t *statements, const char *sid, const json_t *actions, json_t *resources)
{
    json_t *list = tidy(actions);
    if (json_array_size(list) == 0 || json_array_size(resources) == 0) {
        json_decref(list);
        json_decref(resources);
        return;
    }
    json_array_append_new(statements, json_pack("{s:s, s:s, s:o, s:o}", "Sid", sid, "Effect", "Allow", "Action", list,
                                                "Resource", resources));
}

/* What the engine itself calls. */

static bool has_key(const char *name)
{
    size_t count;
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(schema[i].name, name) == 0) return true;
    }
    return false;
}

/* accounts.role with its blanks filled in, for each account that may be touched. */
static json_t *role_arns(const rip_config *config, const char *partition)
{
    size_t count;
    const char *role = rip_config_string(config, "accounts.role"), *blank = strstr(role, "{partition}");
    const char *const *accounts = rip_config_strings(config, "accounts.allow", &count);
    const char *account = strstr(role, "{account}");
    json_t *arns = json_array();
    if (!*role || !account) return arns;
    for (size_t i = 0; i < count || i == 0; i++) {
        rip_buffer arn = {0};
        const char *from = role;
        if (blank && blank < account) {
            rip_buffer_append(&arn, role, (size_t)(blank - role));
            rip_buffer_puts(&arn, partition);
            from = blank + strlen("{partition}");
        }
        rip_buffer_append(&arn, from, (size_t)(account - from));
        rip_buffer_puts(&arn, count ? accounts[i] : "*");
        rip_buffer_puts(&arn, account + strlen("{account}"));
        json_array_append_new(arns, json_string(arn.data));
        rip_buffer_free(&arn);
    }
    return arns;
}

/* https://sqs.us-east-1.amazonaws.com/123456789012/riposte -> its ARN. */
static json_t *queue_arn(const char *url, const char *partition)
{
    const char *host = strstr(url, "://"), *account = host ? strchr(host + 3, '/') : NULL;
    const char *name = account ? strchr(account + 1, '/') : NULL;
    const char *region = host && strncmp(host, "://sqs.", 7) == 0 ? host + 7 : "*";
    if (!name) return NULL;
    return json_sprintf("arn:%s:sqs:%.*s:%.*s:%s", partition, (int)strcspn(region, "./"), region,
                        (int)(name - account - 1), account + 1, name + 1);
}

static json_t *queue_arns(const rip_config *config, const char *partition)
{
    json_t *arns = json_array();
    for (size_t i = 0; has_key("sqs") && i < rip_config_rows(config, "sqs"); i++) {
        const char *url = rip_config_cell(config, "sqs", i, "url");
        json_t *arn = url ? queue_arn(url, partition) : NULL;
        if (arn) json_array_append_new(arns, arn);
    }
    return arns;
}

static void add_polls(json_t *statements, const rip_config *config)
{
    json_t *actions = json_array();
    for (size_t i = 0; has_key("poll") && i < rip_config_rows(config, "poll"); i++) {
        const char *source = rip_config_cell(config, "poll", i, "source");
        if (source && strcmp(source, "securityhub") == 0)
            json_array_append_new(actions, json_string("securityhub:GetFindings"));
        if (!source || strcmp(source, "guardduty") != 0) continue;
        json_array_append_new(actions, json_string("guardduty:ListDetectors"));
        json_array_append_new(actions, json_string("guardduty:ListFindings"));
        json_array_append_new(actions, json_string("guardduty:GetFindings"));
    }
    add_statement(statements, "RipostePolls", actions, json_pack("[s]", "*"));
    json_decref(actions);
}

static void add_notifiers(json_t *statements, const rip_config *config)
{
    static const struct {
        const char *kind, *sid, *action;
    } KINDS[] = {{"sns", "RiposteTellsTopics", "sns:Publish"},
                 {"eventbridge", "RiposteTellsBuses", "events:PutEvents"},
                 {"ses", "RiposteSendsMail", "ses:SendEmail"}};
    for (size_t k = 0; k < sizeof KINDS / sizeof *KINDS; k++) {
        json_t *targets = json_array(), *action = json_pack("[s]", KINDS[k].action);
        for (size_t i = 0; has_key("notify") && i < rip_config_rows(config, "notify"); i++) {
            const char *kind = rip_config_cell(config, "notify", i, "kind");
            const char *target = rip_config_cell(config, "notify", i, "target");
            if (!kind || strcmp(kind, KINDS[k].kind) != 0) continue;
            json_array_append_new(targets, json_string(target && strncmp(target, "arn:", 4) == 0 ? target : "*"));
        }
        add_statement(statements, KINDS[k].sid, action, targets);
        json_decref(action);
    }
}

/* Runs of the engine's own, which tell what was done about findings: their header. */
static void add_feedback(json_t *statements, const rip_config *config)
{
    static const struct {
        const char *key, *when, *form;
    } KINDS[] = {{"outcome.securityhub", "update", "asff"}, {"outcome.guardduty", "archive", "guardduty"}};
    json_t *actions = json_array();
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (!has_key(KINDS[i].key) || strcmp(rip_config_string(config, KINDS[i].key), KINDS[i].when) != 0) continue;
        for (const char *const *action = feedback_permissions(KINDS[i].form); *action; action++)
            json_array_append_new(actions, json_string(*action));
    }
    add_statement(statements, "RiposteAnswersFindings", actions, json_pack("[s]", "*"));
    json_decref(actions);
}

static json_t *engine_statements(const rip_config *config, const char *partition)
{
    json_t *statements = json_array(), *assume = json_pack("[s]", "sts:AssumeRole");
    json_t *receive = json_pack("[s, s, s]", "sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility");
    if (rip_config_rows(config, "accounts.session_tags")) json_array_append_new(assume, json_string("sts:TagSession"));
    add_statement(statements, "RiposteActsElsewhere", assume, role_arns(config, partition));
    add_statement(statements, "RiposteReadsQueues", receive, queue_arns(config, partition));
    add_polls(statements, config);
    add_notifiers(statements, config);
    add_feedback(statements, config);
    json_decref(assume);
    json_decref(receive);
    return statements;
}

/* What playbooks call. */

/* Guards look at tags before a change, where the configuration protects some. */
static rip_status add_tag_reads(json_t *actions, const rip_config *config, aws_models *models, rip_error *err)
{
    size_t i, k, folder_count = 0, count = json_array_size(actions);
    const char *const *folders = rip_config_strings(config, "aws.models", &folder_count);
    run_targets *targets = NULL;
    json_t *read, *action;
    if (rip_config_rows(config, "protect.tags") == 0) return RIP_OK;
    rip_status status = run_targets_load(folders, folder_count, &targets, err);
    if (status != RIP_OK) return status;
    json_t *reads = run_targets_tag_actions(targets, models);
    json_array_foreach (reads, i, read) {
        size_t prefix = strcspn(json_string_value(read), ":") + 1;
        for (k = 0; k < count; k++) {
            action = json_array_get(actions, k);
            if (strncmp(json_string_value(action), json_string_value(read), prefix) != 0) continue;
            json_array_append(actions, read);
            break;
        }
    }
    json_decref(reads);
    run_targets_free(targets);
    return RIP_OK;
}

static rip_status book_statements(const rip_config *config, const char *const *paths, size_t count, json_t **out,
                                  size_t *mistakes, rip_error *err)
{
    char name[] = "policy";
    char *shipped = NULL;
    aws_models *models = NULL;
    library *books = NULL;
    json_t *actions = json_array();
    if (count == 0) paths = rip_config_strings(config, "playbooks", &count);
    const char *const *from = paths;
    rip_status status = engine_models(config, &models, err);
    if (status == RIP_OK && count == 0) {
        shipped = rip_data_path("playbooks", err);
        status = shipped ? RIP_OK : RIP_ENOTFOUND;
        from = (const char *const *)&shipped;
        count = 1;
    }
    if (status == RIP_OK) status = library_load(from, count, models, engine_mistake, name, mistakes, &books, err);
    for (size_t i = 0; status == RIP_OK && i < library_count(books); i++)
        json_array_extend(actions, library_at(books, i)->permissions);
    if (status == RIP_OK) status = add_tag_reads(actions, config, models, err);
    *out = json_array();
    add_statement(*out, "RipostePlaybooks", actions, json_pack("[s]", "*"));
    json_decref(actions);
    library_free(books);
    aws_models_free(models);
    free(shipped);
    return status;
}

static void print(json_t *statements)
{
    json_t *policy = json_pack("{s:s, s:O}", "Version", "2012-10-17", "Statement", statements);
    char *compact = rip_json_dump(policy, JSON_COMPACT);
    json_dumpf(policy, stdout, JSON_INDENT(2));
    putchar('\n');
    if (compact && strlen(compact) > MANAGED_POLICY_MOST) {
        terminal_error("policy",
                       "it has %zu characters, and a managed policy may have %d: split it, or make it an "
                       "inline policy of the role (10240)",
                       strlen(compact), MANAGED_POLICY_MOST);
    }
    free(compact);
    json_decref(policy);
}

/* The command. */

enum { OPTION_ENGINE = 256, OPTION_PARTITION };

static int parse(options *o, int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"config", required_argument, NULL, 'c'},
                                            {"set", required_argument, NULL, 's'},
                                            {"engine", no_argument, NULL, OPTION_ENGINE},
                                            {"partition", required_argument, NULL, OPTION_PARTITION},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":c:s:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'c': o->file = optarg; break;
        case 's':
            if (o->setting_count == SETTINGS_MOST) return terminal_usage("policy", "over %d settings", SETTINGS_MOST);
            o->settings[o->setting_count++] = optarg;
            break;
        case OPTION_ENGINE: o->engine = true; break;
        case OPTION_PARTITION: o->partition = optarg; break;
        case 'h': fputs(HELP, stdout); return COMMAND_DONE;
        case ':': return terminal_usage("policy", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("policy", "there is no option %s", argv[optind - 1]);
        }
    }
    if (o->engine && optind < argc) return terminal_usage("policy", "--engine is not about playbooks");
    return -1;
}

int command_policy(int argc, char **argv)
{
    options o = {.partition = "aws"};
    rip_config *config = NULL;
    rip_error err;
    json_t *statements = NULL;
    size_t mistakes = 0;
    int end = parse(&o, argc, argv);
    if (end >= 0) return end;
    rip_status status = engine_configure("policy", o.file, o.settings, o.setting_count, &config, &err);
    if (status == RIP_OK && o.engine)
        statements = engine_statements(config, o.partition);
    else if (status == RIP_OK)
        status = book_statements(config, (const char *const *)argv + optind, (size_t)(argc - optind), &statements,
                                 &mistakes, &err);
    if (status == RIP_OK)
        print(statements);
    else
        terminal_error("policy", "%s", err.message);
    json_decref(statements);
    rip_config_free(config);
    if (status != RIP_OK) return COMMAND_USAGE;
    return mistakes ? COMMAND_FAILED : COMMAND_DONE;
}
