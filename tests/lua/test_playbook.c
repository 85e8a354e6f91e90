#include "box.h"

#include <unistd.h>

#include "lua/datafile.h"
#include "lua/playbook.h"

static char path[] = "/tmp/riposte-playbook-XXXXXX";

static int make_file(void **state)
{
    (void)state;
    int fd = mkstemp(path);
    return fd < 0 ? -1 : close(fd);
}

static int remove_file(void **state)
{
    (void)state;
    return unlink(path);
}

static void note(void *data, const rip_playbook_mistake *mistake)
{
    rip_buffer_printf(data, "%u:%u: %s: %s\n", mistake->line, mistake->column, mistake->field, mistake->message);
}

static rip_status load(const char *text, rip_buffer *mistakes, rip_playbook **out, rip_error *err)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return rip_playbook_load(path, note, mistakes, out, err);
}

#define WELL "name = 'a', trigger = { source = { 'aws.guardduty' } }, permissions = { 'ecs:DeleteCluster' }, "

static void test_a_header_is_read_without_running_run(void **state)
{
    (void)state;
    rip_buffer mistakes = {0};
    rip_playbook *playbook = NULL;
    rip_error err;
    if (load("return { " WELL "about = 'b', mode = 'approve', limits = { changes = 5, time = '20m' }, lock = 'l',\n"
             "run = function() error('ran') end }",
             &mistakes, &playbook, &err) != RIP_OK)
        fail_msg("%s", err.message);
    assert_string_equal(playbook->name, "a");
    assert_string_equal(playbook->about, "b");
    assert_string_equal(playbook->mode, "approve");
    assert_string_equal(playbook->trigger, "{\"source\":[\"aws.guardduty\"]}");
    assert_int_equal(playbook->limit_changes, 5);
    assert_int_equal(playbook->limit_time_ms, 1200000);
    assert_int_equal(json_array_size(playbook->permissions), 1);
    unsigned line = 0, column = 0;
    assert_true(rip_playbook_place(playbook, "run", &line, &column));
    assert_int_equal(line, 2);
    rip_playbook_keys keys;
    assert_int_equal(rip_playbook_read_keys(playbook, NULL, &keys, &err), RIP_OK);
    assert_string_equal(keys.lock, "l");
    assert_null(keys.correlate);
    rip_playbook_keys_free(&keys);
    rip_playbook_free(playbook);
    rip_buffer_free(&mistakes);
}

static void test_every_mistake_is_told_with_its_place_in_the_order_of_the_file(void **state)
{
    (void)state;
    rip_buffer mistakes = {0};
    rip_playbook *playbook = NULL;
    rip_error err;
    assert_int_equal(
        load("return {\n  name = 'A b',\n  triger = {},\n  permissions = {\n    'ecs:List*',\n    'ecs',\n  },\n"
             "  mode = 'yolo',\n  limits = { changes = 0, tme = 1 },\n  about = print,\n}\n",
             &mistakes, &playbook, &err),
        RIP_EINVAL);
    assert_null(playbook);
    assert_string_equal(
        mistakes.data,
        "1:8: run: expected a function(finding, run)\n"
        "1:8: trigger: expected an EventBridge event pattern: a table with named fields: it is missing\n"
        "2:3: name: expected up to 64 lower-case letters, digits, '-', '.' and '_'\n"
        "3:3: triger: there is no such field; did you mean trigger\n"
        "6:5: permissions[2]: expected an IAM action with its service, such as \"ecs:DeleteCluster\" or \"ecs:Describe*\"\n"
        "8:3: mode: expected observe, dry-run, approve or enforce, found yolo\n"
        "9:14: limits.changes: expected a whole number from 1 to 1000000\n"
        "9:27: limits.tme: there is no such limit; did you mean time\n"
        "10:3: about: expected a plain value, found a function\n");
    assert_non_null(strstr(err.message, ":1:8: run: expected a function"));
    rip_buffer_free(&mistakes);
}

/* By time or by instructions, whichever is over first. */
static void test_a_file_that_loads_without_end_is_given_up(void **state)
{
    (void)state;
    rip_buffer mistakes = {0};
    rip_playbook *playbook = NULL;
    rip_error err = {RIP_OK, ""};
    assert_int_equal(load("while true do end", &mistakes, &playbook, &err), RIP_ELIMIT);
    if (!strstr(err.message, "worked too long") && !strstr(err.message, "10000000 instructions"))
        fail_msg("%s", err.message);
    rip_buffer_free(&mistakes);
}

static void test_a_file_that_is_no_playbook_says_why(void **state)
{
    (void)state;
    static const char *const WRONG[][2] = {
        {"return 1", "expected the file to return a table"},
        {"", "expected the file to return a table"},
        {"return {", ":1:"},
        {"error('at the top')", "at the top"},
        {"local s = 'x' while true do s = s .. s end", "out of memory"},
        {"coroutine.yield()", "outside a coroutine"},
        {"return { " WELL "run = 1 }", "run"},
        {"return { " WELL "limits = { time = 1e300 }, run = print }", "limits.time"},
        {"return setmetatable({}, {__index = { " WELL "run = print }})", "name"},
    };
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) {
        rip_buffer mistakes = {0};
        rip_playbook *playbook = NULL;
        rip_error err = {RIP_OK, ""};
        assert_int_not_equal(load(WRONG[i][0], &mistakes, &playbook, &err), RIP_OK);
        if (!strstr(err.message, WRONG[i][1])) fail_msg("%s: %s", WRONG[i][0], err.message);
        assert_true(mistakes.len > 0);
        rip_buffer_free(&mistakes);
    }
}

static void test_lock_and_correlation_can_be_worked_out_from_the_finding(void **state)
{
    (void)state;
    rip_buffer mistakes = {0};
    rip_playbook *playbook = NULL;
    rip_error err;
    json_t *finding = json_pack("{s:s}", "account", "123456789012");
    assert_int_equal(load("return { " WELL "lock = function(f) return f.account and f.account .. '/x' end, "
                          "correlate = function() return 'c' end, run = print }",
                          &mistakes, &playbook, &err),
                     RIP_OK);
    rip_playbook_keys keys;
    assert_int_equal(rip_playbook_read_keys(playbook, finding, &keys, &err), RIP_OK);
    assert_string_equal(keys.lock, "123456789012/x");
    assert_string_equal(keys.correlate, "c");
    rip_playbook_keys_free(&keys);
    json_object_clear(finding);
    assert_int_equal(rip_playbook_read_keys(playbook, finding, &keys, &err), RIP_OK);
    assert_null(keys.lock);
    rip_playbook_keys_free(&keys);
    rip_playbook_free(playbook);
    assert_int_equal(
        load("return { " WELL "lock = function() return {} end, run = print }", &mistakes, &playbook, &err), RIP_OK);
    assert_int_equal(rip_playbook_read_keys(playbook, finding, &keys, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "lock: "));
    rip_playbook_free(playbook);
    json_decref(finding);
    rip_buffer_free(&mistakes);
}

static void test_a_data_file_gives_plain_values(void **state)
{
    (void)state;
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs("local list = {} for i = 1, 3 do list[i] = i end return { list = list }", file);
    fclose(file);
    json_t *json = NULL;
    rip_error err;
    assert_int_equal(rip_datafile_load(path, &json, &err), RIP_OK);
    assert_int_equal(json_array_size(json_object_get(json, "list")), 3);
    json_decref(json);
    assert_int_equal(rip_datafile_load("/nowhere/x.lua", &json, &err), RIP_ENOTFOUND);
    assert_null(json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_header_is_read_without_running_run),
        cmocka_unit_test(test_every_mistake_is_told_with_its_place_in_the_order_of_the_file),
        cmocka_unit_test(test_a_file_that_loads_without_end_is_given_up),
        cmocka_unit_test(test_a_file_that_is_no_playbook_says_why),
        cmocka_unit_test(test_lock_and_correlation_can_be_worked_out_from_the_finding),
        cmocka_unit_test(test_a_data_file_gives_plain_values),
    };
    return cmocka_run_group_tests(tests, make_file, remove_file);
}
