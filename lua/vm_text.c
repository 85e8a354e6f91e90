/* Text for values, without calling into the playbook and without memory of the state's. */
#include <string.h>

#include <lua.h>

#include "engine/base/escape.h"
#include "lua/vm_state.h"

#define ERROR_TEXT_MAX 900
#define SAFE_TEXT_MAX 4096

static const char *word_of(lua_State *L, int index, rip_vm_word word, size_t *len)
{
    lua_pushvalue(L, index);
    lua_rawgeti(L, LUA_REGISTRYINDEX, rip_vm_of(L)->words[word]);
    lua_rawget(L, -2);
    /* The table keeps the string alive past this. */
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tolstring(L, -1, len) : NULL;
    lua_pop(L, 2);
    return text;
}

static void describe_table(lua_State *L, int index, size_t max, rip_buffer *out)
{
    size_t code_len = 0, message_len = 0;
    const char *code = word_of(L, index, RIP_WORD_CODE, &code_len);
    const char *message = word_of(L, index, RIP_WORD_MESSAGE, &message_len);
    if (!code && !message) {
        rip_buffer_puts(out, "a table without code or message");
        return;
    }
    if (code) rip_escape_line(out, code, code_len, max);
    if (code && message) rip_buffer_puts(out, ": ");
    if (message && out->len < max) rip_escape_line(out, message, message_len, max - out->len);
}

static void describe(lua_State *L, int index, size_t max, rip_buffer *out)
{
    if (!lua_checkstack(L, 4)) return;
    size_t len = 0;
    switch (lua_type(L, index)) {
    case LUA_TSTRING: {
        const char *text = lua_tolstring(L, index, &len);
        rip_escape_line(out, text, len, max);
        break;
    }
    case LUA_TNUMBER:
        if (lua_isinteger(L, index))
            rip_buffer_printf(out, "%lld", (long long)lua_tointeger(L, index));
        else
            rip_buffer_printf(out, "%.14g", lua_tonumber(L, index));
        break;
    case LUA_TBOOLEAN: rip_buffer_puts(out, lua_toboolean(L, index) ? "true" : "false"); break;
    case LUA_TTABLE: describe_table(L, lua_absindex(L, index), max, out); break;
    default: rip_buffer_puts(out, lua_typename(L, lua_type(L, index)));
    }
}

void rip_vm_push_safe_text(lua_State *L, int index, size_t max)
{
    rip_buffer text = {0};
    index = lua_absindex(L, index);
    describe(L, index, max, &text);
    char copy[SAFE_TEXT_MAX]; /* pushing may raise, and the buffer would be lost */
    size_t len = max < sizeof copy ? max : sizeof copy;
    if (len >= text.len)
        len = text.len;
    else
        while (len > 0 && ((unsigned char)text.data[len] & 0xC0) == 0x80) len--; /* no half characters */
    if (len > 0) memcpy(copy, text.data, len);
    rip_buffer_free(&text);
    lua_pushlstring(L, copy, len);
}

/* {code = "ThrottlingException", retryable = true, …} is a service's error; others are the playbook's own. */
static rip_status error_status(lua_State *L)
{
    size_t len = 0;
    if (!lua_istable(L, -1) || !lua_checkstack(L, 4)) return RIP_EINVAL;
    if (!word_of(L, lua_absindex(L, -1), RIP_WORD_CODE, &len)) return RIP_EINVAL;
    lua_rawgeti(L, LUA_REGISTRYINDEX, rip_vm_of(L)->words[RIP_WORD_RETRYABLE]);
    lua_rawget(L, -2);
    bool passes = lua_isboolean(L, -1) && lua_toboolean(L, -1);
    lua_pop(L, 1);
    return passes ? RIP_EAGAIN : RIP_EREMOTE;
}

void rip_vm_take_error(lua_State *L, rip_error *err)
{
    rip_buffer text = {0};
    rip_status status = error_status(L);
    describe(L, -1, ERROR_TEXT_MAX, &text);
    rip_fail(err, status, "%s", text.data ? text.data : "an error");
    rip_buffer_free(&text);
}
