#include "engine/run/plan_text.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/clock.h"

/* Made-up values. */

static void add_pair(json_t *pairs, const char *made_up, const char *real)
{
    size_t i;
    json_t *each;
    json_array_foreach (pairs, i, each) {
        const char *other = json_string_value(json_array_get(each, 0));
        if (strcmp(other, made_up) == 0) return; /* the first one counts */
        if (strlen(other) < strlen(made_up)) break;
    }
    json_array_insert_new(pairs, i, json_pack("[s, s]", made_up, real));
}

/* What follows the last '/' or ':'. */
static const char *last_part(const char *text)
{
    const char *part = text + strlen(text);
    while (part > text && part[-1] != '/' && part[-1] != ':') part--;
    return part;
}

void plan_bind(plan_bindings *bindings, const run_unknowns *unknowns, const char *made_up, const char *real)
{
    const char *mark = run_unknown_mark(unknowns, made_up);
    if (!mark) return;
    size_t head = (size_t)(mark - made_up);
    add_pair(bindings->pairs, made_up, real);
    if (head > 0) add_pair(bindings->pairs, mark, strncmp(made_up, real, head) == 0 ? real + head : last_part(real));
}

/* Every `from` in `text` replaced by `to`. Frees `text`. */
static char *replaced(char *text, const char *from, const char *to)
{
    rip_buffer out = {0};
    const char *at = text, *next;
    if (!strstr(text, from)) return text;
    while ((next = strstr(at, from))) {
        rip_buffer_append(&out, at, (size_t)(next - at));
        rip_buffer_puts(&out, to);
        at = next + strlen(from);
    }
    rip_buffer_puts(&out, at);
    free(text);
    return rip_buffer_take(&out, NULL);
}

char *plan_resolve(const plan_bindings *bindings, const run_unknowns *unknowns, const char *planned)
{
    char *text = strdup(planned);
    size_t i;
    json_t *pair;
    if (!text || !run_unknown_in(unknowns, planned)) return text;
    json_array_foreach (bindings->pairs, i, pair) {
        if (text)
            text =
                replaced(text, json_string_value(json_array_get(pair, 0)), json_string_value(json_array_get(pair, 1)));
    }
    if (!text || !run_unknown_in(unknowns, text)) return text;
    free(text);
    return NULL;
}

/* Times. */

static const char FORM[] = "0000-00-00T00:00:00";

/* Where a time begins, or NULL. */
static const char *find_time(const char *text)
{
    for (; *text; text++) {
        size_t i = 0;
        while (FORM[i] && text[i] && (FORM[i] == '0' ? text[i] >= '0' && text[i] <= '9' : text[i] == FORM[i])) i++;
        if (!FORM[i]) return text;
    }
    return NULL;
}

bool plan_has_time(const char *text)
{
    return find_time(text) != NULL;
}

/* In seconds; a fraction and the zone are compared as text. */
static int64_t seconds_of(const char *time)
{
    char text[sizeof FORM + 1];
    int64_t ms = 0;
    memcpy(text, time, sizeof FORM - 1);
    memcpy(text + sizeof FORM - 1, "Z", 2);
    return rip_time_parse(text, &ms) ? ms / 1000 : 0;
}

static bool is_shifted(int64_t planned, int64_t actual, const json_t *planned_times, const json_t *times)
{
    size_t i, k;
    json_t *before, *now;
    if (planned == actual) return true;
    json_array_foreach (planned_times, i, before) {
        json_array_foreach (times, k, now) {
            if (actual - planned == json_integer_value(now) / 1000 - json_integer_value(before) / 1000) return true;
        }
    }
    return false;
}

bool plan_same_but_times(const char *planned, const char *actual, const json_t *planned_times, const json_t *times)
{
    const char *time;
    while ((time = find_time(planned))) {
        size_t plain = (size_t)(time - planned);
        if (strncmp(planned, actual, plain) != 0 || find_time(actual) != actual + plain) return false;
        if (!is_shifted(seconds_of(time), seconds_of(actual + plain), planned_times, times)) return false;
        planned += plain + sizeof FORM - 1;
        actual += plain + sizeof FORM - 1;
    }
    return strcmp(planned, actual) == 0;
}
