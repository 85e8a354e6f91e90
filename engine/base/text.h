/* Texts of JSON objects, for code that reads what it has written or checked itself. */
#ifndef RIPOSTE_BASE_TEXT_H
#define RIPOSTE_BASE_TEXT_H

#include <jansson.h>

/** The string at `key`; "" where there is none. Borrowed. `object` may be NULL. */
static inline const char *rip_text(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : "";
}

/** The string at `key`; `otherwise` (which may be NULL) where there is none, or an empty one. Borrowed. */
static inline const char *rip_text_or(const json_t *object, const char *key, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text && *text ? text : otherwise;
}

#endif
