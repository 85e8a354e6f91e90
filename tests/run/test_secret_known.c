/* What a run was told as a secret is hidden wherever the run writes it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/run/secret.h"
#include "tests/run/door.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG"
#define INNER "correct-horse-42"

static int set_up(void **state)
{
    door_setup(state);
    world *w = *state;
    json_array_append_new(w->permissions, json_string("*"));
    json_object_set_new(w->replies, "CreateAccessKey",
                        json_pack("{s:{s:s, s:s, s:s, s:s}}", "AccessKey", "UserName", "u", "AccessKeyId",
                                  "AKIAEXAMPLE", "Status", "Active", "SecretAccessKey", SECRET));
    return 0;
}

static json_t *create_key(void)
{
    return call("iam", "CreateAccessKey", json_pack("{s:s}", "UserName", "u"));
}

/* The secret as the answer to the first step tells it: itself, or, in a replay, its digest. */
static const char *told(const answer *a)
{
    return json_string_value(json_object_get(json_object_get(a->value, "AccessKey"), "SecretAccessKey"));
}

/* A line that tells it in the middle of its text. */
static json_t *line(const char *secret)
{
    return json_pack("{s:s+, s:{s:[s]}}", "text", "the new key is ", secret, "fields", "keys", secret);
}

static bool tells(const json_t *value, const char *secret)
{
    char *text = value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
    bool found = text && strstr(text, secret);
    free(text);
    return found;
}

static void test_a_line_of_the_log_is_kept_without_the_secret_in_it(void **state)
{
    world *w = *state;
    open_door(w);
    answer key = perform(w, 1, "aws", create_key());
    answer logged = perform(w, 2, "log", line(told(&key)));
    assert_true(logged.given);
    assert_false(tells(step(w, 2)->request, SECRET));
    assert_true(tells(step(w, 2)->request, "the new key is (secret "));
    answer_clear(&key);
    answer_clear(&logged);
}

static void test_a_replay_which_knows_its_digest_asks_the_same(void **state)
{
    world *w = *state;
    open_door(w);
    answer key = perform(w, 1, "aws", create_key());
    answer logged = perform(w, 2, "log", line(told(&key)));
    answer_clear(&key);
    answer_clear(&logged);
    close_door(w);
    open_door(w);
    key = perform(w, 1, "aws", create_key());
    assert_memory_equal(told(&key), "(secret ", 8);
    logged = perform(w, 2, "log", line(told(&key)));
    assert_true(logged.given);
    assert_string_equal(w->outcome, "");
    answer_clear(&key);
    answer_clear(&logged);
}

/* Else AWS would be told a digest in the secret's place. */
static void test_a_change_that_would_tell_a_digest_within_a_text_is_not_made(void **state)
{
    world *w = *state;
    char text[200];
    open_door(w);
    answer key = perform(w, 1, "aws", create_key());
    answer_clear(&key);
    close_door(w);
    open_door(w);
    key = perform(w, 1, "aws", create_key());
    snprintf(text, sizeof text, "the new key is %s.", told(&key));
    answer next =
        perform(w, 2, "aws",
                call("ec2", "CreateTags",
                     json_pack("{s:[s], s:[{s:s, s:s}]}", "Resources", "i-1", "Tags", "Key", "k", "Value", text)));
    assert_false(next.given);
    assert_string_equal(w->outcome, "secret-lost");
    assert_int_equal(sent(w), 0);
    answer_clear(&key);
}

static void test_an_error_of_the_run_is_told_without_the_secret(void **state)
{
    world *w = *state;
    static const char WHY[] = "playbook.lua:7: could not use " SECRET "!";
    open_door(w);
    answer key = perform(w, 1, "aws", create_key());
    char *message = effect_door_hide_text(w->door, WHY, strlen(WHY));
    assert_null(strstr(message, SECRET));
    assert_non_null(strstr(message, "could not use (secret "));
    assert_int_equal(message[strlen(message) - 1], '!');
    free(message);
    message = effect_door_hide_text(NULL, WHY, strlen(WHY)); /* it ended before it had a door */
    assert_string_equal(message, WHY);
    free(message);
    answer_clear(&key);
}

static void learn(world *w, secret_known *known, const char *secret)
{
    secret_known_learn(known, w->journal, secret, strlen(secret));
}

static void check_hidden(const secret_known *known, const char *text, bool is_hidden)
{
    char *hidden = secret_known_hide_text(known, text, strlen(text));
    if ((strcmp(hidden, text) != 0) != is_hidden) fail_msg("%s became %s", text, hidden);
    free(hidden);
}

static void test_what_stands_in_a_secret_under_a_telling_name_is_one_too(void **state)
{
    world *w = *state;
    secret_known known = {0};
    learn(w, &known, "{\"host\": \"db-1.example.com\", \"login\": {\"password\": \"" INNER "\"}}");
    check_hidden(&known, "it is " INNER " now", true);
    check_hidden(&known, "of db-1.example.com", false);
    secret_known_clear(&known);
}

static void test_secure_strings_and_named_variables_are_learned_and_other_values_are_not(void **state)
{
    world *w = *state;
    secret_known known = {0};
    json_t *value = json_pack("[{s:s, s:s}, {s:s, s:s}, {s:s, s:s}]", "Type", "SecureString", "Value", SECRET, "name",
                              "DB_PASSWORD", "value", INNER, "name", "QUEUE", "value", "arn:aws:sqs:queue-1");
    json_t *masked = secret_mask(w->journal, NULL, value, &known);
    assert_false(tells(masked, SECRET));
    check_hidden(&known, SECRET, true);
    check_hidden(&known, INNER, true);
    check_hidden(&known, "arn:aws:sqs:queue-1", false);
    json_decref(value);
    json_decref(masked);
    secret_known_clear(&known);
}

static void test_the_longer_of_two_secrets_is_hidden_whole(void **state)
{
    world *w = *state;
    secret_known known = {0};
    char mark[SECRET_MARK_SIZE];
    learn(w, &known, INNER);
    learn(w, &known, INNER "-and-more");
    secret_mark_text(w->journal, INNER "-and-more", strlen(INNER "-and-more"), mark);
    char *hidden = secret_known_hide_text(&known, INNER "-and-more", strlen(INNER "-and-more"));
    assert_string_equal(hidden, mark);
    free(hidden);
    secret_known_clear(&known);
}

static void test_words_and_short_texts_are_not_looked_for(void **state)
{
    world *w = *state;
    secret_known known = {0};
    learn(w, &known, "password");
    learn(w, &known, "productionsystem");
    learn(w, &known, "abc-123");
    check_hidden(&known, "the password of the productionsystem is abc-123", false);
    secret_known_clear(&known);
}

static void test_a_secret_is_hidden_in_names_and_at_both_ends(void **state)
{
    world *w = *state;
    secret_known known = {0};
    learn(w, &known, SECRET);
    json_t *value = json_pack("{s:[i, {s:b}], s:n}", "a " SECRET, 1, SECRET SECRET, 1, "kept");
    json_t *hidden = secret_known_hide(&known, value);
    assert_false(tells(hidden, SECRET));
    assert_int_equal(json_object_size(hidden), 2);
    assert_true(json_is_null(json_object_get(hidden, "kept")));
    json_decref(value);
    json_decref(hidden);
    secret_known_clear(&known);
}

static void test_no_more_are_known_than_fit(void **state)
{
    world *w = *state;
    secret_known known = {0};
    char text[32];
    for (int i = 0; i < 2 * SECRET_KNOWN_MOST; i++) {
        snprintf(text, sizeof text, "secret-%08d", i / 2); /* each twice */
        learn(w, &known, text);
    }
    for (int i = 0; i < SECRET_KNOWN_MOST + 10; i++) {
        snprintf(text, sizeof text, "another-%08d", i);
        learn(w, &known, text);
    }
    assert_int_equal(known.count, SECRET_KNOWN_MOST);
    secret_known_clear(&known);
    assert_int_equal(known.count, 0);
}

#define KNOWN_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, door_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KNOWN_TEST(test_a_line_of_the_log_is_kept_without_the_secret_in_it),
        KNOWN_TEST(test_a_replay_which_knows_its_digest_asks_the_same),
        KNOWN_TEST(test_a_change_that_would_tell_a_digest_within_a_text_is_not_made),
        KNOWN_TEST(test_an_error_of_the_run_is_told_without_the_secret),
        KNOWN_TEST(test_what_stands_in_a_secret_under_a_telling_name_is_one_too),
        KNOWN_TEST(test_secure_strings_and_named_variables_are_learned_and_other_values_are_not),
        KNOWN_TEST(test_the_longer_of_two_secrets_is_hidden_whole),
        KNOWN_TEST(test_words_and_short_texts_are_not_looked_for),
        KNOWN_TEST(test_a_secret_is_hidden_in_names_and_at_both_ends),
        KNOWN_TEST(test_no_more_are_known_than_fit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
