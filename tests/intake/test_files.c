/* Files, folders and standard input, one after the other. */
#include <fcntl.h>
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
#include "engine/intake/source.h"

static char folder[64];

static int setup(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/riposte-files-XXXXXX");
    return mkdtemp(folder) ? 0 : 1;
}

static int teardown(void **state)
{
    (void)state;
    char command[128];
    static const char *const NAMES[] = {"b.json", "a.jsonl", "c.ndjson", "notes.txt", "in/d.json", "in", "big.json"};
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        snprintf(command, sizeof command, "%s/%s", folder, NAMES[i]);
        remove(command);
    }
    return rmdir(folder);
}

static const char *put(const char *name, const char *text)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
    return path;
}

static rip_status on_document(void *data, const source_document *document)
{
    rip_buffer_printf(data, "%s:%zu %.*s\n",
                      document->origin + (strncmp(document->origin, folder, strlen(folder)) == 0 ? strlen(folder) : 0),
                      document->line, (int)document->len, document->bytes);
    return RIP_OK;
}

static rip_status on_fault(void *data, const source_fault *fault)
{
    rip_buffer_printf(data, "! %s\n", fault->error.message);
    return RIP_OK;
}

static char *drain(const char *const *paths, size_t count)
{
    rip_buffer out = {0};
    rip_error err;
    source *s = NULL;
    source_sink sink = {on_document, on_fault, &out};
    if (source_files(paths, count, NULL, &sink, &s, &err) != RIP_OK) fail_msg("%s", err.message);
    assert_int_equal(source_drain(s, &err), RIP_OK);
    source_free(s);
    return rip_buffer_take(&out, NULL);
}

static void test_a_folder_gives_its_json_files_in_order_of_their_paths(void **state)
{
    (void)state;
    char in[128];
    snprintf(in, sizeof in, "%s/in", folder);
    assert_int_equal(mkdir(in, 0700), 0);
    put("b.json", "{\"b\":1}");
    put("a.jsonl", "{\"a\":1}\n{\"a\":2}\n");
    put("c.ndjson", "{\"c\":1}\n");
    put("notes.txt", "{\"no\":1}");
    put("in/d.json", "{\"d\":1}");
    const char *const paths[] = {folder};
    char *found = drain(paths, 1);
    assert_string_equal(
        found,
        "/a.jsonl:1 {\"a\":1}\n/a.jsonl:2 {\"a\":2}\n/b.json:1 {\"b\":1}\n/c.ndjson:1 {\"c\":1}\n/in/d.json:1 {\"d\":1}\n");
    free(found);
}

static void test_a_missing_path_is_named_before_anything_is_read(void **state)
{
    (void)state;
    rip_error err;
    source *s = NULL;
    source_sink sink = {0};
    const char *const paths[] = {folder, "/nowhere/x.json"};
    assert_int_equal(source_files(paths, 2, NULL, &sink, &s, &err), RIP_ENOTFOUND);
    assert_non_null(strstr(err.message, "/nowhere/x.json"));
}

static void test_a_fault_is_told_with_file_line_and_column_and_the_next_file_goes_on(void **state)
{
    (void)state;
    put("a.jsonl", "{\"a\":1}\n nonsense\n");
    put("b.json", "{\"b\":1}");
    const char *const paths[] = {folder};
    char *found = drain(paths, 1);
    assert_non_null(strstr(found, "a.jsonl:2:2: expected a JSON object"));
    assert_non_null(strstr(found, "/b.json:1 {\"b\":1}\n"));
    free(found);
}

static void test_a_large_file_comes_in_pieces(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/big.json", folder);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < 20000; i++) fprintf(file, "{\"number\":%d}\n", i);
    fclose(file);
    rip_buffer out = {0};
    rip_error err;
    source *s = NULL;
    source_sink sink = {on_document, on_fault, &out};
    const char *const paths[] = {path};
    assert_int_equal(source_files(paths, 1, NULL, &sink, &s, &err), RIP_OK);
    bool more = true;
    size_t steps = 0;
    for (; more; steps++) assert_int_equal(source_step(s, &more, &err), RIP_OK);
    assert_true(steps > 4);
    assert_non_null(strstr(out.data, ":20000 {\"number\":19999}\n"));
    source_free(s);
    rip_buffer_free(&out);
}

static void test_standard_input_that_has_nothing_yet_is_not_waited_for(void **state)
{
    (void)state;
    int ends[2], saved = dup(STDIN_FILENO);
    assert_int_equal(pipe(ends), 0);
    assert_true(dup2(ends[0], STDIN_FILENO) >= 0);
    rip_buffer out = {0};
    rip_error err;
    source *s = NULL;
    source_sink sink = {on_document, on_fault, &out};
    const char *const paths[] = {"-"};
    bool more = false;
    assert_int_equal(source_files(paths, 1, NULL, &sink, &s, &err), RIP_OK);
    assert_int_equal(source_step(s, &more, &err), RIP_OK); /* would block for ever */
    assert_true(more);
    assert_int_equal(source_waits_for(s), STDIN_FILENO);
    assert_int_equal(write(ends[1], "{\"a\":1}{\"b\"", 11), 11);
    assert_int_equal(source_step(s, &more, &err), RIP_OK);
    assert_string_equal(out.data, "-:1 {\"a\":1}\n");
    assert_int_equal(source_waits_for(s), -1);
    close(ends[1]);
    assert_int_equal(source_drain(s, &err), RIP_OK);
    assert_non_null(strstr(out.data, "! -:1:8: line 1, column 12: the document ends within an object"));
    source_free(s);
    rip_buffer_free(&out);
    dup2(saved, STDIN_FILENO);
    close(saved);
    close(ends[0]);
}

static void test_a_named_pipe_without_a_writer_is_not_waited_for(void **state)
{
    (void)state;
    char path[128];
    rip_buffer out = {0};
    rip_error err;
    source *s = NULL;
    source_sink sink = {on_document, on_fault, &out};
    snprintf(path, sizeof path, "%s/pipe.json", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    const char *paths[] = {path}, *folders[] = {folder};
    assert_int_equal(source_files(paths, 1, NULL, &sink, &s, &err), RIP_OK);
    bool more = false;
    alarm(10); /* a step that blocks ends the test */
    assert_int_equal(source_step(s, &more, &err), RIP_OK);
    assert_true(more);
    assert_true(source_waits_for(s) >= 0);
    int writer = open(path, O_WRONLY | O_NONBLOCK);
    assert_true(writer >= 0);
    assert_int_equal(write(writer, "{\"a\":1}", 7), 7);
    close(writer);
    assert_int_equal(source_drain(s, &err), RIP_OK);
    source_free(s);
    assert_non_null(strstr(out.data, "{\"a\":1}"));
    rip_buffer_clear(&out);
    assert_int_equal(source_files(folders, 1, NULL, &sink, &s, &err), RIP_OK);
    assert_int_equal(source_drain(s, &err), RIP_OK); /* in a folder it is no file: passed over */
    alarm(0);
    source_free(s);
    remove(path);
    rip_buffer_free(&out);
}

static void test_a_folder_that_cannot_be_looked_into_is_named(void **state)
{
    (void)state;
    if (geteuid() == 0) skip(); /* root looks into everything */
    char path[128];
    rip_error err;
    source *s = NULL;
    source_sink sink = {on_document, on_fault, NULL};
    snprintf(path, sizeof path, "%s/in", folder);
    const char *paths[] = {folder};
    mkdir(path, 0);
    chmod(path, 0);
    rip_status status = source_files(paths, 1, NULL, &sink, &s, &err);
    chmod(path, 0700);
    assert_int_equal(status, RIP_EIO);
    assert_non_null(strstr(err.message, path));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_a_folder_gives_its_json_files_in_order_of_their_paths),
        TEST(test_a_missing_path_is_named_before_anything_is_read),
        TEST(test_a_fault_is_told_with_file_line_and_column_and_the_next_file_goes_on),
        TEST(test_a_large_file_comes_in_pieces),
        TEST(test_standard_input_that_has_nothing_yet_is_not_waited_for),
        TEST(test_a_named_pipe_without_a_writer_is_not_waited_for),
        TEST(test_a_folder_that_cannot_be_looked_into_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
