/* bench-findings FILE...: how many findings a second one thread splits and normalises. Each file holds one
 * document. A line a file: "N events/s split, N findings/s normalised, NAME". */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "engine/base/data.h"
#include "engine/finding/finding.h"

#define FILE_BYTES_MAX ((size_t)1 << 20)
#define SECONDS_EACH 1.0

typedef struct tally {
    size_t events;
    bool normalise;
    rip_error *err;
} tally;

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static rip_status on_event(void *data, const char *event, size_t len)
{
    tally *t = data;
    json_t *finding = NULL;
    t->events++;
    if (!t->normalise) return RIP_OK;
    rip_status status = finding_normalise(event, len, NULL, &finding, t->err);
    json_decref(finding);
    return status;
}

/* Events a second; 0, with `err`, for a document that is refused. */
static double rate(const char *bytes, size_t len, bool normalise, rip_error *err)
{
    tally t = {.normalise = normalise, .err = err};
    double start = seconds(), elapsed;
    do {
        if (event_split(bytes, len, NULL, on_event, &t, err) != RIP_OK) return 0;
        elapsed = seconds() - start;
    } while (elapsed < SECONDS_EACH);
    return (double)t.events / elapsed;
}

static bool measure(const char *path)
{
    rip_error err;
    rip_fail(&err, RIP_EINVAL, "the document holds no event");
    char *bytes = NULL;
    size_t len = 0;
    double split = 0, both = 0;
    bool read = rip_read_file(path, FILE_BYTES_MAX, &bytes, &len, &err) == RIP_OK;
    if (read) split = rate(bytes, len, false, &err);
    if (split > 0) both = rate(bytes, len, true, &err);
    if (both > 0)
        printf("%9.0f events/s split, %7.0f findings/s normalised, %s\n", split, both, path);
    else
        fprintf(stderr, "bench-findings: %s: %s\n", path, err.message);
    free(bytes);
    return both > 0;
}

int main(int argc, char **argv)
{
    bool all = argc > 1;
    if (argc < 2) fputs("Usage: bench-findings FILE...\n", stderr);
    for (int i = 1; i < argc; i++) all = measure(argv[i]) && all;
    return argc < 2 ? 2 : all ? 0 : 1;
}
