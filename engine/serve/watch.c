#include "engine/serve/watch.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "engine/base/buffer.h"

#define DEPTH_MOST 32
#define FNV_START UINT64_C(14695981039346656037)
#define FNV_PRIME UINT64_C(1099511628211)

struct watch {
    watch_options options;
    char **paths; /* the worker's own */
    size_t count;
    uint64_t seen, last; /* what was told, and what was found */
    bool first, gone, working;
    rip_timer timer;
    uv_work_t work;
};

static uint64_t mix(uint64_t hash, uint64_t value)
{
    for (unsigned i = 0; i < 8; i++) hash = (hash ^ (value >> (8 * i) & 0xFF)) * FNV_PRIME;
    return hash;
}

/* Sums do not depend on the order in which a folder gives its files. */
static uint64_t file_signature(const char *path, const struct stat *info)
{
    const uint64_t facts[] = {(uint64_t)info->st_size, (uint64_t)info->st_mtim.tv_sec, (uint64_t)info->st_mtim.tv_nsec,
                              (uint64_t)info->st_ino};
    uint64_t hash = FNV_START;
    for (const char *p = path; *p; p++) hash = mix(hash, (unsigned char)*p);
    for (size_t i = 0; i < sizeof facts / sizeof *facts; i++) hash = mix(hash, facts[i]);
    return hash;
}

static uint64_t path_signature(const char *path, unsigned depth);

static uint64_t folder_signature(const char *folder, unsigned depth)
{
    uint64_t sum = 0;
    DIR *open = depth < DEPTH_MOST ? opendir(folder) : NULL;
    const struct dirent *each;
    while (open && (each = readdir(open))) {
        if (each->d_name[0] == '.') continue;
        rip_buffer path = {0};
        rip_buffer_printf(&path, "%s/%s", folder, each->d_name);
        if (path.data) sum += path_signature(path.data, depth + 1);
        rip_buffer_free(&path);
    }
    if (open) closedir(open);
    return sum;
}

static uint64_t path_signature(const char *path, unsigned depth)
{
    struct stat info;
    if (stat(path, &info) != 0) return 0;
    if (S_ISDIR(info.st_mode)) return folder_signature(path, depth);
    size_t len = strlen(path);
    bool counts = depth == 0 || (len > 4 && strcmp(path + len - 4, ".lua") == 0);
    return counts && S_ISREG(info.st_mode) ? file_signature(path, &info) : 0;
}

uint64_t watch_signature(const char *const *paths, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < count; i++) sum += path_signature(paths[i], 0);
    return sum;
}

/* On a thread of the pool. */
static void look(uv_work_t *work)
{
    watch *w = work->data;
    w->last = watch_signature((const char *const *)w->paths, w->count);
}

static void release(watch *w)
{
    for (size_t i = 0; i < w->count; i++) free(w->paths[i]);
    free(w->paths);
    free(w);
}

static void on_due(void *data);

static void on_looked(uv_work_t *work, int status)
{
    watch *w = work->data;
    w->working = false;
    if (w->gone) {
        release(w);
        return;
    }
    bool changed = status == 0 && !w->first && w->last != w->seen;
    if (status == 0) {
        w->seen = w->last;
        w->first = false;
    }
    rip_timer_start(&w->timer, w->options.clock, w->options.every_ms, on_due, w);
    if (changed) w->options.changed(w->options.data);
}

static void on_due(void *data)
{
    watch *w = data;
    w->work.data = w;
    w->working = uv_queue_work(rip_clock_loop(w->options.clock), &w->work, look, on_looked) == 0;
    if (!w->working) rip_timer_start(&w->timer, w->options.clock, w->options.every_ms, on_due, w);
}

rip_status watch_start(const watch_options *options, watch **out, rip_error *err)
{
    watch *w = calloc(1, sizeof *w);
    if (!w) return rip_nomem(err);
    w->options = *options;
    w->first = true;
    w->paths = calloc(options->count + 1, sizeof *w->paths);
    for (; w->paths && w->count < options->count; w->count++) {
        w->paths[w->count] = strdup(options->paths[w->count]);
        if (!w->paths[w->count]) break;
    }
    if (!w->paths || w->count < options->count) {
        release(w);
        return rip_nomem(err);
    }
    on_due(w);
    *out = w;
    return RIP_OK;
}

void watch_free(watch *w)
{
    if (!w) return;
    rip_timer_stop(&w->timer);
    w->gone = true;
    if (!w->working) release(w);
}
