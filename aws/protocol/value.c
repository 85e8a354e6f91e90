#include "aws/protocol/value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>

#include "engine/base/clock.h"

static const char *const DAYS[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
static const char *const MONTHS[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

aws_time_format aws_value_time_format(const aws_member *member, aws_time_format otherwise)
{
    const char *name = json_string_value(aws_member_trait(member, "timestampFormat"));
    if (!name) return otherwise;
    if (strcmp(name, "iso8601") == 0) return AWS_TIME_ISO8601;
    if (strcmp(name, "rfc822") == 0) return AWS_TIME_RFC822;
    return strcmp(name, "unixTimestamp") == 0 ? AWS_TIME_UNIX : otherwise;
}

/* "Wed, 01 Jan 2014 00:00:00 GMT" (RFC 9110, 5.6.7). */
static bool read_rfc822(const char *text, int64_t *ms)
{
    char day_name[4], month_name[4], fraction[16] = "";
    int day, year, hour, minute, second;
    /* NOLINTNEXTLINE(cert-err34-c): the widths keep every number in an int */
    int got = sscanf(text, "%3[A-Za-z], %2d %3[A-Za-z] %4d %2d:%2d:%2d%15[.0-9]", day_name, &day, month_name, &year,
                     &hour, &minute, &second, fraction);
    if (got < 7) return false;
    for (int month = 0; month < 12; month++) {
        if (strcmp(MONTHS[month], month_name) != 0) continue;
        struct tm parts = {.tm_year = year - 1900,
                           .tm_mon = month,
                           .tm_mday = day,
                           .tm_hour = hour,
                           .tm_min = minute,
                           .tm_sec = second};
        *ms = (int64_t)timegm(&parts) * 1000 + (int64_t)(strtod(*fraction ? fraction : "0", NULL) * 1000);
        return true;
    }
    return false;
}

bool aws_value_time(const json_t *value, int64_t *ms)
{
    if (json_is_number(value)) {
        *ms = (int64_t)llround(json_number_value(value) * 1000);
        return true;
    }
    const char *text = json_string_value(value);
    if (!text) return false;
    if (rip_time_parse(text, ms) || read_rfc822(text, ms)) return true;
    char *end;
    double seconds = strtod(text, &end);
    if (end == text || *end || !isfinite(seconds)) return false;
    *ms = (int64_t)llround(seconds * 1000);
    return true;
}

static void write_iso8601(rip_buffer *out, int64_t ms)
{
    char text[32];
    rip_time_format(ms, text); /* "2014-01-01T00:00:00.000Z" */
    char *dot = strchr(text, '.');
    if (dot && strcmp(dot, ".000Z") == 0) memcpy(dot, "Z", 2);
    rip_buffer_puts(out, text);
}

void aws_value_write_time(rip_buffer *out, int64_t ms, aws_time_format format)
{
    if (format == AWS_TIME_ISO8601) {
        write_iso8601(out, ms);
        return;
    }
    if (format == AWS_TIME_UNIX) {
        rip_buffer_printf(out, "%s%lld", ms < 0 ? "-" : "", llabs(ms / 1000));
        if (ms % 1000) rip_buffer_printf(out, ".%03d", (int)llabs(ms % 1000));
        return;
    }
    time_t seconds = (time_t)(ms / 1000);
    struct tm parts;
    gmtime_r(&seconds, &parts);
    rip_buffer_printf(out, "%s, %02d %s %d %02d:%02d:%02d GMT", DAYS[parts.tm_wday], parts.tm_mday,
                      MONTHS[parts.tm_mon], parts.tm_year + 1900, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

json_t *aws_value_time_json(int64_t ms)
{
    rip_buffer text = {0};
    write_iso8601(&text, ms);
    json_t *value = text.data ? json_stringn(text.data, text.len) : NULL;
    rip_buffer_free(&text);
    return value;
}

static void write_real(rip_buffer *out, double value)
{
    char text[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    rip_buffer_puts(out, text);
}

rip_status aws_value_write(rip_buffer *out, const aws_member *member, const json_t *value, aws_time_format format,
                           rip_error *err)
{
    int64_t ms;
    if (aws_shape_type(aws_member_shape(member)) == AWS_TIMESTAMP) {
        if (!aws_value_time(value, &ms)) {
            return rip_fail(err, RIP_EINVAL, "%s: expected an RFC 3339 time or seconds since 1970",
                            aws_member_name(member));
        }
        aws_value_write_time(out, ms, aws_value_time_format(member, format));
        return RIP_OK;
    }
    switch (json_typeof(value)) {
    case JSON_STRING: rip_buffer_append(out, json_string_value(value), json_string_length(value)); break;
    case JSON_INTEGER: rip_buffer_printf(out, "%" JSON_INTEGER_FORMAT, json_integer_value(value)); break;
    case JSON_REAL: write_real(out, json_real_value(value)); break;
    case JSON_TRUE: rip_buffer_puts(out, "true"); break;
    case JSON_FALSE: rip_buffer_puts(out, "false"); break;
    case JSON_NULL: break;
    case JSON_OBJECT:
    case JSON_ARRAY: return rip_fail(err, RIP_EINVAL, "%s: expected a single value", aws_member_name(member));
    }
    return RIP_OK;
}

static json_t *read_number(const char *text, bool whole)
{
    char *end;
    if (whole) {
        errno = 0;
        long long number = strtoll(text, &end, 10);
        return end == text || *end || errno ? NULL : json_integer(number);
    }
    double number = strtod(text, &end);
    if (end == text || *end) return NULL;
    /* JSON has no such numbers: they stay the words that AWS writes ("NaN", "Infinity") */
    return isfinite(number) ? json_real(number) : json_string(text);
}

json_t *aws_value_read(const aws_member *member, const char *text, size_t len)
{
    int64_t ms;
    switch (aws_shape_type(aws_member_shape(member))) {
    case AWS_INTEGER:
    case AWS_LONG: return read_number(text, true);
    case AWS_FLOAT:
    case AWS_DOUBLE: return read_number(text, false);
    case AWS_BOOLEAN: return strcmp(text, "true") == 0 ? json_true() : strcmp(text, "false") == 0 ? json_false() : NULL;
    case AWS_TIMESTAMP: {
        json_t *given = json_stringn(text, len);
        json_t *value = given && aws_value_time(given, &ms) ? aws_value_time_json(ms) : NULL;
        json_decref(given);
        return value;
    }
    default: return json_stringn(text, len);
    }
}

void aws_value_base64(rip_buffer *out, const void *bytes, size_t len)
{
    if (!rip_buffer_reserve(out, (len + 2) / 3 * 4 + 1)) return;
    int written = EVP_EncodeBlock((unsigned char *)out->data + out->len, bytes, (int)len);
    out->len += (size_t)written;
    out->data[out->len] = '\0';
}

bool aws_value_unbase64(rip_buffer *out, const char *text, size_t len)
{
    static const char ALPHABET[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    unsigned bits = 0;
    int have = 0;
    size_t padding = 0;
    for (size_t i = 0; i < len; i++) {
        char c = text[i];
        if (c == ' ' || c == '\n' || c == '\r' || c == '\t') continue;
        if (c == '=') {
            padding++;
            continue;
        }
        const char *place = c ? strchr(ALPHABET, c) : NULL;
        if (!place || padding) return false;
        bits = bits << 6 | (unsigned)(place - ALPHABET);
        have += 6;
        if (have >= 8) {
            have -= 8;
            rip_buffer_putc(out, (char)(unsigned char)(bits >> have));
        }
    }
    return padding <= 2 && have < 6 && (bits & ((1u << have) - 1)) == 0;
}
