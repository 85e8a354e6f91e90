/* Documents of the field, whole and damaged: examples and public findings are read and written as jansson does. */
#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "tests/base/json_alike.h"

#define SKIPPED 77
#define EXAMPLES "examples/events"
#define DAMAGES 60

static unsigned files, failed;

static void check(const char *path, const char *text, size_t len)
{
    const char *why = json_alike(text, len);
    if (!why) return;
    printf("%s: %s: %.*s\n", path, why, (int)len, text);
    failed++;
}

/** A few bytes become others, those that mean something to JSON above all; the same in each run. */
static void damage(char *text, size_t len)
{
    static const char BYTES[] = "\"\"\\\\{}[]:,0-.eu\n\x01\x7F\x80\xC3\xE2\xF0\xFF";
    static uint64_t seed = 20250711;
    for (int i = 0; i < 3; i++) {
        seed = seed * 6364136223846793005U + 1442695040888963407U;
        text[(seed >> 33) % len] = BYTES[(seed >> 20) % sizeof BYTES];
    }
}

static int on_file(const char *path, const struct stat *info, int kind)
{
    char *text = NULL;
    size_t len = 0, name = strlen(path);
    rip_error err;
    (void)info;
    if (kind != FTW_F || name < 5 || strcmp(path + name - 5, ".json") != 0) return 0;
    files++;
    if (rip_read_file(path, (size_t)1 << 20, &text, &len, &err) != RIP_OK) {
        printf("%s\n", err.message);
        failed++;
        return 0;
    }
    check(path, text, len);
    char *other = len > 0 ? malloc(len) : NULL;
    for (int i = 0; other && i < DAMAGES; i++) {
        memcpy(other, text, len);
        damage(other, len);
        check(path, other, len - (size_t)i % len);
    }
    free(other);
    free(text);
    return 0;
}

int main(void)
{
    const char *folder = getenv("RIPOSTE_FINDINGS");
    if (!folder || !*folder) folder = "../shared/findings";
    ftw(EXAMPLES, on_file, 8);
    unsigned examples = files;
    ftw(folder, on_file, 8);
    printf("%u files, each as it is and damaged in %d ways: %u mistakes\n", files, DAMAGES, failed);
    if (failed || examples == 0) return 1;
    if (files > examples) return 0;
    printf("SKIPPED: there are no public findings in %s: set RIPOSTE_FINDINGS to a folder that has them\n", folder);
    return SKIPPED;
}
