/* Any endpoint that takes JSON: Jira, a ticket queue, a bot. The body is the run's fields, or a template of them. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/notify/private.h"
#include "engine/notify/template.h"

static json_t *joined(const json_t *lines, const char *with)
{
    rip_buffer all = {0};
    size_t i;
    json_t *line;
    json_array_foreach (lines, i, line) rip_buffer_printf(&all, "%s%s", i ? with : "", json_string_value(line));
    json_t *text = json_string(all.data ? all.data : "");
    rip_buffer_free(&all);
    return text;
}

/* Flat, so that a template names each by one word. */
static json_t *fields_of(const notify *owner, const json_t *brief)
{
    static const char *const OF_BRIEF[] = {"event", "run", "playbook", "mode", "outcome", "error"};
    static const char *const OF_FINDING[] = {"kind", "source", "account", "region"};
    json_t *words = brief_words(owner, brief), *fields = json_object();
    for (size_t i = 0; i < sizeof OF_BRIEF / sizeof *OF_BRIEF; i++)
        json_object_set_new(fields, OF_BRIEF[i], json_string(brief_text(brief, OF_BRIEF[i], NULL)));
    for (size_t i = 0; i < sizeof OF_FINDING / sizeof *OF_FINDING; i++)
        json_object_set_new(fields, OF_FINDING[i], json_string(brief_text(brief, "finding", OF_FINDING[i])));
    const json_t *finding = json_object_get(brief, "finding");
    json_object_set_new(fields, "finding", json_string(brief_text(finding, "id", NULL)));
    json_object_set_new(fields, "severity", json_string(brief_text(finding, "severity", "label")));
    json_object_set(fields, "title", json_object_get(words, "title"));
    json_object_set(fields, "command", json_object_get(words, "command"));
    json_object_set_new(fields, "link", json_string(brief_text(words, "link", NULL)));
    json_object_set_new(fields, "text", joined(json_object_get(words, "lines"), "\n"));
    json_object_set_new(fields, "resources", joined(json_object_get(brief, "resources"), " "));
    json_object_set(fields, "changes", json_object_get(json_object_get(brief, "changes"), "total"));
    json_decref(words);
    return fields;
}

/* A template is tried on a run without anything: what it makes must be JSON. */
static rip_status check_template(const notifier *n, rip_error *err)
{
    json_t *nothing =
        json_pack("{s:s, s:{}, s:[], s:{s:i}}", "event", "failed", "finding", "resources", "changes", "total", 0);
    json_t *fields = fields_of(n->owner, nothing);
    json_error_t where;
    rip_buffer body = {0};
    rip_status status = notify_template_fill(n->form, fields, &body, err);
    json_t *parsed =
        status == RIP_OK ? json_loadb(body.data ? body.data : "", body.len, JSON_REJECT_DUPLICATES, &where) : NULL;
    if (status == RIP_OK && !parsed)
        status = rip_fail(err, RIP_EINVAL, "the template makes no JSON: line %d: %s", where.line, where.text);
    json_decref(parsed);
    json_decref(fields);
    json_decref(nothing);
    rip_buffer_free(&body);
    return status == RIP_OK ? status : rip_error_prefix(err, "template_file: ");
}

static rip_status http_open(notifier *n, rip_error *err)
{
    rip_status status = notify_url_check(n->target, err);
    return status == RIP_OK && n->form ? check_template(n, err) : status;
}

static void http_send(notifier *n)
{
    rip_buffer body = {0};
    rip_error err;
    json_t *fields = fields_of(n->owner, json_array_get(n->batch, 0));
    rip_status status = RIP_OK;
    char *text = NULL;
    size_t len = 0;
    if (n->form) {
        status = notify_template_fill(n->form, fields, &body, &err);
        text = rip_buffer_take(&body, &len);
    } else {
        text = rip_json_dump(fields, JSON_COMPACT);
        len = text ? strlen(text) : 0;
    }
    json_decref(fields);
    if (status == RIP_OK && text)
        notifier_post(n, n->target, n->secret, text, len);
    else
        notifier_done(n, NOTIFY_LATER, status == RIP_OK ? "out of memory" : err.message, -1);
    free(text);
}

const notifier_kind notify_http = {.name = "http", .most = 1, .open = http_open, .send = http_send};
