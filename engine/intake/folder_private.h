/* The parts of a folder source: looking (folder.c) and one file's way (folder_read.c). Private to the room. */
#ifndef RIPOSTE_INTAKE_FOLDER_PRIVATE_H
#define RIPOSTE_INTAKE_FOLDER_PRIVATE_H

#include <uv.h>

#include "engine/base/buffer.h"
#include "engine/intake/folder.h"
#include "engine/intake/folder_files.h"
#include "engine/intake/live_tally.h"

#define FOLDER_FILES_MOST 8 /* under way at a time */

typedef struct folder_source folder_source;
typedef struct folder_file folder_file;

/* Descriptors are shared with work on other threads, which may outlive the source. */
typedef struct folder_shared {
    folder_place place;
    unsigned users; /* loop thread only */
} folder_shared;

struct folder_source {
    live_source base;
    live_tally tally;
    char *path;
    document_limits limits;
    rip_clock *clock;
    live_sink sink;
    folder_shared *shared; /* NULL until it is started */
    uv_fs_event_t *watch;  /* NULL: there is none, the folder is looked at now and then */
    bool running;

    rip_timer timer; /* the next look */
    struct folder_job *job;
    int64_t looked_at; /* monotonic */
    json_t *looks;     /* name -> [what it looked like, since when that counts as settled] */
    json_t *ready;     /* names of files that have settled */
    size_t next;       /* of them */
    folder_file *files;
    size_t file_count;
    size_t under_way;
};

folder_shared *folder_shared_use(folder_shared *shared);
void folder_shared_leave(folder_shared *shared);

/* folder_read.c */

/** Take a file in: opened, read piece by piece, handed over, and moved once that is kept. False: out of memory. */
bool folder_file_begin(folder_source *s, const char *name);
bool folder_file_is_under_way(const folder_source *s, const char *name);
/** Give up all files; what is kept of them is known, the rest is read again. */
void folder_files_give_up(folder_source *s);
/** The same for those that hand over nothing now. */
void folder_files_stop(folder_source *s);

/* folder.c */

typedef enum folder_end {
    FOLDER_MOVED,
    FOLDER_LATER, /* not all of it could be kept, or it changed: it is read again */
    FOLDER_STUCK  /* it could not be moved: it is read again once it has changed */
} folder_end;

/** A file is through. */
void folder_on_end(folder_source *s, const char *name, folder_end end);

#endif
