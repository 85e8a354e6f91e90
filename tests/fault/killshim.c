/* Preloaded into riposte by the fault tests, never linked into it: it kills the process at a boundary of its journal,
 * takes back what was not synced as a power failure does, and lends it another clock. All by environment variables:
 *
 *   FAULT_JOURNAL=PATH     the files whose names begin so are the journal's
 *   FAULT_KILL_AT=N        SIGKILL at the N-th write, sync, truncation or removal of them, from 1
 *   FAULT_KILL_HOW=HOW     before it, after it, or torn: half of a write is done
 *   FAULT_KILL_US=N        SIGKILL so many microseconds after the journal was opened first
 *   FAULT_POWER=1          at the kill, writes that were not synced are taken back
 *   FAULT_FULL=PATH        while there is such a file they fail, with the errno FAULT_ERROR (default ENOSPC)
 *   FAULT_READONLY=1       opening them to write fails with EROFS
 *   FAULT_SPEED=N          time goes N times as fast, counted from FAULT_SINCE (nanoseconds of CLOCK_MONOTONIC and
 *   FAULT_SINCE=M:R        CLOCK_REALTIME), so that every process of a test agrees on it
 *   FAULT_BACK=S:MS        the wall clock is set S seconds back, MS milliseconds (of the fast time) after the start
 *   FAULT_TELL=PATH        at the end the number of boundaries is written there
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS 1000000000LL
#define FILES_MOST 1024

#define NEXT(name) next_of(#name, (void **)&next_##name)

typedef struct undone { /* the bytes that a write or a truncation took away */
    struct undone *before;
    int fd; /* one of our own */
    off_t at, size;
    size_t len;
    unsigned char bytes[];
} undone;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static const char *journal, *full;
static enum { BEFORE, AFTER, TORN } how = BEFORE;
static long kill_at, kill_us, count;
static int full_error = ENOSPC;
static bool power, readonly, opened;
static int own_fd[FILES_MOST]; /* of a journal's file: a second descriptor, so that it can be mended after a close */
static undone *last;
static int64_t speed = 1, since_monotonic, since_real, back_ns, back_after_ns, started;

static int (*next_open)(const char *, int, ...);
static int (*next_close)(int);
static ssize_t (*next_pwrite)(int, const void *, size_t, off_t);
static ssize_t (*next_write)(int, const void *, size_t);
static int (*next_fdatasync)(int);
static int (*next_fsync)(int);
static int (*next_ftruncate)(int, off_t);
static int (*next_unlink)(const char *);
static int (*next_rename)(const char *, const char *);
static int (*next_clock_gettime)(clockid_t, struct timespec *);
static int (*next_epoll_pwait)(int, struct epoll_event *, int, int, const sigset_t *);
static int (*next_cond_timedwait)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);

static void next_of(const char *name, void **slot)
{
    if (!*slot) *slot = dlsym(RTLD_NEXT, name);
    if (!*slot) abort();
}

/* Time. */

static int64_t real_time(clockid_t clock)
{
    struct timespec now;
    NEXT(clock_gettime);
    next_clock_gettime(clock, &now);
    return now.tv_sec * NS + now.tv_nsec;
}

static int64_t monotonic(void)
{
    return since_monotonic + (real_time(CLOCK_MONOTONIC) - since_monotonic) * speed;
}

static int64_t wall(void)
{
    int64_t now = since_real + (monotonic() - since_monotonic);
    return now - (monotonic() - started >= back_after_ns ? back_ns : 0);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
    NEXT(clock_gettime);
    bool is_wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    bool is_even = clock == CLOCK_MONOTONIC || clock == CLOCK_MONOTONIC_COARSE || clock == CLOCK_MONOTONIC_RAW ||
                   clock == CLOCK_BOOTTIME;
    if (!since_monotonic || (!is_wall && !is_even)) return next_clock_gettime(clock, out);
    int64_t now = is_wall ? wall() : monotonic();
    *out = (struct timespec){now / NS, now % NS};
    return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){now.tv_sec, now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out) *out = now.tv_sec;
    return now.tv_sec;
}

static int shorter(int ms)
{
    return ms > 0 ? (int)((ms + speed - 1) / speed) : ms;
}

int epoll_pwait(int fd, struct epoll_event *events, int most, int ms, const sigset_t *mask)
{
    NEXT(epoll_pwait);
    return next_epoll_pwait(fd, events, most, shorter(ms), mask);
}

int epoll_wait(int fd, struct epoll_event *events, int most, int ms)
{
    return epoll_pwait(fd, events, most, ms, NULL);
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict held,
                           const struct timespec *restrict until)
{
    next_of("pthread_cond_timedwait", (void **)&next_cond_timedwait);
    if (!since_monotonic) return next_cond_timedwait(cond, held, until);
    /* libuv's conditions wait on CLOCK_MONOTONIC. */
    int64_t at = since_monotonic + (until->tv_sec * NS + until->tv_nsec - since_monotonic) / speed;
    struct timespec real = {at / NS, at % NS};
    return next_cond_timedwait(cond, held, &real);
}

/* The end. */

static void lose_unsynced(void)
{
    NEXT(pwrite);
    NEXT(ftruncate);
    for (undone *u = last; u; u = u->before) {
        if (u->len > 0 && next_pwrite(u->fd, u->bytes, u->len, u->at) < 0) abort();
        if (next_ftruncate(u->fd, u->size) != 0) abort();
    }
}

static void die(void)
{
    if (power) lose_unsynced();
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static void *die_later(void *unused)
{
    struct timespec wait = {kill_us / 1000000, kill_us % 1000000 * 1000};
    (void)unused;
    nanosleep(&wait, NULL);
    pthread_mutex_lock(&mutex);
    die();
    return NULL;
}

/* Files. All of it under the mutex: what is written is then what is counted. */

static bool is_ours(const char *path)
{
    return journal && strncmp(path, journal, strlen(journal)) == 0;
}

static bool is_known(int fd)
{
    return fd >= 0 && fd < FILES_MOST && own_fd[fd] > 0;
}

static void learn(const char *path, int fd)
{
    pthread_t thread;
    if (fd < 0 || fd >= FILES_MOST || !is_ours(path) || strstr(path, "-shm") || strstr(path, ".lock")) return;
    NEXT(open);
    own_fd[fd] = next_open(path, O_RDWR | O_CLOEXEC);
    if (!opened && kill_us > 0) pthread_create(&thread, NULL, die_later, NULL);
    opened = true;
}

int open(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    NEXT(open);
    if (readonly && is_ours(path) && (flags & (O_WRONLY | O_RDWR))) {
        errno = EROFS;
        return -1;
    }
    int fd = next_open(path, flags, mode);
    if (fd < 0 || !is_ours(path)) return fd;
    pthread_mutex_lock(&mutex);
    learn(path, fd);
    pthread_mutex_unlock(&mutex);
    return fd;
}

int open64(const char *path, int flags, ...)
{
    va_list args;
    va_start(args, flags);
    mode_t mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
    va_end(args);
    return open(path, flags, mode);
}

int close(int fd)
{
    NEXT(close);
    if (is_known(fd)) own_fd[fd] = 0; /* the second one stays open: what it wrote may have to be taken back */
    return next_close(fd);
}

static void remember(int fd, off_t at, size_t len)
{
    undone *u = power ? calloc(1, sizeof *u + len) : NULL;
    if (!u) return;
    u->before = last;
    u->fd = own_fd[fd];
    u->size = lseek(u->fd, 0, SEEK_END);
    u->at = at;
    ssize_t n = pread(u->fd, u->bytes, len, at);
    u->len = n > 0 ? (size_t)n : 0;
    last = u;
}

static void forget(int fd)
{
    for (undone **slot = &last; *slot;) {
        undone *u = *slot;
        if (u->fd != own_fd[fd]) {
            slot = &u->before;
            continue;
        }
        *slot = u->before;
        free(u);
    }
}

/* True: this is the boundary to die at. */
static bool arrive(void)
{
    bool now = ++count == kill_at;
    if (now && how == BEFORE) die();
    return now;
}

/* A disk that is full takes no writes. */
static bool is_full(void)
{
    if (!full || access(full, F_OK) != 0) return false;
    errno = full_error;
    return true;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    NEXT(pwrite);
    if (!is_known(fd)) return next_pwrite(fd, bytes, len, at);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    remember(fd, at, len);
    ssize_t n = is_full() ? -1 : next_pwrite(fd, bytes, dies && how == TORN ? len / 2 : len, at);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return n;
}

ssize_t pwrite64(int fd, const void *bytes, size_t len, off_t at)
{
    return pwrite(fd, bytes, len, at);
}

ssize_t write(int fd, const void *bytes, size_t len)
{
    NEXT(write);
    if (!is_known(fd)) return next_write(fd, bytes, len);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    remember(fd, lseek(fd, 0, SEEK_CUR), len);
    ssize_t n = is_full() ? -1 : next_write(fd, bytes, dies && how == TORN ? len / 2 : len);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return n;
}

static int sync_with(int (*next)(int), int fd)
{
    if (!is_known(fd)) return next(fd);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    int result = is_full() ? -1 : next(fd);
    if (result == 0) forget(fd);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int fdatasync(int fd)
{
    NEXT(fdatasync);
    return sync_with(next_fdatasync, fd);
}

int fsync(int fd)
{
    NEXT(fsync);
    return sync_with(next_fsync, fd);
}

int ftruncate(int fd, off_t size)
{
    NEXT(ftruncate);
    if (!is_known(fd)) return next_ftruncate(fd, size);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    off_t now = lseek(own_fd[fd], 0, SEEK_END);
    remember(fd, size, now > size ? (size_t)(now - size) : 0);
    int result = next_ftruncate(fd, size);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int ftruncate64(int fd, off_t size)
{
    return ftruncate(fd, size);
}

int unlink(const char *path)
{
    NEXT(unlink);
    if (!is_ours(path)) return next_unlink(path);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    int result = next_unlink(path);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

int rename(const char *from, const char *to)
{
    NEXT(rename);
    if (!is_ours(to)) return next_rename(from, to);
    pthread_mutex_lock(&mutex);
    bool dies = arrive();
    int result = next_rename(from, to);
    if (dies) die();
    int error = errno;
    pthread_mutex_unlock(&mutex);
    errno = error;
    return result;
}

/* The settings. */

static int64_t number(const char *name)
{
    const char *text = getenv(name);
    return text ? strtoll(text, NULL, 10) : 0;
}

/* "A:B" */
static void pair(const char *name, int64_t *a, int64_t *b)
{
    const char *text = getenv(name), *colon = text ? strchr(text, ':') : NULL;
    if (!colon) return;
    *a = strtoll(text, NULL, 10);
    *b = strtoll(colon + 1, NULL, 10);
}

__attribute__((constructor)) static void read_settings(void)
{
    const char *word = getenv("FAULT_KILL_HOW");
    journal = getenv("FAULT_JOURNAL");
    kill_at = (long)number("FAULT_KILL_AT");
    kill_us = (long)number("FAULT_KILL_US");
    power = number("FAULT_POWER") != 0;
    readonly = number("FAULT_READONLY") != 0;
    full = getenv("FAULT_FULL");
    if (number("FAULT_ERROR") > 0) full_error = (int)number("FAULT_ERROR");
    how = word && strcmp(word, "after") == 0 ? AFTER : word && strcmp(word, "torn") == 0 ? TORN : BEFORE;
    if (number("FAULT_SPEED") > 0) speed = number("FAULT_SPEED");
    int64_t monotonic_ns = 0, back_s = 0, back_ms = 0;
    pair("FAULT_SINCE", &monotonic_ns, &since_real);
    pair("FAULT_BACK", &back_s, &back_ms);
    back_ns = back_s * NS;
    back_after_ns = back_ms * (NS / 1000);
    since_monotonic = monotonic_ns;
    started = since_monotonic ? monotonic() : 0;
}

__attribute__((destructor)) static void tell(void)
{
    const char *path = getenv("FAULT_TELL");
    FILE *file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    fprintf(file, "%ld\n", count);
    fclose(file);
}
