#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <jansson.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/json.h"
#include "engine/base/json_memory.h"
#include "engine/base/sanitizer.h"

#define VALUES 20000

/* Names and texts of every length up to 300, so that pieces of every size come and go. */
static json_t *tree_of(int seed)
{
    json_t *tree = json_object();
    for (int i = 0; i < 300; i++) {
        char name[16], text[301];
        snprintf(name, sizeof name, "n%d", i * seed);
        memset(text, 'a' + (i + seed) % 26, (size_t)i);
        text[i] = '\0';
        json_object_set_new(tree, name, json_pack("[s, i, f, {s:s}]", text, i, i / 2.0, text, name));
    }
    return tree;
}

static void check(const json_t *tree, int seed)
{
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%d", i * seed);
        const json_t *list = json_object_get(tree, name);
        const char *text = json_string_value(json_array_get(list, 0));
        assert_non_null(text);
        assert_int_equal(strlen(text), i);
        for (int at = 0; at < i; at++) assert_int_equal(text[at], 'a' + (i + seed) % 26);
        assert_int_equal(json_integer_value(json_array_get(list, 1)), i);
    }
}

static void test_values_in_pieces_that_were_used_before_hold_what_they_should(void **state)
{
    (void)state;
    json_t *lasting = tree_of(1);
    for (int seed = 2; seed < 30; seed++) {
        json_t *tree = tree_of(seed), *copy = json_deep_copy(tree);
        check(tree, seed);
        json_decref(tree);
        check(copy, seed);
        json_decref(copy);
    }
    check(lasting, 1);
    json_decref(lasting);
}

static void test_a_text_may_be_given_to_free(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++) {
        json_t *value = json_pack("{s:i}", "a", i);
        char *text = rip_json_dump(value, JSON_COMPACT);
        assert_int_equal(strncmp(text, "{\"a\":", 5), 0);
        free(text);
        json_decref(value);
    }
    json_t *word = json_string("alone");
    assert_null(rip_json_dump(word, JSON_COMPACT));
    assert_null(rip_json_dump(NULL, JSON_ENCODE_ANY));
    char *text = rip_json_dump(word, JSON_ENCODE_ANY);
    assert_string_equal(text, "\"alone\"");
    free(text);
    json_decref(word);
}

static void *make_many(void *data)
{
    (void)data;
    json_t *all = json_array();
    for (int i = 0; i < VALUES; i++) json_array_append_new(all, json_sprintf("text %d", i));
    return all;
}

static void test_a_value_may_be_freed_by_another_thread_than_made_it(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        pthread_t thread;
        void *all = NULL;
        assert_int_equal(pthread_create(&thread, NULL, make_many, NULL), 0);
        assert_int_equal(pthread_join(thread, &all), 0);
        assert_int_equal(json_array_size(all), VALUES);
        assert_string_equal(json_string_value(json_array_get(all, VALUES - 1)), "text 19999");
        json_decref(all);
    }
}

/* Threads that make and free at the same time, each what another has made too. */
static void *make_and_free(void *data)
{
    json_t *theirs = data;
    for (int i = 0; i < 20; i++) {
        json_t *tree = tree_of(i + 1);
        check(tree, i + 1);
        json_decref(tree);
    }
    json_decref(theirs);
    return NULL;
}

static void test_threads_do_not_disturb_each_other(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_create(&threads[i], NULL, make_and_free, tree_of(7)), 0);
    json_t *tree = tree_of(3);
    for (size_t i = 0; i < 4; i++) assert_int_equal(pthread_join(threads[i], NULL), 0);
    check(tree, 3);
    json_decref(tree);
}

#if !RIP_ADDRESS_SANITIZER
static double megabytes(void)
{
    char line[128] = "";
    FILE *file = fopen("/proc/self/statm", "r");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    return (double)strtol(strchr(line, ' '), NULL, 10) * (double)sysconf(_SC_PAGESIZE) / 1e6;
}

static void test_what_is_not_needed_goes_back_to_the_system(void **state)
{
    (void)state;
    double before = megabytes();
    json_t *all = json_array();
    for (int i = 0; i < 1000000; i++)
        json_array_append_new(all, json_integer(i)); /* 32 MB of pieces and 8 of malloc's */
    double full = megabytes();
    assert_true(full > before + 30);
    json_decref(all);
    for (int i = 0; i < 4; i++) rip_json_memory_rest();
    assert_true(megabytes() < before + 15);
    json_t *tree = tree_of(5); /* and is fit for use again */
    check(tree, 5);
    json_decref(tree);
}

static void test_what_has_no_room_is_kept_elsewhere(void **state)
{
    (void)state;
    json_t *all = json_array();
    for (int i = 0; i < 3000000; i++) json_array_append_new(all, json_integer(i));
    for (size_t i = 0; i < 3000000; i += 999) assert_int_equal(json_integer_value(json_array_get(all, i)), i);
    json_decref(all);
}
#endif

/* Little address space, so that it is used up too. */
static int install(void **state)
{
    (void)state;
    rip_json_memory_install((size_t)64 << 20);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values_in_pieces_that_were_used_before_hold_what_they_should),
        cmocka_unit_test(test_a_text_may_be_given_to_free),
        cmocka_unit_test(test_a_value_may_be_freed_by_another_thread_than_made_it),
        cmocka_unit_test(test_threads_do_not_disturb_each_other),
#if !RIP_ADDRESS_SANITIZER
        cmocka_unit_test(test_what_is_not_needed_goes_back_to_the_system),
        cmocka_unit_test(test_what_has_no_room_is_kept_elsewhere),
#endif
    };
    return cmocka_run_group_tests(tests, install, NULL);
}
