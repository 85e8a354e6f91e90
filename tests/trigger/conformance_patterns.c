/* conformance-patterns [FILE]: one {"pattern", "event", "expect"} a line, checked with a set and with trigger_explain.
 * Without a file: event-patterns.ndjson of $RIPOSTE_CONFORMANCE, by default ../shared/conformance; 77 if it is not
 * there. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/trigger/trigger.h"

static void on_match(void *data, const void *owner)
{
    (void)owner;
    ++*(size_t *)data;
}

static const char *with_set(const char *pattern, const char *event)
{
    static const char owner;
    size_t matches = 0;
    rip_error err;
    trigger_set *set = trigger_set_new();
    const char *result = "invalid";
    if (set && trigger_set_add(set, &owner, pattern, strlen(pattern), NULL, &err) == RIP_OK &&
        trigger_set_match(set, event, strlen(event), on_match, &matches, &err) == RIP_OK)
        result = matches ? "match" : "no-match";
    trigger_set_free(set);
    return result;
}

static const char *with_tree(const char *pattern, const char *event)
{
    bool matches = false;
    char why[512];
    rip_error err;
    if (trigger_explain(pattern, strlen(pattern), event, strlen(event), &matches, why, sizeof why, &err) != RIP_OK)
        return "invalid";
    return matches ? "match" : "no-match";
}

static bool check(const char *name, size_t line, const json_t *one)
{
    const char *expect = json_string_value(json_object_get(one, "expect"));
    char *pattern = json_dumps(json_object_get(one, "pattern"), JSON_ENCODE_ANY | JSON_COMPACT);
    char *event = json_dumps(json_object_get(one, "event"), JSON_ENCODE_ANY | JSON_COMPACT);
    bool well = expect && pattern && event;
    if (well) {
        const char *set = with_set(pattern, event), *tree = with_tree(pattern, event);
        well = strcmp(expect, set) == 0 && strcmp(expect, tree) == 0;
        if (!well) {
            printf("%s:%zu: expected %s, the set says %s, the tree %s\n  %s\n  %s\n", name, line, expect, set, tree,
                   pattern, event);
        }
    }
    free(pattern);
    free(event);
    return well;
}

int main(int argc, char **argv)
{
    char path[4096], *line = NULL;
    size_t room = 0, all = 0, well = 0;
    const char *folder = getenv("RIPOSTE_CONFORMANCE");
    snprintf(path, sizeof path, "%s/event-patterns.ndjson", folder ? folder : "../shared/conformance");
    const char *name = argc > 1 ? argv[1] : path;
    FILE *in = fopen(name, "r");
    if (!in) {
        fprintf(stderr, "conformance-patterns: SKIPPED: %s can't be read: set RIPOSTE_CONFORMANCE\n", name);
        return argc > 1 ? EXIT_FAILURE : 77;
    }
    while (getline(&line, &room, in) > 0) {
        json_t *one = json_loads(line, JSON_ALLOW_NUL, NULL);
        all++;
        well += one && check(name, all, one);
        json_decref(one);
    }
    free(line);
    fclose(in);
    printf("%zu of %zu\n", well, all);
    return all && well == all ? EXIT_SUCCESS : EXIT_FAILURE;
}
