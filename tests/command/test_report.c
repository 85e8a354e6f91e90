/* What a person reads of a run: hostile strings are shown, never obeyed; no line is wider than a terminal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/command/report.h"

static char *shown(const json_t *run, bool every)
{
    char *text = NULL;
    size_t len = 0;
    FILE *out = tmpfile();
    assert_non_null(out);
    report_run(out, run, every);
    len = (size_t)ftell(out);
    rewind(out);
    text = calloc(1, len + 1);
    assert_non_null(text);
    assert_int_equal(fread(text, 1, len, out), len);
    fclose(out);
    return text;
}

static json_t *change(const char *operation, const char *state, json_t *params)
{
    return json_pack("{s:s, s:s, s:i, s:i, s:s, s:o}", "operation", operation, "phase", "contain", "at", 10, "ms", 5,
                     "state", state, "params", params);
}

static json_t *run_with(json_t *changes)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i, s:i, s:i, s:o}", "id", "run-1", "playbook", "contain", "mode",
                     "enforce", "outcome", "done", "started", 0, "finished", 1500, "reads", 3, "changes", changes);
}

static void test_changes_of_a_kind_are_one_line_with_their_count(void **state)
{
    (void)state;
    json_t *changes = json_array();
    for (int i = 0; i < 5; i++) {
        json_t *each =
            change("ecs:DeleteCluster", "done", json_pack("{s:s}", "cluster", "arn:aws:ecs:us-east-1:1:cluster/rogue"));
        json_object_set_new(each, "undo", json_array());
        json_array_append_new(changes, each);
    }
    json_t *run = run_with(changes);
    char *text = shown(run, false);
    assert_non_null(strstr(text, "ecs:DeleteCluster ×5"));
    assert_non_null(strstr(text, "can be undone"));
    assert_non_null(strstr(text, "5 changes, 3 reads, 1.5 s"));
    free(text);
    json_decref(run);
}

static void test_a_plan_shows_beside_each_change_whether_it_would_be_allowed(void **state)
{
    (void)state;
    static const char *const VERDICTS[] = {"allowed", "denied", "unknown"};
    json_t *changes = json_array();
    for (int i = 0; i < 3; i++) {
        json_t *each = change("ecs:DeleteCluster", "planned", json_pack("{s:s}", "cluster", "rogue"));
        json_object_set_new(each, "preflight", json_pack("{s:s, s:s}", "verdict", VERDICTS[i], "why", "IAM says so"));
        json_array_append_new(changes, each);
    }
    json_t *run = run_with(changes);
    for (int every = 0; every < 2; every++) {
        char *text = shown(run, every);
        assert_non_null(strstr(text, "permission proven"));
        assert_non_null(strstr(text, "would be refused: IAM says so"));
        assert_non_null(strstr(text, "permission not proven: IAM says so"));
        free(text);
    }
    json_decref(run);
}

static void test_what_cannot_be_undone_says_why(void **state)
{
    (void)state;
    json_t *each = change("ec2:TerminateInstances", "done", json_pack("{s:[s]}", "InstanceIds", "i-1"));
    json_object_set_new(each, "irreversible", json_string("a terminated instance does not come back"));
    json_t *run = run_with(json_pack("[o]", each));
    char *text = shown(run, false);
    assert_non_null(strstr(text, "can't be undone: a terminated instance"));
    free(text);
    json_decref(run);
}

static void test_a_refused_change_names_its_guard(void **state)
{
    (void)state;
    json_t *each = change("iam:DeleteUser", "refused", json_object());
    json_object_set_new(each, "error", json_pack("{s:s, s:s}", "code", "Guard.Permission", "message", "not declared"));
    json_t *run = run_with(json_pack("[o]", each));
    char *text = shown(run, false);
    assert_non_null(strstr(text, "Guard.Permission"));
    assert_non_null(strstr(text, "not declared"));
    assert_non_null(strstr(text, "1 refused"));
    free(text);
    json_decref(run);
}

static void test_control_characters_of_an_attacker_are_shown_not_obeyed(void **state)
{
    (void)state;
    json_t *run =
        run_with(json_pack("[o]", change("ecs:DeleteCluster", "done", json_pack("{s:s}", "cluster", "\x1b[2Jx\ny"))));
    json_object_set_new(run, "left_alone", json_pack("[{s:s, s:s}]", "what", "a\x1b]0;owned\x07", "why", "b\r\nc"));
    for (int every = 0; every < 2; every++) {
        char *text = shown(run, every);
        assert_null(strchr(text, '\x1b'));
        assert_null(strchr(text, '\x07'));
        assert_null(strchr(text, '\r'));
        free(text);
    }
    json_decref(run);
}

static void test_each_phase_is_told_once_in_the_order_in_which_it_began(void **state)
{
    (void)state;
    json_t *changes = json_array();
    static const char *const PHASES[] = {"credentials", "running", "credentials"};
    static const char *const OPERATIONS[] = {"iam:PutUserPolicy", "ecs:StopTask", "iam:UpdateAccessKey"};
    for (size_t i = 0; i < 3; i++) {
        json_t *each = change(OPERATIONS[i], "done", json_object());
        json_object_set_new(each, "phase", json_string(PHASES[i]));
        json_array_append_new(changes, each);
    }
    json_t *run = run_with(changes);
    char *text = shown(run, false);
    const char *first = strstr(text, "credentials"), *key = strstr(text, "iam:UpdateAccessKey"),
               *second = strstr(text, "running");
    assert_non_null(first);
    assert_true(first < key && key < second);
    assert_null(strstr(second, "credentials"));
    free(text);
    json_decref(run);
}

static void test_a_change_is_named_by_what_it_is_about_not_by_its_documents(void **state)
{
    (void)state;
    json_t *params = json_pack("{s:s, s:s, s:s}", "PolicyDocument", "{\"Version\":\"2012-10-17\"}", "PolicyName",
                               "RiposteDenyAll", "UserName", "ci-deploy");
    json_t *run = run_with(json_pack("[o]", change("iam:PutUserPolicy", "done", params)));
    char *text = shown(run, false);
    assert_non_null(strstr(text, "ci-deploy"));
    assert_null(strstr(text, "2012-10-17"));
    free(text);
    json_decref(run);
}

/* The parameters stay JSON that can be copied, whatever is in their texts. */
static void expect_params(json_t *params, const char *const *lines)
{
    json_t *run = run_with(json_pack("[o]", change("ecs:UpdateService", "planned", json_incref(params))));
    char *text = shown(run, true), *from = strchr(strstr(text, "planned"), '\n');
    for (; *lines; lines++) {
        if (!strstr(text, *lines)) fail_msg("no line %s in %s", *lines, text);
    }
    json_t *read = json_loads(from, JSON_DISABLE_EOF_CHECK, NULL);
    if (!json_equal(read, params)) fail_msg("not the same parameters: %s", text);
    json_decref(read);
    free(text);
    json_decref(params);
    json_decref(run);
}

static void test_small_parameters_are_one_line(void **state)
{
    (void)state;
    static const char *const LINES[] = {"\n             {\"cluster\": \"a b\", \"count\": 1}\n", NULL};
    expect_params(json_pack("{s:s, s:i}", "cluster", "a b", "count", 1), LINES);
}

static void test_large_parameters_are_a_list_whose_texts_stay_whole(void **state)
{
    (void)state;
    static const char *const LINES[] = {
        "\n             {\n               \"cluster\": \"prod\",\n",
        "\"reason\": \"this is one text of many words, ",
        "more than the terminal has columns for, and it has to stay on its line\",\n",
        "\n               \"network\": {\n                 \"subnets\": [\"subnet-0123456789abcdef0\",",
        "\n               }\n",
        NULL};
    expect_params(json_pack("{s:s, s:s, s:{s:[s, s], s:s}}", "cluster", "prod", "reason",
                            "this is one text of many words, more than the terminal has columns for, and it has to "
                            "stay on its line",
                            "network", "subnets", "subnet-0123456789abcdef0", "subnet-1", "assignPublicIp",
                            "a text with spaces in it"),
                  LINES);
}

static void test_parameters_that_nest_without_end_are_shown_in_time(void **state)
{
    (void)state;
    json_t *params = json_object();
    for (int i = 0; i < 1500; i++) params = json_pack("{s:o, s:s}", "in", params, "text", "of some length");
    json_t *run = run_with(json_pack("[o]", change("ecs:UpdateService", "planned", params)));
    char *text = shown(run, true);
    assert_non_null(strstr(text, " …\n"));
    free(text);
    json_decref(run);
}

static void test_no_line_is_wider_than_80_columns(void **state)
{
    (void)state;
    json_t *each =
        change("ec2:ModifyInstanceMetadataOptions", "done",
               json_pack("{s:s}", "InstanceId", "arn:aws:ec2:us-east-1:123456789012:instance/i-0123456789abcdef0"));
    json_object_set_new(
        each, "irreversible",
        json_string("what it was before cannot be known any more since the reply of the service did not "
                    "tell and nobody asked in time"));
    json_t *run = run_with(json_pack("[o]", each));
    char *text = shown(run, false);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        size_t columns = 0;
        for (const char *p = line; *p; p++) columns += ((unsigned char)*p & 0xC0) != 0x80;
        if (columns > 80) fail_msg("%zu columns: %s", columns, line);
    }
    free(text);
    json_decref(run);
}

static void test_spans_read_as_people_say_them(void **state)
{
    (void)state;
    char text[32];
    report_span(412, text);
    assert_string_equal(text, "412 ms");
    report_span(33200, text);
    assert_string_equal(text, "33.2 s");
    report_span(250000, text);
    assert_string_equal(text, "4 min 10 s");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes_of_a_kind_are_one_line_with_their_count),
        cmocka_unit_test(test_a_plan_shows_beside_each_change_whether_it_would_be_allowed),
        cmocka_unit_test(test_what_cannot_be_undone_says_why),
        cmocka_unit_test(test_a_refused_change_names_its_guard),
        cmocka_unit_test(test_control_characters_of_an_attacker_are_shown_not_obeyed),
        cmocka_unit_test(test_each_phase_is_told_once_in_the_order_in_which_it_began),
        cmocka_unit_test(test_a_change_is_named_by_what_it_is_about_not_by_its_documents),
        cmocka_unit_test(test_small_parameters_are_one_line),
        cmocka_unit_test(test_large_parameters_are_a_list_whose_texts_stay_whole),
        cmocka_unit_test(test_parameters_that_nest_without_end_are_shown_in_time),
        cmocka_unit_test(test_no_line_is_wider_than_80_columns),
        cmocka_unit_test(test_spans_read_as_people_say_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
