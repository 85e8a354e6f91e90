#include "engine/journal/sqlite_files.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATH_BYTES 4096

static rip_status fail(const char *path, rip_error *err)
{
    bool denied = errno == EACCES || errno == EPERM || errno == EROFS || errno == ELOOP;
    return rip_fail(err, denied ? RIP_EDENIED : RIP_EIO, "%s: %s", path, strerror(errno));
}

static rip_status beside(const char *path, const char *suffix, char out[PATH_BYTES], rip_error *err)
{
    if (snprintf(out, PATH_BYTES, "%s%s", path, suffix) < PATH_BYTES - 16) return RIP_OK;
    return rip_fail(err, RIP_EINVAL, "the path of the journal is too long");
}

rip_status files_lock(const char *path, const char *owner, int *fd, rip_error *err)
{
    char name[PATH_BYTES], who[256];
    rip_status status = beside(path, ".lock", name, err);
    if (status != RIP_OK) return status;
    int lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (lock < 0) return fail(name, err);
    if (flock(lock, LOCK_EX | LOCK_NB) != 0) {
        ssize_t n = errno == EWOULDBLOCK ? pread(lock, who, sizeof who - 1, 0) : -1;
        if (n < 0) {
            status = fail(name, err);
        } else {
            who[n] = '\0';
            who[strcspn(who, "\n")] = '\0';
            status = rip_fail(err, RIP_EAGAIN, "%s belongs to another process: %s. One at a time writes a journal",
                              path, *who ? who : "it is starting");
        }
        close(lock);
        return status;
    }
    int n = snprintf(who, sizeof who, "%.200s (process %ld)\n", owner ? owner : "riposte", (long)getpid());
    if (ftruncate(lock, 0) != 0 || pwrite(lock, who, (size_t)n, 0) != n) {
        /* The lock holds without a name in it: a full disk is no reason not to look after what is there. */
    }
    *fd = lock;
    return RIP_OK;
}

bool files_has_key(const char *path)
{
    char name[PATH_BYTES];
    struct stat st;
    return beside(path, ".key", name, NULL) == RIP_OK && lstat(name, &st) == 0;
}

rip_status files_read_key(const char *path, unsigned char key[JOURNAL_KEY_BYTES], rip_error *err)
{
    char name[PATH_BYTES];
    rip_status status = beside(path, ".key", name, err);
    if (status != RIP_OK) return status;
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT) return rip_fail(err, RIP_ENOTFOUND, "there is no %s", name);
    if (fd < 0) return fail(name, err);
    struct stat st;
    if (fstat(fd, &st) != 0)
        status = fail(name, err);
    else if (!S_ISREG(st.st_mode) || (st.st_mode & 077) != 0)
        status = rip_fail(err, RIP_EDENIED, "%s may be read by others: chmod 600 %s", name, name);
    else if (st.st_size != JOURNAL_KEY_BYTES || read(fd, key, JOURNAL_KEY_BYTES) != JOURNAL_KEY_BYTES)
        status = rip_fail(err, RIP_EINVAL, "%s is damaged: it has %d bytes when it is whole; restore it from a backup",
                          name, JOURNAL_KEY_BYTES);
    close(fd);
    return status;
}

/* A name is on the disk only once its folder is. */
static bool sync_folder(const char *path)
{
    char copy[PATH_BYTES];
    snprintf(copy, sizeof copy, "%s", path);
    int fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool ok = fd >= 0 && fsync(fd) == 0;
    if (fd >= 0) close(fd);
    return ok;
}

rip_status files_make_key(const char *path, unsigned char key[JOURNAL_KEY_BYTES], rip_error *err)
{
    char name[PATH_BYTES], temporary[PATH_BYTES];
    rip_status status = beside(path, ".key", name, err);
    if (status == RIP_OK) status = beside(path, ".key.new", temporary, err);
    if (status != RIP_OK) return status;
    if (RAND_bytes(key, JOURNAL_KEY_BYTES) != 1) return rip_fail(err, RIP_EIO, "no random numbers for %s", name);
    unlink(temporary);
    int fd = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return fail(temporary, err);
    bool ok = write(fd, key, JOURNAL_KEY_BYTES) == JOURNAL_KEY_BYTES && fsync(fd) == 0;
    ok = close(fd) == 0 && ok && rename(temporary, name) == 0 && sync_folder(name);
    if (ok) return RIP_OK;
    status = fail(name, err);
    unlink(temporary);
    return status;
}
