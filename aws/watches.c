#include "aws/watches.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

typedef struct watch {
    uv_poll_t poll;
    aws_watches *all;
    int fd;
    int events;       /* that the loop looks for */
    bool wanted;      /* now; else the connection is kept for later */
    ino_t connection; /* the socket's own number; 0: it is no connection */
} watch;

struct aws_watches {
    uv_loop_t *loop;
    aws_watched fn;
    void *data;
    watch **by_fd;
    size_t cap;
    unsigned handles; /* not closed yet: the last one frees the memory, once `freed` */
    bool freed;
};

static void free_if_last(aws_watches *watches)
{
    if (watches->freed && watches->handles == 0) free(watches);
}

static void on_closed(uv_handle_t *handle)
{
    watch *w = handle->data;
    aws_watches *watches = w->all;
    free(w);
    watches->handles--;
    free_if_last(watches);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
    watch *w = poll->data;
    if (w->wanted) {
        w->all->fn(w->all->data, w->fd, status, events);
        return;
    }
    /* The server hangs up, or talks unasked: libcurl sees it when it looks for a connection. */
    uv_poll_stop(poll);
    w->events = 0;
}

static watch *find(const aws_watches *watches, int fd)
{
    return (size_t)fd < watches->cap ? watches->by_fd[fd] : NULL;
}

static bool make_place(aws_watches *watches, size_t fd)
{
    if (fd < watches->cap) return true;
    size_t cap = watches->cap ? watches->cap : 64;
    while (cap <= fd) cap *= 2;
    watch **by_fd = realloc(watches->by_fd, cap * sizeof(*by_fd));
    if (!by_fd) return false;
    memset(by_fd + watches->cap, 0, (cap - watches->cap) * sizeof(*by_fd));
    watches->by_fd = by_fd;
    watches->cap = cap;
    return true;
}

static watch *add(aws_watches *watches, int fd)
{
    watch *w = make_place(watches, (size_t)fd) ? calloc(1, sizeof *w) : NULL;
    if (!w || uv_poll_init_socket(watches->loop, &w->poll, fd) != 0) {
        free(w);
        return NULL;
    }
    w->poll.data = w;
    w->all = watches;
    w->fd = fd;
    watches->by_fd[fd] = w;
    watches->handles++;
    return w;
}

/** The number that no other open socket has; 0: there is none. */
static ino_t socket_number(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? status.st_ino : 0;
}

bool aws_watches_open(aws_watches *watches, int fd)
{
    /* One that was closed unasked and is asked for all the same: libcurl went on to the next address in one breath, and
     * takes the socket for the one that it had. */
    watch *before = find(watches, fd);
    int events = before && before->wanted ? before->events : 0;
    if (before) aws_watches_close(watches, fd);
    watch *w = add(watches, fd);
    if (!w) return false;
    w->connection = socket_number(fd);
    return !events || aws_watches_want(watches, fd, events);
}

void aws_watches_close(aws_watches *watches, int fd)
{
    watch *w = find(watches, fd);
    if (!w) return;
    watches->by_fd[fd] = NULL;
    uv_close((uv_handle_t *)&w->poll, on_closed);
}

bool aws_watches_want(aws_watches *watches, int fd, int events)
{
    watch *w = find(watches, fd);
    if (events) {
        if (!w) w = add(watches, fd);
        if (!w || (events != w->events && uv_poll_start(&w->poll, events, on_poll) != 0)) return false;
        uv_ref((uv_handle_t *)&w->poll);
        w->events = events;
        w->wanted = true;
    } else if (w && w->connection && w->connection == socket_number(fd)) {
        /* The loop goes on looking, since the next request most likely comes before anything else; but it is not kept
         * alive by that. A socket that was never connected is closed by now: libcurl closes those itself. */
        uv_unref((uv_handle_t *)&w->poll);
        w->wanted = false;
    } else if (w) {
        aws_watches_close(watches, fd);
    }
    return true;
}

aws_watches *aws_watches_new(uv_loop_t *loop, aws_watched fn, void *data)
{
    aws_watches *watches = calloc(1, sizeof *watches);
    if (watches) *watches = (aws_watches){.loop = loop, .fn = fn, .data = data};
    return watches;
}

void aws_watches_free(aws_watches *watches)
{
    if (!watches) return;
    for (size_t fd = 0; fd < watches->cap; fd++) aws_watches_close(watches, (int)fd);
    free(watches->by_fd);
    watches->freed = true;
    free_if_last(watches);
}
