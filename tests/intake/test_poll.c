/* Polling: what is asked for, how far it is known to have got, and that an outage loses nothing. */
#include "engine/intake/poll.h"
#include "tests/intake/desk.h"

#define MINUTE INT64_C(60000)
#define START INT64_C(1762092849000)
#define FINDINGS_MOST 400

/* A service with findings; pages of Security Hub's have 100, of GuardDuty's 50. */
static struct {
    struct {
        char id[32];
        int64_t updated;
    } findings[FINDINGS_MOST];
    size_t count;
    json_t *asked; /* {"operation", "params", "region", "account"} */
    unsigned fail;
} service;

static desk d;
static live_source *source;
static poll_options options;

static void put(const char *id, int64_t updated)
{
    assert_true(service.count < FINDINGS_MOST);
    snprintf(service.findings[service.count].id, sizeof service.findings->id, "%s", id);
    service.findings[service.count++].updated = updated;
}

static json_t *finding_json(size_t index)
{
    char at[32];
    rip_time_format(service.findings[index].updated, at);
    return json_pack("{s:s, s:s, s:f}", "Id", service.findings[index].id, "UpdatedAt", at, "Severity", 5.3);
}

/* Those within, from the token's index on; the token that goes on. */
static json_t *page(int64_t from, int64_t to, const char *token, size_t most, char next[32])
{
    json_t *found = json_array();
    next[0] = '\0';
    for (size_t i = token ? strtoul(token, NULL, 10) : 0; i < service.count; i++) {
        if (service.findings[i].updated < from || service.findings[i].updated > to) continue;
        if (json_array_size(found) == most) {
            snprintf(next, 32, "%zu", i);
            break;
        }
        json_array_append_new(found, json_integer((json_int_t)i));
    }
    return found;
}

static json_t *findings_of(json_t *indexes)
{
    json_t *findings = json_array(), *index;
    size_t i;
    json_array_foreach (indexes, i, index)
        json_array_append_new(findings, finding_json((size_t)json_integer_value(index)));
    json_decref(indexes);
    return findings;
}

static const char *text_at(const json_t *params, const char *key)
{
    return json_string_value(json_object_get(params, key));
}

static json_t *securityhub(const json_t *params)
{
    char next[32];
    int64_t from = 0, to = 0;
    const json_t *filters = json_object_get(params, "Filters");
    const json_t *updated = json_array_get(json_object_get(filters, "UpdatedAt"), 0);
    assert_true(rip_time_parse(text_at(updated, "Start"), &from) && rip_time_parse(text_at(updated, "End"), &to));
    json_t *findings = findings_of(page(from, to, text_at(params, "NextToken"), 100, next));
    return json_pack("{s:o, s:s*}", "Findings", findings, "NextToken", *next ? next : NULL);
}

static json_t *list_findings(const json_t *params)
{
    char next[32];
    const json_t *criterion = json_object_get(json_object_get(params, "FindingCriteria"), "Criterion");
    const json_t *updated = json_object_get(criterion, "updatedAt");
    json_t *indexes =
        page(json_integer_value(json_object_get(updated, "GreaterThanOrEqual")),
             json_integer_value(json_object_get(updated, "LessThanOrEqual")), text_at(params, "NextToken"), 50, next);
    json_t *ids = json_array(), *index;
    size_t i;
    json_array_foreach (indexes, i, index)
        json_array_append_new(ids, json_string(service.findings[json_integer_value(index)].id));
    json_decref(indexes);
    return json_pack("{s:o, s:s}", "FindingIds", ids, "NextToken", next);
}

static json_t *get_findings(const json_t *params)
{
    const json_t *ids = json_object_get(params, "FindingIds"), *id;
    json_t *indexes = json_array();
    size_t i;
    json_array_foreach (ids, i, id) {
        for (size_t k = 0; k < service.count; k++) {
            if (strcmp(service.findings[k].id, json_string_value(id)) == 0)
                json_array_append_new(indexes, json_integer((json_int_t)k));
        }
    }
    return json_pack("{s:o}", "Findings", findings_of(indexes));
}

static json_t *answer(void *data, const aws_attempt *attempt)
{
    (void)data;
    const char *operation = aws_operation_name(attempt->operation);
    const char *name = aws_service_name(aws_operation_service(attempt->operation));
    json_array_append_new(service.asked,
                          json_pack("{s:s, s:O, s:s, s:s}", "operation", operation, "params", attempt->params, "region",
                                    attempt->region, "account", attempt->account));
    if (service.fail && service.fail--) return json_pack("{s:s}", "$error", "InvalidAccessException");
    if (strcmp(name, "securityhub") == 0) return securityhub(attempt->params);
    if (strcmp(operation, "ListDetectors") == 0) return json_pack("{s:[s]}", "DetectorIds", "d1");
    assert_string_equal(text_at(attempt->params, "DetectorId"), "d1");
    return strcmp(operation, "ListFindings") == 0 ? list_findings(attempt->params) : get_findings(attempt->params);
}

static const json_t *asked(size_t index)
{
    return json_object_get(json_array_get(service.asked, index), "params");
}

/* What the call at `index` asked Security Hub for: the start of its window. */
static int64_t asked_from(size_t index)
{
    int64_t from = 0;
    const json_t *updated = json_array_get(json_object_get(json_object_get(asked(index), "Filters"), "UpdatedAt"), 0);
    assert_true(rip_time_parse(text_at(updated, "Start"), &from));
    return from;
}

static int64_t position(void)
{
    int64_t at = 0;
    const char *known = desk_text(source, "position");
    return *known && rip_time_parse(known, &at) ? at : -1;
}

static void start(void)
{
    rip_error err;
    assert_int_equal(poll_source_new(&options, &source, &err), RIP_OK);
    assert_int_equal(source->ops->start(source, &err), RIP_OK);
}

static void end(void)
{
    source->ops->free(source);
    source = NULL;
    d.held_count = 0;
}

static int setup(void **state)
{
    (void)state;
    memset(&service, 0, sizeof service);
    service.asked = json_array();
    desk_open(&d, answer, NULL);
    options = (poll_options){.kind = POLL_SECURITYHUB,
                             .region = "eu-west-1",
                             .client = d.client,
                             .clock = d.clock,
                             .journal = d.journal,
                             .sink = d.sink};
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (source) end();
    json_decref(service.asked);
    desk_close(&d);
    return 0;
}

static void put_many(size_t count, int64_t since, int64_t apart)
{
    for (size_t i = 0; i < count; i++) {
        char id[32];
        snprintf(id, sizeof id, "f-%zu", i);
        put(id, since + (int64_t)i * apart);
    }
}

static void test_the_first_round_looks_back_and_all_pages_come(void **state)
{
    (void)state;
    put("too-old", START - 25 * 60 * MINUTE);
    put_many(250, START - 24 * 60 * MINUTE + 1, MINUTE);
    options.account = "210987654321";
    start();
    desk_pass(&d, 30000);
    assert_int_equal(json_array_size(d.taken), 250);
    assert_int_equal(json_array_size(service.asked), 3);
    assert_int_equal(asked_from(0), START - 24 * 60 * MINUTE);
    assert_int_equal(position(), START);
    assert_string_equal(text_at(json_array_get(service.asked, 0), "region"), "eu-west-1");
    assert_string_equal(text_at(json_array_get(service.asked, 0), "account"), "210987654321");
    const json_t *filters = json_object_get(asked(0), "Filters");
    assert_string_equal(text_at(json_array_get(json_object_get(filters, "RecordState"), 0), "Value"), "ACTIVE");
    assert_string_equal(json_string_value(json_array_get(d.taken, 0)),
                        "{\"Id\":\"f-0\",\"UpdatedAt\":\"2025-11-01T14:14:09.001Z\",\"Severity\":5.3}");
    assert_string_equal(json_string_value(json_array_get(d.origins, 0)),
                        "securityhub:eu-west-1:210987654321/f-0 2025-11-01T14:14:09.001Z");
}

static void test_the_journal_is_told_of_a_page_only_once_it_is_kept(void **state)
{
    (void)state;
    put_many(150, START - 300 * MINUTE, MINUTE);
    d.mood = DESK_HOLD;
    start();
    desk_pass(&d, 10 * MINUTE);
    assert_int_equal(json_array_size(d.taken), 100);
    assert_int_equal(json_array_size(service.asked), 1);
    assert_int_equal(position(), -1);
    assert_int_equal(source->ops->under_way(source), 100);
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 1000);
    assert_int_equal(position(), START - 300 * MINUTE + 99 * MINUTE); /* the newest of the first page */
    assert_int_equal(json_array_size(d.taken), 150);
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 1000);
    assert_int_equal(source->ops->under_way(source), 0);
    assert_true(position() >= START);
}

static void test_a_round_looks_back_a_little_and_hands_over_only_what_is_new(void **state)
{
    (void)state;
    put("a", START - 2 * MINUTE);
    start();
    desk_pass(&d, MINUTE / 2);
    put("late", START - 5 * MINUTE); /* told of after its time */
    put("b", START + MINUTE / 2);
    put("a", START + MINUTE / 2); /* updated */
    desk_pass(&d, 3 * MINUTE);
    assert_int_equal(asked_from(1), START - 10 * MINUTE);
    assert_int_equal(json_array_size(d.taken), 4);
    assert_int_equal(desk_number(source, "kept"), 4);
    assert_in_range(json_array_size(service.asked), 3, 4);
}

static void test_what_came_during_an_outage_is_asked_for_at_the_start(void **state)
{
    (void)state;
    put("before", START - MINUTE);
    start();
    desk_pass(&d, 1000);
    end();
    desk_pass(&d, 3000 * MINUTE); /* longer than the very first round looks back */
    put("meanwhile", START + 100 * MINUTE);
    start();
    desk_pass(&d, 1000);
    assert_int_equal(asked_from(1), START - 10 * MINUTE);
    assert_non_null(strstr(json_string_value(json_array_get(d.taken, json_array_size(d.taken) - 1)), "meanwhile"));
    assert_true(position() >= START + 3000 * MINUTE);
}

static void test_a_page_that_was_not_kept_is_asked_for_again(void **state)
{
    (void)state;
    put_many(3, START - 60 * MINUTE, MINUTE);
    d.mood = DESK_FAIL;
    start();
    desk_pass(&d, 500);
    assert_int_equal(position(), -1);
    assert_string_equal(desk_text(source, "state"), "failing");
    d.mood = DESK_KEEP;
    desk_pass(&d, 10000);
    assert_int_equal(json_array_size(d.taken), 6);
    assert_true(position() >= START);
    assert_string_equal(desk_text(source, "state"), "running");
}

static void test_a_process_that_ends_within_a_page_asks_for_it_again(void **state)
{
    (void)state;
    put_many(120, START - 200 * MINUTE, MINUTE);
    d.mood = DESK_HOLD;
    start();
    desk_pass(&d, 1000);
    desk_tell(&d, RIP_OK);
    desk_pass(&d, 1000); /* the second page is held */
    end();
    d.mood = DESK_KEEP;
    start();
    desk_pass(&d, 1000);
    assert_int_equal(asked_from(2), START - 200 * MINUTE + 89 * MINUTE);
    json_t *seen = json_object();
    for (size_t i = 0; i < json_array_size(d.taken); i++)
        json_object_set_new(seen, json_string_value(json_array_get(d.taken, i)), json_true());
    assert_int_equal(json_object_size(seen), 120);
    json_decref(seen);
}

static void test_a_full_sink_is_asked_again_and_loses_nothing(void **state)
{
    (void)state;
    put_many(30, START - 60 * MINUTE, MINUTE);
    d.mood = DESK_FULL;
    start();
    desk_pass(&d, 10 * MINUTE);
    assert_int_equal(json_array_size(service.asked), 1);
    assert_int_equal(position(), -1);
    d.mood = DESK_KEEP;
    desk_pass(&d, 1000);
    assert_int_equal(json_array_size(d.taken), 30);
    assert_true(position() >= START);
}

static void test_a_finding_that_is_refused_is_recorded_once_and_holds_up_nothing(void **state)
{
    (void)state;
    put("bad", START - MINUTE);
    d.mood = DESK_REFUSE;
    start();
    desk_pass(&d, 5 * MINUTE);
    assert_int_equal(desk_number(source, "failed"), 1);
    assert_true(position() > START + 3 * MINUTE);
}

static void test_guardduty_is_listed_and_then_got_for_each_detector(void **state)
{
    (void)state;
    options.kind = POLL_GUARDDUTY;
    put_many(60, START - 100 * MINUTE, MINUTE);
    start();
    desk_pass(&d, 30000);
    assert_int_equal(json_array_size(d.taken), 60);
    static const char *const CALLS[] = {"ListDetectors", "ListFindings", "GetFindings", "ListFindings", "GetFindings"};
    assert_int_equal(json_array_size(service.asked), 5);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(text_at(json_array_get(service.asked, i), "operation"), CALLS[i]);
    assert_int_equal(json_array_size(json_object_get(asked(2), "FindingIds")), 50);
    const json_t *criterion = json_object_get(json_object_get(asked(1), "FindingCriteria"), "Criterion");
    const json_t *archived = json_object_get(json_object_get(criterion, "service.archived"), "Equals");
    assert_string_equal(json_string_value(json_array_get(archived, 0)), "false");
    const char *known = journal_position(d.journal, "poll:guardduty::eu-west-1:d1");
    assert_non_null(known);
    assert_string_equal(known, "2025-11-02T14:14:09.000Z");
    assert_int_equal(position(), START);
}

static void test_errors_are_told_and_asking_goes_on_with_growing_pauses(void **state)
{
    (void)state;
    put("a", START - MINUTE);
    service.fail = 4;
    start();
    desk_pass(&d, 5000);
    assert_string_equal(desk_text(source, "state"), "failing");
    assert_string_equal(desk_text(source, "last_error"), "GetFindings in eu-west-1: InvalidAccessException: no");
    assert_int_equal(json_array_size(service.asked), 3); /* after 0, 1 and 3 s */
    desk_pass(&d, 20000);
    assert_string_equal(desk_text(source, "state"), "running");
    assert_int_equal(json_array_size(d.taken), 1);
}

static void test_a_stop_sees_what_was_handed_over_through(void **state)
{
    (void)state;
    put_many(120, START - 200 * MINUTE, MINUTE);
    d.mood = DESK_HOLD;
    start();
    desk_pass(&d, 1000);
    source->ops->stop(source);
    assert_int_equal(source->ops->under_way(source), 100);
    desk_tell(&d, RIP_OK);
    assert_int_equal(source->ops->under_way(source), 0);
    assert_int_equal(position(), START - 200 * MINUTE + 99 * MINUTE);
    desk_pass(&d, 10 * MINUTE);
    assert_int_equal(json_array_size(service.asked), 1);
}

static void test_options_that_are_missing_or_out_of_range_are_refused(void **state)
{
    (void)state;
    rip_error err;
    options.every_ms = 999;
    assert_int_equal(poll_source_new(&options, &source, &err), RIP_EINVAL);
    options.every_ms = 0;
    options.region = "";
    assert_int_equal(poll_source_new(&options, &source, &err), RIP_EINVAL);
    assert_null(source);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_the_first_round_looks_back_and_all_pages_come),
        TEST(test_the_journal_is_told_of_a_page_only_once_it_is_kept),
        TEST(test_a_round_looks_back_a_little_and_hands_over_only_what_is_new),
        TEST(test_what_came_during_an_outage_is_asked_for_at_the_start),
        TEST(test_a_page_that_was_not_kept_is_asked_for_again),
        TEST(test_a_process_that_ends_within_a_page_asks_for_it_again),
        TEST(test_a_full_sink_is_asked_again_and_loses_nothing),
        TEST(test_a_finding_that_is_refused_is_recorded_once_and_holds_up_nothing),
        TEST(test_guardduty_is_listed_and_then_got_for_each_detector),
        TEST(test_errors_are_told_and_asking_goes_on_with_growing_pauses),
        TEST(test_a_stop_sees_what_was_handed_over_through),
        TEST(test_options_that_are_missing_or_out_of_range_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
