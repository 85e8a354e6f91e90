/* Every finding in a folder of public samples, and each of the examples, is taken in and normalised whole. */
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/finding/finding.h"

#define SKIPPED 77
#define EXAMPLES "examples/events"

static unsigned files, findings, failed;
static const char *current;

static void wrong(const char *what)
{
    printf("%s: %s\n", current, what);
    failed++;
}

static rip_status on_event(void *data, const char *event, size_t len)
{
    static const char *const TEXTS[] = {"id", "version", "kind", "account", "region", "partition", "form"};
    json_t *finding = NULL;
    rip_error err;
    (void)data;
    if (finding_normalise(event, len, NULL, &finding, &err) != RIP_OK) {
        wrong(err.message);
        return RIP_OK;
    }
    findings++;
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS; i++) {
        const char *text = json_string_value(json_object_get(finding, TEXTS[i]));
        if (!text || !*text) wrong(TEXTS[i]);
    }
    json_decref(finding);
    return RIP_OK;
}

static int on_file(const char *path, const struct stat *info, int kind)
{
    char *text = NULL;
    size_t len = 0;
    rip_error err;
    (void)info;
    size_t name = strlen(path);
    if (kind != FTW_F || name < 5 || strcmp(path + name - 5, ".json") != 0) return 0;
    current = path;
    files++;
    if (rip_read_file(path, (size_t)1 << 20, &text, &len, &err) != RIP_OK ||
        event_split(text, len, NULL, on_event, NULL, &err) != RIP_OK)
        wrong(err.message);
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
    printf("%u files, %u findings, %u mistakes\n", files, findings, failed);
    if (failed || examples == 0) return 1;
    if (files > examples) return 0;
    printf("SKIPPED: there are no public findings in %s: set RIPOSTE_FINDINGS to a folder that has them\n", folder);
    return SKIPPED;
}
