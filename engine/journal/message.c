#include "engine/journal/message.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"

#define BYTES_USUAL 1000 /* most messages are smaller */

message *message_new(message_kind kind)
{
    message *m = calloc(1, sizeof *m);
    if (!m) return NULL;
    m->kind = kind;
    rip_buffer_reserve(&m->bytes, BYTES_USUAL);
    return m;
}

void message_free(message *m)
{
    if (!m) return;
    if (m->kind == MESSAGE_ACCEPT) free(m->as.accept.wanted);
    rip_buffer_free(&m->bytes);
    json_decref(m->finding);
    json_decref(m->records);
    json_decref(m->value);
    free(m->err);
    free(m);
}

span message_bytes(message *m, const void *data, size_t len)
{
    span s = {m->bytes.len, len, data != NULL};
    if (!data) return s;
    rip_buffer_append(&m->bytes, data, len);
    rip_buffer_putc(&m->bytes, '\0');
    return s;
}

span message_text(message *m, const char *text)
{
    return message_bytes(m, text, text ? strlen(text) : 0);
}

span message_json(message *m, const json_t *value)
{
    span s = {m->bytes.len, 0, value != NULL};
    if (!value) return s;
    /* What cannot be written down (text that is no UTF-8) must not pass for NULL. */
    if (rip_json_write(&m->bytes, value, 0, NULL) != RIP_OK) m->bytes.failed = true;
    s.len = m->bytes.len - s.at;
    rip_buffer_putc(&m->bytes, '\0');
    return s;
}

static span field(message *m, const json_t *object, const char *key)
{
    json_t *value = json_object_get(object, key);
    return message_bytes(m, json_string_value(value), json_string_length(value));
}

static int64_t number(const json_t *object, const char *key)
{
    return json_integer_value(json_object_get(object, key));
}

void message_run(message *m, run_fields *run, const json_t *record, run_moment moment)
{
    const json_t *finding = json_object_get(record, "finding");
    run->moment = moment;
    run->id = field(m, record, "id");
    run->playbook = field(m, record, "playbook");
    run->mode = field(m, record, "mode");
    run->outcome = field(m, record, "outcome");
    run->lock = field(m, record, "lock");
    run->account = field(m, finding, "account");
    run->region = field(m, finding, "region");
    run->finding_id = field(m, finding, "id");
    run->finding_version = field(m, finding, "version");
    run->queued = number(record, "queued");
    run->started = number(record, "started");
    run->finished = number(record, "finished");
    run->text = moment == RUN_ENDS ? (span){0} : field(m, record, "text");

    json_t *rest = json_object();
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)record, key, value) {
        if (strcmp(key, "text") == 0 || strcmp(key, "sources") == 0 || strcmp(key, "decisions") == 0) continue;
        if (json_object_set_nocheck(rest, key, value) != 0) m->bytes.failed = true;
    }
    run->record = message_json(m, rest);
    json_decref(rest);
}

bool message_is_whole(const message *m)
{
    return !m->bytes.failed;
}

const char *message_string(const message *m, span s)
{
    return s.is ? m->bytes.data + s.at : NULL;
}

void message_fail(message *m, const rip_error *why)
{
    if (!m->err) m->err = malloc(sizeof *m->err);
    if (m->err) *m->err = *why;
}
