/* Secrets: digests that tell nothing, and seals that open for their step alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/data.h"
#include "engine/run/secret.h"

typedef struct world {
    journal *journal;
    aws_models *models;
    const aws_shape *configuration, *definition; /* what UpdateFunctionConfiguration and RegisterTaskDefinition take */
} world;

static const secret_place HERE = {"run-1", "2.7/3"};

static const aws_shape *input_of(const world *w, const char *service_name, const char *name)
{
    rip_error err;
    const aws_service *service = NULL;
    const aws_operation *operation = NULL;
    assert_int_equal(aws_models_service(w->models, service_name, &service, &err), RIP_OK);
    assert_int_equal(aws_service_operation(service, name, &operation, &err), RIP_OK);
    return aws_operation_input(operation);
}

static int set_up(void **state)
{
    static world w;
    rip_error err;
    char *folder = rip_data_path("aws/model", &err);
    const char *const folders[] = {folder};
    assert_int_equal(aws_models_new(folders, 1, &w.models, &err), RIP_OK);
    free(folder);
    assert_int_equal(journal_open_memory(&w.journal, &err), RIP_OK);
    w.configuration = input_of(&w, "lambda", "UpdateFunctionConfiguration");
    w.definition = input_of(&w, "ecs", "RegisterTaskDefinition");
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    journal_close(w->journal);
    aws_models_free(w->models);
    return 0;
}

/* `value` is stolen. */
static json_t *sealed(const world *w, const aws_shape *shape, json_t *value)
{
    rip_error err = {RIP_OK, ""};
    json_t *result = secret_seal(w->journal, &HERE, shape, value, &err);
    if (!result) fail_msg("%s", err.message);
    json_decref(value);
    return result;
}

static json_t *opened(const world *w, const secret_place *place, json_t *value)
{
    rip_error err;
    json_t *out = NULL;
    rip_status status = secret_open(w->journal, place, value, &out, &err);
    assert_int_equal(status, out ? RIP_OK : RIP_EDENIED);
    if (!out) assert_non_null(strstr(err.message, "2.7/3 of run "));
    return out;
}

static json_t *parse(const char *text)
{
    json_t *value = json_loads(text, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    return value;
}

static void test_what_models_and_names_tell_is_sealed_and_comes_back(void **state)
{
    static const char CONFIGURATION[] =
        "{\"FunctionName\": \"hook\", \"Timeout\": 3, \"Environment\": {\"Variables\": {\"B\": \"hush-1\", \"A\": "
        "\"\\u00e9 \\u0000\"}}, \"Password\": \"hush-2\", \"Other\": [{\"name\": \"DB_PASSWORD\", \"value\": \"hush\"}]}";
    world *w = *state;
    json_t *before = json_loads(CONFIGURATION, JSON_ALLOW_NUL, NULL);
    json_t *kept = sealed(w, w->configuration, json_incref(before));
    char *text = json_dumps(kept, 0);
    assert_null(strstr(text, "hush"));
    assert_non_null(strstr(text, "\"hook\""));
    free(text);
    json_t *after = opened(w, &HERE, kept);
    assert_true(json_equal(after, before));
    json_decref(after);
    json_decref(kept);
    json_decref(before);
}

static void test_it_opens_for_no_other_run_and_no_other_step(void **state)
{
    world *w = *state;
    const secret_place any = {"run-1", NULL}, other_run = {"run-2", NULL}, other_step = {"run-1", "2.7/4"};
    json_t *kept = sealed(w, NULL, parse("{\"Password\": \"hush\"}"));
    assert_null(opened(w, &other_run, kept));
    assert_null(opened(w, &other_step, kept));
    json_t *out = opened(w, &any, kept);
    assert_string_equal(json_string_value(json_object_get(out, "Password")), "hush");
    json_decref(out);
    json_decref(kept);
}

static void test_it_was_moved_to_another_step_and_does_not_open(void **state)
{
    world *w = *state;
    const secret_place any = {"run-1", NULL};
    json_t *kept = sealed(w, NULL, parse("{\"Password\": \"hush\"}")), *moved;
    char *text = strdup(json_string_value(json_object_get(kept, "Password")));
    rip_error err;
    text[strlen("(sealed 2.7/")] = '4';
    moved = json_string(text);
    json_t *out = NULL;
    assert_int_equal(secret_open(w->journal, &any, moved, &out, &err), RIP_EDENIED);
    assert_null(out);
    free(text);
    json_decref(moved);
    json_decref(kept);
}

static void test_what_only_looks_sealed_is_sealed_and_comes_back_as_it_was(void **state)
{
    world *w = *state;
    json_t *before = parse("{\"Description\": \"(sealed 2.7/3 AAAA)\", \"Tags\": [\"(sealed \", \"(secret x)\"]}");
    json_t *kept = sealed(w, w->configuration, json_incref(before)), *after = opened(w, &HERE, kept);
    assert_false(json_equal(kept, before));
    assert_true(json_equal(after, before));
    json_decref(after);
    json_decref(kept);
    json_decref(before);
}

static void test_what_is_sealed_or_a_digest_already_stays(void **state)
{
    world *w = *state;
    json_t *plain = parse("{\"Password\": \"hush\", \"SecretString\": {\"$reply\": \"a.b\"}}");
    json_t *digests = secret_mask(w->journal, NULL, plain, NULL), *again = sealed(w, NULL, json_incref(digests));
    assert_true(json_equal(again, digests));
    assert_true(secret_lost(w->journal, again));
    json_decref(again);
    json_decref(digests);
    json_t *kept = sealed(w, NULL, plain);
    assert_false(secret_lost(w->journal, kept));
    assert_true(json_is_object(json_object_get(kept, "SecretString")));
    again = sealed(w, NULL, json_incref(kept));
    assert_true(json_equal(again, kept));
    json_decref(again);
    json_decref(kept);
}

static void test_a_secret_its_digest_and_its_seal_are_the_same_and_another_is_not(void **state)
{
    world *w = *state;
    static const char DEFINITION[] =
        "{\"containerDefinitions\": [{\"environment\": [{\"name\": \"A\", \"value\": "
        "\"1\"}, {\"name\": \"B\", \"value\": \"2\"}]}]}";
    json_t *plain = parse(DEFINITION), *digest = secret_mask(w->journal, w->definition, plain, NULL);
    json_t *seal = sealed(w, w->definition, json_incref(plain));
    json_t *ways[3] = {plain, digest, seal}, *lists[3];
    json_t *turned = parse("[{\"value\": \"2\", \"name\": \"B\"}, {\"name\": \"A\", \"value\": \"1\"}]");
    json_t *other = parse("[{\"value\": \"2\", \"name\": \"B\"}, {\"name\": \"A\", \"value\": \"3\"}]");
    for (size_t i = 0; i < 3; i++)
        lists[i] = json_object_get(json_array_get(json_object_get(ways[i], "containerDefinitions"), 0), "environment");
    assert_true(json_is_string(lists[1]) && json_is_string(lists[2]));
    for (size_t i = 0; i < 9; i++) assert_true(secret_same(w->journal, "run-1", lists[i / 3], lists[i % 3]));
    for (size_t i = 0; i < 3; i++) {
        assert_true(secret_same(w->journal, "run-1", turned, lists[i]));
        assert_false(secret_same(w->journal, "run-1", other, lists[i]));
    }
    assert_false(secret_same(w->journal, "run-2", lists[2], lists[2])); /* it does not open there */
    json_decref(turned);
    json_decref(other);
    for (size_t i = 0; i < 3; i++) json_decref(ways[i]);
}

static void test_names_tell_of_secrets_however_they_are_written(void **state)
{
    (void)state;
    static const char *const SECRET[] = {
        "SecretString", "secret_access_key",  "AWS-SECRET-ACCESS-KEY", "sessionToken",      "Password",
        "_pass_word_",  "MasterUserPassword", "KeyMaterial",           "ecsEngineAuthData", "ADMIN_PASSWORD"};
    static const char *const PLAIN[] = {"",          "-",      "clusters",     "SecretId",
                                        "passwords", "tokens", "KeyMaterials", "uthToken"};
    for (size_t i = 0; i < sizeof SECRET / sizeof *SECRET; i++) {
        if (!secret_is_name(SECRET[i])) fail_msg("%s", SECRET[i]);
    }
    for (size_t i = 0; i < sizeof PLAIN / sizeof *PLAIN; i++) {
        if (secret_is_name(PLAIN[i])) fail_msg("%s", PLAIN[i]);
    }
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_what_models_and_names_tell_is_sealed_and_comes_back),
        ON(test_it_opens_for_no_other_run_and_no_other_step),
        ON(test_it_was_moved_to_another_step_and_does_not_open),
        ON(test_what_only_looks_sealed_is_sealed_and_comes_back_as_it_was),
        ON(test_what_is_sealed_or_a_digest_already_stays),
        ON(test_a_secret_its_digest_and_its_seal_are_the_same_and_another_is_not),
        cmocka_unit_test(test_names_tell_of_secrets_however_they_are_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
