#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"
#include "engine/base/log.h"
#include "engine/dispatch/suppress.h"

/* A configuration whose only list is a JSON array. */
struct rip_config {
    json_t *rows;
};

size_t rip_config_rows(const rip_config *config, const char *key)
{
    assert_string_equal(key, "suppressions");
    return json_array_size(config->rows);
}

const json_t *rip_config_cell_json(const rip_config *config, const char *key, size_t row, const char *column)
{
    (void)key;
    return json_object_get(json_array_get(config->rows, row), column);
}

const char *rip_config_cell(const rip_config *config, const char *key, size_t row, const char *column)
{
    return json_string_value(rip_config_cell_json(config, key, row, column));
}

bool rip_config_place(const rip_config *config, const char *key, size_t row, const char *column, unsigned *line,
                      unsigned *at)
{
    (void)config, (void)key, (void)column;
    *line = (unsigned)row + 10;
    *at = 5;
    return true;
}

const char *rip_config_origin(const rip_config *config, const char *key)
{
    (void)config, (void)key;
    return "riposte.yaml:9";
}

static void on_mistake(void *data, const rip_error *mistake)
{
    rip_buffer_printf(data, "%s\n", mistake->message);
}

static suppressions *make(const char *rows, rip_buffer *told)
{
    rip_error err;
    suppressions *set = NULL;
    rip_config config = {json_loads(rows, 0, NULL)};
    assert_non_null(config.rows);
    rip_status status = suppressions_new(&config, "suppressions", on_mistake, told, &set, &err);
    assert_int_equal(status, told->len ? RIP_EINVAL : RIP_OK);
    json_decref(config.rows);
    return set;
}

static const char *ask(suppressions *set, const char *event, const char *at)
{
    rip_error err;
    int64_t now = 0;
    const suppression *by = NULL;
    assert_true(rip_time_parse(at, &now));
    assert_int_equal(suppressions_match(set, event, strlen(event), now, "test", &by, &err), RIP_OK);
    return by ? by->name : NULL;
}

static const char ROWS[] =
    "[{\"name\":\"scanner\",\"pattern\":{\"detail\":{\"ip\":[{\"cidr\":\"10.0.0.0/8\"}]}},"
    "\"reason\":\"our own scanner\",\"expires\":\"2026-12-31\"},"
    "{\"name\":\"dev\",\"pattern\":{\"account\":[\"1\"]},\"reason\":\"a playground\"}]";

static void test_an_event_that_matches_is_suppressed_and_counted(void **state)
{
    (void)state;
    rip_buffer told = {0};
    suppressions *set = make(ROWS, &told);
    assert_string_equal(ask(set, "{\"detail\":{\"ip\":\"10.1.1.1\"}}", "2026-11-01T00:00:00Z"), "scanner");
    assert_string_equal(ask(set, "{\"account\":\"1\",\"detail\":{\"ip\":\"10.1.1.1\"}}", "2026-11-01T00:00:00Z"),
                        "scanner");
    assert_null(ask(set, "{\"detail\":{\"ip\":\"11.1.1.1\"}}", "2026-11-01T00:00:00Z"));
    assert_int_equal(suppressions_count(set), 2);
    assert_int_equal(suppressions_at(set, 0)->acted, 2);
    assert_int_equal(suppressions_at(set, 1)->acted, 0);
    suppressions_free(set);
}

static void test_a_suppression_ends_when_it_expires(void **state)
{
    (void)state;
    rip_buffer told = {0};
    const char *event = "{\"detail\":{\"ip\":\"10.1.1.1\"}}";
    suppressions *set = make(ROWS, &told);
    assert_string_equal(ask(set, event, "2026-12-30T23:59:59.999Z"), "scanner");
    assert_null(ask(set, event, "2026-12-31T00:00:00Z"));
    assert_null(ask(set, event, "2026-12-30T00:00:00Z")); /* also if the clock is set back */
    assert_string_equal(ask(set, "{\"account\":\"1\"}", "2030-01-01T00:00:00Z"), "dev");
    suppressions_free(set);
}

static void test_what_acts_and_what_expires_is_logged(void **state)
{
    (void)state;
    rip_buffer told = {0};
    char *text = NULL;
    size_t len = 0;
    FILE *log = open_memstream(&text, &len);
    assert_non_null(log);
    rip_log_open(log, RIP_LOG_JSON, RIP_LOG_INFO);
    suppressions *set = make(ROWS, &told);
    ask(set, "{\"detail\":{\"ip\":\"10.1.1.1\"}}", "2026-11-01T00:00:00Z");
    ask(set, "{}", "2027-01-01T00:00:00Z");
    suppressions_free(set);
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_WARN);
    fclose(log);
    assert_non_null(strstr(text, "finding.suppressed"));
    assert_non_null(strstr(text, "our own scanner"));
    assert_non_null(strstr(text, "suppression.expired"));
    free(text);
}

static void test_mistakes_are_told_with_their_place(void **state)
{
    (void)state;
    rip_buffer told = {0};
    rip_buffer_puts(&told, "-\n");
    suppressions *set = make(
        "[{\"name\":\"a\",\"pattern\":{\"k\":[{\"prefx\":1}]},\"reason\":\"r\"},"
        "{\"name\":\"a\",\"pattern\":{\"k\":[1]},\"reason\":\"\",\"expires\":\"soon\"},{}]",
        &told);
    assert_null(set);
    static const char *const EXPECTED[] = {
        "riposte.yaml:10:5: suppressions[1].pattern.k[1].prefx: there is no match expression",
        "suppressions[2].name: another suppression has this name", "suppressions[2].reason: it is missing",
        "suppressions[2].expires: expected a date", "suppressions[3].pattern: it is missing"};
    for (size_t i = 0; i < sizeof EXPECTED / sizeof *EXPECTED; i++) {
        if (!strstr(told.data, EXPECTED[i])) fail_msg("\"%s\" is not in\n%s", EXPECTED[i], told.data);
    }
    rip_buffer_free(&told);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_event_that_matches_is_suppressed_and_counted),
        cmocka_unit_test(test_a_suppression_ends_when_it_expires),
        cmocka_unit_test(test_what_acts_and_what_expires_is_logged),
        cmocka_unit_test(test_mistakes_are_told_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
