#include "lua/library_pack.h"

#include <string.h>

#include "lua/modules.h"

#define PREFIX "riposte."
#define NAME_CHARACTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_-."
#define DIGITS_MAX 7 /* of RIP_MODULE_BYTES_MAX */

void rip_library_pack_add(rip_buffer *pack, const char *name, const char *text, size_t len)
{
    rip_buffer_printf(pack, "%s %zu\n", name, len);
    rip_buffer_append(pack, text, len);
}

static rip_status not_a_pack(rip_error *err, const char *why)
{
    return rip_fail(err, RIP_EINVAL, "a library's texts cannot be read: %s", why);
}

static void pass(rip_library_pack_reader *reader, size_t len)
{
    reader->at += len;
    reader->left -= len;
}

static rip_status read_name(rip_library_pack_reader *reader, rip_error *err)
{
    char name[sizeof reader->name];
    const char *end = memchr(reader->at, ' ', reader->left < sizeof name ? reader->left : sizeof name);
    if (!end) return not_a_pack(err, "a module's name is missing");
    size_t len = (size_t)(end - reader->at);
    memcpy(name, reader->at, len);
    name[len] = '\0';
    if (strncmp(name, PREFIX, sizeof PREFIX - 1) != 0 || strspn(name, NAME_CHARACTERS) != len)
        return not_a_pack(err, "it has a module that is not of the library");
    if (strcmp(reader->name, name) >= 0) return not_a_pack(err, "its modules are not in order");
    memcpy(reader->name, name, len + 1);
    pass(reader, len + 1);
    return RIP_OK;
}

/* Written in one way only, so that a library has one pack. */
static rip_status read_length(rip_library_pack_reader *reader, rip_error *err)
{
    size_t len = 0, digits = 0;
    while (digits < reader->left && digits < DIGITS_MAX && reader->at[digits] >= '0' && reader->at[digits] <= '9')
        len = len * 10 + (size_t)(reader->at[digits++] - '0');
    bool whole = digits > 0 && digits < reader->left && reader->at[digits] == '\n';
    if (!whole || (digits > 1 && reader->at[0] == '0')) return not_a_pack(err, "a module's length is missing");
    pass(reader, digits + 1);
    if (len > RIP_MODULE_BYTES_MAX) return not_a_pack(err, "a module is too long");
    if (len > reader->left) return not_a_pack(err, "it is cut short");
    reader->len = len;
    return RIP_OK;
}

rip_status rip_library_pack_next(rip_library_pack_reader *reader, rip_error *err)
{
    if (reader->left == 0) return rip_fail(err, RIP_ENOTFOUND, "that was the library's last module");
    rip_status status = read_name(reader, err);
    if (status == RIP_OK) status = read_length(reader, err);
    if (status != RIP_OK) return status;
    reader->text = reader->at;
    pass(reader, reader->len);
    return RIP_OK;
}
