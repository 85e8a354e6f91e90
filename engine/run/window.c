#include "engine/run/window.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "engine/base/glob.h"

#define DAY_MINUTES (24 * 60)
#define MINUTE_MS 60000

static const char *const DAYS[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
#define DAY_COUNT ((int)(sizeof DAYS / sizeof *DAYS))

typedef struct window {
    char *playbook, *account; /* globs */
    bool days[DAY_COUNT];     /* on which it begins */
    int from, to;             /* minutes of the day; `to` may be on the next */
} window;

struct guard_windows {
    window *rows;
    size_t count;
};

static int parse_two_digits(const char *text)
{
    bool digits = isdigit((unsigned char)text[0]) && isdigit((unsigned char)text[1]);
    return digits ? (text[0] - '0') * 10 + text[1] - '0' : -1;
}

/* "22:00" to minutes; -1: it is no time of day. "24:00" is the end of a day. */
static int parse_time(const char *text)
{
    if (strlen(text) != sizeof "22:00" - 1 || text[2] != ':') return -1;
    int hour = parse_two_digits(text), minute = parse_two_digits(text + 3);
    if (hour < 0 || minute < 0 || minute > 59 || hour * 60 + minute > DAY_MINUTES) return -1;
    return hour * 60 + minute;
}

static int parse_day(const char *text, size_t len)
{
    for (int i = 0; i < DAY_COUNT; i++) {
        if (len == 3 && strncasecmp(DAYS[i], text, len) == 0) return i;
    }
    return -1;
}

/* "mon-fri", "sat,sun", "fri-mon,wed"; "" is every day. */
static bool parse_days(const char *text, bool days[DAY_COUNT])
{
    for (int i = 0; i < DAY_COUNT; i++) days[i] = !*text;
    while (*text) {
        size_t len = strcspn(text, ",");
        const char *dash = memchr(text, '-', len);
        size_t first_len = dash ? (size_t)(dash - text) : len;
        int first = parse_day(text, first_len);
        int last = dash ? parse_day(dash + 1, len - first_len - 1) : first;
        if (first < 0 || last < 0) return false;
        for (int day = first;; day = (day + 1) % DAY_COUNT) {
            days[day] = true;
            if (day == last) break;
        }
        text += len + (text[len] == ',');
    }
    return true;
}

static const char *cell(const rip_config *config, const char *key, size_t row, const char *column)
{
    const char *value = rip_config_cell(config, key, row, column);
    return value ? value : "";
}

static rip_status read_row(const rip_config *config, const char *key, size_t row, window *w, rip_error *err)
{
    const char *playbook = cell(config, key, row, "playbook"), *account = cell(config, key, row, "account");
    const char *from = cell(config, key, row, "from"), *to = cell(config, key, row, "to");
    w->playbook = strdup(*playbook ? playbook : "*");
    w->account = strdup(*account ? account : "*");
    w->from = parse_time(from);
    w->to = parse_time(to);
    if (!w->playbook || !w->account) return rip_nomem(err);
    if (w->from < 0 || w->to < 0)
        return rip_fail(err, RIP_EINVAL, "%s[%zu]: %s - %s: expected times of day such as 22:00", key, row + 1, from,
                        to);
    if (!parse_days(cell(config, key, row, "days"), w->days))
        return rip_fail(err, RIP_EINVAL, "%s[%zu]: days: expected days such as mon-fri or sat,sun", key, row + 1);
    return RIP_OK;
}

rip_status guard_windows_new(const rip_config *config, const char *key, guard_windows **out, rip_error *err)
{
    guard_windows *windows = calloc(1, sizeof *windows);
    if (!windows) return rip_nomem(err);
    size_t count = rip_config_rows(config, key);
    windows->rows = calloc(count + 1, sizeof *windows->rows);
    rip_status status = windows->rows ? RIP_OK : rip_nomem(err);
    for (; windows->count < count && status == RIP_OK; windows->count++) {
        status = read_row(config, key, windows->count, &windows->rows[windows->count], err);
    }
    if (status == RIP_OK)
        *out = windows;
    else
        guard_windows_free(windows);
    return status;
}

void guard_windows_free(guard_windows *windows)
{
    if (!windows) return;
    for (size_t i = 0; windows->rows && i < windows->count; i++) {
        free(windows->rows[i].playbook);
        free(windows->rows[i].account);
    }
    free(windows->rows);
    free(windows);
}

static bool is_within(const window *w, int day, int minute)
{
    bool today = w->days[day], yesterday = w->days[(day + DAY_COUNT - 1) % DAY_COUNT];
    if (w->from < w->to) return today && minute >= w->from && minute < w->to;
    return (today && minute >= w->from) || (yesterday && minute < w->to);
}

bool guard_windows_open(const guard_windows *windows, const char *playbook, const char *account, int64_t now)
{
    if (!windows) return true;
    int64_t minutes = now / MINUTE_MS;
    int day = (int)((minutes / DAY_MINUTES + 3) % DAY_COUNT); /* the epoch began on a Thursday */
    bool named = false;
    for (size_t i = 0; i < windows->count; i++) {
        const window *w = &windows->rows[i];
        if (!rip_glob_match(w->playbook, playbook) || !rip_glob_match(w->account, account)) continue;
        if (is_within(w, day, (int)(minutes % DAY_MINUTES))) return true;
        named = true;
    }
    return !named;
}
