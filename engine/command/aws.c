/* `riposte aws`: one signed call of any operation, as the playbooks make them. */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/client.h"
#include "aws/endpoint.h"
#include "aws/profile.h"
#include "aws/request.h"
#include "engine/base/data.h"
#include "engine/command/command.h"
#include "engine/command/engine.h"
#include "engine/command/terminal.h"

#define INPUT_BYTES_MAX ((size_t)16 << 20)
#define PAGES_MAX 10000

static const char HELP[] =
    "Usage: riposte aws [SERVICE [OPERATION]] [OPTION]...\n"
    "\n"
    "Call one AWS operation, signed, and print its reply as JSON. Without an operation\n"
    "the service's operations are listed, without a service the services. Operations\n"
    "are named as AWS writes them (DeleteCluster) or as boto3 does (delete_cluster).\n"
    "\n"
    "      --input JSON|@FILE     parameters, as the AWS documentation spells them; @- is\n"
    "                             standard input\n"
    "      --region REGION        else AWS_REGION, or the profile's\n"
    "      --account ACCOUNT      assume the configured role there (accounts.role)\n"
    "      --profile PROFILE      else AWS_PROFILE\n"
    "      --endpoint-url URL     else AWS_ENDPOINT_URL and the profile's\n"
    "      --print-request        show the request and do not send it; what is secret in\n"
    "                             its signature is cut\n"
    "      --all-pages            follow the pages and put their items together\n"
    "      --output FORMAT        json | compact: on one line\n"
    "  -h, --help                 this text; after an operation, its parameters\n"
    "\n"
    "Exit status: 0 AWS did it; 1 AWS refused, or could not be reached; 2 wrong usage.\n"
    "\n"
    "Examples:\n"
    "  riposte aws sts get_caller_identity\n"
    "  riposte aws ecs DescribeClusters --input '{\"clusters\": [\"web\"]}' --region eu-west-1\n"
    "  riposte aws ec2 describe_instances --all-pages --output compact\n";

typedef struct aws_command {
    const char *service_name, *operation_name;
    const char *input, *region, *account, *profile, *endpoint_url;
    bool print_request, all_pages, compact, help;
    engine engine;
    const aws_service *service;
    const aws_operation *operation;
    json_t *params;
    char *default_region;
    json_t *output; /* of all pages */
    unsigned pages;
    int exit_status;
    bool done;
} aws_command;

static void print_json(const aws_command *c, const json_t *value)
{
    json_dumpf(value, stdout, (c->compact ? JSON_COMPACT : JSON_INDENT(2)) | JSON_ENCODE_ANY);
    putchar('\n');
}

/* Lists and help. */

static int list(json_t *names)
{
    size_t i;
    json_t *name;
    json_array_foreach (names, i, name) puts(json_string_value(name));
    json_decref(names);
    return COMMAND_DONE;
}

static const char *type_name(const aws_shape *shape)
{
    static const char *const NAMES[] = {"structure", "list",   "map",     "string", "integer",  "long",
                                        "float",     "double", "boolean", "blob",   "timestamp"};
    return NAMES[aws_shape_type(shape)];
}

static void print_type(const aws_shape *shape)
{
    if (aws_shape_type(shape) == AWS_LIST)
        printf("list of %s", type_name(aws_member_shape(aws_shape_element(shape))));
    else if (aws_shape_type(shape) == AWS_MAP)
        printf("map of %s", type_name(aws_member_shape(aws_shape_element(shape))));
    else
        printf("%s", type_name(shape));
    const json_t *words = aws_shape_trait(shape, "enum");
    size_t i;
    json_t *word;
    json_array_foreach (words, i, word) printf("%s%s", i ? " | " : ": ", json_string_value(word));
}

static int print_parameters(const aws_command *c)
{
    const aws_shape *input = aws_operation_input(c->operation);
    terminal_print(stdout, TERMINAL_BOLD, "%s:%s", aws_service_name(c->service), aws_operation_name(c->operation));
    printf("  %s, needs %s\n", aws_operation_is_read(c->operation) ? "reads" : "changes",
           aws_operation_iam_action(c->operation));
    size_t count = input ? aws_shape_member_count(input) : 0;
    if (count == 0) puts("It takes no parameters.");
    for (size_t i = 0; i < count; i++) {
        const aws_member *member = aws_shape_member_at(input, i);
        printf("  %s%s  ", aws_member_name(member), aws_member_is_required(member) ? " (required)" : "");
        print_type(aws_member_shape(member));
        putchar('\n');
    }
    return COMMAND_DONE;
}

/* Showing a request. */

/** The Authorization header without its signature, the session token without its content. */
static void print_header(const aws_header *header)
{
    const char *signature = strstr(header->value, "Signature=");
    printf("%s: ", header->name);
    if (strcasecmp(header->name, "Authorization") == 0 && signature)
        printf("%.*sSignature=(cut)\n", (int)(signature - header->value), header->value);
    else if (strcasecmp(header->name, "X-Amz-Security-Token") == 0)
        puts("(cut)");
    else {
        terminal_quote(stdout, TERMINAL_PLAIN, header->value, 4096);
        putchar('\n');
    }
}

static void print_http(const aws_http_request *request)
{
    printf("%s %s://%s%s%s%s\n", request->method, request->scheme, request->host, request->path,
           request->query && *request->query ? "?" : "", request->query ? request->query : "");
    for (size_t i = 0; i < request->headers.count; i++) print_header(&request->headers.items[i]);
    putchar('\n');
    if (request->body.len) fwrite(request->body.data, 1, request->body.len, stdout);
    putchar('\n');
}

/* Made-up keys: what is shown is shaped by the request, and the signature is cut. */
static rip_status show_request(const aws_command *c, rip_error *err)
{
    aws_profiles *profiles = NULL;
    aws_credentials *credentials = NULL;
    aws_http_request request = {0};
    aws_signer *signer = aws_signer_new();
    rip_status status = signer ? aws_profiles_load(&profiles, err) : rip_nomem(err);
    const char *id = getenv("AWS_ACCESS_KEY_ID");
    if (status == RIP_OK)
        status = aws_credentials_new(id && *id ? id : "AKIAIOSFODNN7EXAMPLE", "unused", NULL, NULL, 0, "shown",
                                     &credentials, err);
    if (status == RIP_OK) status = aws_protocol_build(c->operation, c->params, NULL, &request, err);
    if (status == RIP_OK) {
        aws_endpoint_options endpoints = {profiles, aws_profile_name(c->profile), c->endpoint_url};
        status = aws_request_address_and_sign(&endpoints, signer, c->operation, c->region, credentials,
                                              rip_clock_now(c->engine.clock), &request, err);
    }
    if (status == RIP_OK) print_http(&request);
    aws_http_request_free(&request);
    aws_credentials_unref(credentials);
    aws_profiles_free(profiles);
    aws_signer_free(signer);
    return status;
}

/* The call, and its pages. */

static void start_page(aws_command *c);

/** The value at a name, or at names with '.' between (botocore's paths are JMESPath; these are all that tokens use). */
static json_t *at_path(json_t *value, const char *path)
{
    char name[128];
    while (value && *path) {
        size_t len = strcspn(path, ".");
        if (len >= sizeof name) return NULL;
        snprintf(name, sizeof name, "%.*s", (int)len, path);
        value = json_object_get(value, name);
        path += len + (path[len] == '.');
    }
    return value;
}

/** Add a page's lists to what is there; other members are the last page's. */
static void add_page(aws_command *c, json_t *page)
{
    const char *key;
    json_t *value;
    if (!c->output) {
        c->output = json_deep_copy(page);
        return;
    }
    json_object_foreach (page, key, value) {
        json_t *known = json_object_get(c->output, key);
        if (json_is_array(known) && json_is_array(value))
            json_array_extend(known, value);
        else
            json_object_set(c->output, key, value);
    }
}

/** Put the next page's tokens into the parameters; false where this was the last page. */
static bool turn_page(aws_command *c, json_t *page)
{
    const json_t *pagination = aws_operation_pagination(c->operation);
    json_t *in = json_object_get(pagination, "input_token");
    json_t *out = json_object_get(pagination, "output_token");
    const char *more = json_string_value(json_object_get(pagination, "more_results"));
    bool any = false;
    if (more && !json_is_true(at_path(page, more))) return false;
    for (size_t i = 0; i < (json_is_array(in) ? json_array_size(in) : 1); i++) {
        const char *to = json_string_value(json_is_array(in) ? json_array_get(in, i) : in);
        const char *from = json_string_value(json_is_array(out) ? json_array_get(out, i) : out);
        char first[128];
        /* "NextMarker || Contents[-1].Key": the first name that is there. */
        snprintf(first, sizeof first, "%.*s", from ? (int)strcspn(from, " |") : 0, from ? from : "");
        json_t *token = at_path(page, first);
        if (!to || !token || json_is_null(token) || (json_is_string(token) && !*json_string_value(token))) continue;
        if (json_equal(token, json_object_get(c->params, to))) return false; /* AWS goes in a circle */
        json_object_set(c->params, to, token);
        any = true;
    }
    return any;
}

static void print_refusal(const aws_command *c, const aws_error *error)
{
    fputs("riposte aws: ", stderr);
    terminal_quote(stderr, TERMINAL_RED, error->code, AWS_ERROR_CODE_MAX);
    fputs(": ", stderr);
    terminal_quote(stderr, TERMINAL_PLAIN, error->message, RIP_ERROR_MESSAGE_MAX);
    fprintf(stderr, "\n(%s:%s, HTTP %d%s%s)\n", aws_service_name(c->service), aws_operation_name(c->operation),
            error->http_status, *error->request_id ? ", request " : "", error->request_id);
}

static void on_page(void *data, const aws_result *result)
{
    aws_command *c = data;
    if (result->error) {
        print_refusal(c, result->error);
        c->exit_status = COMMAND_FAILED;
        c->done = true;
        return;
    }
    add_page(c, result->output);
    if (c->all_pages && ++c->pages < PAGES_MAX && turn_page(c, result->output))
        start_page(c);
    else
        c->done = true;
}

static void start_page(aws_command *c)
{
    aws_call_options options = {.region = c->region, .account = c->account};
    rip_error err;
    aws_call *call;
    if (aws_call_start(c->engine.client, c->operation, c->params, &options, on_page, c, &call, &err) == RIP_OK) return;
    c->exit_status = terminal_usage("aws", "%s", err.message);
    c->done = true;
}

static const char *given_or_configured(const aws_command *c, const char *given, const char *key)
{
    const char *configured = rip_config_string(c->engine.config, key);
    return given ? given : *configured ? configured : NULL;
}

static rip_status open_client(aws_command *c, rip_error *err)
{
    aws_transport *wire = NULL;
    const rip_config *config = c->engine.config;
    aws_wire_options options = {
        .loop = &c->engine.loop,
        .clock = c->engine.clock,
        .profile = c->profile,
        .endpoint_url = c->endpoint_url,
        .role = rip_config_string(config, "accounts.role"),
        .external_id = rip_config_string(config, "accounts.external_id"),
    };
    options.accounts = rip_config_strings(config, "accounts.allow", &options.account_count);
    rip_status status = aws_wire_new(&options, &wire, err);
    if (status != RIP_OK) return status;
    aws_client_options client = {.clock = c->engine.clock,
                                 .models = c->engine.models,
                                 .transport = wire,
                                 .max_attempts = (int)rip_config_integer(config, "aws.max_attempts")};
    return aws_client_new(&client, &c->engine.client, err);
}

static int call(aws_command *c)
{
    rip_error err;
    if (open_client(c, &err) != RIP_OK) {
        terminal_error("aws", "%s", err.message);
        return COMMAND_USAGE;
    }
    start_page(c);
    while (!c->done) uv_run(&c->engine.loop, UV_RUN_ONCE);
    if (c->output) print_json(c, c->output); /* what came before a page failed is worth having */
    return c->exit_status;
}

/* Putting it together. */

static rip_status read_input(aws_command *c, rip_error *err)
{
    json_error_t where;
    const char *input = c->input ? c->input : "{}";
    char *text = NULL;
    size_t len = strlen(input);
    rip_status status = RIP_OK;
    if (*input == '@') {
        const char *path = strcmp(input, "@-") == 0 ? "/dev/stdin" : input + 1;
        status = rip_read_file(path, INPUT_BYTES_MAX, &text, &len, err);
    }
    if (status != RIP_OK) return status;
    c->params = json_loadb(text ? text : input, len, JSON_REJECT_DUPLICATES, &where);
    free(text);
    if (!c->params)
        return rip_fail(err, RIP_EINVAL, "--input: line %d, column %d: %s", where.line, where.column, where.text);
    if (!json_is_object(c->params)) return rip_fail(err, RIP_EINVAL, "--input: expected a JSON object");
    return aws_params_check(c->operation, c->params, NULL, err);
}

static rip_status find_region(aws_command *c, rip_error *err)
{
    if (!c->region) c->region = c->default_region = aws_default_region(c->profile);
    if (c->region) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "no region: give --region, or set AWS_REGION or the profile's region");
}

static int act(aws_command *c)
{
    rip_error err;
    aws_models *models = c->engine.models;
    if (!c->service_name) return list(aws_models_list(models));
    rip_status status = aws_models_service(models, c->service_name, &c->service, &err);
    if (status == RIP_OK && !c->operation_name) return list(aws_service_operations(c->service));
    if (status == RIP_OK) status = aws_service_operation(c->service, c->operation_name, &c->operation, &err);
    if (status == RIP_OK && c->help) return print_parameters(c);
    if (status == RIP_OK) status = read_input(c, &err);
    if (status == RIP_OK) status = find_region(c, &err);
    if (status == RIP_OK && c->print_request) status = show_request(c, &err);
    if (status != RIP_OK) return terminal_usage("aws", "%s", err.message);
    return c->print_request ? COMMAND_DONE : call(c);
}

static int run_command(aws_command *c)
{
    rip_error err;
    rip_config *config = NULL;
    rip_status status = engine_configure("aws", NULL, NULL, 0, &config, &err);
    if (status == RIP_OK) status = engine_open(&c->engine, "aws", config, -1, &err);
    int exit_status = COMMAND_USAGE;
    if (status == RIP_OK) {
        c->profile = given_or_configured(c, c->profile, "aws.profile");
        c->endpoint_url = given_or_configured(c, c->endpoint_url, "aws.endpoint_url");
        exit_status = act(c);
    } else {
        terminal_error("aws", "%s", err.message);
    }
    json_decref(c->params);
    json_decref(c->output);
    free(c->default_region);
    engine_close(&c->engine);
    return exit_status;
}

int command_aws(int argc, char **argv)
{
    static const struct option OPTIONS[] = {{"input", required_argument, NULL, 'i'},
                                            {"region", required_argument, NULL, 'r'},
                                            {"account", required_argument, NULL, 'a'},
                                            {"profile", required_argument, NULL, 'p'},
                                            {"endpoint-url", required_argument, NULL, 'e'},
                                            {"print-request", no_argument, NULL, 'P'},
                                            {"all-pages", no_argument, NULL, 'A'},
                                            {"output", required_argument, NULL, 'o'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    aws_command c = {0};
    int option;
    opterr = 0;
    while ((option = getopt_long(argc, argv, ":h", OPTIONS, NULL)) != -1) {
        switch (option) {
        case 'i': c.input = optarg; break;
        case 'r': c.region = optarg; break;
        case 'a': c.account = optarg; break;
        case 'p': c.profile = optarg; break;
        case 'e': c.endpoint_url = optarg; break;
        case 'P': c.print_request = true; break;
        case 'A': c.all_pages = true; break;
        case 'h': c.help = true; break;
        case 'o':
            c.compact = strcmp(optarg, "compact") == 0;
            if (!c.compact && strcmp(optarg, "json") != 0)
                return terminal_usage("aws", "--output %s: json or compact", optarg);
            break;
        case ':': return terminal_usage("aws", "%s needs a value", argv[optind - 1]);
        default: return terminal_usage("aws", "there is no option %s", argv[optind - 1]);
        }
    }
    if (optind < argc) c.service_name = argv[optind++];
    if (optind < argc) c.operation_name = argv[optind++];
    if (optind < argc) return terminal_usage("aws", "%s: parameters go into --input", argv[optind]);
    if (c.help && !c.operation_name) {
        fputs(HELP, stdout);
        return COMMAND_DONE;
    }
    return run_command(&c);
}
