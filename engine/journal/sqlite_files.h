/* The files beside the database: PATH.lock says who owns it, PATH.key holds what its digests are keyed with. Private to
 * the room. */
#ifndef RIPOSTE_JOURNAL_SQLITE_FILES_H
#define RIPOSTE_JOURNAL_SQLITE_FILES_H

#include <stdbool.h>

#include "engine/base/error.h"

#define JOURNAL_KEY_BYTES 32

/** Become the one process that writes: until *fd is closed, or the process ends in whatever way. RIP_EAGAIN names the
 * one that is. */
rip_status files_lock(const char *path, const char *owner, int *fd, rip_error *err);

bool files_has_key(const char *path);

/** RIP_ENOTFOUND: there is none. RIP_EDENIED: others than its owner may read it, or we may not. */
rip_status files_read_key(const char *path, unsigned char key[JOURNAL_KEY_BYTES], rip_error *err);

/** Make one of random bytes: wholly, or not at all. */
rip_status files_make_key(const char *path, unsigned char key[JOURNAL_KEY_BYTES], rip_error *err);

#endif
