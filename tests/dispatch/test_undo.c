/* Which changes of a run are taken back, and by what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/dispatch/undo.h"

typedef struct world {
    aws_models *models;
    json_t *steps;
    journal *journal;
} world;

static int setup(void **state)
{
    static world w;
    rip_error err;
    const char *const folders[] = {"aws/model"};
    w.steps = json_array();
    *state = &w;
    if (journal_open_memory(&w.journal, &err) != RIP_OK) return -1;
    return aws_models_new(folders, 1, &w.models, &err) == RIP_OK ? 0 : -1;
}

static int teardown(void **state)
{
    world *w = *state;
    aws_models_free(w->models);
    journal_close(w->journal);
    json_decref(w->steps);
    return 0;
}

/* A change of the first fiber that deregisters what its reply names. */
static void change(world *w, int number, int order, const char *outcome, const char *family)
{
    json_array_append_new(
        w->steps, json_pack("{s:s, s:i, s:s, s:b, s:i, s:s, s:{s:s, s:s, s:{s:s}}, s:[{s:s, s:s, s:{}}]}", "path", "",
                            "number", number, "kind", "aws", "is_change", 1, "order", order, "outcome", outcome,
                            "request", "service", "ecs", "operation", "RegisterTaskDefinition", "params", "family",
                            family, "undo", "service", "ecs", "operation", "DeregisterTaskDefinition", "params"));
}

static void settled(world *w, int number, const char *step, bool happened, json_t *reply)
{
    json_array_append_new(w->steps, json_pack("{s:s, s:i, s:s, s:b, s:s, s:{s:s, s:b, s:o*}}", "path", "", "number",
                                              number, "kind", "settled", "is_change", 0, "outcome", "done", "request",
                                              "step", step, "happened", (int)happened, "reply", reply));
}

/* The record of the undo of a run with these steps. */
static json_t *undo_with(world *w, const char *lock)
{
    rip_error err;
    json_t *whole = json_pack("{s:{s:s, s:s*}, s:O}", "record", "id", "run-1", "lock", lock, "steps", w->steps),
           *out = NULL;
    undo_order order = {whole, NULL, "enforce", 1000, w->journal};
    if (undo_record(&order, w->models, &out, &err) != RIP_OK) fail_msg("%s", err.message);
    json_decref(whole);
    return out;
}

/* The families of the changes that would be taken back, in order. */
static json_t *undone(world *w, json_t **record)
{
    json_t *out = undo_with(w, NULL);
    json_t *families = json_array(), *entry;
    size_t i;
    json_array_foreach (json_object_get(out, "undo"), i, entry)
        json_array_append(families, json_object_get(json_object_get(entry, "params"), "family"));
    *record = out;
    return families;
}

static void expect(world *w, const char *families, json_t **record)
{
    json_t *found = undone(w, record), *wanted = json_loads(families, 0, NULL);
    if (!json_equal(found, wanted)) fail_msg("expected %s, found %s", families, json_dumps(found, 0));
    json_decref(found);
    json_decref(wanted);
}

static void test_what_was_made_last_is_taken_back_first(void **state)
{
    world *w = *state;
    json_t *record = NULL;
    change(w, 1, 2, "done", "second");
    change(w, 2, 3, "failed", "refused by AWS");
    change(w, 3, 4, "done", "third");
    change(w, 4, 1, "done", "first");
    expect(w, "[\"third\", \"second\", \"first\"]", &record);
    assert_non_null(strstr(json_string_value(json_object_get(record, "text")), "ecs:DeregisterTaskDefinition"));
    json_decref(record);
}

static void test_two_undos_of_a_run_never_go_on_at_once(void **state)
{
    world *w = *state;
    change(w, 1, 1, "done", "web");
    json_t *without = undo_with(w, NULL), *with = undo_with(w, "123456789012");
    assert_string_equal(json_string_value(json_object_get(without, "lock")), "undo run-1");
    assert_string_equal(json_string_value(json_object_get(with, "lock")), "123456789012");
    json_decref(without);
    json_decref(with);
}

static void test_a_change_that_happened_after_all_is_taken_back_with_the_reply_that_was_found(void **state)
{
    world *w = *state;
    json_t *record = NULL;
    change(w, 1, 1, "uncertain", "happened");
    settled(w, 2, "1", true, json_pack("{s:s}", "found", "arn"));
    change(w, 3, 3, "uncertain", "did not");
    settled(w, 4, "3", false, NULL);
    change(w, 5, 5, "uncertain", "nobody knows");
    expect(w, "[\"nobody knows\", \"happened\"]", &record);
    const json_t *entries = json_object_get(record, "undo"), *happened = json_array_get(entries, 1);
    assert_string_equal(json_string_value(json_object_get(happened, "outcome")), "done");
    assert_string_equal(json_string_value(json_object_get(json_object_get(happened, "reply"), "found")), "arn");
    assert_string_equal(json_string_value(json_object_get(json_array_get(entries, 0), "outcome")), "uncertain");
    json_decref(record);
}

static void test_a_change_that_failed_without_an_answer_is_asked_of_the_world(void **state)
{
    world *w = *state;
    json_t *record = NULL;
    change(w, 1, 1, "failed", "refused by AWS");
    change(w, 2, 2, "failed", "the connection broke");
    json_object_set_new(json_array_get(w->steps, 1), "reply",
                        json_pack("{s:s, s:b}", "code", "ConnectionError", "sent_before", 1));
    expect(w, "[\"the connection broke\"]", &record);
    const json_t *entry = json_array_get(json_object_get(record, "undo"), 0);
    assert_string_equal(json_string_value(json_object_get(entry, "outcome")), "uncertain");
    json_decref(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_undos_of_a_run_never_go_on_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_change_that_failed_without_an_answer_is_asked_of_the_world, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_what_was_made_last_is_taken_back_first, setup, teardown),
        cmocka_unit_test_setup_teardown(
            test_a_change_that_happened_after_all_is_taken_back_with_the_reply_that_was_found, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
