/* The way of one file: read in pieces on libuv's threads, cut into documents, handed over, moved. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "engine/base/escape.h"
#include "engine/intake/folder_private.h"

#define PIECE ((size_t)64 << 10)
#define AGAIN_MS 250
#define WHY_BYTES_MOST ((size_t)16 << 10) /* of the file that says why */
#define LOGGED_MOST 100                   /* faults of one file */

typedef struct folder_document {
    folder_file *file;
    struct folder_document *previous, *next; /* previous: among those that were handed over */
    size_t line, len;
    char text[];
} folder_document;

struct folder_file {
    folder_source *source; /* NULL: given up while a thread is at work on it */
    folder_shared *shared;
    folder_file *previous, *next;
    char *name, *shown; /* as it is, and fit to show */
    uv_work_t work;
    bool is_working, is_moving, is_stopped;
    rip_timer timer;

    /* the thread's while `is_working` */
    int fd;
    folder_look look;
    char *piece;
    ssize_t got; /* 0: the end */
    bool has_changed;
    rip_error err; /* RIP_OK: none */

    documents *cutter;
    folder_document *first, *last; /* cut and not handed over */
    folder_document *handed;
    size_t count;   /* of documents */
    rip_buffer why; /* what is wrong with it */
    size_t faults;
    bool is_kept; /* all that was told of it */
};

static void read_on(folder_file *f);
static void offer(void *data);

/* Memory. */

static void file_free(folder_file *f)
{
    for (folder_document *d = f->first, *next; d; d = next) {
        next = d->next;
        free(d);
    }
    for (folder_document *d = f->handed, *next; d; d = next) {
        next = d->next;
        free(d);
    }
    if (f->fd >= 0) close(f->fd);
    documents_free(f->cutter);
    rip_buffer_free(&f->why);
    folder_shared_leave(f->shared);
    free(f->piece);
    free(f->shown);
    free(f->name);
    free(f);
}

static void forget(folder_file *f)
{
    folder_source *s = f->source;
    *(f->previous ? &f->previous->next : &s->files) = f->next;
    if (f->next) f->next->previous = f->previous;
    s->file_count--;
    rip_timer_stop(&f->timer);
    f->source = NULL;
    if (!f->is_working) file_free(f);
}

static void end(folder_file *f, folder_end how)
{
    folder_source *s = f->source;
    char *name = strdup(f->name);
    forget(f);
    if (name) folder_on_end(s, name, how);
    free(name);
}

/* The end of a file. */

static void on_moved(uv_work_t *work, int status)
{
    folder_file *f = work->data;
    (void)status;
    f->is_working = false;
    if (!f->source) {
        file_free(f);
        return;
    }
    if (f->err.status != RIP_OK) live_tally_trouble(&f->source->tally, &f->err);
    end(f, f->err.status == RIP_OK ? FOLDER_MOVED : FOLDER_STUCK);
}

static void move(uv_work_t *work)
{
    folder_file *f = work->data;
    const char *why = f->why.data ? f->why.data : "";
    (void)folder_file_move(&f->shared->place, f->name, f->faults ? why : NULL, &f->err);
}

static void work_on(folder_file *f, uv_work_cb work, uv_after_work_cb after)
{
    f->err = (rip_error){RIP_OK, ""};
    f->work.data = f;
    f->is_working = true;
    if (uv_queue_work(rip_clock_loop(f->source->clock), &f->work, work, after) == 0) return;
    f->is_working = false;
    end(f, FOLDER_LATER);
}

static void add_fault(folder_file *f, size_t line, const rip_error *err)
{
    rip_buffer origin = {0};
    if (f->why.len < WHY_BYTES_MOST && line > 0) rip_buffer_printf(&f->why, "document at line %zu: ", line);
    if (f->why.len < WHY_BYTES_MOST) rip_buffer_printf(&f->why, "%s\n", err->message);
    rip_buffer_printf(&origin, "folder:%s/%s:%zu", f->source->tally.name, f->shown, line);
    live_tally_failed(&f->source->tally, f->faults++ < LOGGED_MOST ? origin.data : NULL, err);
    rip_buffer_free(&origin);
}

/* All of it was handed over, and told of. */
static void judge(folder_file *f)
{
    rip_error err;
    if (f->has_changed || !f->is_kept || f->why.failed) {
        end(f, FOLDER_LATER);
        return;
    }
    if (f->count == 0 && f->faults == 0) {
        (void)rip_fail(&err, RIP_EINVAL, "no JSON document in it");
        add_fault(f, 0, &err);
    }
    f->is_moving = true;
    work_on(f, move, on_moved);
}

static bool is_through(const folder_file *f)
{
    return !f->is_working && f->got == 0 && !f->is_moving && !f->first && !f->handed;
}

/* Handing over. */

static void hand(folder_document *d)
{
    folder_file *f = d->file;
    f->first = d->next;
    if (!f->first) f->last = NULL;
    d->previous = NULL;
    d->next = f->handed;
    if (d->next) d->next->previous = d;
    f->handed = d;
    f->source->under_way++;
}

static void take_back(folder_document *d)
{
    folder_file *f = d->file;
    *(d->previous ? &d->previous->next : &f->handed) = d->next;
    if (d->next) d->next->previous = d->previous;
    f->source->under_way--;
}

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    folder_document *d = data;
    folder_file *f = d->file;
    take_back(d);
    if (status == RIP_OK) {
        live_tally_kept(&f->source->tally);
    } else if (status == RIP_EINVAL || status == RIP_ELIMIT) {
        add_fault(f, d->line, err);
    } else {
        live_tally_trouble(&f->source->tally, err);
        f->is_kept = false;
    }
    free(d);
    bool is_over = is_through(f) || (f->is_stopped && !f->is_working && !f->handed);
    if (is_over && !rip_timer_running(&f->timer)) rip_timer_start(&f->timer, f->source->clock, 0, offer, f);
}

static void put_back(folder_document *d)
{
    folder_file *f = d->file;
    take_back(d);
    d->next = f->first;
    f->first = d;
    if (!f->last) f->last = d;
}

static void drop_first(folder_file *f)
{
    folder_document *d = f->first;
    f->first = d->next;
    if (!f->first) f->last = NULL;
    free(d);
}

/* After an error the document is the first one still. */
static rip_status offer_first(folder_file *f, rip_error *err)
{
    folder_source *s = f->source;
    folder_document *d = f->first;
    rip_buffer origin = {0};
    rip_buffer_printf(&origin, "folder:%s/%s:%zu", s->tally.name, f->shown, d->line);
    hand(d); /* `kept` may be called from inside, and frees it */
    rip_status status =
        s->sink.take(s->sink.data, d->text, d->len, origin.data ? origin.data : f->shown, on_kept, d, err);
    rip_buffer_free(&origin);
    if (status == RIP_OK)
        live_tally_taken(&s->tally);
    else
        put_back(d);
    return status;
}

static void offer(void *data)
{
    folder_file *f = data;
    while (f->first && !f->is_stopped) {
        rip_error err = {RIP_OK, ""};
        rip_status status = offer_first(f, &err);
        if (status == RIP_EAGAIN || status == RIP_ENOMEM) {
            rip_timer_start(&f->timer, f->source->clock, AGAIN_MS, offer, f);
            return;
        }
        if (status == RIP_OK) continue;
        add_fault(f, f->first->line, &err);
        drop_first(f);
    }
    if (f->is_stopped) {
        if (!f->handed) end(f, FOLDER_LATER);
    } else if (f->got > 0) {
        read_on(f);
    } else if (is_through(f)) {
        judge(f);
    }
}

/* Reading. */

static rip_status on_document(void *data, const char *bytes, size_t len, size_t line, size_t column,
                              const rip_error *err)
{
    folder_file *f = data;
    (void)column;
    f->count++;
    if (!bytes) {
        add_fault(f, line, err);
        return RIP_OK;
    }
    folder_document *d = malloc(sizeof *d + len);
    if (!d) return RIP_ENOMEM;
    d->file = f;
    d->next = NULL;
    d->line = line;
    d->len = len;
    memcpy(d->text, bytes, len);
    *(f->last ? &f->last->next : &f->first) = d;
    f->last = d;
    return RIP_OK;
}

static void refuse(folder_file *f)
{
    if (f->err.status == RIP_EDENIED) {
        add_fault(f, 0, &f->err);
        f->is_moving = true;
        work_on(f, move, on_moved);
        return;
    }
    if (f->err.status != RIP_ENOTFOUND) live_tally_trouble(&f->source->tally, &f->err);
    end(f, FOLDER_LATER);
}

static void on_read(uv_work_t *work, int status)
{
    folder_file *f = work->data;
    (void)status;
    f->is_working = false;
    if (!f->source) {
        file_free(f);
        return;
    }
    if (f->err.status != RIP_OK) {
        refuse(f);
        return;
    }
    /* a file that changed while it was read ends anywhere: that is not judged */
    rip_status cut = f->got > 0        ? documents_feed(f->cutter, f->piece, (size_t)f->got)
                     : !f->has_changed ? documents_end(f->cutter)
                                       : RIP_OK;
    if (cut != RIP_OK) f->is_kept = false;
    offer(f);
}

static void read_piece(uv_work_t *work)
{
    folder_file *f = work->data;
    const folder_place *place = &f->shared->place;
    if (f->fd < 0 && folder_file_open(place, f->name, &f->fd, &f->look, &f->err) != RIP_OK) return;
    f->got = read(f->fd, f->piece, PIECE);
    if (f->got < 0) (void)rip_fail(&f->err, RIP_EIO, "reading %s failed", f->shown);
    if (f->got == 0) f->has_changed = !folder_file_is_same(place, f->name, f->fd, &f->look);
}

static void read_on(folder_file *f)
{
    work_on(f, read_piece, on_read);
}

/* From the source. */

bool folder_file_begin(folder_source *s, const char *name)
{
    rip_buffer shown = {0};
    folder_file *f = calloc(1, sizeof *f);
    if (!f) return false;
    rip_escape_line(&shown, name, strlen(name), 256);
    f->source = s;
    f->shared = folder_shared_use(s->shared);
    f->fd = -1;
    f->got = 1;
    f->is_kept = true;
    f->name = strdup(name);
    f->shown = rip_buffer_take(&shown, NULL);
    f->piece = malloc(PIECE);
    if (!f->name || !f->shown || !f->piece || documents_new(&s->limits, on_document, f, &f->cutter, NULL) != RIP_OK) {
        file_free(f);
        return false;
    }
    f->next = s->files;
    if (f->next) f->next->previous = f;
    s->files = f;
    s->file_count++;
    read_on(f);
    return true;
}

bool folder_file_is_under_way(const folder_source *s, const char *name)
{
    for (const folder_file *f = s->files; f; f = f->next) {
        if (strcmp(f->name, name) == 0) return true;
    }
    return false;
}

void folder_files_stop(folder_source *s)
{
    for (folder_file *f = s->files, *next; f; f = next) {
        next = f->next;
        bool is_reading = f->is_working && !f->is_moving;
        f->is_stopped = is_reading || f->got > 0 || f->first;
        if (f->is_stopped && !f->is_working && !f->handed) forget(f);
    }
}

void folder_files_give_up(folder_source *s)
{
    for (folder_file *f = s->files, *next; f; f = next) {
        next = f->next;
        forget(f);
    }
    s->under_way = 0;
}
