/* For tests: a vm, a text run in it to its end, and what it printed. */
#ifndef RIPOSTE_TESTS_LUA_BOX_H
#define RIPOSTE_TESTS_LUA_BOX_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <lauxlib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "lua/vm.h"

typedef struct box {
    rip_vm *vm;
    rip_buffer printed; /* lines, each ends with '\n' */
    rip_error err;
    unsigned turns; /* that the last run took */
} box;

static inline void box_print(void *data, const char *text, size_t len)
{
    box *b = data;
    rip_buffer_append(&b->printed, text, len);
    rip_buffer_putc(&b->printed, '\n');
}

static inline void box_open(box *b, const rip_vm_limits *limits)
{
    memset(b, 0, sizeof *b);
    assert_int_equal(rip_vm_new(limits, &b->vm, &b->err), RIP_OK);
    rip_vm_on_print(b->vm, box_print, b);
}

static inline void box_close(box *b)
{
    rip_vm_free(b->vm);
    rip_buffer_free(&b->printed);
}

/* Run `text` in a coroutine until it ends or waits. */
static inline rip_vm_result box_run(box *b, const char *text)
{
    lua_State *L = rip_vm_state(b->vm);
    int nresults = 0;
    b->turns = 0;
    rip_buffer_clear(&b->printed);
    if (rip_vm_load(b->vm, "test.lua", text, strlen(text), &b->err) != RIP_OK) return RIP_VM_FAILED;
    lua_State *co = lua_newthread(L);
    lua_pushvalue(L, -2);
    lua_xmove(L, co, 1);
    rip_vm_result result;
    do {
        result = rip_vm_resume(b->vm, co, 0, &nresults, &b->err);
        b->turns++;
    } while (result == RIP_VM_PREEMPTED);
    if (rip_vm_state(b->vm)) lua_settop(L, 0); /* what still waits is forgotten */
    return result;
}

#define assert_prints(b, text, expected)                                                                               \
    do {                                                                                                               \
        box *box_ = (b);                                                                                               \
        if (box_run(box_, (text)) != RIP_VM_DONE) fail_msg("%s", box_->err.message);                                   \
        assert_string_equal(box_->printed.data ? box_->printed.data : "", (expected));                                 \
    } while (0)

/* Ends with `result`, for the reason that says `part`. */
#define assert_ends(b, text, result, part)                                                                             \
    do {                                                                                                               \
        box *box_ = (b);                                                                                               \
        assert_int_equal(box_run(box_, (text)), (result));                                                             \
        if (!strstr(box_->err.message, (part))) fail_msg("%s", box_->err.message);                                     \
    } while (0)

#define assert_fails(b, text, part) assert_ends(b, text, RIP_VM_FAILED, part)
#define assert_killed(b, text, part) assert_ends(b, text, RIP_VM_KILLED, part)

#endif
