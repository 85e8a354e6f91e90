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

/* What cannot be written down (text that is no UTF-8) must not pass for NULL. */
static span written(message *m, size_t at, rip_status status)
{
    if (status != RIP_OK) m->bytes.failed = true;
    span s = {at, m->bytes.len - at, true};
    rip_buffer_putc(&m->bytes, '\0');
    return s;
}

span message_json(message *m, const json_t *value)
{
    size_t at = m->bytes.len;
    if (!value) return (span){at, 0, false};
    return written(m, at, rip_json_write(&m->bytes, value, 0, NULL));
}

span message_json_without(message *m, const json_t *object, const char *const *names)
{
    size_t at = m->bytes.len;
    return written(m, at, rip_json_write_without(&m->bytes, object, names, NULL));
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
    static const char *const APART[] = {"text", "sources", "decisions", NULL};
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
    run->record = message_json_without(m, record, APART);
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
