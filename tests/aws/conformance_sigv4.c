/* conformance-sigv4 DIR: AWS's Signature Version 4 suite, one folder a case, signed in the header and in the query. */
#include <dirent.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "aws/sign.h"
#include "engine/base/clock.h"
#include "engine/base/data.h"

#define CASE_BYTES_MAX 65536

typedef struct suite_case {
    json_t *context;
    char *text; /* request.txt; the request is cut out of it */
    aws_http_request request;
    aws_credentials *credentials;
    aws_sign_options options;
    unsigned expires_s;
} suite_case;

static char *read_file(const char *folder, const char *name)
{
    char path[4096];
    rip_error err;
    char *text = NULL;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    if (rip_read_file(path, CASE_BYTES_MAX, &text, NULL, &err) != RIP_OK) {
        fprintf(stderr, "%s\n", err.message);
        exit(1);
    }
    return text;
}

/** The next line, with the continuation lines that RFC 7230 calls obsolete joined by a space. */
static char *next_line(char **at)
{
    char *line = *at;
    char *end = line + strcspn(line, "\n");
    while (end[0] == '\n' && (end[1] == ' ' || end[1] == '\t')) {
        *end = ' ';
        end += strcspn(end, "\n");
    }
    *at = *end ? end + 1 : end;
    *end = '\0';
    if (end > line && end[-1] == '\r') end[-1] = '\0';
    return line;
}

static rip_status parse_request(char *text, aws_http_request *request, rip_error *err)
{
    char *at = text;
    char *line = next_line(&at);
    char *target = strchr(line, ' ') + 1;
    char *version = strrchr(target, ' ');
    *version = '\0';
    char *query = strchr(target, '?');
    request->method = strndup(line, (size_t)(target - 1 - line));
    request->query = strdup(query ? query + 1 : "");
    request->path = query ? strndup(target, (size_t)(query - target)) : strdup(target);
    rip_status status = RIP_OK;
    while (status == RIP_OK && *at) {
        line = next_line(&at);
        if (!*line) break;
        char *value = strchr(line, ':');
        *value++ = '\0';
        if (strcasecmp(line, "host") == 0) {
            free(request->host);
            request->host = strdup(value);
        } else {
            status = aws_headers_add(&request->headers, line, value, err);
        }
    }
    rip_buffer_puts(&request->body, at);
    return status;
}

static rip_status load(const char *folder, suite_case *c, rip_error *err)
{
    static const aws_credentials_names NAMES = {"access_key_id", "secret_access_key", "token", NULL, "expires"};
    char *context = read_file(folder, "context.json");
    c->text = read_file(folder, "request.txt");
    c->context = json_loads(context, 0, NULL);
    free(context);
    const char *time = json_string_value(json_object_get(c->context, "timestamp"));
    c->options = (aws_sign_options){
        .region = json_string_value(json_object_get(c->context, "region")),
        .service = json_string_value(json_object_get(c->context, "service")),
        .normalize = json_is_true(json_object_get(c->context, "normalize")),
        .encode_path = true,
        .sign_body = json_is_true(json_object_get(c->context, "sign_body")),
        .omit_session_token = json_is_true(json_object_get(c->context, "omit_session_token")),
    };
    c->expires_s = (unsigned)json_integer_value(json_object_get(c->context, "expiration_in_seconds"));
    if (!time || !rip_time_parse(time, &c->options.now_ms)) return rip_fail(err, RIP_EINVAL, "no timestamp");
    rip_status status = parse_request(c->text, &c->request, err);
    if (status != RIP_OK) return status;
    return aws_credentials_from_json(json_object_get(c->context, "credentials"), &NAMES, "context", &c->credentials,
                                     err);
}

static void unload(suite_case *c)
{
    json_decref(c->context);
    free(c->text);
    aws_http_request_free(&c->request);
    aws_credentials_unref(c->credentials);
}

/** Every "Name:value" of the header-signed request must be there, and no more. */
static bool same_headers(const char *folder, const aws_headers *headers)
{
    char *expected = read_file(folder, "header-signed-request.txt");
    char *at = expected;
    size_t count = 0;
    bool same = true;
    next_line(&at);
    while (*at && same) {
        char *line = next_line(&at);
        char *value = strchr(line, ':');
        if (!value) break;
        *value++ = '\0';
        if (strcasecmp(line, "host") == 0) continue;
        bool found = false;
        for (size_t i = 0; i < headers->count && !found; i++) {
            found = strcasecmp(headers->items[i].name, line) == 0 && strcmp(headers->items[i].value, value) == 0;
        }
        same = found;
        count++;
    }
    free(expected);
    return same && count == headers->count;
}

/** The signed query must be the suite's, in whatever order. */
static bool same_query(const char *folder, const char *query)
{
    char *expected = read_file(folder, "query-signed-request.txt");
    char *start = strchr(expected, '?') + 1;
    char *end = strstr(start, " HTTP/1.1");
    if (end) *end = '\0';
    bool same = strlen(start) == strlen(query);
    for (char *save = NULL, *part = strtok_r(start, "&", &save); part && same; part = strtok_r(NULL, "&", &save)) {
        const char *found = strstr(query, part);
        size_t len = strlen(part);
        same = found && (found == query || found[-1] == '&') && (found[len] == '&' || found[len] == '\0');
    }
    free(expected);
    return same;
}

static bool run_case(const char *folder, bool in_query, rip_error *err)
{
    suite_case c = {0};
    aws_signer *signer = aws_signer_new();
    rip_status status = load(folder, &c, err);
    bool same = false;
    const char *got = NULL;
    if (status == RIP_OK && in_query) {
        status = aws_presign_request(signer, &c.request, c.credentials, &c.options, c.expires_s, err);
        same = status == RIP_OK && same_query(folder, c.request.query);
        got = c.request.query;
    } else if (status == RIP_OK) {
        status = aws_sign_request(signer, &c.request, c.credentials, &c.options, err);
        same = status == RIP_OK && same_headers(folder, &c.request.headers);
        got = aws_headers_get(&c.request.headers, "Authorization");
    }
    if (!same)
        printf("FAILED %s (%s): %s\n", folder, in_query ? "query" : "header",
               status == RIP_OK && got ? got : err->message);
    unload(&c);
    aws_signer_free(signer);
    return same;
}

static int by_name(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

int main(int argc, char **argv)
{
    const char *root = getenv("RIPOSTE_CONFORMANCE");
    char folder[4096];
    snprintf(folder, sizeof folder, "%s/sigv4", root && *root ? root : "../shared/conformance");
    const char *suite = argc > 1 ? argv[1] : folder;
    struct dirent **names = NULL;
    int count = scandir(suite, &names, NULL, by_name);
    if (count < 0) {
        fprintf(stderr, "SKIPPED: there is no suite at %s; give its folder, or set RIPOSTE_CONFORMANCE\n", suite);
        return argc > 1 ? 2 : 77;
    }
    unsigned passed = 0;
    unsigned failed = 0;
    for (int i = 0; i < count; i++) {
        char path[8192];
        rip_error err = {0};
        if (names[i]->d_name[0] != '.') {
            snprintf(path, sizeof path, "%s/%s", suite, names[i]->d_name);
            bool header = run_case(path, false, &err);
            bool query = run_case(path, true, &err);
            passed += header && query;
            failed += !header || !query;
        }
        free(names[i]);
    }
    free(names);
    printf("%u passed, %u failed\n", passed, failed);
    return failed || !passed ? 1 : 0;
}
