#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/base/buffer.h"
#include "engine/base/data.h"
#include "engine/dispatch/library.h"

/* A folder of playbooks, and what loading it told. */
typedef struct shelf {
    char folder[64];
    rip_buffer told; /* "file:line:column: field: message\n" */
    size_t mistakes;
    library *books;
    aws_models *models;
} shelf;

static void put(const shelf *s, const char *name, const char *text)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    FILE *out = fopen(path, "w");
    assert_non_null(out);
    fputs(text, out);
    fclose(out);
}

static void put_playbook(const shelf *s, const char *file, const char *name, const char *trigger,
                         const char *permissions)
{
    char text[1024];
    snprintf(text, sizeof text,
             "return {\n  name = \"%s\",\n  trigger = %s,\n  permissions = { %s },\n"
             "  run = function() end,\n}\n",
             name, trigger, permissions);
    put(s, file, text);
}

static void folder(const shelf *s, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "%s/%s", s->folder, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void on_mistake(void *data, const rip_playbook_mistake *m)
{
    shelf *s = data;
    rip_buffer_printf(&s->told, "%s:%u:%u: %s: %s\n", strrchr(m->path, '/') + 1, m->line, m->column, m->field,
                      m->message);
}

static rip_status load(shelf *s)
{
    const char *paths[] = {s->folder};
    rip_error err;
    rip_status status = library_load(paths, 1, s->models, on_mistake, s, &s->mistakes, &s->books, &err);
    if (status != RIP_OK) print_message("%s\n", err.message);
    return status;
}

static int setup(void **state)
{
    shelf *s = calloc(1, sizeof *s);
    if (!s) return -1;
    strcpy(s->folder, "/tmp/riposte-library-XXXXXX");
    *state = s;
    return mkdtemp(s->folder) ? 0 : -1;
}

static int on_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)info;
    (void)kind;
    (void)place;
    return remove(path);
}

static int teardown(void **state)
{
    shelf *s = *state;
    library_free(s->books);
    aws_models_free(s->models);
    rip_buffer_free(&s->told);
    int removed = nftw(s->folder, on_entry, 8, FTW_DEPTH | FTW_PHYS);
    free(s);
    return removed;
}

static void assert_told(const shelf *s, const char *text)
{
    if (!s->told.data || !strstr(s->told.data, text)) fail_msg("\"%s\" is not in\n%s", text, s->told.data);
}

static void on_match(void *data, const rip_playbook *playbook)
{
    rip_buffer_printf(data, "%s ", playbook->name);
}

static void test_playbooks_match_in_order_of_their_names(void **state)
{
    shelf *s = *state;
    rip_buffer names = {0};
    rip_error err;
    const char *event = "{\"source\":\"aws.guardduty\"}";
    put_playbook(s, "1.lua", "zebra", "{ source = { \"aws.guardduty\" } }", "");
    put_playbook(s, "2.lua", "ant", "{ source = { { prefix = \"aws.\" } } }", "");
    put_playbook(s, "3.lua", "bee", "{ source = { \"aws.ecs\" } }", "");
    assert_int_equal(load(s), RIP_OK);
    assert_int_equal(s->mistakes, 0);
    assert_int_equal(library_count(s->books), 3);
    assert_string_equal(library_at(s->books, 0)->name, "ant");
    assert_int_equal(library_match(s->books, event, strlen(event), on_match, &names, &err), RIP_OK);
    assert_string_equal(names.data, "ant zebra ");
    rip_buffer_free(&names);
}

static void test_tests_and_modules_are_no_playbooks(void **state)
{
    shelf *s = *state;
    folder(s, "a");
    folder(s, "more");
    put_playbook(s, "a.lua", "a", "{ k = { 1 } }", "");
    put_playbook(s, "more/b.lua", "b", "{ k = { 1 } }", "");
    put(s, "a_test.lua", "this is no playbook");
    put(s, "a/part.lua", "nor is this");
    put(s, "notes.txt", "nor this");
    assert_int_equal(load(s), RIP_OK);
    assert_int_equal(s->mistakes, 0);
    assert_int_equal(library_count(s->books), 2);
}

static void test_a_mistake_in_a_trigger_has_the_place_in_the_lua_file(void **state)
{
    shelf *s = *state;
    put(s, "bad.lua",
        "return {\n  name = \"bad\",\n  trigger = {\n    source = { \"x\" },\n    detail = {\n"
        "      type = { \"a\", { prefx = \"b\" } },\n    },\n  },\n  permissions = {},\n  run = function() end,\n}\n");
    put_playbook(s, "good.lua", "good", "{ k = { 1 } }", "");
    assert_int_equal(load(s), RIP_OK);
    assert_int_equal(s->mistakes, 1);
    assert_told(s, "bad.lua:6:");
    assert_told(s, "trigger.detail.type[2].prefx: there is no match expression \"prefx\"; did you mean prefix");
    assert_int_equal(library_count(s->books), 1);
    assert_string_equal(library_at(s->books, 0)->name, "good");
}

static void test_the_second_playbook_of_a_name_is_left_out(void **state)
{
    shelf *s = *state;
    put_playbook(s, "1.lua", "same", "{ k = { 1 } }", "");
    put_playbook(s, "2.lua", "same", "{ k = { 2 } }", "");
    assert_int_equal(load(s), RIP_OK);
    assert_int_equal(s->mistakes, 1);
    assert_told(s, "2.lua:2:");
    assert_told(s, "the name same is taken by ");
    assert_int_equal(library_count(s->books), 1);
}

static void test_permissions_that_no_operation_needs_are_mistakes(void **state)
{
    shelf *s = *state;
    rip_error err;
    char *models = rip_data_path("aws/model", &err);
    const char *folders[] = {models};
    assert_non_null(models);
    assert_int_equal(aws_models_new(folders, 1, &s->models, &err), RIP_OK);
    free(models);
    put_playbook(s, "a.lua", "a", "{ k = { 1 } }",
                 "\"ecs:DeleteCluster\", \"ecs:Describe*\", \"s3:ListBucket\", \"iam:PassRole\"");
    put_playbook(s, "b.lua", "b", "{ k = { 1 } }", "\"ecs:DeleteClutser\"");
    put_playbook(s, "c.lua", "c", "{ k = { 1 } }", "\"esc:DeleteCluster\"");
    put_playbook(s, "d.lua", "d", "{ k = { 1 } }", "\"ecs:Destroy*\"");
    assert_int_equal(load(s), RIP_OK);
    assert_told(s, "b.lua:4:");
    assert_told(s,
                "permissions[1]: no API operation needs the permission ecs:DeleteClutser; did you mean "
                "ecs:DeleteCluster");
    assert_told(s, "no API model has IAM actions that start with \"esc:\"");
    assert_told(s, "no API operation needs the permission ecs:Destroy*");
    assert_int_equal(s->mistakes, 3);
    assert_int_equal(library_count(s->books), 1);
}

static void test_a_path_that_is_not_there_is_told(void **state)
{
    shelf *s = *state;
    rip_error err;
    const char *paths[] = {"/tmp/riposte-there-is-no-such-folder"};
    assert_int_equal(library_load(paths, 1, NULL, on_mistake, s, &s->mistakes, &s->books, &err), RIP_ENOTFOUND);
    assert_non_null(strstr(err.message, paths[0]));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_playbooks_match_in_order_of_their_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_tests_and_modules_are_no_playbooks, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_mistake_in_a_trigger_has_the_place_in_the_lua_file, setup, teardown),
        cmocka_unit_test_setup_teardown(test_the_second_playbook_of_a_name_is_left_out, setup, teardown),
        cmocka_unit_test_setup_teardown(test_permissions_that_no_operation_needs_are_mistakes, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_path_that_is_not_there_is_told, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
