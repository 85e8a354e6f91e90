/* The configuration: what is right is set, and every mistake is told at its place. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/base/config.h"
#include "engine/base/data.h"
#include "engine/base/units.h"

static void collect(void *data, const rip_error *mistake)
{
    rip_buffer *all = data;
    rip_buffer_printf(all, "%s\n", mistake->message);
}

/* Parse and give the mistakes, one a line; "" for none. The caller frees them. */
static char *mistakes_of(rip_config *config, const char *yaml)
{
    rip_buffer all = {0};
    rip_error err = {RIP_OK, ""};
    rip_status status = rip_config_parse(config, "r.yaml", yaml, strlen(yaml), collect, &all, &err);
    assert_int_equal(status == RIP_OK, all.len == 0);
    assert_int_equal(status, err.status);
    return rip_buffer_take(&all, NULL);
}

static void expect_mistake(const char *yaml, const char *expected)
{
    rip_config *config = rip_config_new();
    char *found = mistakes_of(config, yaml);
    if (!strstr(found, expected)) fail_msg("%s\nexpected: %s\nfound: %s", yaml, expected, found);
    free(found);
    rip_config_free(config);
}

static void expect_none(rip_config *config, const char *yaml)
{
    char *found = mistakes_of(config, yaml);
    if (*found) fail_msg("%s", found);
    free(found);
}

static void test_every_key_has_a_default(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    assert_string_equal(rip_config_string(config, "mode"), "dry-run");
    assert_int_equal(rip_config_integer(config, "limits.changes"), 1000);
    assert_int_equal(rip_config_duration(config, "limits.run_time"), 3600000);
    assert_int_equal(rip_config_size(config, "limits.run_memory"), (uint64_t)64 << 20);
    size_t count = 7;
    rip_config_strings(config, "playbooks", &count);
    assert_int_equal(count, 0);
    assert_int_equal(rip_config_rows(config, "suppressions"), 0);
    assert_string_equal(rip_config_origin(config, "mode"), "");
    rip_config_free(config);
}

static void test_a_file_sets_values_of_every_type(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    expect_none(config,
                "mode: enforce\n"
                "playbooks: [a.lua, \"b c.lua\"]\n"
                "limits:\n"
                "  run_time: 20m\n"
                "  run_memory: 128MiB\n"
                "protect:\n"
                "  tags:\n"
                "    - {key: env, value: prod*}\n"
                "    - key: owner\n");
    assert_string_equal(rip_config_string(config, "mode"), "enforce");
    size_t count;
    const char *const *books = rip_config_strings(config, "playbooks", &count);
    assert_int_equal(count, 2);
    assert_string_equal(books[1], "b c.lua");
    assert_int_equal(rip_config_duration(config, "limits.run_time"), 1200000);
    assert_int_equal(rip_config_size(config, "limits.run_memory"), (uint64_t)128 << 20);
    assert_int_equal(rip_config_rows(config, "protect.tags"), 2);
    assert_string_equal(rip_config_cell(config, "protect.tags", 0, "value"), "prod*");
    assert_null(rip_config_cell(config, "protect.tags", 1, "value"));
    assert_string_equal(rip_config_origin(config, "limits.run_time"), "r.yaml:4");
    rip_config_free(config);
}

static void test_a_document_keeps_numbers_booleans_and_quoted_text_apart(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    expect_none(config,
                "suppressions:\n"
                "  - name: scanner\n"
                "    reason: our own\n"
                "    expires: 2026-12-31\n"
                "    pattern:\n"
                "      source: [aws.guardduty]\n"
                "      detail: {severity: [1, 1.5, \"2\", true, null, {prefix: x}]}\n");
    json_t *wanted = json_pack("{s:[s], s:{s:[i, f, s, b, n, {s:s}]}}", "source", "aws.guardduty", "detail", "severity",
                               1, 1.5, "2", 1, "prefix", "x");
    assert_true(json_equal(rip_config_cell_json(config, "suppressions", 0, "pattern"), wanted));
    assert_string_equal(rip_config_cell(config, "suppressions", 0, "expires"), "2026-12-31");
    unsigned line, column;
    assert_true(rip_config_place(config, "suppressions", 0, "pattern", &line, &column));
    assert_int_equal(line, 6);
    json_decref(wanted);
    rip_config_free(config);
}

static void test_each_mistake_is_told_with_line_column_and_key(void **state)
{
    (void)state;
    expect_mistake("mode: enforced\n",
                   "r.yaml:1:7: mode: expected one of observe dry-run approve enforce, found enforced");
    expect_mistake("limits:\n  runs: many\n", "r.yaml:2:9: limits.runs: expected a whole number, found many");
    expect_mistake("limits:\n  runs: 0\n", "limits.runs: expected 1 to 10000, found 0");
    expect_mistake("limits:\n  run_time: soon\n", "limits.run_time: expected a span of time");
    expect_mistake("limits:\n  run_memory: 1KiB\n", "limits.run_memory: expected 1048576 bytes to");
    expect_mistake("playbooks: a.lua\n", "r.yaml:1:12: playbooks: expected a list of texts, found a text");
    expect_mistake("playbooks: [a, [b]]\n", "playbooks: entry 2: expected a text, found a list");
    expect_mistake("mode: [enforce]\n", "mode: expected one value, found a list");
    expect_mistake("limits: 3\n", "r.yaml:1:9: limits: expected a table, found a text");
    expect_mistake("protect:\n  tags:\n    - value: x\n", "r.yaml:3:7: protect.tags: key is missing");
    expect_mistake("protect:\n  tags: [x]\n", "protect.tags: expected a table, found a text");
    expect_mistake("- a\n", "r.yaml:1:1: expected a table of settings, found a list");
}

static void test_an_unknown_key_comes_with_a_suggestion(void **state)
{
    (void)state;
    expect_mistake("limits:\n  chnges: 3\n",
                   "r.yaml:2:3: limits.chnges: there is no such key; did you mean limits.changes");
    expect_mistake("limit:\n  changes: 3\n", "r.yaml:1:1: limit: there is no such key; did you mean limits");
    expect_mistake("protect:\n  tags:\n    - {key: a, valu: b}\n", "valu: there is no such column; did you mean value");
}

static void test_all_mistakes_are_told_and_what_is_right_is_set(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    char *found = mistakes_of(config, "mode: x\nlimits:\n  runs: 3\n  bad: 1\n");
    assert_non_null(strstr(found, "mode: "));
    assert_non_null(strstr(found, "limits.bad: "));
    assert_int_equal(rip_config_integer(config, "limits.runs"), 3);
    assert_string_equal(rip_config_string(config, "mode"), "dry-run");
    free(found);
    rip_config_free(config);
}

static void test_what_yaml_could_hide_behind_is_refused(void **state)
{
    (void)state;
    expect_mistake("mode: &a enforce\n", "anchors are not taken");
    expect_mistake("mode: *a\n", "aliases are not taken");
    expect_mistake("mode: !!str enforce\n", "tags are not taken");
    expect_mistake("mode: enforce\nmode: observe\n", "r.yaml:2:1: mode is given twice, first on line 1");
    expect_mistake("mode: enforce\n---\nmode: observe\n", "expected one document");
    expect_mistake("mode: [\n", "r.yaml:2:");
    expect_mistake("mode: \xff\xfe\n", "UTF-8");
    char deep[400];
    memset(deep, '[', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    expect_mistake(deep, "nests too deeply");
}

static void test_an_empty_file_changes_nothing(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    expect_none(config, "");
    expect_none(config, "# nothing\n");
    expect_none(config, "limits:\n");
    assert_string_equal(rip_config_string(config, "mode"), "dry-run");
    rip_config_free(config);
}

static void test_the_environment_overrides_the_file_and_flags_override_both(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    rip_error err;
    char mode[] = "RIPOSTE_MODE=approve", allow[] = "RIPOSTE_ACCOUNTS_ALLOW=111111111111, 222222222222",
         other[] = "PATH=/bin", elsewhere[] = "RIPOSTE_DATA_DIR=/x";
    char *const environment[] = {mode, allow, other, elsewhere, NULL};
    expect_none(config, "mode: enforce\n");
    assert_int_equal(rip_config_read_environment(config, environment, NULL, NULL, &err), RIP_OK);
    assert_string_equal(rip_config_string(config, "mode"), "approve");
    assert_string_equal(rip_config_origin(config, "mode"), "RIPOSTE_MODE");
    size_t count;
    assert_string_equal(rip_config_strings(config, "accounts.allow", &count)[1], "222222222222");
    assert_int_equal(rip_config_set(config, "mode", "observe", &err), RIP_OK);
    assert_string_equal(rip_config_string(config, "mode"), "observe");
    assert_string_equal(rip_config_origin(config, "mode"), "--set");
    rip_config_free(config);
}

static void test_a_wrong_variable_is_told_with_a_suggestion(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    rip_error err;
    char typo[] = "RIPOSTE_LIMIT_CHANGES=3";
    char *const environment[] = {typo, NULL};
    assert_int_equal(rip_config_read_environment(config, environment, NULL, NULL, &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "RIPOSTE_LIMITS_CHANGES"));
    rip_config_free(config);
}

static void test_a_wrong_setting_is_told_and_changes_nothing(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    rip_error err;
    assert_int_equal(rip_config_set(config, "mod", "enforce", &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "did you mean mode"));
    assert_int_equal(rip_config_set(config, "mode", "x", &err), RIP_EINVAL);
    assert_int_equal(rip_config_set(config, "protect.tags", "[{\"value\": \"x\"}]", &err), RIP_EINVAL);
    assert_non_null(strstr(err.message, "key is missing"));
    assert_string_equal(rip_config_string(config, "mode"), "dry-run");
    assert_int_equal(rip_config_set(config, "protect.tags", "[{\"key\": \"env\"}]", &err), RIP_OK);
    assert_string_equal(rip_config_cell(config, "protect.tags", 0, "key"), "env");
    rip_config_free(config);
}

static void test_a_missing_file_is_told(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    rip_error err;
    assert_int_equal(rip_config_load(config, "/nowhere/riposte.yaml", NULL, NULL, &err), RIP_ENOTFOUND);
    assert_non_null(strstr(err.message, "/nowhere/riposte.yaml"));
    rip_config_free(config);
}

static void test_the_example_is_without_mistakes(void **state)
{
    (void)state;
    rip_config *config = rip_config_new();
    rip_error err;
    if (rip_config_load(config, "examples/riposte.yaml", NULL, NULL, &err) != RIP_OK) fail_msg("%s", err.message);
    rip_config_free(config);
}

static void test_the_manual_tells_of_every_key(void **state)
{
    (void)state;
    char *text = NULL;
    size_t len = 0, count;
    rip_error err;
    assert_int_equal(rip_read_file("docs/CONFIGURATION.md", (size_t)1 << 20, &text, &len, &err), RIP_OK);
    const rip_config_key *schema = rip_config_schema(&count);
    for (size_t i = 0; i < count; i++) {
        rip_buffer row = {0};
        rip_buffer_printf(&row, "| `%s` |", schema[i].name);
        if (!strstr(text, row.data)) fail_msg("docs/CONFIGURATION.md has no row %s", row.data);
        if (!strstr(text, schema[i].about))
            fail_msg("docs/CONFIGURATION.md tells something else of %s than: %s", schema[i].name, schema[i].about);
        rip_buffer_free(&row);
    }
    free(text);
}

static void test_spans_of_time_are_read_as_people_write_them(void **state)
{
    (void)state;
    int64_t ms;
    assert_true(rip_duration_parse("500ms", &ms) && ms == 500);
    assert_true(rip_duration_parse(" 1.5 h ", &ms) && ms == 5400000);
    assert_true(rip_duration_parse("20m", &ms) && ms == 1200000);
    assert_true(rip_duration_parse("7d", &ms) && ms == 604800000);
    assert_true(rip_duration_parse("30", &ms) && ms == 30000);
    static const char *const WRONG[] = {"", "m", "-5s", "5 weeks", "1e3", "99999999999d", "5s5", ".5s"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) assert_false(rip_duration_parse(WRONG[i], &ms));
}

static void test_sizes_are_read_as_people_write_them(void **state)
{
    (void)state;
    uint64_t bytes;
    assert_true(rip_size_parse("65536", &bytes) && bytes == 65536);
    assert_true(rip_size_parse("64MiB", &bytes) && bytes == (uint64_t)64 << 20);
    assert_true(rip_size_parse("1G", &bytes) && bytes == (uint64_t)1 << 30);
    static const char *const WRONG[] = {"", "MiB", "-1", "1.5MiB", "64MB", "99999999999999999999", "1TiB"};
    for (size_t i = 0; i < sizeof WRONG / sizeof *WRONG; i++) assert_false(rip_size_parse(WRONG[i], &bytes));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_key_has_a_default),
        cmocka_unit_test(test_a_file_sets_values_of_every_type),
        cmocka_unit_test(test_a_document_keeps_numbers_booleans_and_quoted_text_apart),
        cmocka_unit_test(test_each_mistake_is_told_with_line_column_and_key),
        cmocka_unit_test(test_an_unknown_key_comes_with_a_suggestion),
        cmocka_unit_test(test_all_mistakes_are_told_and_what_is_right_is_set),
        cmocka_unit_test(test_what_yaml_could_hide_behind_is_refused),
        cmocka_unit_test(test_an_empty_file_changes_nothing),
        cmocka_unit_test(test_the_environment_overrides_the_file_and_flags_override_both),
        cmocka_unit_test(test_a_wrong_variable_is_told_with_a_suggestion),
        cmocka_unit_test(test_a_wrong_setting_is_told_and_changes_nothing),
        cmocka_unit_test(test_a_missing_file_is_told),
        cmocka_unit_test(test_the_example_is_without_mistakes),
        cmocka_unit_test(test_the_manual_tells_of_every_key),
        cmocka_unit_test(test_spans_of_time_are_read_as_people_write_them),
        cmocka_unit_test(test_sizes_are_read_as_people_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
