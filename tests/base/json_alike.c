#include "tests/base/json_alike.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"

static const char *written_alike(const json_t *value, unsigned ours, size_t theirs)
{
    rip_buffer text = {0};
    json_t *back = NULL;
    const rip_json_rules rules = {.any = true, .nul = true};
    char *wanted = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY | theirs);
    const char *why = NULL;
    if (!wanted || rip_json_write(&text, value, ours, NULL) != RIP_OK)
        why = "it cannot be written";
    else if (strlen(wanted) != text.len || memcmp(text.data, wanted, text.len) != 0)
        why = "it is written otherwise";
    else if (rip_json_read(text.data, text.len, &rules, &back, NULL) != RIP_OK || !json_equal(back, value))
        why = "what was written reads otherwise";
    json_decref(back);
    rip_buffer_free(&text);
    free(wanted);
    return why;
}

const char *json_written_alike(const json_t *value)
{
    const char *why = written_alike(value, 0, 0);
    return why ? why : written_alike(value, RIP_JSON_SORTED, JSON_SORT_KEYS);
}

static const char *read_alike(const char *bytes, size_t len, const rip_json_rules *rules, size_t flags)
{
    json_t *ours = NULL;
    rip_status status = rip_json_read(bytes, len, rules, &ours, NULL);
    /* A NUL byte is nowhere right; jansson loses one that follows a number or a word. */
    bool has_nul = len > 0 && memchr(bytes, '\0', len);
    json_t *theirs = has_nul ? NULL : json_loadb(bytes, len, flags | JSON_REJECT_DUPLICATES, NULL);
    const char *why = NULL;
    if ((status == RIP_OK) != (ours != NULL))
        why = "a status and a value do not agree";
    else if (!ours != !theirs)
        why = ours ? "it is accepted, but not by jansson" : "it is refused, but not by jansson";
    else if (ours)
        why = json_equal(ours, theirs) ? json_written_alike(ours) : "it is read otherwise";
    json_decref(ours);
    json_decref(theirs);
    return why;
}

const char *json_alike(const char *bytes, size_t len)
{
    const rip_json_rules any = {.any = true}, nul = {.nul = true};
    const char *why = read_alike(bytes, len, NULL, 0);
    if (!why) why = read_alike(bytes, len, &any, JSON_DECODE_ANY);
    return why ? why : read_alike(bytes, len, &nul, JSON_ALLOW_NUL);
}
