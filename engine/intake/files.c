/* Files, folders and standard input, one after the other. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/base/buffer.h"
#include "engine/intake/source_private.h"

#define PIECE ((size_t)64 << 10)
#define FILES_MAX 1000000
#define FOLDERS_OPEN 32 /* at a time, while walking */

typedef struct file_source {
    source base;
    source_sink sink;
    document_limits limits;
    char **paths;
    size_t count, cap, next;
    const char *origin; /* what is read now; NULL: the next file is to be opened */
    int fd;
    bool waits;
    documents *cutter;
    char piece[PIECE];
} file_source;

static rip_status add_path(file_source *f, const char *path, rip_error *err)
{
    if (f->count == FILES_MAX) return rip_fail(err, RIP_ELIMIT, "%s: over %d files", path, FILES_MAX);
    if (f->count == f->cap) {
        size_t cap = f->cap ? f->cap * 2 : 16;
        char **paths = realloc(f->paths, cap * sizeof *paths);
        if (!paths) return rip_nomem(err);
        f->paths = paths;
        f->cap = cap;
    }
    f->paths[f->count] = strdup(path);
    return f->paths[f->count++] ? RIP_OK : rip_nomem(err);
}

static bool is_wanted(const char *name)
{
    static const char *const ENDINGS[] = {".json", ".jsonl", ".ndjson"};
    size_t len = strlen(name);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t ending = strlen(ENDINGS[i]);
        if (len > ending && strcmp(name + len - ending, ENDINGS[i]) == 0) return true;
    }
    return false;
}

/* nftw has no argument of the caller's. */
static _Thread_local struct {
    file_source *source;
    rip_status status;
    rip_error *err;
} walking;

static int on_entry(const char *path, const struct stat *info, int kind, struct FTW *place)
{
    (void)place;
    if (kind == FTW_DNR || kind == FTW_NS)
        walking.status = rip_fail(walking.err, RIP_EIO, "%s: it cannot be looked into: check its permissions", path);
    else if (kind == FTW_F && S_ISREG(info->st_mode) && is_wanted(path))
        walking.status = add_path(walking.source, path, walking.err);
    return walking.status == RIP_OK ? 0 : 1;
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static rip_status add_folder(file_source *f, const char *path, rip_error *err)
{
    size_t before = f->count;
    walking.source = f;
    walking.status = RIP_OK;
    walking.err = err;
    if (nftw(path, on_entry, FOLDERS_OPEN, FTW_PHYS) < 0)
        return rip_fail(err, RIP_EIO, "%s: %s", path, strerror(errno));
    if (walking.status == RIP_OK && f->count > before)
        qsort(f->paths + before, f->count - before, sizeof *f->paths, by_bytes);
    return walking.status;
}

static rip_status add(file_source *f, const char *path, rip_error *err)
{
    struct stat info;
    if (strcmp(path, "-") == 0) return add_path(f, path, err);
    if (stat(path, &info) != 0)
        return rip_fail(err, errno == ENOENT ? RIP_ENOTFOUND : RIP_EIO, "%s: %s", path, strerror(errno));
    return S_ISDIR(info.st_mode) ? add_folder(f, path, err) : add_path(f, path, err);
}

/* Reading. */

static rip_status tell_fault(file_source *f, size_t line, size_t column, const rip_error *why)
{
    source_fault what = {f->origin, line, column, *why};
    rip_error_prefix(&what.error, "%s:%zu:%zu: ", f->origin, line, column);
    return f->sink.fault(f->sink.data, &what);
}

static rip_status on_document(void *data, const char *bytes, size_t len, size_t line, size_t column,
                              const rip_error *err)
{
    file_source *f = data;
    if (!bytes) return tell_fault(f, line, column, err);
    source_document document = {bytes, len, f->origin, line};
    return f->sink.document(f->sink.data, &document);
}

static void close_file(file_source *f)
{
    if (f->fd > STDIN_FILENO) close(f->fd);
    documents_free(f->cutter);
    f->cutter = NULL;
    f->fd = -1;
    f->origin = NULL;
    f->waits = false;
}

/* What goes wrong with a file as a whole is told like a document's fault: the other files go on. */
static rip_status fail_file(file_source *f, int why)
{
    source_fault what = {f->origin, 0, 0, {RIP_EIO, ""}};
    rip_fail(&what.error, RIP_EIO, "%s: %s", f->origin, strerror(why));
    rip_status status = f->sink.fault(f->sink.data, &what);
    close_file(f);
    return status;
}

static rip_status open_next(file_source *f, rip_error *err)
{
    f->origin = f->paths[f->next++];
    /* Not blocking: a named pipe that nobody writes to yet would hold up open itself. */
    f->fd = strcmp(f->origin, "-") == 0 ? STDIN_FILENO : open(f->origin, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (f->fd < 0) return fail_file(f, errno);
    return documents_new(&f->limits, on_document, f, &f->cutter, err);
}

static bool has_something(const file_source *f)
{
    struct pollfd ready = {f->fd, POLLIN, 0};
    return poll(&ready, 1, 0) != 0;
}

static rip_status read_piece(file_source *f)
{
    ssize_t n = read(f->fd, f->piece, sizeof f->piece);
    if (n < 0) return errno == EINTR || errno == EAGAIN ? RIP_OK : fail_file(f, errno);
    if (n > 0) return documents_feed(f->cutter, f->piece, (size_t)n);
    rip_status status = documents_end(f->cutter);
    close_file(f);
    return status;
}

static rip_status files_step(source *s, bool *more, rip_error *err)
{
    file_source *f = (file_source *)s;
    rip_status status = RIP_OK;
    if (!f->origin && f->next < f->count) status = open_next(f, err);
    f->waits = status == RIP_OK && f->origin && !has_something(f);
    if (status == RIP_OK && f->origin && !f->waits) status = read_piece(f);
    *more = status == RIP_OK && (f->origin || f->next < f->count);
    return status;
}

static int files_waits_for(const source *s)
{
    const file_source *f = (const file_source *)s;
    return f->waits ? f->fd : -1;
}

static void files_free(source *s)
{
    file_source *f = (file_source *)s;
    close_file(f);
    for (size_t i = 0; i < f->count; i++) free(f->paths[i]);
    free(f->paths);
    free(f);
}

rip_status source_files(const char *const *paths, size_t count, const document_limits *limits, const source_sink *sink,
                        source **out, rip_error *err)
{
    static const source_ops OPS = {files_step, files_waits_for, files_free};
    file_source *f = calloc(1, sizeof *f);
    if (!f) return rip_nomem(err);
    f->base.ops = &OPS;
    f->sink = *sink;
    if (limits) f->limits = *limits;
    f->fd = -1;
    rip_status status = RIP_OK;
    for (size_t i = 0; i < count && status == RIP_OK; i++) status = add(f, paths[i], err);
    if (status == RIP_OK)
        *out = &f->base;
    else
        files_free(&f->base);
    return status;
}
