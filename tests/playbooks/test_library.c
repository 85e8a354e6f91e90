/* What is shipped in Lua, in the sandbox that playbooks run in: the library's promises (library_spec.lua) and the
 * headers of all playbooks. */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "lua/datafile.h"
#include "lua/playbook.h"

static void test_the_library_keeps_each_promise_of_its_spec(void **state)
{
    (void)state;
    json_t *results = NULL;
    rip_error err;
    rip_status status = rip_datafile_load("tests/playbooks/library_spec.lua", &results, &err);
    if (status != RIP_OK) fail_msg("%s", err.message);
    const char *name;
    json_t *result;
    size_t broken = 0;
    json_object_foreach (results, name, result) {
        if (strcmp(json_string_value(result), "ok") == 0) continue;
        print_error("%s: %s\n", name, json_string_value(result));
        broken++;
    }
    assert_true(json_object_size(results) >= 15);
    json_decref(results);
    assert_int_equal(broken, 0);
}

static void test_every_shipped_playbook_has_a_header_without_mistakes(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("playbooks/*/*.lua", 0, NULL, &found), 0);
    assert_int_equal(glob("examples/playbooks/*.lua", GLOB_APPEND, NULL, &found), 0);
    assert_true(found.gl_pathc >= 6);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        rip_playbook *playbook = NULL;
        rip_error err;
        if (rip_playbook_load(found.gl_pathv[i], NULL, NULL, &playbook, &err) != RIP_OK) fail_msg("%s", err.message);
        assert_true(json_array_size(playbook->permissions) > 0);
        rip_playbook_free(playbook);
    }
    globfree(&found);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_library_keeps_each_promise_of_its_spec),
        cmocka_unit_test(test_every_shipped_playbook_has_a_header_without_mistakes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
