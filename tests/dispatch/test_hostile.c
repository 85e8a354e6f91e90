/* What a playbook that means harm gets through the door: nothing that its header, mode, pauses and guards do not let
 * it. SECURITY.md lists what was tried. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/dispatch/words.h"
#include "tests/dispatch/world.h"

static const char *text_at(const json_t *value, const char *key)
{
    const char *text = json_string_value(json_object_get(value, key));
    return text ? text : "";
}

static size_t sent(const world *w, const char *operation)
{
    size_t i, count = 0;
    json_t *call;
    json_array_foreach (fake_aws_sent(w->fake), i, call) count += strcmp(text_at(call, "operation"), operation) == 0;
    return count;
}

static void keep_answer(void *data, rip_status status, json_t *value, const rip_error *err)
{
    (void)err;
    assert_int_equal(status, RIP_OK);
    *(json_t **)data = json_incref(value);
}

static json_t *the_run(world *w)
{
    const journal_filter filter = {0};
    json_t *found = NULL, *whole = NULL;
    journal_find_runs(w->journal, &filter, keep_answer, &found);
    assert_int_equal(json_array_size(found), 1);
    journal_read_run(w->journal, text_at(json_array_get(found, 0), "id"), keep_answer, &whole);
    json_decref(found);
    return whole;
}

/* Run a playbook with this body, with the permission ecs:*, to its end. */
static void let(world *w, const char *body)
{
    playbook(w, "hostile", "", body);
    open_dispatch(w);
    assert_int_equal(w->mistakes, 0);
    event(w, "e-1", NOON);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

/* That, and nothing was changed. */
static void let_in_vain(world *w, const char *body)
{
    let(w, body);
    if (sent(w, "DeleteCluster")) fail_msg("a change was made by %s", body);
}

/* Every try of the body is refused or an error, each for a reason that holds one of these words. */
static void expect_logged(world *w, const char *words)
{
    json_t *whole = the_run(w);
    char *text = json_dumps(whole, 0);
    if (!strstr(text, words)) fail_msg("no %s in %s", words, text);
    free(text);
    json_decref(whole);
}

#define TRY(what) "local ok, err = pcall(function() " what " end) run:log(tostring(ok) .. ' ' .. tostring(err)) "
#define DELETE "run.aws.ecs():delete_cluster { cluster = 'prod' } "

static void test_a_region_that_is_none_is_refused(void **state)
{
    world *w = *state;
    let_in_vain(
        w,
        "for _, region in ipairs { 'evil.com/', 'us-east-1.evil.com', 'us-east-1@evil.com', 'us-east-1#', 'US-EAST-1', 'us east 1', "
        "'..', '%2e', 'us-east-1\\0', 'us-east-1\\n', ('a'):rep(100000), '\\xff' } do " TRY(
            "run.aws.ecs{ region = region }:delete_cluster { cluster = 'prod' }") "end");
    expect_logged(w, "Guard.Region");
}

static void test_a_region_that_is_not_text_is_refused(void **state)
{
    let_in_vain(*state, "for _, region in ipairs { 7, 0/0, true, {}, print } do " TRY(
                            "run.aws.ecs{ region = region }:delete_cluster { cluster = 'prod' }") "end");
}

static void test_an_account_that_is_none_is_refused(void **state)
{
    world *w = *state;
    let_in_vain(w,
                "for _, account in ipairs { '../../x', '123456789012:role/x', '12345678901', '1234567890123', "
                "'123456789012\\0', '12345678901a', 'aws', 123456789012, true, {}, '\\xff' } do " TRY(
                    "run.aws.ecs{ account = account }:delete_cluster { cluster = 'prod' }") "end");
    expect_logged(w, "Guard.Account");
}

static void test_a_service_or_operation_that_is_none_is_an_error(void **state)
{
    let_in_vain(*state, "for _, service in ipairs { '../../../etc/passwd', 'ecs\\0', 'ECS', 'ecs.model', '', ('x'):rep(100000), '\\xff', "
        "7, true, {} } do " TRY("run.aws[service]():delete_cluster { cluster = 'prod' }") "end "
        "local ecs = run.aws.ecs() for _, operation in ipairs { 'DeleteCluster\\0', 'delete_cluster\\0x', '', '__index', "
        "('x'):rep(100000), '\\xff', 7, true } do " TRY("ecs[operation](ecs, { cluster = 'prod' })") "end");
}

static void test_parameters_of_odd_types_are_an_error(void **state)
{
    let_in_vain(*state, "local loop = {} loop.loop, loop.again = loop, loop local deep = {} for _ = 1, 100000 do deep = { deep } end "
        "for _, params in ipairs { loop, { cluster = loop }, { cluster = deep }, { cluster = print }, { cluster = run }, "
        "{ cluster = finding }, { cluster = run.aws }, { cluster = 0/0 }, { cluster = 1/0 }, { [1/0] = 'x' }, { [true] = 'prod' }, "
        "{ cluster = 2^63 }, { cluster = '\\xff' }, { 'prod' }, run, finding, run.aws, { cluster = {} }, { Cluster = 'prod' }, "
        "{ cluster = coroutine.create(print) }, { cluster = true } } do "
        TRY("run.aws.ecs():delete_cluster(params)") "end "
        "for _, params in ipairs { 'prod', 7, true, print } do " TRY("run.aws.ecs():delete_cluster(params)") "end");
}

static void test_what_a_table_says_by_its_metatable_is_not_what_is_sent(void **state)
{
    world *w = *state;
    w->context.mode = RUN_DRY_RUN;
    let_in_vain(
        w,
        "local params = setmetatable({ cluster = 'prod' }, { __index = { DryRun = true }, __pairs = function() return "
        "function() end end, __len = function() return 0 end }) " TRY("run.aws.ecs():delete_cluster(params)"));
}

static void test_what_is_sent_is_what_its_inverse_was_read_for(void **state)
{
    world *w = *state;
    json_object_set_new(
        w->replies, "DescribeServices",
        json_pack("{s:[{s:s, s:s, s:i}]}", "services", "serviceName", "mine", "status", "ACTIVE", "desiredCount", 3));
    let(w,
        "local params = { cluster = 'c', service = 'mine', desiredCount = 0 } run:parallel({ 1, 2 }, function(i) "
        "if i == 1 then run.aws.ecs():update_service(params) else params.service = 'theirs' end end)");
    size_t i;
    json_t *call;
    assert_int_equal(sent(w, "UpdateService"), 1);
    json_array_foreach (fake_aws_sent(w->fake), i, call) {
        if (strcmp(text_at(call, "operation"), "UpdateService") == 0)
            assert_string_equal(text_at(json_object_get(call, "params"), "service"), "mine");
    }
}

static void test_a_run_that_calls_itself_enforced_is_not(void **state)
{
    world *w = *state;
    w->context.mode = RUN_DRY_RUN;
    let_in_vain(w, TRY("run.mode = 'enforce' run.id = 'x' run.playbook = 'y' run.account = '999999999999'") DELETE);
}

static void test_nothing_is_made_of_a_run_when_it_is_over(void **state)
{
    world *w = *state;
    let(w, "local ecs = run.aws.ecs() "
        TRY("setmetatable({}, { __gc = function() ecs:delete_cluster { cluster = 'prod' } end })")
        "local late = coroutine.create(function() local x <close> = setmetatable({}, { __close = function() "
        "ecs:delete_cluster { cluster = 'prod' } end }) coroutine.yield() end) coroutine.resume(late) "
        "Kept = late collectgarbage = collectgarbage or function() end");
    assert_int_equal(sent(w, "DeleteCluster"), 0);
}

static void pause_at_first_call(world *w)
{
    json_t *about = json_pack("{s:s, s:s, s:i}", "who", "alice", "why", "", "at", 1);
    while (sent(w, "ListClusters") == 0) uv_run(&w->loop, UV_RUN_ONCE);
    journal_pause(w->journal, "all", about, journal_ignore, NULL);
    json_decref(about);
    uv_run(&w->loop, UV_RUN_DEFAULT);
}

static void test_a_pause_holds_every_fiber_its_handlers_and_its_closers(void **state)
{
    world *w = *state;
    playbook(
        w, "hostile", "",
        "local ecs = run.aws.ecs() "
        "local guard <close> = setmetatable({}, { __close = function() ecs:delete_cluster { cluster = 'closed' } end }) "
        "run:parallel({ 1, 2, 3, 4, 5, 6, 7, 8 }, function(i) ecs:list_clusters() "
        "for _ = 1, 3 do pcall(ecs.delete_cluster, ecs, { cluster = 'c' .. i }) end "
        "xpcall(ecs.delete_cluster, function() ecs:delete_cluster { cluster = 'handler' } end, ecs, { cluster = 'x' }) end)");
    open_dispatch(w);
    event(w, "e-1", NOON);
    pause_at_first_call(w);
    assert_int_equal(sent(w, "DeleteCluster"), 0);
    json_t *whole = the_run(w);
    assert_string_equal(text_at(json_object_get(whole, "record"), "outcome"), "paused");
    json_decref(whole);
}

static void test_a_finding_is_told_of_by_any_text(void **state)
{
    world *w = *state;
    let(w,
        "local event = { region = run.region, account = run.account, detail = { findings = { { Id = 'x', ProductArn = 'p' } } } } "
        "finding:resolve('\\xff') local tell = require('riposte.feedback').update "
        "for _, text in ipairs { '\\xff\\xfe', ('\\x80'):rep(10000), {}, 0/0, 'a\\0b', ('\\u{1F600}'):rep(1000) } do "
        "local ok, err = pcall(tell, run, 'asff', event, true, text) "
        "run:log(tostring(err)) assert(tostring(err):find 'Guard.Permission') end");
    json_t *whole = the_run(w);
    if (strcmp(text_at(json_object_get(whole, "record"), "outcome"), "done") != 0) fail_msg("%s", json_dumps(whole, 0));
    json_decref(whole);
}

static void test_a_name_that_a_nul_ends_early_is_no_parameter(void **state)
{
    let_in_vain(*state, TRY("run.aws.ecs():delete_cluster { ['cluster\\0x'] = 'prod' }")
                            TRY("run.aws.ecs():delete_cluster { cluster = 'mine', ['cluster\\0'] = 'prod' }"));
}

static void test_a_coroutine_that_is_left_or_closed_in_a_call_makes_nothing_twice(void **state)
{
    world *w = *state;
    let(w,
        "local ecs = run.aws.ecs() "
        "for i = 1, 20 do local co = coroutine.create(function() return ecs:describe_clusters { clusters = { 'c' .. i } } end) "
        "pcall(coroutine.resume, co) if i % 2 == 0 then pcall(coroutine.close, co) end pcall(coroutine.resume, co) end "
        "pcall(coroutine.wrap(function() ecs:describe_clusters {} error(setmetatable({}, { __tostring = function() "
        "ecs:delete_cluster { cluster = 'x' } end })) end)) "
        "ecs:list_clusters()");
    json_t *whole = the_run(w);
    assert_true(*text_at(json_object_get(whole, "record"), "outcome")); /* it came to an end */
    assert_int_equal(sent(w, "DeleteCluster"), 0);
    assert_true(sent(w, "DescribeClusters") <= 21);
    json_decref(whole);
}

static void test_an_error_that_acts_when_it_is_told_is_told_without_acting(void **state)
{
    world *w = *state;
    let_in_vain(w,
                "error(setmetatable({}, { __tostring = function() " DELETE " return 'late' end, __name = 'x' }), 0)");
    json_t *whole = the_run(w);
    assert_string_equal(text_at(json_object_get(whole, "record"), "outcome"), "failed");
    json_decref(whole);
}

static void test_a_header_cannot_ask_for_everything(void **state)
{
    static const char *const ASKED[] = {"*",           "*:*",           "ECS:*",      "e*s:*",
                                        "?cs:*",       "ecs",           "ecs:",       "ecs:Delete Cluster",
                                        "ecs:Del[e]*", "arn:aws:ecs:*", "ecs:*\\0:x", ""};
    world *w = *state;
    for (size_t i = 0; i < sizeof ASKED / sizeof *ASKED; i++) {
        char header[128];
        snprintf(header, sizeof header, "permissions = { \"%s\" },", ASKED[i]);
        playbook(w, "hostile", header, DELETE);
        w->mistakes = 0;
        open_dispatch(w);
        if (w->mistakes != 1) fail_msg("%s was accepted", ASKED[i]);
        dispatch_free(w->dispatch);
        library_free(w->books);
        w->dispatch = NULL;
        w->books = NULL;
        w->file_count--;
        free(w->files[w->file_count]);
    }
    playbook(w, "hostile", "", "");
}

static void test_odd_phases_notes_and_spans_do_no_harm(void **state)
{
    let_in_vain(*state,
                TRY("run:phase(('x'):rep(10000000), function() end)") TRY("run:phase('a\\0b', function() end)")
                    TRY("run:phase({}, function() end)") TRY("run:phase('\\xff', print)") TRY("run:sleep(1e308)")
                        TRY("run:sleep(0/0)") TRY("run:sleep(-1)") TRY("run:sleep('9999999999999h')")
                            TRY("run:log(('x'):rep(1000), { note = print })") TRY("run:left_alone({}, print)")
                                TRY("run:parallel({1}, print, { limit = 2^62 | 0 })"));
}

static void test_the_library_cannot_be_changed_under_the_engine(void **state)
{
    world *w = *state;
    w->context.mode = RUN_DRY_RUN;
    let_in_vain(
        w,
        TRY("string.format = function() return 'x' end") TRY(
            "require('riposte.failure').is = function() return true end") TRY("require('riposte.aws').clients = nil")
            TRY("getmetatable('').__index = { find = print }") TRY("table.sort = nil")
                TRY("_G.ipairs = function() return print end") TRY("debug.getregistry()") TRY(
                    "require('riposte.undo')(run, { { service = 'ecs', operation = 'DeleteCluster', step = '1', params = {}, undo = { { "
                    "service = 'ecs', operation = 'DeleteCluster', params = { cluster = 'prod' } } } } })")
                    TRY("run.feedback = { { form = 'asff' } } require('riposte.feedback').answer(run)") DELETE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, dispatch_setup, dispatch_teardown)

static size_t steps_of(const json_t *whole)
{
    return json_array_size(json_object_get(whole, "steps"));
}

static json_t *ended_by(world *w, const char *part)
{
    json_t *whole = the_run(w), *record = json_object_get(whole, "record"), *error = json_object_get(record, "error");
    assert_string_equal(text_at(record, "outcome"), "failed");
    if (!strstr(text_at(error, "message"), part)) fail_msg("%s", text_at(error, "message"));
    assert_string_equal(text_at(error, "status"), rip_status_name(RIP_ELIMIT));
    return whole;
}

static void test_evidence_without_end_ends_the_run_at_its_bytes(void **state)
{
    world *w = *state;
    w->context.record_bytes = 100000;
    let(w, "local s = ('x'):rep(1000) while true do run:evidence('more', { text = s }) end");
    json_t *whole = ended_by(w, "raise limits.run_record");
    assert_in_range(steps_of(whole), 50, 100);
    json_decref(whole);
}

static void test_a_log_is_counted_as_evidence_is(void **state)
{
    world *w = *state;
    w->context.record_bytes = 100000;
    let(w, "local s = ('x'):rep(30000) run:log(s) run:log(s) run:log(s) run:log(s) run:log('not here')");
    json_t *whole = ended_by(w, "limits.run_record");
    assert_int_equal(steps_of(whole), 3);
    json_decref(whole);
}

static void test_replies_are_counted_too(void **state)
{
    world *w = *state;
    w->context.record_bytes = 100000;
    char *long_text = malloc(30001);
    memset(long_text, 'x', 30000);
    long_text[30000] = '\0';
    json_object_set_new(w->replies, "ListClusters", json_pack("{s:[s]}", "clusterArns", long_text));
    free(long_text);
    let(w, "while true do run.aws.ecs():list_clusters {} end");
    json_t *whole = ended_by(w, "limits.run_record");
    assert_int_equal(sent(w, "ListClusters"), 4);
    json_decref(whole);
}

static void test_steps_without_end_end_the_run_at_their_number(void **state)
{
    world *w = *state;
    w->context.steps = 20;
    let(w, "while true do run:parallel({1, 2, 3}, function() run:now() run:log('again') end) end");
    json_t *whole = ended_by(w, "over the limit of 20 steps of one run");
    assert_int_equal(steps_of(whole), 20);
    json_decref(whole);
}

static void test_a_run_that_stays_below_its_limits_is_done(void **state)
{
    world *w = *state;
    w->context.steps = 3;
    w->context.record_bytes = 100000;
    let(w, "for i = 1, 3 do run:log('x') end");
    json_t *whole = the_run(w);
    assert_string_equal(text_at(json_object_get(whole, "record"), "outcome"), "done");
    json_decref(whole);
}

int main(void)
{
    rip_log_open(stderr, RIP_LOG_TEXT, RIP_LOG_OFF);
    const struct CMUnitTest tests[] = {
        TEST(test_a_region_that_is_none_is_refused),
        TEST(test_a_region_that_is_not_text_is_refused),
        TEST(test_an_account_that_is_none_is_refused),
        TEST(test_a_service_or_operation_that_is_none_is_an_error),
        TEST(test_parameters_of_odd_types_are_an_error),
        TEST(test_what_a_table_says_by_its_metatable_is_not_what_is_sent),
        TEST(test_what_is_sent_is_what_its_inverse_was_read_for),
        TEST(test_a_run_that_calls_itself_enforced_is_not),
        TEST(test_nothing_is_made_of_a_run_when_it_is_over),
        TEST(test_a_pause_holds_every_fiber_its_handlers_and_its_closers),
        TEST(test_a_finding_is_told_of_by_any_text),
        TEST(test_a_name_that_a_nul_ends_early_is_no_parameter),
        TEST(test_a_coroutine_that_is_left_or_closed_in_a_call_makes_nothing_twice),
        TEST(test_an_error_that_acts_when_it_is_told_is_told_without_acting),
        TEST(test_a_header_cannot_ask_for_everything),
        TEST(test_odd_phases_notes_and_spans_do_no_harm),
        TEST(test_the_library_cannot_be_changed_under_the_engine),
        TEST(test_evidence_without_end_ends_the_run_at_its_bytes),
        TEST(test_a_log_is_counted_as_evidence_is),
        TEST(test_replies_are_counted_too),
        TEST(test_steps_without_end_end_the_run_at_their_number),
        TEST(test_a_run_that_stays_below_its_limits_is_done),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
