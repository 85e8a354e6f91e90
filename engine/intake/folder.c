/* A folder is looked at when something happens in it, and every ten seconds; a file that looks the same a second later
 * has settled and is taken in. */
#include "engine/intake/folder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/log.h"
#include "engine/intake/folder_private.h"

#define LOOK_EVERY_MS 10000
#define SETTLE_MS 1000
#define LATER_MS 10000
#define HURRY_MS 100

/* One look at the folder, on another thread. */
typedef struct folder_job {
    uv_work_t work;
    folder_source *source; /* NULL: it is gone */
    folder_shared *shared;
    folder_entries entries;
    rip_error err;
} folder_job;

static void look(void *data);

folder_shared *folder_shared_use(folder_shared *shared)
{
    shared->users++;
    return shared;
}

void folder_shared_leave(folder_shared *shared)
{
    if (!shared || --shared->users > 0) return;
    folder_place_close(&shared->place);
    free(shared);
}

/* Looking. */

static void look_in(folder_source *s, int64_t ms)
{
    int64_t now = rip_clock_monotonic(s->clock);
    if (!s->running || s->job) return;
    if (rip_timer_running(&s->timer) && s->timer.due <= now + ms) return;
    rip_timer_start(&s->timer, s->clock, (uint64_t)ms, look, s);
}

static void begin_files(folder_source *s)
{
    while (s->running && s->file_count < FOLDER_FILES_MOST && s->next < json_array_size(s->ready)) {
        const char *name = json_string_value(json_array_get(s->ready, s->next++));
        if (!folder_file_begin(s, name)) break;
    }
}

/* Since when what is seen counts as settled: it must have looked the same a second ago. */
static int64_t settles_at(const folder_source *s, const folder_entry *entry, const char *look_now)
{
    const json_t *before = json_object_get(s->looks, entry->name);
    const char *look_then = json_string_value(json_array_get(before, 0));
    if (look_then && strcmp(look_then, look_now) == 0) return json_integer_value(json_array_get(before, 1));
    return s->looked_at + SETTLE_MS;
}

static void go_through(folder_source *s, const folder_entries *entries)
{
    json_t *looks = json_object(), *ready = json_array();
    bool is_unsettled = false;
    for (size_t i = 0; looks && ready && i < entries->count; i++) {
        const folder_entry *one = &entries->list[i];
        char look_now[96];
        snprintf(look_now, sizeof look_now, "%llu %lld %lld", (unsigned long long)one->look.inode,
                 (long long)one->look.size, (long long)one->look.changed_ns);
        int64_t at = one->is_file ? settles_at(s, one, look_now) : s->looked_at;
        json_object_set_new_nocheck(looks, one->name, json_pack("[s, I]", look_now, (json_int_t)at));
        if (folder_file_is_under_way(s, one->name)) continue;
        if (at <= s->looked_at)
            json_array_append_new(ready, json_string_nocheck(one->name));
        else if (at - s->looked_at <= SETTLE_MS)
            is_unsettled = true;
    }
    json_decref(s->looks);
    json_decref(s->ready);
    s->looks = looks;
    s->ready = ready;
    s->next = 0;
    look_in(s, is_unsettled ? SETTLE_MS : LOOK_EVERY_MS);
    begin_files(s);
}

static void on_looked(uv_work_t *work, int status)
{
    folder_job *job = work->data;
    folder_source *s = job->source;
    (void)status;
    if (s) s->job = NULL;
    if (s && job->err.status != RIP_OK) {
        live_tally_trouble(&s->tally, &job->err);
        look_in(s, LOOK_EVERY_MS);
    } else if (s && s->running) {
        live_tally_well(&s->tally);
        go_through(s, &job->entries);
    }
    folder_entries_free(&job->entries);
    folder_shared_leave(job->shared);
    free(job);
}

static void list(uv_work_t *work)
{
    folder_job *job = work->data;
    (void)folder_list(&job->shared->place, &job->entries, &job->err);
}

static void look(void *data)
{
    folder_source *s = data;
    folder_job *job = calloc(1, sizeof *job);
    s->looked_at = rip_clock_monotonic(s->clock);
    if (!job) {
        look_in(s, LOOK_EVERY_MS);
        return;
    }
    job->work.data = job;
    job->source = s;
    job->shared = folder_shared_use(s->shared);
    s->job = job;
    if (uv_queue_work(rip_clock_loop(s->clock), &job->work, list, on_looked) == 0) return;
    s->job = NULL;
    folder_shared_leave(job->shared);
    free(job);
    look_in(s, LOOK_EVERY_MS);
}

void folder_on_end(folder_source *s, const char *name, folder_end how)
{
    json_t *seen = json_object_get(s->looks, name);
    int64_t at = how == FOLDER_STUCK ? INT64_MAX : rip_clock_monotonic(s->clock) + LATER_MS;
    if (how == FOLDER_MOVED)
        json_object_del(s->looks, name);
    else
        json_array_set_new(seen, 1, json_integer(at));
    begin_files(s);
}

/* Watching. */

static void on_event(uv_fs_event_t *watch, const char *name, int events, int status)
{
    folder_source *s = watch->data;
    (void)name;
    (void)events;
    if (!s || status != 0) return;
    int64_t since = rip_clock_monotonic(s->clock) - s->looked_at;
    look_in(s, since >= SETTLE_MS ? HURRY_MS : SETTLE_MS - since + HURRY_MS);
}

static void on_closed(uv_handle_t *handle)
{
    free(handle);
}

static void unwatch(folder_source *s)
{
    if (!s->watch) return;
    s->watch->data = NULL;
    uv_close((uv_handle_t *)s->watch, on_closed);
    s->watch = NULL;
}

/* Without a watch (too many of them, a file system that tells nothing) files are found at the next look. */
static void watch(folder_source *s)
{
    s->watch = calloc(1, sizeof *s->watch);
    if (!s->watch) return;
    uv_fs_event_init(rip_clock_loop(s->clock), s->watch);
    s->watch->data = s;
    int failed = uv_fs_event_start(s->watch, on_event, s->path, 0);
    if (failed)
        rip_log(RIP_LOG_WARN, "folder.not_watched", "source", s->tally.name, "path", s->path, "error",
                uv_strerror(failed), NULL);
}

/* The source. */

static rip_status folder_start(live_source *source, rip_error *err)
{
    folder_source *s = (folder_source *)source;
    folder_shared *shared = calloc(1, sizeof *shared);
    if (!shared) return rip_nomem(err);
    rip_status status = folder_place_open(&shared->place, s->path, err);
    s->shared = folder_shared_use(shared);
    if (status != RIP_OK) {
        folder_shared_leave(shared);
        s->shared = NULL;
        return status;
    }
    s->running = true;
    watch(s);
    look_in(s, 0);
    return RIP_OK;
}

static void folder_stop(live_source *source)
{
    folder_source *s = (folder_source *)source;
    s->running = false;
    rip_timer_stop(&s->timer);
    unwatch(s);
    folder_files_stop(s);
}

/* A file that is to be moved still counts. */
static size_t folder_under_way(const live_source *source)
{
    const folder_source *s = (const folder_source *)source;
    return s->under_way > s->file_count ? s->under_way : s->file_count;
}

static json_t *folder_status(const live_source *source)
{
    const folder_source *s = (const folder_source *)source;
    json_t *told = live_tally_status(&s->tally, s->running ? "running" : "stopped");
    json_object_set_new(told, "under_way", json_integer((json_int_t)s->under_way));
    json_object_set_new(told, "files", json_integer((json_int_t)s->file_count));
    json_object_set_new(told, "path", json_string(s->path));
    return told;
}

static void folder_free(live_source *source)
{
    folder_source *s = (folder_source *)source;
    if (!s) return;
    s->running = false;
    rip_timer_stop(&s->timer);
    unwatch(s);
    folder_files_give_up(s);
    if (s->job) s->job->source = NULL;
    folder_shared_leave(s->shared);
    json_decref(s->looks);
    json_decref(s->ready);
    live_tally_free(&s->tally);
    free(s->path);
    free(s);
}

static const live_ops OPS = {.start = folder_start,
                             .stop = folder_stop,
                             .under_way = folder_under_way,
                             .status = folder_status,
                             .free = folder_free};

rip_status folder_source_new(const folder_options *options, live_source **out, rip_error *err)
{
    folder_source *s = calloc(1, sizeof *s);
    if (!s) return rip_nomem(err);
    s->base.ops = &OPS;
    s->limits = options->limits;
    s->clock = options->clock;
    s->sink = options->sink;
    s->path = strdup(options->path);
    s->looks = json_object();
    s->ready = json_array();
    rip_status status = s->path && s->looks && s->ready ? RIP_OK : rip_nomem(err);
    if (status == RIP_OK) status = live_tally_init(&s->tally, "folder", options->name, options->numbers, err);
    if (status == RIP_OK)
        *out = &s->base;
    else
        folder_free(&s->base);
    return status;
}
