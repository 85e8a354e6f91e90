/* riposte aws: one signed call, as a playbook would make it. */
#include <getopt.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/data.h"
#include "engine/base/json.h"
#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/terminal.h"

#define INPUT_BYTES_MAX ((size_t)16 << 20)
#define PAGES_MOST 10000

static const char HELP[] =
    "Usage: riposte aws [OPTION]... [SERVICE [OPERATION]]\n"
    "\n"
    "Make one signed call to AWS, with the client, credentials, quotas and retries\n"
    "of a playbook's calls, and print the reply as JSON. Unlike a playbook's, it goes\n"
    "through no guard and no mode: a change is made. Operations go by AWS's name or\n"
    "boto3's. Without an operation, those of the service are listed; without a\n"
    "service, all services. With an operation, --help tells its parameters.\n"
    "\n"
    "  -i, --input JSON|@FILE  the parameters, spelt as AWS spells them (@-: standard\n"
    "                          input)\n"
    "  -r, --region REGION     (default: as AWS's own settings say)\n"
    "      --account ID        in this account, by the role of accounts.role\n"
    "      --profile NAME      AWS profile (as $AWS_PROFILE)\n"
    "      --endpoint-url URL  send the call there (as $AWS_ENDPOINT_URL)\n"
    "  -c, --config FILE       configuration (default: $RIPOSTE_CONFIG, else none)\n"
    "      --all-pages         go on until the last page, and print all items as one\n"
    "                          reply\n"
    "      --print-request     show the signed request, without its secrets, and send\n"
    "                          nothing\n"
    "      --output FORMAT     text: indented | json: on one line\n"
    "  -h, --help              this text, or an operation's parameters\n"
    "\n"
    "Exit status: 0 done; 1 the call failed; 2 wrong usage or configuration.\n"
    "\n"
    "Examples:\n"
    "  riposte aws sts get-caller-identity\n"
    "  riposte aws ecs list-services --input '{\"cluster\": \"shop\"}' --all-pages\n"
    "  riposte aws ecs DeleteCluster --help\n"
    "  riposte aws ec2 describe-instances --region eu-west-1 --print-request\n";

typedef struct aws_command {
    engine engine;
    const char *input, *region, *account, *profile, *endpoint_url, *config;
    bool all_pages, print_request, one_line, help;
    const aws_operation *operation;
    aws_client *client;
    char *own_region;
    json_t *params, *gathered;
    unsigned pages;
    bool over, failed, shown;
} aws_command;

/* Lists. */

static void print_services(aws_models *models)
{
    size_t i;
    json_t *names = aws_models_list(models), *name;
    json_array_foreach (names, i, name) puts(json_string_value(name));
    json_decref(names);
}

static void print_operations(const aws_service *service)
{
    size_t i;
    json_t *names = aws_service_operations(service), *name;
    json_array_foreach (names, i, name) {
        const aws_operation *operation = NULL;
        if (aws_service_operation(service, json_string_value(name), &operation, NULL) != RIP_OK) continue;
        printf("%-5s  %s\n", aws_operation_is_read(operation) ? "read" : "write", json_string_value(name));
    }
    json_decref(names);
}

static const char *type_name(const aws_shape *shape)
{
    static const char *const NAMES[] = {"object", "list",   "map",     "text",           "integer", "integer",
                                        "number", "number", "boolean", "bytes (base64)", "time"};
    return NAMES[aws_shape_type(shape)];
}

static void print_choices(const aws_shape *shape, unsigned indent)
{
    const json_t *words = aws_shape_trait(shape, "enum");
    rip_buffer text = {0};
    size_t i;
    json_t *word;
    json_array_foreach (words, i, word) rip_buffer_printf(&text, "%s%s", i ? " | " : "", json_string_value(word));
    if (text.len) {
        printf("%*s", (int)indent, "");
        terminal_wrap(stdout, indent, indent, text.data);
    }
    rip_buffer_free(&text);
}

static void print_members(const aws_shape *shape, unsigned indent, unsigned levels)
{
    for (size_t i = 0; shape && i < aws_shape_member_count(shape); i++) {
        const aws_member *member = aws_shape_member_at(shape, i);
        const aws_shape *type = aws_member_shape(member), *inner = type;
        printf("%*s", (int)indent, "");
        terminal_print(stdout, TERMINAL_BOLD, "%s", aws_member_name(member));
        printf("  %s", type_name(type));
        if (aws_shape_type(type) == AWS_LIST) {
            inner = aws_member_shape(aws_shape_element(type));
            printf(" of %s", type_name(inner));
        } else if (aws_shape_type(type) == AWS_MAP) {
            inner = aws_member_shape(aws_shape_element(type));
            printf(" of text to %s", type_name(inner));
        }
        puts(aws_member_is_required(member) ? ", required" : "");
        print_choices(inner, indent + 4);
        if (aws_shape_type(inner) == AWS_STRUCTURE && levels > 1) print_members(inner, indent + 4, levels - 1);
    }
}

static void print_operation(const aws_operation *operation)
{
    const aws_service *service = aws_operation_service(operation);
    terminal_print(stdout, TERMINAL_BOLD, "%s:%s", aws_service_name(service), aws_operation_name(operation));
    printf(" (%s, needs %s%s)\n", aws_operation_is_read(operation) ? "read" : "write",
           aws_operation_iam_action(operation), aws_operation_pagination(operation) ? ", paginated" : "");
    const aws_shape *input = aws_operation_input(operation);
    puts(input && aws_shape_member_count(input) > 0 ? "Parameters:" : "It takes no parameters.");
    print_members(input, 2, 3);
}

/* Parameters. */

static rip_status read_input(aws_command *c, rip_error *err)
{
    char *bytes = NULL;
    size_t len = 0;
    json_error_t why;
    rip_status status = RIP_OK;
    if (!c->input) {
        c->params = json_object();
        return c->params ? RIP_OK : rip_nomem(err);
    }
    const char *name = c->input[0] == '@' ? c->input + 1 : "--input";
    if (c->input[0] == '@')
        status = rip_read_file(strcmp(name, "-") == 0 ? "/dev/stdin" : name, INPUT_BYTES_MAX, &bytes, &len, err);
    if (status != RIP_OK) return status;
    c->params = bytes ? json_loadb(bytes, len, JSON_REJECT_DUPLICATES, &why)
                      : json_loads(c->input, JSON_REJECT_DUPLICATES, &why);
    free(bytes);
    if (!c->params)
        return rip_fail(err, RIP_EINVAL, "%s:%d:%d: expected JSON: %s", name, why.line, why.column, why.text);
    if (!json_is_object(c->params)) return rip_fail(err, RIP_EINVAL, "%s: expected an object of parameters", name);
    return RIP_OK;
}

static rip_status check_input(const aws_command *c, rip_error *err)
{
    json_t *warnings = json_array(), *warning;
    size_t i;
    rip_status status = aws_params_check(c->operation, c->params, warnings, err);
    json_array_foreach (warnings, i, warning) terminal_error("aws", "warning: %s", json_string_value(warning));
    json_decref(warnings);
    return status;
}

/* The request, shown. */

/* "Credential=AKIA…/…, SignedHeaders=…, Signature=…" without its signature. */
static void print_header(const aws_header *header)
{
    const char *signature = strcasecmp(header->name, "Authorization") == 0 ? strstr(header->value, "Signature=") : NULL;
    printf("%s: ", header->name);
    if (strcasecmp(header->name, "X-Amz-Security-Token") == 0)
        puts("(cut)");
    else if (signature)
        printf("%.*s(cut)\n", (int)(signature - header->value) + 10, header->value);
    else
        puts(header->value);
}

static void on_preview(void *data, const aws_http_request *request)
{
    aws_command *c = data;
    c->shown = true;
    printf("%s %s://%s%s%s%s\n", request->method, request->scheme, request->host, request->path,
           *request->query ? "?" : "", request->query);
    for (size_t i = 0; i < request->headers.count; i++) print_header(&request->headers.items[i]);
    putchar('\n');
    if (request->body.len) {
        fwrite(request->body.data, 1, request->body.len, stdout);
        putchar('\n');
    }
}

/* Pages: what is under the result keys is gathered, and the tokens go from each reply into the next call. */

static json_t *words_of(const json_t *value)
{
    return json_is_string(value)  ? json_pack("[O]", value)
           : json_is_array(value) ? json_incref((json_t *)(uintptr_t)value)
                                  : json_array();
}

static json_t *at_path(const json_t *object, const char *path)
{
    static const char LAST[] = "[-1]";
    while (*path && object) {
        size_t len = strcspn(path, ".["), size;
        object = json_object_getn(object, path, len);
        path += len;
        if (strncmp(path, LAST, sizeof LAST - 1) == 0) {
            size = json_array_size(object);
            object = size ? json_array_get(object, size - 1) : NULL;
            path += sizeof LAST - 1;
        }
        path += *path == '.';
    }
    return (json_t *)(uintptr_t)object;
}

/* JMESPath's truth. */
static bool is_something(const json_t *value)
{
    return value && !json_is_null(value) && !json_is_false(value) &&
           !(json_is_string(value) && json_string_length(value) == 0) &&
           !(json_is_array(value) && json_array_size(value) == 0) &&
           !(json_is_object(value) && json_object_size(value) == 0);
}

/* What "NextMarker || Contents[-1].Key" finds: models ask for no more of JMESPath than that. NULL: nothing. */
static json_t *token_at(const json_t *output, const char *expression)
{
    static const char OR[] = " || ";
    for (;;) {
        const char * or = strstr(expression, OR);
        char *path = strndup(expression, or ? (size_t)(or -expression) : strlen(expression));
        json_t *found = path ? at_path(output, path) : NULL;
        free(path);
        if (is_something(found)) return found;
        if (! or) return NULL;
        expression = or +sizeof OR - 1;
    }
}

/* The list at `path`, made where there is none yet. */
static json_t *list_at(json_t *object, const char *path)
{
    for (;;) {
        size_t len = strcspn(path, ".");
        json_t *inner = json_object_getn(object, path, len);
        if (!inner || json_is_null(inner)) {
            inner = path[len] ? json_object() : json_array();
            json_object_setn_new(object, path, len, inner);
        }
        if (!path[len]) return inner;
        object = inner;
        path += len + 1;
    }
}

static void gather(aws_command *c, const json_t *paging, const json_t *output)
{
    size_t i;
    json_t *keys = words_of(json_object_get(paging, "result_key")), *key;
    if (!c->gathered) {
        c->gathered = json_deep_copy(output);
        json_decref(keys);
        return;
    }
    json_array_foreach (keys, i, key) {
        json_t *more = at_path(output, json_string_value(key));
        if (json_is_array(more)) json_array_extend(list_at(c->gathered, json_string_value(key)), more);
    }
    json_decref(keys);
}

/* The parameters of the next page; NULL: that was the last. */
static json_t *next_params(aws_command *c, const json_t *paging, const json_t *output)
{
    size_t i;
    const char *goes_on = json_string_value(json_object_get(paging, "more_results"));
    if (goes_on && !is_something(at_path(output, goes_on))) return NULL;
    json_t *inputs = words_of(json_object_get(paging, "input_token")),
           *outputs = words_of(json_object_get(paging, "output_token"));
    json_t *params = json_deep_copy(c->params), *input;
    bool any = false, news = false;
    json_array_foreach (inputs, i, input) {
        const char *path = json_string_value(json_array_get(outputs, i));
        json_t *token = path ? token_at(output, path) : NULL;
        const json_t *before = json_object_get(c->params, json_string_value(input));
        any = any || token;
        news = news || (token && !json_equal(token, before));
        if (token)
            json_object_set(params, json_string_value(input), token);
        else
            json_object_del(params, json_string_value(input));
    }
    json_decref(inputs);
    json_decref(outputs);
    if (any && news) return params;
    if (any) {
        terminal_error("aws", "stopped: the service gave the same page token twice; there is more");
        c->failed = true;
    }
    json_decref(params);
    return NULL;
}

/* The call. */

static rip_status call(aws_command *c, rip_error *err);

static void print_output(const aws_command *c, const json_t *output)
{
    json_dumpf(output, stdout, (c->one_line ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENCODE_ANY);
    putchar('\n');
}

static void print_failure(const aws_result *result)
{
    const aws_error *error = result->error;
    const char *id = result->request_id;
    char *fields = error->fields ? rip_json_dump(error->fields, JSON_COMPACT) : NULL;
    terminal_error("aws", "%s: %s%s%s%s", error->code, error->message, *id ? " (request " : "", id, *id ? ")" : "");
    if (fields) terminal_error("aws", "%s", fields);
    free(fields);
}

static void on_done(void *data, const aws_result *result)
{
    aws_command *c = data;
    const json_t *paging = c->all_pages ? aws_operation_pagination(c->operation) : NULL;
    json_t *next = NULL;
    rip_error err;
    c->over = true;
    if (result->error) {
        c->failed = !c->shown;
        if (c->failed) print_failure(result);
        return;
    }
    if (paging) {
        gather(c, paging, result->output);
        next = next_params(c, paging, result->output);
        if (next && ++c->pages == PAGES_MOST) {
            terminal_error("aws", "stopped after %d pages; there are more", PAGES_MOST);
            c->failed = true;
            json_decref(next);
            next = NULL;
        }
    }
    if (!next) {
        print_output(c, paging ? c->gathered : result->output);
        return;
    }
    json_decref(c->params);
    c->params = next;
    c->over = false;
    if (call(c, &err) == RIP_OK) return;
    terminal_error("aws", "%s", err.message);
    c->over = c->failed = true;
}

static rip_status call(aws_command *c, rip_error *err)
{
    aws_call_options options = {.region = c->own_region, .account = c->account};
    aws_call *ignored = NULL;
    return aws_call_start(c->client, c->operation, c->params, &options, on_done, c, &ignored, err);
}

static rip_status open_client(aws_command *c, rip_error *err)
{
    aws_wire_options wire = engine_wire_options(&c->engine, c->profile, c->endpoint_url);
    aws_transport *transport = NULL;
    if (c->print_request) wire.preview = on_preview;
    wire.preview_data = c;
    rip_status status = aws_wire_new(&wire, &transport, err);
    if (status != RIP_OK) return status;
    c->own_region = c->region ? strdup(c->region) : aws_default_region(wire.profile);
    const char *own_quotas = rip_config_string(c->engine.config, "aws.quotas");
    aws_client_options options = {
        .clock = c->engine.clock,
        .profile = wire.profile,
        .models = c->engine.models,
        .transport = transport,
        .own_quotas = *own_quotas ? own_quotas : NULL,
        .max_attempts = c->print_request ? 1 : (int)rip_config_integer(c->engine.config, "aws.max_attempts")};
    return aws_client_new(&options, &c->client, err);
}

/* Without a role the call would be made in the credentials' own account, whichever was asked for. */
static rip_status check_account(const aws_command *c, rip_error *err)
{
    if (!c->account) return RIP_OK;
    if (strlen(c->account) != 12 || strspn(c->account, "0123456789") != 12)
        return rip_fail(err, RIP_EINVAL, "--account %.32s: expected twelve digits", c->account);
    if (*rip_config_string(c->engine.config, "accounts.role")) return RIP_OK;
    return rip_fail(err, RIP_EINVAL,
                    "--account: there is no role to get there by: set accounts.role in the configuration");
}

static rip_status make_call(aws_command *c, rip_error *err)
{
    if (c->all_pages && !aws_operation_pagination(c->operation))
        return rip_fail(err, RIP_EINVAL, "--all-pages: %s has no pages", aws_operation_name(c->operation));
    rip_status status = check_account(c, err);
    if (status == RIP_OK) status = read_input(c, err);
    if (status == RIP_OK) status = check_input(c, err);
    if (status == RIP_OK) status = open_client(c, err);
    if (status == RIP_OK) status = call(c, err);
    while (status == RIP_OK && !c->over) uv_run(&c->engine.loop, UV_RUN_ONCE);
    return status;
}

static rip_status act(aws_command *c, char **words, int count, rip_error *err)
{
    const aws_service *service = NULL;
    char name[128];
    if (count == 0) {
        print_services(c->engine.models);
        return RIP_OK;
    }
    rip_status status = aws_models_service(c->engine.models, words[0], &service, err);
    if (status == RIP_OK && count == 1) print_operations(service);
    if (status != RIP_OK || count == 1) return status;
    snprintf(name, sizeof name, "%s", words[1]);
    for (char *p = name; *p; p++) {
        if (*p == '-') *p = '_'; /* the AWS CLI's spelling is boto3's with hyphens */
    }
    status = aws_service_operation(service, name, &c->operation, err);
    if (status == RIP_OK && c->help)
        print_operation(c->operation);
    else if (status == RIP_OK)
        status = make_call(c, err);
    return status;
}

/* -1: go on; else the command's exit status. */
static int parse(aws_command *c, int argc, char **argv)
{
    enum { OPTION_ACCOUNT = 256, OPTION_PROFILE, OPTION_ENDPOINT, OPTION_PAGES, OPTION_PRINT, OPTION_OUTPUT };
    static const struct option OPTIONS[] = {{"input", required_argument, NULL, 'i'},
                                            {"region", required_argument, NULL, 'r'},
                                            {"account", required_argument, NULL, OPTION_ACCOUNT},
                                            {"profile", required_argument, NULL, OPTION_PROFILE},
                                            {"endpoint-url", required_argument, NULL, OPTION_ENDPOINT},
                                            {"config", required_argument, NULL, 'c'},
                                            {"all-pages", no_argument, NULL, OPTION_PAGES},
                                            {"print-request", no_argument, NULL, OPTION_PRINT},
                                            {"output", required_argument, NULL, OPTION_OUTPUT},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":i:r:c:h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'i': c->input = optarg; break;
        case 'r': c->region = optarg; break;
        case 'c': c->config = optarg; break;
        case OPTION_ACCOUNT: c->account = optarg; break;
        case OPTION_PROFILE: c->profile = optarg; break;
        case OPTION_ENDPOINT: c->endpoint_url = optarg; break;
        case OPTION_PAGES: c->all_pages = true; break;
        case OPTION_PRINT: c->print_request = true; break;
        case OPTION_OUTPUT:
            c->one_line = strcmp(optarg, "json") == 0;
            if (!c->one_line && strcmp(optarg, "text") != 0)
                return terminal_usage("aws", "--output %s: text or json", optarg);
            break;
        case 'h': c->help = true; break;
        case ':': return terminal_usage("aws", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("aws", "there is no option %s", argv[optind - 1]);
        }
    }
    if (argc - optind > 2)
        return terminal_usage("aws", "expected a service and an operation, found %s too", argv[optind + 2]);
    if (!c->help || argc - optind == 2) return -1;
    fputs(HELP, stdout);
    return COMMAND_DONE;
}

int command_aws(int argc, char **argv)
{
    aws_command c = {0};
    rip_config *config = NULL;
    rip_error err;
    int end = parse(&c, argc, argv);
    if (end >= 0) return end;
    rip_status status = engine_configure("aws", c.config, NULL, 0, &config, &err);
    if (status == RIP_OK) status = engine_open(&c.engine, "aws", config, -1, &err);
    if (status == RIP_OK) status = act(&c, argv + optind, argc - optind, &err);
    if (status != RIP_OK) terminal_error("aws", "%s", err.message);
    aws_client_free(c.client);
    engine_close(&c.engine);
    json_decref(c.params);
    json_decref(c.gathered);
    free(c.own_region);
    if (status != RIP_OK) return COMMAND_USAGE;
    return c.failed ? COMMAND_FAILED : COMMAND_DONE;
}
