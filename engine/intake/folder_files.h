/* What a folder source does to files. All of it may wait for a disk: it is called from libuv's threads, and shares
 * nothing with the loop but the descriptors. Private to the room. */
#ifndef RIPOSTE_INTAKE_FOLDER_FILES_H
#define RIPOSTE_INTAKE_FOLDER_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "engine/base/error.h"

#define FOLDER_ENTRIES_MOST 10000 /* of one look; the rest is seen when these are gone */

/** The descriptors of a folder and of those in it that files are moved to. */
typedef struct folder_place {
    int folder, done, failed;
} folder_place;

/** Makes done/ and failed/ where they are not. Closed with folder_place_close, also after an error. */
rip_status folder_place_open(folder_place *place, const char *path, rip_error *err);
void folder_place_close(folder_place *place);

/** What tells whether a file has changed. */
typedef struct folder_look {
    uint64_t inode;
    int64_t size, changed_ns;
} folder_look;

typedef struct folder_entry {
    char *name;
    folder_look look;
    bool is_file; /* a regular file: no link, pipe, socket or device */
} folder_entry;

typedef struct folder_entries {
    folder_entry *list; /* in byte order of their names */
    size_t count, room;
} folder_entries;

/** What may be taken in: no folders, and no names that start with a dot or end in .part or .tmp. */
rip_status folder_list(const folder_place *place, folder_entries *out, rip_error *err);
void folder_entries_free(folder_entries *entries);

/** Open a regular file to be read. RIP_EDENIED: it is a link or no regular file; RIP_ENOTFOUND: it is gone. */
rip_status folder_file_open(const folder_place *place, const char *name, int *fd, folder_look *look, rip_error *err);
/** Is the open file still as it was, under that name? */
bool folder_file_is_same(const folder_place *place, const char *name, int fd, const folder_look *look);

/** Move a file to done/, or, where `why` is not NULL, to failed/ with NAME.error that holds it. A name that is taken
 * there gets a number behind it. */
rip_status folder_file_move(const folder_place *place, const char *name, const char *why, rip_error *err);

#endif
