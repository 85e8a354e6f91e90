/* Files that are dropped into a folder: taken whole, moved once kept, and never followed elsewhere. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "engine/base/data.h"
#include "engine/intake/folder.h"
#include "tests/intake/desk.h"

#define PATIENCE 20 /* seconds */

static desk d;
static live_source *source;
static folder_options options;
static char folder[64];

static json_t *no_aws(void *data, const aws_attempt *attempt)
{
    (void)data;
    (void)attempt;
    fail_msg("a folder needs no AWS");
    return NULL;
}

static const char *path_of(const char *name)
{
    static char paths[2][160];
    static unsigned turn;
    turn = !turn;
    snprintf(paths[turn], sizeof paths[turn], "%s/%s", folder, name);
    return paths[turn];
}

static void put(const char *name, const char *text)
{
    FILE *file = fopen(path_of(name), "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static bool is_there(const char *name)
{
    struct stat info;
    return lstat(path_of(name), &info) == 0;
}

static char *text_of(const char *name)
{
    static char text[4096];
    char *bytes = NULL;
    size_t len = 0;
    rip_error err;
    assert_int_equal(rip_read_file(path_of(name), sizeof text - 1, &bytes, &len, &err), RIP_OK);
    memcpy(text, bytes, len + 1);
    free(bytes);
    return text;
}

static void start(void)
{
    rip_error err;
    assert_int_equal(folder_source_new(&options, &source, &err), RIP_OK);
    assert_int_equal(source->ops->start(source, &err), RIP_OK);
}

static void end(void)
{
    source->ops->free(source);
    source = NULL;
    d.held_count = 0;
}

/* Other threads are at work: the loop turns until it is there and all is done. */
static void wait_for(const char *name)
{
    time_t until = time(NULL) + PATIENCE;
    while (!is_there(name) || source->ops->under_way(source) > 0) {
        if (time(NULL) > until) fail_msg("%s did not come", name);
        desk_pass(&d, 100);
        usleep(500);
    }
}

static void wait_for_taken(size_t count)
{
    time_t until = time(NULL) + PATIENCE;
    while (json_array_size(d.taken) < count) {
        if (time(NULL) > until) fail_msg("only %zu came", json_array_size(d.taken));
        desk_pass(&d, 100);
        usleep(500);
    }
}

/* Long enough for anything that would happen. */
static void wait_a_while(void)
{
    for (int i = 0; i < 100; i++) {
        desk_pass(&d, 1000);
        usleep(1000);
    }
}

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/riposte-folder-XXXXXX");
    assert_non_null(mkdtemp(folder));
    desk_open(&d, no_aws, NULL);
    options = (folder_options){.name = "drop", .path = folder, .clock = d.clock, .sink = d.sink};
    return 0;
}

static void remove_all(const char *path)
{
    DIR *dir = opendir(path);
    const struct dirent *one;
    while (dir && (one = readdir(dir))) {
        char inner[512];
        if (strcmp(one->d_name, ".") == 0 || strcmp(one->d_name, "..") == 0) continue;
        snprintf(inner, sizeof inner, "%s/%s", path, one->d_name);
        if (unlink(inner) != 0) remove_all(inner);
    }
    if (dir) closedir(dir);
    rmdir(path);
}

static int teardown(void **state)
{
    (void)state;
    if (source) end();
    desk_close(&d);
    remove_all(folder);
    return 0;
}

static void test_a_file_is_moved_once_all_of_it_is_kept(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put("a.json", "[{\"n\":1},\n{\"n\":2}]\n");
    start();
    wait_for_taken(2);
    wait_a_while();
    assert_true(is_there("a.json"));
    assert_int_equal(json_array_size(d.taken), 2);
    assert_string_equal(json_string_value(json_array_get(d.origins, 1)), "folder:drop/a.json:2");
    desk_tell(&d, RIP_OK);
    wait_for("done/a.json");
    assert_false(is_there("a.json"));
    assert_int_equal(desk_number(source, "kept"), 2);
}

static void test_files_that_come_later_are_found(void **state)
{
    (void)state;
    start();
    wait_a_while();
    put("later.jsonl", "{\"n\":1}\n{\"n\":2}\n{\"n\":3}\n");
    wait_for("done/later.jsonl");
    assert_int_equal(json_array_size(d.taken), 3);
}

static void test_a_file_with_mistakes_goes_to_failed_and_what_is_right_in_it_is_kept(void **state)
{
    (void)state;
    put("b.jsonl", "{\"n\":1}\n{\"n\":\n{\"n\":3}\n");
    put("empty.json", "");
    start();
    wait_for("failed/b.jsonl.error");
    wait_for("failed/empty.json.error");
    assert_true(is_there("failed/b.jsonl"));
    assert_int_equal(json_array_size(d.taken), 2);
    assert_non_null(strstr(text_of("failed/b.jsonl.error"), "document at line 2: line 3, column 1: "));
    assert_string_equal(text_of("failed/empty.json.error"), "no JSON document in it\n");
    assert_true(desk_number(source, "failed") >= 2);
}

static void test_a_document_that_the_sink_refuses_is_told_with_its_line(void **state)
{
    (void)state;
    d.mood = DESK_REFUSE;
    put("c.json", "\n\n{\"n\":1}");
    start();
    wait_for("failed/c.json.error");
    assert_string_equal(text_of("failed/c.json.error"), "document at line 3: expected a finding\n");
}

static void test_names_of_files_that_are_being_written_are_left_alone(void **state)
{
    (void)state;
    put(".hidden.json", "{}");
    put("a.json.part", "{}");
    put("b.json.tmp", "{}");
    start();
    wait_a_while();
    assert_int_equal(json_array_size(d.taken), 0);
    assert_true(is_there(".hidden.json") && is_there("a.json.part") && is_there("b.json.tmp"));
    assert_int_equal(rename(path_of("a.json.part"), path_of("a.json")), 0);
    wait_for("done/a.json");
}

static void test_a_file_that_grows_is_taken_only_when_it_has_stopped(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("grows.jsonl"), "w");
    assert_non_null(file);
    start();
    for (int i = 0; i < 200; i++) {
        fprintf(file, "{\"n\":%d}\n", i);
        fflush(file);
        desk_pass(&d, 50);
    }
    assert_int_equal(json_array_size(d.taken), 0);
    fclose(file);
    wait_for("done/grows.jsonl");
    assert_int_equal(json_array_size(d.taken), 200);
}

static void test_links_and_what_is_no_file_are_refused_unread(void **state)
{
    (void)state;
    char elsewhere[] = "/tmp/riposte-elsewhere-XXXXXX";
    int fd = mkstemp(elsewhere);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "{\"secret\":1}", 12), 12);
    close(fd);
    assert_int_equal(symlink(elsewhere, path_of("link.json")), 0);
    assert_int_equal(mkfifo(path_of("pipe.json"), 0600), 0);
    start();
    wait_for("failed/link.json.error");
    wait_for("failed/pipe.json.error");
    assert_int_equal(json_array_size(d.taken), 0);
    assert_int_equal(access(elsewhere, F_OK), 0);
    assert_non_null(strstr(text_of("failed/link.json.error"), "only regular files are taken in"));
    unlink(elsewhere);
}

static void test_names_of_any_bytes_are_taken_and_told_of_escaped(void **state)
{
    (void)state;
    put("\xff\x1b[31m.json", "{\"n\":1}");
    put("\xfe.json", "no JSON");
    start();
    wait_for("done/\xff\x1b[31m.json");
    wait_for("failed/\xfe.json.error");
    assert_string_equal(json_string_value(json_array_get(d.origins, 0)), "folder:drop/\xef\xbf\xbd\\u{1B}[31m.json:1");
    assert_string_equal(desk_text(source, "name"), "drop");
}

static void test_a_folder_whose_done_is_a_link_is_refused(void **state)
{
    (void)state;
    rip_error err;
    assert_int_equal(symlink("/tmp", path_of("done")), 0);
    assert_int_equal(folder_source_new(&options, &source, &err), RIP_OK);
    assert_int_equal(source->ops->start(source, &err), RIP_EIO);
    assert_non_null(strstr(err.message, "opening done"));
}

static void test_a_folder_that_is_not_there_is_told_at_the_start(void **state)
{
    (void)state;
    rip_error err;
    options.path = "/nonexistent/drop";
    assert_int_equal(folder_source_new(&options, &source, &err), RIP_OK);
    assert_int_equal(source->ops->start(source, &err), RIP_ENOTFOUND);
}

static void test_a_name_that_was_there_before_gets_a_number(void **state)
{
    (void)state;
    start();
    for (int i = 0; i < 3; i++) {
        static const char *const THERE[] = {"done/a.json", "done/a.json.2", "done/a.json.3"};
        char text[32];
        snprintf(text, sizeof text, "{\"n\":%d}", i);
        put("a.json", text);
        wait_for(THERE[i]);
        assert_string_equal(text_of(THERE[i]), text);
    }
}

static void test_a_file_is_read_again_when_it_could_not_be_kept(void **state)
{
    (void)state;
    d.mood = DESK_FAIL;
    put("a.json", "{\"n\":1}");
    start();
    wait_for_taken(1);
    assert_true(is_there("a.json"));
    d.mood = DESK_KEEP;
    wait_for("done/a.json");
    assert_true(json_array_size(d.taken) >= 2);
}

static void test_a_file_is_read_again_after_a_process_that_ended_early(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put("a.jsonl", "{\"n\":1}\n{\"n\":2}\n");
    start();
    wait_for_taken(2);
    end();
    assert_true(is_there("a.jsonl"));
    d.mood = DESK_KEEP;
    start();
    wait_for("done/a.jsonl");
    assert_int_equal(json_array_size(d.taken), 4);
}

static void test_a_full_sink_holds_up_a_file_and_loses_nothing_of_it(void **state)
{
    (void)state;
    FILE *file = fopen(path_of("big.jsonl"), "w");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++) fprintf(file, "{\"n\":%d}\n", i);
    fclose(file);
    d.mood = DESK_FULL;
    start();
    wait_a_while();
    assert_true(is_there("big.jsonl"));
    d.mood = DESK_KEEP;
    wait_for("done/big.jsonl");
    assert_int_equal(json_array_size(d.taken), 20000);
    assert_string_equal(json_string_value(json_array_get(d.taken, 19999)), "{\"n\":19999}");
}

static void test_a_stop_ends_files_and_leaves_the_rest_where_it_is(void **state)
{
    (void)state;
    d.mood = DESK_HOLD;
    put("a.json", "{\"n\":1}");
    start();
    wait_for_taken(1);
    wait_a_while();
    put("b.json", "{\"n\":2}");
    source->ops->stop(source);
    desk_tell(&d, RIP_OK);
    wait_for("done/a.json");
    wait_a_while();
    assert_true(is_there("b.json"));
    assert_string_equal(desk_text(source, "state"), "stopped");
}

static void test_many_files_are_taken_a_few_at_a_time(void **state)
{
    (void)state;
    for (int i = 0; i < 300; i++) {
        char name[32], text[32];
        snprintf(name, sizeof name, "f%03d.json", i);
        snprintf(text, sizeof text, "{\"n\":%d}", i);
        put(name, text);
    }
    d.mood = DESK_HOLD;
    start();
    wait_for_taken(8);
    wait_a_while();
    assert_int_equal(json_array_size(d.taken), 8);
    d.mood = DESK_KEEP;
    desk_tell(&d, RIP_OK);
    wait_for("done/f299.json");
    assert_int_equal(json_array_size(d.taken), 300);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_file_is_moved_once_all_of_it_is_kept),
        TEST(test_files_that_come_later_are_found),
        TEST(test_a_file_with_mistakes_goes_to_failed_and_what_is_right_in_it_is_kept),
        TEST(test_a_document_that_the_sink_refuses_is_told_with_its_line),
        TEST(test_names_of_files_that_are_being_written_are_left_alone),
        TEST(test_a_file_that_grows_is_taken_only_when_it_has_stopped),
        TEST(test_links_and_what_is_no_file_are_refused_unread),
        TEST(test_names_of_any_bytes_are_taken_and_told_of_escaped),
        TEST(test_a_folder_whose_done_is_a_link_is_refused),
        TEST(test_a_folder_that_is_not_there_is_told_at_the_start),
        TEST(test_a_name_that_was_there_before_gets_a_number),
        TEST(test_a_file_is_read_again_when_it_could_not_be_kept),
        TEST(test_a_file_is_read_again_after_a_process_that_ended_early),
        TEST(test_a_full_sink_holds_up_a_file_and_loses_nothing_of_it),
        TEST(test_a_stop_ends_files_and_leaves_the_rest_where_it_is),
        TEST(test_many_files_are_taken_a_few_at_a_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
