/* What a change is about: "SERVICE OPERATION {JSON parameters}". Whatever they are, the answer is the same when asked
 * again, what is not told has a reason, and an ARN that one says is met by a pattern that is that ARN. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/glob.h"
#include "engine/run/target.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static aws_models *models;
static run_targets *targets;

static void open_once(void)
{
    if (models) return;
    char *folder = rip_data_path("aws/model", NULL);
    if (!folder || aws_models_new((const char *const *)&folder, 1, &models, NULL) != RIP_OK ||
        run_targets_load(NULL, 0, &targets, NULL) != RIP_OK)
        abort();
    free(folder);
}

static const aws_operation *operation_of(const char *service, const char *name)
{
    const aws_service *found = NULL;
    const aws_operation *operation = NULL;
    rip_error err;
    if (strpbrk(service, "/.") || aws_models_service(models, service, &found, &err) != RIP_OK ||
        aws_service_operation(found, name, &operation, &err) != RIP_OK)
        return NULL;
    return operation;
}

static json_t *ask(const aws_operation *operation, const json_t *params, run_target_verdict *verdict)
{
    static const run_target_place PLACE = {"aws", "us-east-1", "123456789012"};
    rip_error err = {RIP_OK, ""};
    json_t *found = run_targets_of(targets, operation, params, &PLACE, verdict, &err);
    if (*verdict == RUN_TARGETS_UNDECIDED && (err.status != RIP_EDENIED || !*err.message)) abort();
    if (*verdict == RUN_TARGETS_KNOWN && json_array_size(found) == 0) abort();
    return found;
}

static void check(json_t *found)
{
    json_t *target, *arn;
    size_t i, k;
    json_array_foreach (found, i, target) {
        json_array_foreach (json_object_get(target, "arns"), k, arn) {
            const char *text = json_string_value(arn);
            if (!text || !rip_glob_meet_nocase(text, text)) abort();
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char service[64], name[100];
    int used = 0;
    run_target_verdict first, second;
    char *text = strndup((const char *)data, size);
    open_once();
    if (text && sscanf(text, "%63s %99s %n", service, name, &used) == 2 && used > 0) {
        const aws_operation *operation = operation_of(service, name);
        json_t *params = json_loads(text + used, 0, NULL);
        if (operation && json_is_object(params)) {
            json_t *found = ask(operation, params, &first), *again = ask(operation, params, &second);
            if (first != second || !json_equal(found, again)) abort();
            check(found);
            json_decref(found);
            json_decref(again);
        }
        json_decref(params);
    }
    free(text);
    return 0;
}
