/* conformance-protocols [DIR]: AWS's protocols against a folder of cases in botocore's form (input/NAME.json,
 * output/NAME.json).
 *
 * Prints each case that fails, then "N passed, N failed". Cases give blobs as plain text and times as seconds;
 * Riposte's values hold base64 and RFC 3339, so those are translated, by shape, before they are compared. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "aws/model_private.h"
#include "aws/protocol/private.h"

#define SKIPPED 77
#define TOKEN "00000000-0000-4000-8000-000000000000"

typedef struct tally {
    unsigned passed, failed;
} tally;

/* What a case is called when it fails. */
typedef struct place {
    const char *file, *suite;
    size_t index;
    tally *tally;
    bool failed;
} place;

static void fail(place *at, const char *what, const char *expected, const char *found)
{
    at->failed = true;
    printf("%s: %s: case %zu: %s\n  expected: %s\n  found:    %s\n", at->file, at->suite, at->index, what,
           expected ? expected : "(none)", found ? found : "(none)");
}

/* Values as Riposte holds them. */

static json_t *base64_of(const char *text)
{
    rip_buffer out = {0};
    aws_value_base64(&out, text, strlen(text));
    json_t *value = json_string(out.data ? out.data : "");
    rip_buffer_free(&out);
    return value;
}

static json_t *own_value(const aws_shape *shape, const json_t *value, bool times)
{
    const char *key;
    json_t *each, *copy;
    size_t i;
    int64_t ms;
    if (!shape || json_is_null(value)) return json_incref((json_t *)(uintptr_t)value);
    if (aws_shape_type(shape) == AWS_BLOB && json_is_string(value)) return base64_of(json_string_value(value));
    if (times && aws_shape_type(shape) == AWS_TIMESTAMP && aws_value_time(value, &ms)) return aws_value_time_json(ms);
    if (json_is_object(value) && (aws_shape_type(shape) == AWS_STRUCTURE || aws_shape_type(shape) == AWS_MAP)) {
        copy = json_object();
        json_object_foreach ((json_t *)(uintptr_t)value, key, each) {
            const aws_member *member =
                aws_shape_type(shape) == AWS_MAP ? aws_shape_element(shape) : aws_shape_member(shape, key);
            json_object_set_new(copy, key, own_value(member ? aws_member_shape(member) : NULL, each, times));
        }
        return copy;
    }
    if (json_is_array(value)) { /* a list, or the events of a stream */
        if (aws_shape_type(shape) == AWS_LIST) shape = aws_member_shape(aws_shape_element(shape));
        copy = json_array();
        json_array_foreach (value, i, each) json_array_append_new(copy, own_value(shape, each, times));
        return copy;
    }
    return json_incref((json_t *)(uintptr_t)value);
}

/* Equal, where 1 and 1.0 are the same number: JSON does not tell them apart. Integers are compared to the last bit. */
static bool same(const json_t *a, const json_t *b)
{
    const char *key;
    json_t *each;
    size_t i;
    if (json_is_integer(a) && json_is_integer(b)) return json_integer_value(a) == json_integer_value(b);
    if (json_is_number(a) && json_is_number(b)) return json_number_value(a) == json_number_value(b);
    if (json_is_object(a) && json_is_object(b)) {
        if (json_object_size(a) != json_object_size(b)) return false;
        json_object_foreach ((json_t *)(uintptr_t)a, key, each) {
            if (!json_object_get(b, key) || !same(each, json_object_get(b, key))) return false;
        }
        return true;
    }
    if (json_is_array(a) && json_is_array(b)) {
        if (json_array_size(a) != json_array_size(b)) return false;
        json_array_foreach (a, i, each) {
            if (!same(each, json_array_get(b, i))) return false;
        }
        return true;
    }
    return json_equal(a, b);
}

/* One operation of a service made from the case alone. */
static const aws_operation *operation_of(aws_models *models, const json_t *suite, const json_t *given, place *at)
{
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    const char *name = json_string_value(json_object_get(given, "name"));
    rip_error err;
    json_t *document = json_pack("{s:O, s:O, s:{s:O}}", "metadata", json_object_get(suite, "metadata"), "shapes",
                                 json_object_get(suite, "shapes"), "operations", name, given);
    rip_status status = aws_models_add_document(models, "suite", document, &err);
    if (status == RIP_OK) status = aws_models_service(models, "suite", &service, &err);
    if (status == RIP_OK) status = aws_service_operation(service, name, &operation, &err);
    json_decref(document);
    if (status != RIP_OK) fail(at, "the model", "", err.message);
    return status == RIP_OK ? operation : NULL;
}

/* Requests. */

static bool same_body(const char *expected, const char *found)
{
    if (strcmp(expected, found) == 0) return true;
    json_t *a = json_loads(expected, JSON_DECODE_ANY, NULL), *b = json_loads(found, JSON_DECODE_ANY, NULL);
    bool equal = a && b && same(a, b);
    json_decref(a);
    json_decref(b);
    return equal;
}

static void check_request(place *at, const json_t *expected, const char *endpoint, const aws_http_request *request)
{
    const char *name;
    json_t *each;
    size_t i;
    char uri[4096];
    snprintf(uri, sizeof uri, "%s%s%s", request->path, *request->query ? "?" : "", request->query);
    const char *wanted = json_string_value(json_object_get(expected, "uri"));
    if (wanted && strcmp(wanted, uri) != 0) fail(at, "uri", wanted, uri);
    wanted = json_string_value(json_object_get(expected, "method"));
    if (wanted && strcmp(wanted, request->method) != 0) fail(at, "method", wanted, request->method);
    wanted = json_string_value(json_object_get(expected, "body"));
    const char *body = request->body.data ? request->body.data : "";
    if (wanted && !same_body(wanted, body)) fail(at, "body", wanted, body);
    json_object_foreach (json_object_get(expected, "headers"), name, each) {
        const char *found = aws_headers_get(&request->headers, name);
        if (!found || strcmp(found, json_string_value(each)) != 0) fail(at, name, json_string_value(each), found);
    }
    json_array_foreach (json_object_get(expected, "forbidHeaders"), i, each) {
        const char *found = aws_headers_get(&request->headers, json_string_value(each));
        if (found) fail(at, json_string_value(each), "no such header", found);
    }
    wanted = json_string_value(json_object_get(expected, "host"));
    const char *scheme_end = endpoint ? strstr(endpoint, "://") : NULL;
    snprintf(uri, sizeof uri, "%s%s", request->host_prefix ? request->host_prefix : "",
             scheme_end ? scheme_end + 3 : "");
    if (wanted && strcmp(wanted, uri) != 0) fail(at, "host", wanted, uri);
}

static void input_case(aws_models *models, const json_t *suite, const json_t *each, place *at)
{
    const aws_operation *operation = operation_of(models, suite, json_object_get(each, "given"), at);
    if (!operation) return;
    aws_http_request request = {0};
    rip_error err;
    json_t *params = own_value(aws_operation_input(operation), json_object_get(each, "params"), false);
    if (aws_protocol_build(operation, params, TOKEN, &request, &err) == RIP_OK)
        check_request(at, json_object_get(each, "serialized"),
                      json_string_value(json_object_get(suite, "clientEndpoint")), &request);
    else
        fail(at, "building", "a request", err.message);
    aws_http_request_free(&request);
    json_decref(params);
}

/* Replies. */

static void check_error(place *at, const json_t *each, const aws_error *error)
{
    const char *code = json_string_value(json_object_get(each, "errorCode")),
               *message = json_string_value(json_object_get(each, "errorMessage"));
    if (code && strcmp(code, error->code) != 0) fail(at, "error code", code, error->code);
    if (message && strcmp(message, error->message) != 0) fail(at, "error message", message, error->message);
    json_t *wanted = json_deep_copy(json_object_get(each, "error"));
    json_object_del(wanted, "message"); /* not told twice */
    json_object_del(wanted, "Message");
    char *a = json_dumps(wanted, JSON_SORT_KEYS), *b = json_dumps(error->fields, JSON_SORT_KEYS);
    if (json_object_size(wanted) > 0 ? !same(wanted, error->fields) : error->fields != NULL)
        fail(at, "error fields", a ? a : "none", b ? b : "none");
    free(a);
    free(b);
    json_decref(wanted);
}

static void check_result(place *at, const aws_operation *operation, const json_t *expected, const json_t *output)
{
    json_t *wanted = own_value(aws_operation_output(operation), expected, true);
    char *a = json_dumps(wanted, JSON_SORT_KEYS | JSON_ENCODE_ANY),
         *b = json_dumps(output, JSON_SORT_KEYS | JSON_ENCODE_ANY);
    if (!same(wanted, output)) fail(at, "result", a, b);
    free(a);
    free(b);
    json_decref(wanted);
}

static void output_case(aws_models *models, const json_t *suite, const json_t *each, place *at)
{
    const aws_operation *operation = operation_of(models, suite, json_object_get(each, "given"), at);
    if (!operation) return;
    const json_t *from = json_object_get(each, "response");
    aws_http_response response = {.status = (int)json_integer_value(json_object_get(from, "status_code"))};
    const char *name, *body = json_string_value(json_object_get(from, "body"));
    json_t *value, *output = NULL;
    rip_error err;
    aws_error error = {0};
    json_object_foreach (json_object_get(from, "headers"), name, value)
        aws_headers_add(&response.headers, name, json_string_value(value), &err);
    if (aws_event_stream_member(aws_operation_output(operation))) /* bytes: JSON holds them as base64 */
        aws_value_unbase64(&response.body, body ? body : "", body ? strlen(body) : 0);
    else
        rip_buffer_puts(&response.body, body ? body : "");
    if (aws_protocol_parse(operation, &response, &output, &error, NULL, &err) != RIP_OK)
        fail(at, "parsing", "a result", err.message);
    else if (json_object_get(each, "errorCode"))
        check_error(at, each, &error);
    else
        check_result(at, operation, json_object_get(each, "result"), output);
    json_decref(output);
    json_decref(error.fields);
    aws_http_response_free(&response);
}

/* Files. */

typedef void (*run_case)(aws_models *models, const json_t *suite, const json_t *each, place *at);

static void run_suites(const char *file, const json_t *suites, run_case run, tally *sum)
{
    size_t i, k;
    json_t *suite, *each;
    json_array_foreach (suites, i, suite) {
        json_array_foreach (json_object_get(suite, "cases"), k, each) {
            aws_models *models = NULL;
            rip_error err;
            place at = {file, json_string_value(json_object_get(suite, "description")), k, sum, false};
            if (aws_models_new(NULL, 0, &models, &err) != RIP_OK)
                fail(&at, "the models", "", err.message);
            else
                run(models, suite, each, &at);
            aws_models_free(models);
            *(at.failed ? &sum->failed : &sum->passed) += 1;
        }
    }
}

static bool run_folder(const char *dir, const char *kind, run_case run, tally *sum)
{
    char folder[4096], path[8192];
    snprintf(folder, sizeof folder, "%s/%s", dir, kind);
    DIR *entries = opendir(folder);
    if (!entries) return false;
    for (struct dirent *entry; (entry = readdir(entries));) {
        if (!strstr(entry->d_name, ".json")) continue;
        snprintf(path, sizeof path, "%s/%s", folder, entry->d_name);
        json_error_t why;
        json_t *suites = json_load_file(path, 0, &why);
        if (!suites) {
            printf("%s:%d: %s\n", path, why.line, why.text);
            sum->failed++;
        }
        snprintf(path, sizeof path, "%s/%s", kind, entry->d_name);
        run_suites(path, suites, run, sum);
        json_decref(suites);
    }
    closedir(entries);
    return true;
}

int main(int argc, char **argv)
{
    tally sum = {0, 0};
    char folder[4096];
    const char *data = getenv("RIPOSTE_CONFORMANCE");
    snprintf(folder, sizeof folder, "%s/protocols", data ? data : "../shared/conformance");
    const char *dir = argc > 1 ? argv[1] : folder;
    bool found = run_folder(dir, "input", input_case, &sum);
    found = run_folder(dir, "output", output_case, &sum) || found;
    if (!found) {
        printf("SKIPPED: there are no protocol cases in %s: set RIPOSTE_CONFORMANCE to the folder that has them\n",
               dir);
        return SKIPPED;
    }
    printf("%u passed, %u failed\n", sum.passed, sum.failed);
    return sum.failed ? 1 : 0;
}
