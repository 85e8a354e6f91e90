/* Scripts at a door of the test's own: it answers in the order that the test says. */
#include "box.h"

#include "engine/base/clock.h"
#include "lua/script.h"

typedef struct asked {
    char *path;
    unsigned number;
    rip_effect_done done;
    void *data;
    bool answered;
} asked;

typedef struct stage {
    rip_door door; /* first: the door is the stage */
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    rip_script *script;
    rip_buffer log; /* "path#number kind text [phase];" for each effect */
    asked asked[64];
    size_t count;
    bool at_once; /* answer from inside perform */
    bool ended;
    rip_status status;
    rip_error err;
} stage;

static void answer_with(stage *s, size_t which, json_t *value, const char *code)
{
    asked *a = &s->asked[which];
    assert_false(a->answered);
    a->answered = true;
    json_t *error = code ? json_pack("{s:s,s:s}", "code", code, "message", "refused") : NULL;
    a->done(a->data, &(rip_effect_reply){.value = code ? NULL : value, .error = error});
    json_decref(value);
    json_decref(error);
}

static void answer(stage *s, size_t which, const char *code)
{
    answer_with(s, which, json_integer((json_int_t)which), code);
}

static void perform(rip_door *door, const rip_effect *effect, rip_effect_done done, void *data)
{
    stage *s = (stage *)door;
    const char *text = json_string_value(json_object_get(effect->request, "text"));
    if (!text) text = json_string_value(json_object_get(json_object_get(effect->request, "params"), "nextToken"));
    rip_buffer_printf(&s->log, "%s#%u %s %s", effect->path, effect->number, effect->kind, text ? text : "");
    rip_buffer_printf(&s->log, "%s%s%s;", *effect->phase ? " [" : "", effect->phase, *effect->phase ? "]" : "");
    assert_true(s->count < 64);
    s->asked[s->count++] = (asked){strdup(effect->path), effect->number, done, data, false};
    if (s->at_once) answer(s, s->count - 1, NULL);
}

static void on_ended(void *data, rip_status status, const rip_error *err)
{
    stage *s = data;
    assert_false(s->ended);
    s->ended = true;
    s->status = status;
    s->err = *err;
}

static void start(stage *s, const char *run, bool at_once)
{
    memset(s, 0, sizeof *s);
    s->door.perform = perform;
    s->at_once = at_once;
    assert_int_equal(uv_loop_init(&s->loop), 0);
    s->clock = rip_clock_new_virtual(&s->loop, 0);
    const char *const folders[] = {"aws/model"};
    assert_int_equal(aws_models_new(folders, 1, &s->models, &s->err), RIP_OK);
    rip_buffer text = {0};
    rip_buffer_printf(&text, "return { run = function(finding, run) %s end }", run);
    char path[] = "playbooks/test.lua", name[] = "test";
    rip_playbook playbook = {.path = path, .name = name, .text = text.data, .text_len = text.len};
    json_t *finding = json_pack("{s:s,s:[]}", "kind", "Test", "resources");
    json_t *about =
        json_pack("{s:s,s:s,s:s,s:s}", "id", "r1", "mode", "enforce", "account", "123456789012", "region", "eu-west-1");
    rip_script_options options = {.playbook = &playbook,
                                  .finding = finding,
                                  .about = about,
                                  .door = &s->door,
                                  .models = s->models,
                                  .clock = s->clock,
                                  .ended = on_ended,
                                  .data = s};
    if (rip_script_start(&options, &s->script, &s->err) != RIP_OK) fail_msg("%s", s->err.message);
    json_decref(finding);
    json_decref(about);
    rip_buffer_free(&text);
    assert_int_equal(s->count, 0); /* nothing of the playbook runs inside the call */
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void finish(stage *s)
{
    rip_script_free(s->script);
    aws_models_free(s->models);
    rip_clock_free(s->clock);
    uv_run(&s->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&s->loop), 0);
    for (size_t i = 0; i < s->count; i++) free(s->asked[i].path);
    rip_buffer_free(&s->log);
}

static void answer_and_run(stage *s, size_t which, const char *code)
{
    answer(s, which, code);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void test_a_run_goes_from_its_first_instruction_to_its_end(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:log('a ' .. finding.kind .. ' ' .. run.id) run:log('b')", true);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_OK);
    assert_string_equal(s.log.data, "#1 log a Test r1;#2 log b;");
    finish(&s);
}

static void test_fibers_go_on_in_the_order_of_their_answers(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local order = {} local results = run:parallel({'x', 'y', 'z'}, function(item)\n"
          "  run:log(item) order[#order + 1] = item run:log(item .. 2) return item:upper() end)\n"
          "run:log(table.concat(order) .. table.concat(results))",
          false);
    assert_string_equal(s.log.data, "1#1 log x;2#1 log y;3#1 log z;");
    answer_and_run(&s, 1, NULL);
    answer_and_run(&s, 2, NULL);
    answer_and_run(&s, 0, NULL);
    assert_int_equal(s.count, 6);
    assert_string_equal(s.asked[3].path, "2");
    for (size_t i = 3; i < 6; i++) answer_and_run(&s, i, NULL);
    assert_non_null(strstr(s.log.data, "#1 log yzxXYZ;"));
    answer_and_run(&s, 6, NULL);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_OK);
    finish(&s);
}

static void test_a_limit_bounds_what_is_under_way(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:parallel({1, 2, 3, 4, 5}, function(i) run:log(i) end, {limit = 2})", false);
    assert_int_equal(s.count, 2);
    answer_and_run(&s, 1, NULL);
    assert_int_equal(s.count, 3);
    assert_string_equal(s.asked[2].path, "3");
    for (size_t i = 0; i < 5; i++) {
        if (!s.asked[i].answered) answer_and_run(&s, i, NULL);
    }
    assert_true(s.ended);
    finish(&s);
}

static void test_a_failure_comes_out_of_parallel_and_can_be_looked_into(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local ok, e = pcall(run.parallel, run, {1, 2, 3}, function(i) run:log(i) end, {limit = 2})\n"
          "error(tostring(ok) .. ' ' .. e.code .. ' ' .. tostring(e), 0)",
          false);
    answer_and_run(&s, 0, "AccessDenied");
    assert_int_equal(s.count, 2); /* nothing new is started */
    assert_false(s.ended);
    answer_and_run(&s, 1, NULL);
    assert_true(s.ended);
    assert_string_equal(s.err.message, "false AccessDenied AccessDenied: refused");
    finish(&s);
}

static void test_an_error_of_aws_that_nobody_catches_is_how_the_run_ends(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:log('x')", false);
    answer_and_run(&s, 0, "Throttling");
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_EREMOTE);
    assert_string_equal(s.err.message, "Throttling: refused");
    finish(&s);
}

static void test_a_log_whose_fields_are_no_table_is_refused_where_it_is_written(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:log('closed %d groups', 3)", false);
    assert_true(s.ended);
    assert_non_null(strstr(s.err.message, "run:log: fields: expected a table, got number"));
    assert_non_null(strstr(s.err.message, ".lua:"));
    finish(&s);
}

static void test_phases_and_paths_reach_the_door(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "run:phase('contain', function() run:log('a') run:parallel({1}, function()\n"
          "  run:parallel({1, 2}, function(i) run:log('in') end) end) end) run:log('out')",
          true);
    assert_string_equal(s.log.data, "#1 log a [contain];1.1#1 log in [contain];1.2#1 log in [contain];#2 log out;");
    finish(&s);
}

static void test_effects_pass_through_the_playbooks_coroutines(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local each = coroutine.wrap(function() for i = 1, 2 do run:log('in ' .. i) coroutine.yield(i) end end)\n"
          "run:parallel({1, 2}, function(i) local c = coroutine.wrap(function() run:log('c' .. i) end) c() end)\n"
          "run:log('got ' .. each() .. each())",
          false);
    for (size_t i = 0; i < s.count; i++) answer_and_run(&s, i, NULL);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_OK);
    assert_string_equal(s.log.data, "1#1 log c1;2#1 log c2;#1 log in 1;#2 log in 2;#3 log got 12;");
    finish(&s);
}

static void test_an_effect_where_nothing_can_wait_is_not_begun(void **state)
{
    (void)state;
    stage s;
    start(&s, "('a'):gsub('a', function() run:log('never') end)", false);
    assert_true(s.ended);
    assert_int_equal(s.count, 0);
    assert_non_null(strstr(s.err.message, "cannot wait here"));
    finish(&s);
}

static void test_a_run_that_is_stopped_runs_nothing_any_more(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:parallel({1, 2, 3}, function(i) pcall(run.log, run, i) run:log('more') end)", false);
    rip_script_stop(s.script, RIP_ECANCELED, "on request");
    answer(&s, 0, NULL); /* an answer that was on its way */
    uv_run(&s.loop, UV_RUN_DEFAULT);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_ECANCELED);
    assert_string_equal(s.err.message, "on request");
    assert_int_equal(s.count, 3);
    finish(&s);
}

static void test_a_run_can_be_freed_in_the_middle(void **state)
{
    (void)state;
    stage s;
    start(&s, "run:parallel({1, 2, 3}, function(i) run:log(i) run:log(i) end)", false);
    answer(&s, 1, NULL);
    finish(&s);
    assert_false(s.ended);
}

static void test_a_run_can_be_freed_before_a_child_was_waited_for(void **state)
{
    (void)state;
    stage s;
    start(
        &s,
        "local i = 0 run:parallel(function() i = i + 1 if i > 1 then run:log('next') end return i end, function() end)",
        false);
    assert_string_equal(s.log.data, "#1 log next;");
    finish(&s);
    assert_false(s.ended);
}

/* The playbook breaks the library's pcall, so that an error goes past run:parallel with a child under way. */
static void test_a_fiber_can_outlive_its_parent(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local call, calls = pcall, 0\n"
          "run:parallel({1}, function()\n"
          "  pcall = function(...) calls = calls + 1 if calls == 2 then error('broken') end return call(...) end\n"
          "  call(run.parallel, run, {1, 2}, function(i) run:log('child') end) pcall = call end)\n"
          "run:log('after')",
          false);
    assert_string_equal(s.log.data, "1.1#1 log child;#1 log after;");
    answer_and_run(&s, 0, NULL);
    assert_false(s.ended);
    answer_and_run(&s, 1, NULL);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_OK);
    finish(&s);
}

/* Pages: the text of an "aws" effect in the log is the page's token. */

#define EACH_TASK "for task in run.aws.ecs():pages('list_tasks') do run:log(task) end"

static void answer_page(stage *s, size_t which, const char *items, const char *token)
{
    json_t *page = json_pack("{s:o}", "taskArns", json_array());
    for (; *items; items++) json_array_append_new(json_object_get(page, "taskArns"), json_stringn(items, 1));
    if (token) json_object_set_new(page, "nextToken", json_string(token));
    answer_with(s, which, page, NULL);
    uv_run(&s->loop, UV_RUN_DEFAULT);
}

static void test_the_next_page_is_on_its_way_while_the_items_of_one_are_handed_out(void **state)
{
    (void)state;
    stage s;
    start(&s, EACH_TASK, false);
    answer_page(&s, 0, "ab", "t1");
    assert_string_equal(s.log.data, "#1 aws ;#2 log a;1#1 aws t1;");
    answer_page(&s, 2, "c", "t2"); /* before it is needed: the one after it is not asked for yet */
    answer_and_run(&s, 1, NULL);
    assert_string_equal(s.log.data, "#1 aws ;#2 log a;1#1 aws t1;#3 log b;");
    answer_and_run(&s, 3, NULL);
    assert_non_null(strstr(s.log.data, "#3 log b;#4 log c;2#1 aws t2;"));
    answer_and_run(&s, 4, NULL);
    assert_false(s.ended); /* it waits for the page that is on its way */
    answer_page(&s, 5, "", NULL);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_OK);
    assert_int_equal(s.count, 6);
    finish(&s);
}

static void test_an_error_of_the_page_ahead_is_raised_when_its_items_are_asked_for(void **state)
{
    (void)state;
    stage s;
    start(&s, EACH_TASK, false);
    answer_page(&s, 0, "ab", "t1");
    answer_and_run(&s, 2, "AccessDenied");
    assert_false(s.ended);
    answer_and_run(&s, 1, NULL);
    assert_false(s.ended); /* what came before the error is handed out */
    answer_and_run(&s, 3, NULL);
    assert_true(s.ended);
    assert_string_equal(s.err.message, "AccessDenied: refused");
    finish(&s);
}

static void test_a_page_that_failed_can_be_asked_for_again(void **state)
{
    (void)state;
    stage s;
    start(&s, "local next = run.aws.ecs():pages('list_tasks') next() pcall(next) run:log(next())", false);
    answer_page(&s, 0, "a", "t1");
    answer_and_run(&s, 1, "AccessDenied");
    assert_non_null(strstr(s.log.data, "1#1 aws t1;#2 aws t1;"));
    answer_page(&s, 2, "b", NULL);
    assert_non_null(strstr(s.log.data, "#3 log b;"));
    finish(&s);
}

static void test_a_loop_over_pages_that_ends_early_has_one_page_ahead_and_no_more(void **state)
{
    (void)state;
    stage s;
    start(&s, "for task in run.aws.ecs():pages('list_tasks') do break end run:log('on')", false);
    answer_page(&s, 0, "ab", "t1");
    answer_page(&s, 2, "c", "t2");
    assert_string_equal(s.log.data, "#1 aws ;#2 log on;1#1 aws t1;");
    answer_and_run(&s, 1, NULL);
    assert_true(s.ended);
    assert_int_equal(s.count, 3);
    finish(&s);
}

static void test_pages_ahead_are_no_children_to_parallel(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local got = run:parallel(run.aws.ecs():pages('list_tasks'), function(task) run:log(task) return task end)\n"
          "run:log(table.concat(got))",
          false);
    answer_page(&s, 0, "ab", "t1");
    assert_string_equal(s.log.data, "#1 aws ;1#1 aws t1;2#1 log a;3#1 log b;");
    answer_and_run(&s, 2, NULL);
    answer_page(&s, 1, "c", NULL);
    answer_and_run(&s, 4, NULL);
    answer_and_run(&s, 3, NULL);
    assert_non_null(strstr(s.log.data, "#2 log abc;"));
    answer_and_run(&s, 5, NULL);
    assert_int_equal(s.status, RIP_OK);
    assert_true(s.ended);
    finish(&s);
}

static void test_fibers_that_share_pages_get_each_item_once(void **state)
{
    (void)state;
    stage s;
    start(&s,
          "local next = run.aws.ecs():pages('list_tasks') local got = {next()}\n"
          "run:parallel({1, 2}, function() for task in next do got[#got + 1] = task end end)\n"
          "run:log(table.concat(got))",
          false);
    answer_page(&s, 0, "a", "t1");
    answer_page(&s, 1, "b", "t2");
    answer_page(&s, 2, "cd", NULL);
    assert_non_null(strstr(s.log.data, "log abcd;"));
    finish(&s);
}

static void test_a_run_can_be_freed_while_a_page_is_on_its_way(void **state)
{
    (void)state;
    stage s;
    start(&s, EACH_TASK, false);
    answer_page(&s, 0, "a", "t1");
    answer_and_run(&s, 1, NULL);
    finish(&s);
    assert_false(s.ended);
}

static void test_a_loop_without_end_gives_the_loop_its_turn_and_is_killed(void **state)
{
    (void)state;
    stage s;
    start(&s, "pcall(function() while true do end end) run:log('never')", false);
    assert_true(s.ended);
    assert_int_equal(s.status, RIP_ELIMIT);
    assert_int_equal(s.count, 0);
    finish(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_run_goes_from_its_first_instruction_to_its_end),
        cmocka_unit_test(test_fibers_go_on_in_the_order_of_their_answers),
        cmocka_unit_test(test_a_limit_bounds_what_is_under_way),
        cmocka_unit_test(test_a_failure_comes_out_of_parallel_and_can_be_looked_into),
        cmocka_unit_test(test_an_error_of_aws_that_nobody_catches_is_how_the_run_ends),
        cmocka_unit_test(test_a_log_whose_fields_are_no_table_is_refused_where_it_is_written),
        cmocka_unit_test(test_phases_and_paths_reach_the_door),
        cmocka_unit_test(test_effects_pass_through_the_playbooks_coroutines),
        cmocka_unit_test(test_an_effect_where_nothing_can_wait_is_not_begun),
        cmocka_unit_test(test_a_run_that_is_stopped_runs_nothing_any_more),
        cmocka_unit_test(test_a_run_can_be_freed_in_the_middle),
        cmocka_unit_test(test_a_run_can_be_freed_before_a_child_was_waited_for),
        cmocka_unit_test(test_a_fiber_can_outlive_its_parent),
        cmocka_unit_test(test_the_next_page_is_on_its_way_while_the_items_of_one_are_handed_out),
        cmocka_unit_test(test_an_error_of_the_page_ahead_is_raised_when_its_items_are_asked_for),
        cmocka_unit_test(test_a_page_that_failed_can_be_asked_for_again),
        cmocka_unit_test(test_a_loop_over_pages_that_ends_early_has_one_page_ahead_and_no_more),
        cmocka_unit_test(test_pages_ahead_are_no_children_to_parallel),
        cmocka_unit_test(test_fibers_that_share_pages_get_each_item_once),
        cmocka_unit_test(test_a_run_can_be_freed_while_a_page_is_on_its_way),
        cmocka_unit_test(test_a_loop_without_end_gives_the_loop_its_turn_and_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
