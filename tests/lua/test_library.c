/* The library of today, and those that runs of before an update go on with. */
#include "box.h"

#include "engine/base/digest.h"
#include "lua/library.h"
#include "lua/library_image.h"
#include "lua/library_pack.h"
#include "lua/playbook.h"
#include "lua/vm_state.h"

/* A pack with its digest, and why it was refused. */
typedef struct packed {
    rip_buffer bytes;
    char digest[RIP_SHA256_HEX];
    rip_error err;
} packed;

static packed pack_of(const char *module, const char *text)
{
    packed p = {0};
    rip_library_pack_add(&p.bytes, module, text, strlen(text));
    rip_sha256_hex(p.bytes.data, p.bytes.len, p.digest);
    return p;
}

static const rip_library *recall(packed *p)
{
    const rip_library *library = NULL;
    rip_status status = rip_library_recall(p->digest, p->bytes.data, p->bytes.len, &library, &p->err);
    assert_true((status == RIP_OK) == (library != NULL));
    return library;
}

static const rip_library *today(void)
{
    const rip_library *library = NULL;
    rip_error err = {RIP_OK, ""};
    if (rip_library_current(&library, &err) != RIP_OK) fail_msg("%s", err.message);
    return library;
}

static void test_the_digest_of_todays_library_stands_for_all_its_texts(void **state)
{
    (void)state;
    char digest[RIP_SHA256_HEX];
    size_t len = 0;
    unsigned count = 0;
    const char *pack = rip_library_pack(today(), &len);
    rip_sha256_hex(pack, len, digest);
    assert_string_equal(rip_library_digest(today()), digest);
    rip_library_pack_reader reader = {.at = pack, .left = len};
    bool has_start = false;
    for (; rip_library_pack_next(&reader, NULL) == RIP_OK; count++)
        has_start = has_start || strcmp(reader.name, "riposte.start") == 0;
    assert_int_equal(reader.left, 0);
    assert_true(count > 20);
    assert_true(has_start);
}

static void test_a_library_is_compiled_once_whoever_asks_for_it(void **state)
{
    (void)state;
    packed p = pack_of("riposte.once", "return 1");
    const rip_library *first = recall(&p);
    assert_non_null(first);
    assert_ptr_equal(recall(&p), first);
    assert_ptr_not_equal(first, today());
    rip_buffer_free(&p.bytes);

    p = (packed){0};
    size_t len = 0;
    rip_buffer_append(&p.bytes, rip_library_pack(today(), &len), 0);
    snprintf(p.digest, sizeof p.digest, "%s", rip_library_digest(today()));
    assert_ptr_equal(recall(&p), today());
    rip_buffer_free(&p.bytes);
}

static void test_texts_that_are_not_those_of_the_digest_are_refused(void **state)
{
    (void)state;
    packed p = pack_of("riposte.changed", "return 1");
    p.bytes.data[p.bytes.len - 1] = '2';
    assert_null(recall(&p));
    assert_int_equal(p.err.status, RIP_EINVAL);
    assert_non_null(strstr(p.err.message, "was changed"));
    rip_buffer_free(&p.bytes);
}

static void test_a_library_that_cannot_be_compiled_is_refused_with_the_place(void **state)
{
    (void)state;
    packed p = pack_of("riposte.actions.broken", "\nlocal x =");
    assert_null(recall(&p));
    assert_non_null(strstr(p.err.message, "lua/riposte/actions/broken.lua:2:"));
    rip_buffer_free(&p.bytes);
    p = pack_of("riposte.binary", "\x1bLua");
    assert_null(recall(&p));
    assert_int_equal(p.err.status, RIP_EINVAL);
    rip_buffer_free(&p.bytes);
}

static void test_bytes_that_are_no_pack_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *bytes, *why;
    } CASES[] = {
        {"riposte.a", "name is missing"},
        {" 3\nabc", "not of the library"},
        {"lib 3\nabc", "not of the library"},
        {"riposte 3\nabc", "not of the library"},
        {"riposte.a/b 3\nabc", "not of the library"},
        {"riposte.a \nabc", "length is missing"},
        {"riposte.a 3", "length is missing"},
        {"riposte.a -3\nabc", "length is missing"},
        {"riposte.a 03\nabc", "length is missing"},
        {"riposte.a 18446744073709551617\nabc", "length is missing"},
        {"riposte.a 1048577\nabc", "too long"},
        {"riposte.a 4\nabc", "cut short"},
        {"riposte.a 3\n-- more", "name is missing"},
        {"riposte.b 1\n;riposte.a 1\n;", "not in order"},
        {"riposte.a 1\n;riposte.a 1\n;", "not in order"},
    };
    for (size_t i = 0; i < sizeof CASES / sizeof *CASES; i++) {
        packed p = {0};
        rip_buffer_puts(&p.bytes, CASES[i].bytes);
        rip_sha256_hex(p.bytes.data, p.bytes.len, p.digest);
        assert_null(recall(&p));
        assert_int_equal(p.err.status, RIP_EINVAL);
        if (!strstr(p.err.message, CASES[i].why)) fail_msg("%s: %s", CASES[i].bytes, p.err.message);
        rip_buffer_free(&p.bytes);
    }
}

static const char PLAYBOOK[] =
    "return { name = 'p', about = require 'riposte.era', trigger = { source = { 'test' } }, permissions = {},"
    " run = function() end }";

static void test_a_recalled_playbook_has_the_library_it_is_given_and_no_other(void **state)
{
    (void)state;
    packed p = pack_of("riposte.era", "return 'as it was before'");
    rip_playbook *playbook = NULL;
    rip_error err = {RIP_OK, ""};
    rip_status status = rip_playbook_recall("p.lua", PLAYBOOK, sizeof PLAYBOOK - 1, NULL, recall(&p), &playbook, &err);
    if (status != RIP_OK) fail_msg("%s", err.message);
    assert_string_equal(playbook->about, "as it was before");
    rip_playbook_free(playbook);
    assert_int_equal(rip_playbook_recall("p.lua", PLAYBOOK, sizeof PLAYBOOK - 1, NULL, NULL, &playbook, &err),
                     RIP_EINVAL);
    assert_non_null(strstr(err.message, "no module riposte.era"));
    rip_buffer_free(&p.bytes);
}

/* Last: they stay. */
static void test_there_is_a_most_of_libraries_and_those_that_are_there_stay_in_use(void **state)
{
    (void)state;
    packed first = pack_of("riposte.n", "return 0");
    const rip_library *kept = recall(&first);
    assert_non_null(kept);
    rip_status status = RIP_OK;
    for (int i = 1; i < 20 && status == RIP_OK; i++) {
        char text[32];
        snprintf(text, sizeof text, "return %d", i);
        packed p = pack_of("riposte.n", text);
        status = recall(&p) ? RIP_OK : p.err.status;
        rip_buffer_free(&p.bytes);
    }
    assert_int_equal(status, RIP_ELIMIT);
    assert_ptr_equal(recall(&first), kept);
    rip_buffer_free(&first.bytes);
}

static void test_the_library_of_today_has_an_image(void **state)
{
    (void)state;
    const rip_library *library = NULL;
    rip_error err;
    assert_int_equal(rip_library_current(&library, &err), RIP_OK);
    const rip_image *image = rip_library_image(library);
    if (!RIP_VM_ARENA) {
        assert_null(image);
        skip();
    }
    assert_non_null(image);
    assert_ptr_equal(rip_library_image(library), image);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_of_today_has_an_image),
        cmocka_unit_test(test_the_digest_of_todays_library_stands_for_all_its_texts),
        cmocka_unit_test(test_a_library_is_compiled_once_whoever_asks_for_it),
        cmocka_unit_test(test_texts_that_are_not_those_of_the_digest_are_refused),
        cmocka_unit_test(test_a_library_that_cannot_be_compiled_is_refused_with_the_place),
        cmocka_unit_test(test_bytes_that_are_no_pack_are_refused),
        cmocka_unit_test(test_a_recalled_playbook_has_the_library_it_is_given_and_no_other),
        cmocka_unit_test(test_there_is_a_most_of_libraries_and_those_that_are_there_stay_in_use),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
