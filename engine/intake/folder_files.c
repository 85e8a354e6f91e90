/* Files of a folder that others write into: names are only ever looked up in descriptors, and links are not followed.
 */
#include "engine/intake/folder_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NAME_BYTES 256
#define NUMBERS_MOST 10000
#define FOLDER_MODE 0750
#define ERROR_MODE 0640

static rip_status failed(rip_error *err, const char *what, const char *name)
{
    int code = errno;
    return rip_fail(err, code == ENOENT ? RIP_ENOTFOUND : RIP_EIO, "%s %s: %s", what, name, strerror(code));
}

static rip_status open_inner(int folder, const char *name, int *fd, rip_error *err)
{
    if (mkdirat(folder, name, FOLDER_MODE) != 0 && errno != EEXIST) return failed(err, "making", name);
    *fd = openat(folder, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return *fd >= 0 ? RIP_OK : failed(err, "opening", name);
}

rip_status folder_place_open(folder_place *place, const char *path, rip_error *err)
{
    *place = (folder_place){-1, -1, -1};
    place->folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (place->folder < 0) return failed(err, "opening the folder", path);
    rip_status status = open_inner(place->folder, "done", &place->done, err);
    if (status == RIP_OK) status = open_inner(place->folder, "failed", &place->failed, err);
    return status == RIP_OK ? RIP_OK : rip_error_prefix(err, "%s: ", path);
}

void folder_place_close(folder_place *place)
{
    if (place->failed >= 0) close(place->failed);
    if (place->done >= 0) close(place->done);
    if (place->folder >= 0) close(place->folder);
    *place = (folder_place){-1, -1, -1};
}

/* Looking. */

static bool ends_in(const char *name, const char *ending)
{
    size_t len = strlen(name), ending_len = strlen(ending);
    return len >= ending_len && strcmp(name + len - ending_len, ending) == 0;
}

static folder_look look_of(const struct stat *info)
{
    return (folder_look){info->st_ino, info->st_size,
                         (int64_t)info->st_mtim.tv_sec * 1000000000 + info->st_mtim.tv_nsec};
}

static bool is_same(const folder_look *a, const folder_look *b)
{
    return a->inode == b->inode && a->size == b->size && a->changed_ns == b->changed_ns;
}

static rip_status add(folder_entries *entries, const char *name, const struct stat *info, rip_error *err)
{
    if (entries->count == entries->room) {
        size_t room = entries->room ? entries->room * 2 : 64;
        folder_entry *list = realloc(entries->list, room * sizeof *list);
        if (!list) return rip_nomem(err);
        entries->list = list;
        entries->room = room;
    }
    char *copy = strdup(name);
    if (!copy) return rip_nomem(err);
    entries->list[entries->count++] = (folder_entry){copy, look_of(info), S_ISREG(info->st_mode)};
    return RIP_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const folder_entry *)a)->name, ((const folder_entry *)b)->name);
}

rip_status folder_list(const folder_place *place, folder_entries *out, rip_error *err)
{
    /* a descriptor of its own, since reading moves its position */
    int fd = openat(place->folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
    if (!dir) {
        rip_status status = failed(err, "reading", "the folder");
        if (fd >= 0) close(fd);
        return status;
    }
    rip_status status = RIP_OK;
    const struct dirent *one;
    while (status == RIP_OK && out->count < FOLDER_ENTRIES_MOST && (one = readdir(dir))) {
        struct stat info;
        if (one->d_name[0] == '.' || ends_in(one->d_name, ".part") || ends_in(one->d_name, ".tmp")) continue;
        if (fstatat(fd, one->d_name, &info, AT_SYMLINK_NOFOLLOW) != 0 || S_ISDIR(info.st_mode)) continue;
        status = add(out, one->d_name, &info, err);
    }
    closedir(dir);
    if (out->count > 1) qsort(out->list, out->count, sizeof *out->list, by_name);
    return status;
}

void folder_entries_free(folder_entries *entries)
{
    for (size_t i = 0; i < entries->count; i++) free(entries->list[i].name);
    free(entries->list);
    *entries = (folder_entries){0};
}

/* Reading. */

rip_status folder_file_open(const folder_place *place, const char *name, int *fd, folder_look *look, rip_error *err)
{
    struct stat info;
    /* O_NONBLOCK: a pipe's open would wait for its writer */
    int opened = openat(place->folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
    if (opened < 0 && (errno == ELOOP || errno == ENXIO))
        return rip_fail(err, RIP_EDENIED, "it is a link or no regular file: only regular files are taken in");
    if (opened < 0) return failed(err, "opening", name);
    if (fstat(opened, &info) != 0 || !S_ISREG(info.st_mode)) {
        close(opened);
        return rip_fail(err, RIP_EDENIED, "it is no regular file: only regular files are taken in");
    }
    *fd = opened;
    *look = look_of(&info);
    return RIP_OK;
}

bool folder_file_is_same(const folder_place *place, const char *name, int fd, const folder_look *look)
{
    struct stat open_now, named_now;
    if (fstat(fd, &open_now) != 0 || fstatat(place->folder, name, &named_now, AT_SYMLINK_NOFOLLOW) != 0) return false;
    folder_look a = look_of(&open_now), b = look_of(&named_now);
    return is_same(look, &a) && is_same(look, &b);
}

/* Moving. */

static bool is_free(int folder, const char *name)
{
    struct stat info;
    return fstatat(folder, name, &info, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT;
}

/* NAME, NAME.2, NAME.3 … of which neither that nor its .error is there; cut so that the endings fit. */
static bool free_name(int folder, const char *name, char *out, char *error_name)
{
    for (unsigned number = 1; number < NUMBERS_MOST; number++) {
        if (number == 1)
            snprintf(out, NAME_BYTES, "%.240s", name);
        else
            snprintf(out, NAME_BYTES, "%.240s.%u", name, number);
        snprintf(error_name, NAME_BYTES, "%.247s.error", out);
        if (is_free(folder, out) && is_free(folder, error_name)) return true;
    }
    return false;
}

static rip_status write_why(int folder, const char *name, const char *why, rip_error *err)
{
    int fd = openat(folder, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, ERROR_MODE);
    if (fd < 0) return failed(err, "making", name);
    size_t len = strlen(why);
    bool written = write(fd, why, len) == (ssize_t)len;
    rip_status status = written ? RIP_OK : failed(err, "writing", name);
    close(fd);
    return status;
}

rip_status folder_file_move(const folder_place *place, const char *name, const char *why, rip_error *err)
{
    char there[NAME_BYTES], error_name[NAME_BYTES];
    int into = why ? place->failed : place->done;
    if (!free_name(into, name, there, error_name))
        return rip_fail(err, RIP_ELIMIT, "%s: over %d files of that name in %s", name, NUMBERS_MOST,
                        why ? "failed/" : "done/");
    if (renameat(place->folder, name, into, there) != 0)
        return failed(err, why ? "moving to failed/:" : "moving to done/:", name);
    return why ? write_why(into, error_name, why, err) : RIP_OK;
}
