/* S3's listings. A key may hold any character, also those that XML has no way to write: one such key would make its
 * bucket unlistable. So names are asked for percent-encoded, and decoded here.
 *
 * Follows: Amazon S3 API Reference, ListObjectsV2, "encoding-type"; botocore, botocore/handlers.py. */
#include <string.h>

#include "aws/protocol/private.h"
#include "engine/base/escape.h"

#define REPLACEMENT "\xEF\xBF\xBD" /* U+FFFD */

bool aws_is_listing(const aws_operation *operation)
{
    static const char *const NAMES[] = {"ListObjects", "ListObjectsV2", "ListObjectVersions"};
    if (strcmp(aws_service_name(aws_operation_service(operation)), "s3") != 0) return false;
    for (size_t i = 0; i < sizeof NAMES / sizeof *NAMES; i++) {
        if (strcmp(aws_operation_name(operation), NAMES[i]) == 0) return true;
    }
    return false;
}

static int hex_digit(char c)
{
    static const char DIGITS[] = "0123456789abcdef0123456789ABCDEF";
    const char *place = c ? strchr(DIGITS, c) : NULL;
    return place ? (int)(place - DIGITS) % 16 : -1;
}

static void append_decoded(rip_buffer *out, const char *text)
{
    for (; *text; text++) {
        int high = *text == '%' ? hex_digit(text[1]) : -1, low = high >= 0 ? hex_digit(text[2]) : -1;
        char each = *text == '+' ? ' ' : *text;
        if (low >= 0) each = (char)(high << 4 | low);
        rip_buffer_putc(out, each);
        if (low >= 0) text += 2;
    }
}

/* New reference. What is no UTF-8, or NUL, is replaced, as everywhere in a reply. */
static json_t *decoded(const char *text)
{
    rip_buffer bytes = {0}, whole = {0};
    append_decoded(&bytes, text);
    for (size_t at = 0; at < bytes.len;) {
        size_t len = bytes.data[at] ? rip_utf8_next(bytes.data + at, bytes.len - at, NULL) : 0;
        if (len)
            rip_buffer_append(&whole, bytes.data + at, len);
        else
            rip_buffer_puts(&whole, REPLACEMENT);
        at += len ? len : 1;
    }
    json_t *value = bytes.failed || whole.failed ? NULL : json_stringn(whole.data ? whole.data : "", whole.len);
    rip_buffer_free(&bytes);
    rip_buffer_free(&whole);
    return value;
}

static bool decode_members(json_t *object, const char *const *names)
{
    for (; *names; names++) {
        const char *text = json_string_value(json_object_get(object, *names));
        if (text && json_object_set_new(object, *names, decoded(text)) != 0) return false;
    }
    return true;
}

rip_status aws_listing_decode(json_t *output, rip_error *err)
{
    static const char *const OWN[] = {"Prefix",    "Delimiter",     "Marker",     "NextMarker",
                                      "KeyMarker", "NextKeyMarker", "StartAfter", NULL};
    static const char *const LISTS[] = {"Contents", "Versions", "DeleteMarkers", "CommonPrefixes"};
    static const char *const EACH[] = {"Key", "Prefix", NULL};
    const char *encoding = json_string_value(json_object_get(output, "EncodingType"));
    if (!encoding || strcmp(encoding, "url") != 0) return RIP_OK;
    bool well = decode_members(output, OWN);
    for (size_t i = 0; i < sizeof LISTS / sizeof *LISTS; i++) {
        size_t j;
        json_t *entry;
        json_array_foreach (json_object_get(output, LISTS[i]), j, entry) well = well && decode_members(entry, EACH);
    }
    json_object_del(output, "EncodingType"); /* it is not so any more */
    return well ? RIP_OK : rip_nomem(err);
}
