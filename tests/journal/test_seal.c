/* What is sealed opens with the same key, for the same place, unchanged, and in no other way. */
#include "tests/journal/keepers.h"

static int set_up(void **state)
{
    keeper *k = calloc(1, sizeof *k);
    assert_non_null(k);
    keeper_make(k);
    keeper_open(k);
    *state = k;
    return 0;
}

static int tear_down(void **state)
{
    keeper_remove(*state);
    free(*state);
    return 0;
}

static char *sealed(const journal *j, const char *place, const char *text, size_t len)
{
    rip_error err;
    char *out = NULL;
    assert_int_equal(journal_seal(j, place, text, len, &out, &err), RIP_OK);
    return out;
}

static rip_status unseal(const journal *j, const char *place, const char *text)
{
    rip_error err;
    char *out = NULL;
    size_t len = 0;
    rip_status status = journal_unseal(j, place, text, strlen(text), &out, &len, &err);
    free(out);
    return status;
}

static void test_what_is_sealed_opens_as_it_was_in_the_next_process_too(void **state)
{
    keeper *k = *state;
    static const char TEXTS[][8] = {"", "x", "h\0ush", "\xff\x00\x01", "secret"};
    rip_error err;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        char *text = sealed(k->j, "run-1 3", TEXTS[i], i), *out = NULL;
        size_t len = 0;
        keeper_close(k);
        keeper_open(k);
        assert_int_equal(journal_unseal(k->j, "run-1 3", text, strlen(text), &out, &len, &err), RIP_OK);
        assert_int_equal(len, i);
        assert_memory_equal(out, TEXTS[i], i);
        free(out);
        free(text);
    }
}

static void test_the_same_is_never_sealed_in_the_same_way(void **state)
{
    keeper *k = *state;
    char *one = sealed(k->j, "p", "secret", 6), *other = sealed(k->j, "p", "secret", 6);
    assert_string_not_equal(one, other);
    free(one);
    free(other);
}

static void test_it_does_not_open_for_another_place(void **state)
{
    keeper *k = *state;
    char *text = sealed(k->j, "run-1 3", "secret", 6);
    assert_int_equal(unseal(k->j, "run-1 4", text), RIP_EDENIED);
    assert_int_equal(unseal(k->j, "", text), RIP_EDENIED);
    assert_int_equal(unseal(k->j, "run-1 3", text), RIP_OK);
    free(text);
}

static void test_it_does_not_open_with_another_journals_key(void **state)
{
    keeper *k = *state;
    rip_error err;
    journal *memory = NULL, *other = NULL;
    char *text = sealed(k->j, "p", "secret", 6);
    assert_int_equal(journal_open_memory(&memory, &err), RIP_OK);
    assert_int_equal(journal_open_memory(&other, &err), RIP_OK);
    assert_int_equal(unseal(memory, "p", text), RIP_EDENIED);
    free(text);
    text = sealed(memory, "p", "secret", 6);
    assert_int_equal(unseal(memory, "p", text), RIP_OK);
    assert_int_equal(unseal(other, "p", text), RIP_EDENIED);
    free(text);
    journal_close(memory);
    journal_close(other);
}

static void test_whatever_byte_is_changed_it_does_not_open(void **state)
{
    keeper *k = *state;
    char *text = sealed(k->j, "p", "secret", 6);
    for (size_t i = 0; text[i]; i++) {
        char before = text[i];
        text[i] = before == 'A' ? 'Q' : 'A';
        rip_status status = unseal(k->j, "p", text);
        if (before != '=' && status != RIP_EDENIED) fail_msg("changed at %zu it is %d", i, (int)status);
        text[i] = before;
    }
    for (size_t len = strlen(text); len-- > 0;) {
        char *out = NULL;
        size_t out_len = 0;
        rip_error err;
        assert_int_equal(journal_unseal(k->j, "p", text, len, &out, &out_len, &err), RIP_EDENIED);
    }
    assert_int_equal(unseal(k->j, "p", "no base64 at all"), RIP_EDENIED);
    free(text);
}

int main(void)
{
#define ON(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        ON(test_what_is_sealed_opens_as_it_was_in_the_next_process_too),
        ON(test_the_same_is_never_sealed_in_the_same_way),
        ON(test_it_does_not_open_for_another_place),
        ON(test_it_does_not_open_with_another_journals_key),
        ON(test_whatever_byte_is_changed_it_does_not_open),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
