#include "box.h"

#include <sys/stat.h>
#include <unistd.h>

#include "lua/modules.h"

static const rip_module_entry ENTRIES[] = {
#define MODULE(name, text)                                                                                             \
    {                                                                                                                  \
        name, "lib/" name ".lua", text, sizeof(text) - 1                                                               \
    }
    MODULE("plain", "return {value = 7, name = ...}"),
    MODULE("nothing", "loads = (loads or 0) + 1"),
    MODULE("a", "return require 'b'"),
    MODULE("b", "return require 'a'"),
    MODULE("wrong", "\nlocal x ="),
    MODULE("raises", "\n\nerror({code = 'Mine', message = 'raised'})"),
    MODULE("fails", "\n\nerror('failed')"),
    MODULE("waits", "coroutine.yield()"),
    MODULE("endless", "while true do end"),
    MODULE("binary", "\x1bLuaT"),
#undef MODULE
};

static const rip_module_set SET = {ENTRIES, sizeof ENTRIES / sizeof *ENTRIES};

static void record(void *data, const char *name, const char *path, const char *bytes, size_t len)
{
    (void)bytes;
    rip_buffer_printf(data, "%s=%s:%zu;", name, path, len);
}

static void open_with(box *b, const rip_module_provider *providers, size_t count, rip_buffer *loaded)
{
    box_open(b, NULL);
    assert_int_equal(rip_modules_install(b->vm, providers, count, loaded ? record : NULL, loaded, &b->err), RIP_OK);
}

static void open_set(box *b, rip_buffer *loaded)
{
    rip_module_provider provider = rip_module_set_provider(&SET);
    open_with(b, &provider, 1, loaded);
}

static void test_a_module_runs_once_and_is_told_of_once(void **state)
{
    (void)state;
    box b;
    rip_buffer loaded = {0};
    open_set(&b, &loaded);
    assert_prints(&b,
                  "print(require('plain').value, require('plain') == require('plain'), require('plain').name)\n"
                  "print(require('nothing'), require('nothing'), loads)",
                  "7\ttrue\tplain\ntrue\ttrue\t1\n");
    assert_string_equal(loaded.data, "plain=lib/plain.lua:30;nothing=lib/nothing.lua:24;");
    rip_buffer_free(&loaded);
    box_close(&b);
}

static void test_mistakes_say_where_they_are(void **state)
{
    (void)state;
    box b;
    open_set(&b, NULL);
    assert_fails(&b, "require 'a'", "require each other in a circle");
    assert_fails(&b, "require 'wrong'", "lib/wrong.lua:2:");
    assert_fails(&b, "require 'fails'", "lib/fails.lua:3: failed");
    assert_fails(&b, "require 'raises'", "Mine: raised");
    assert_int_equal(b.err.status, RIP_EREMOTE);
    assert_fails(&b, "require 'waits'", "outside a coroutine");
    assert_fails(&b, "require 'binary'", "binary");
    assert_fails(&b, "require 'gone'", "there is no module gone");
    assert_prints(&b, "print(pcall(require, 'fails')) print(pcall(require, 'fails'))",
                  "false\tlib/fails.lua:3: failed\nfalse\tlib/fails.lua:3: failed\n");
    assert_killed(&b, "pcall(require, 'endless') print('on')", "worked too long");
    box_close(&b);
}

static void test_a_name_is_words_and_no_path(void **state)
{
    (void)state;
    static const char *const NAMES[] = {"../x", "/etc/passwd", "a/b", "a..b", ".a", "a.", "", "a\\0b", "a b", "a%b"};
    box b;
    open_set(&b, NULL);
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        char text[64];
        snprintf(text, sizeof text, "require '%s'", NAMES[i]);
        assert_fails(&b, text, "a module's name is words");
    }
    assert_fails(&b, "require(('a'):rep(300))", "a module's name is words");
    assert_fails(&b, "require(1)", "string expected");
    box_close(&b);
}

static void test_a_value_of_cs_own_takes_a_modules_place(void **state)
{
    (void)state;
    box b;
    open_set(&b, NULL);
    lua_pushinteger(rip_vm_state(b.vm), 42);
    rip_modules_set(b.vm, "plain");
    assert_prints(&b, "print(require 'plain')", "42\n");
    box_close(&b);
}

/* A folder with a module, a package, a link out of it, and one into it. */
static char folder[] = "/tmp/riposte-modules-XXXXXX";

static void write_file(const char *name, const char *text)
{
    char path[128];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int make_folder(void **state)
{
    (void)state;
    char path[128];
    if (!mkdtemp(folder)) return -1;
    static const char *const FOLDERS[] = {"own",     "own/pack",       "own/riposte", "own/folder.lua",
                                          "library", "library/riposte"};
    for (size_t i = 0; i < sizeof FOLDERS / sizeof *FOLDERS; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, FOLDERS[i]);
        if (mkdir(path, 0700) != 0) return -1;
    }
    write_file("outside.lua", "return 'outside'");
    write_file("own/inside.lua", "return 'inside'");
    write_file("own/pack/init.lua", "return 'pack'");
    write_file("own/pack/part.lua", "return 'part'");
    write_file("own/riposte/run.lua", "return 'not the library'");
    write_file("own/riposte/extra.lua", "return 'not the library'");
    write_file("library/riposte/run.lua", "return 'the library'");
    snprintf(path, sizeof path, "%s/own/leads_out.lua", folder);
    if (symlink("../outside.lua", path) != 0) return -1;
    snprintf(path, sizeof path, "%s/own/leads_in.lua", folder);
    return symlink("inside.lua", path);
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -r %s", folder);
    return system(command); // NOLINT(cert-env33-c): the folder's name is ours
}

static void test_a_folder_serves_what_is_in_it_and_nothing_else(void **state)
{
    (void)state;
    box b;
    char own[64], library[64];
    snprintf(own, sizeof own, "%s/own", folder);
    snprintf(library, sizeof library, "%s/library", folder);
    rip_module_folder folders[] = {{library, "riposte", "lua"}, {own, NULL, "playbooks"}};
    rip_module_provider providers[] = {rip_module_folder_provider(&folders[0]),
                                       rip_module_folder_provider(&folders[1])};
    rip_buffer loaded = {0};
    open_with(&b, providers, 2, &loaded);
    assert_prints(&b, "print(require 'inside', require 'pack', require 'pack.part', require 'leads_in')",
                  "inside\tpack\tpart\tinside\n");
    assert_non_null(strstr(loaded.data, "pack=playbooks/pack/init.lua:"));
    assert_fails(&b, "require 'leads_out'", "leads out of its folder");
    assert_fails(&b, "require 'folder'", "is not a file");
    assert_prints(&b, "print(require 'riposte.run')", "the library\n");
    assert_fails(&b, "require 'riposte.extra'", "there is no module riposte.extra");
    assert_fails(&b, "require 'riposter'", "there is no module riposter");
    rip_buffer_free(&loaded);
    box_close(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_module_runs_once_and_is_told_of_once),
        cmocka_unit_test(test_mistakes_say_where_they_are),
        cmocka_unit_test(test_a_name_is_words_and_no_path),
        cmocka_unit_test(test_a_value_of_cs_own_takes_a_modules_place),
        cmocka_unit_test(test_a_folder_serves_what_is_in_it_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
