#include "engine/base/units.h"

#include <ctype.h>
#include <string.h>

#define DAY_MS INT64_C(86400000)
#define SPAN_MOST_MS (366 * DAY_MS)
#define FRACTION_SCALE INT64_C(1000000)

typedef struct unit {
    const char *name;
    int64_t size;
} unit;

static const char *skip_space(const char *text)
{
    while (isspace((unsigned char)*text)) text++;
    return text;
}

/* Digits up to `most`; *end is after them. Leaves *end at `text` where there is none. */
static bool read_digits(const char *text, int64_t most, int64_t *value, const char **end)
{
    *value = 0;
    for (*end = text; isdigit((unsigned char)**end); ++*end) {
        *value = *value * 10 + (**end - '0');
        if (*value > most) return false;
    }
    return *end > text;
}

/* Digits after a point, in millionths; what is finer is dropped. */
static int64_t read_fraction(const char *text, const char **end)
{
    int64_t value = 0, scale = FRACTION_SCALE;
    for (*end = text; isdigit((unsigned char)**end); ++*end) {
        scale /= 10;
        value += (**end - '0') * scale;
    }
    return value;
}

static int64_t size_of_unit(const char *name, const unit *units, size_t count)
{
    size_t len = strlen(name);
    while (len > 0 && isspace((unsigned char)name[len - 1])) len--;
    for (size_t i = 0; i < count; i++) {
        if (strlen(units[i].name) == len && strncmp(units[i].name, name, len) == 0) return units[i].size;
    }
    return 0;
}

bool rip_duration_parse(const char *text, int64_t *ms)
{
    static const unit UNITS[] = {{"", 1000}, {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};
    const char *at = skip_space(text);
    int64_t whole, fraction = 0;
    if (!read_digits(at, SPAN_MOST_MS, &whole, &at)) return false;
    if (*at == '.') fraction = read_fraction(at + 1, &at);
    int64_t unit_ms = size_of_unit(skip_space(at), UNITS, sizeof UNITS / sizeof *UNITS);
    if (unit_ms == 0 || whole > SPAN_MOST_MS / unit_ms) return false;
    int64_t sum = whole * unit_ms + fraction * unit_ms / FRACTION_SCALE;
    if (sum > SPAN_MOST_MS) return false;
    *ms = sum;
    return true;
}

bool rip_size_parse(const char *text, uint64_t *bytes)
{
    static const unit UNITS[] = {{"", 1},          {"K", 1 << 10},   {"M", 1 << 20},  {"G", 1 << 30},
                                 {"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}};
    const char *at = skip_space(text);
    int64_t number;
    if (!read_digits(at, INT64_MAX / 16, &number, &at)) return false;
    int64_t unit_bytes = size_of_unit(skip_space(at), UNITS, sizeof UNITS / sizeof *UNITS);
    if (unit_bytes == 0 || number > INT64_MAX / unit_bytes) return false;
    *bytes = (uint64_t)number * (uint64_t)unit_bytes;
    return true;
}
