/* What is told of a run: picked from its record and report when it ends, put in words when it is sent. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "engine/base/escape.h"
#include "engine/notify/private.h"
#include "engine/run/record.h"

#define SHOWN_CHANGES 5
#define SHOWN_RESOURCES 3
#define LINE_MOST 400
#define TITLE_MOST 150

const char *brief_text(const json_t *object, const char *key, const char *inner)
{
    const json_t *value = json_object_get(object, key);
    if (inner) value = json_object_get(value, inner);
    const char *text = json_string_value(value);
    return text ? text : "";
}

const char *brief_event(const json_t *brief)
{
    return brief_text(brief, "event", NULL);
}

const char *notify_event_name(unsigned event)
{
    if (event & NOTIFY_APPROVAL) return "approval";
    if (event & NOTIFY_GUARD) return "guard";
    if (event & NOTIFY_FAILED) return "failed";
    return event & NOTIFY_CONTAINED ? "contained" : "";
}

static json_int_t count_changes(const json_t *report, const char *state)
{
    json_int_t count = 0;
    size_t i;
    json_t *change;
    json_array_foreach (json_object_get(report, "changes"), i, change) {
        const char *own = brief_text(change, "state", NULL);
        bool tried = strcmp(own, "refused") != 0;
        count += state ? strcmp(own, state) == 0 : tried;
    }
    return count;
}

unsigned brief_events(const json_t *record, const json_t *report)
{
    const char *outcome = brief_text(record, "outcome", NULL);
    unsigned events = 0;
    if (!*outcome || json_object_get(record, "feedback")) return 0; /* it tells itself */
    if (strcmp(outcome, "waiting") == 0) events |= NOTIFY_APPROVAL;
    if (count_changes(report, "refused")) events |= NOTIFY_GUARD;
    if (!record_is_well(record)) events |= NOTIFY_FAILED;
    bool takes_back = json_object_get(record, "undo");
    if (strcmp(outcome, "done") == 0 && count_changes(report, "done") && !takes_back) events |= NOTIFY_CONTAINED;
    return events;
}

/* Picking. */

static json_t *resources_of(const json_t *finding)
{
    json_t *names = json_array();
    size_t i;
    json_t *resource;
    json_array_foreach (json_object_get(finding, "resources"), i, resource) {
        const char *name = brief_text(resource, "arn", NULL);
        if (!*name) name = brief_text(resource, "id", NULL);
        if (i == SHOWN_RESOURCES) break;
        json_array_append_new(names, json_string(name));
    }
    return names;
}

static json_t *changes_of(const json_t *report)
{
    json_t *shown = json_array();
    size_t i;
    json_t *change;
    json_array_foreach (json_object_get(report, "changes"), i, change) {
        if (i == SHOWN_CHANGES) break;
        json_array_append_new(
            shown, json_pack("{s:s, s:s, s:s, s:s}", "operation", brief_text(change, "operation", NULL), "state",
                             brief_text(change, "state", NULL), "account", brief_text(change, "account", NULL),
                             "region", brief_text(change, "region", NULL)));
    }
    return shown;
}

json_t *brief_new(unsigned event, const json_t *record, const json_t *report, const json_t *finding, int64_t now_ms)
{
    static const char *const OF_RECORD[] = {"playbook", "mode", "outcome", "deadline"};
    static const char *const OF_FINDING[] = {"id",    "version",  "source",  "kind",
                                             "title", "severity", "account", "region"};
    const json_t *from = finding ? finding : json_object_get(record, "finding");
    const char *run = brief_text(record, "id", NULL), *base = brief_text(record, "base", NULL);
    json_t *about = json_object();
    for (size_t i = 0; i < sizeof OF_FINDING / sizeof *OF_FINDING; i++)
        json_object_set(about, OF_FINDING[i], json_object_get(from, OF_FINDING[i]));
    json_t *brief = json_pack(
        "{s:s, s:s, s:s, s:I, s:o, s:o, s:I, s:o, s:{s:I, s:I, s:I, s:I, s:I}, s:s}", "event", notify_event_name(event),
        "run", run, "base", *base ? base : run, "at", (json_int_t)now_ms, "finding", about, "resources",
        resources_of(from), "resource_count", (json_int_t)json_array_size(json_object_get(from, "resources")), "first",
        changes_of(report), "changes", "total", count_changes(report, NULL), "done", count_changes(report, "done"),
        "planned", count_changes(report, "planned"), "failed", count_changes(report, "failed"), "refused",
        count_changes(report, "refused"), "error", brief_text(record, "error", "message"));
    for (size_t i = 0; brief && i < sizeof OF_RECORD / sizeof *OF_RECORD; i++)
        json_object_set(brief, OF_RECORD[i], json_object_get(record, OF_RECORD[i]));
    return brief;
}

/* Words. */

static void add_line(json_t *lines, rip_buffer *raw)
{
    rip_buffer line = {0};
    if (raw->data) rip_escape_line(&line, raw->data, raw->len, LINE_MOST);
    if (line.len) json_array_append_new(lines, json_stringn(line.data, line.len));
    rip_buffer_free(&line);
    rip_buffer_clear(raw);
}

static json_int_t number(const json_t *brief, const char *key)
{
    return json_integer_value(json_object_get(json_object_get(brief, "changes"), key));
}

static void write_place(rip_buffer *out, const json_t *brief)
{
    size_t i;
    json_t *name;
    rip_buffer_printf(out, "Account %s, %s", brief_text(brief, "finding", "account"),
                      brief_text(brief, "finding", "region"));
    json_array_foreach (json_object_get(brief, "resources"), i, name)
        rip_buffer_printf(out, "%s%.120s", i ? ", " : ": ", json_string_value(name));
    json_int_t more = json_integer_value(json_object_get(brief, "resource_count")) - (json_int_t)i;
    if (more > 0) rip_buffer_printf(out, " and %" JSON_INTEGER_FORMAT " more", more);
}

static void write_changes(rip_buffer *out, const json_t *brief)
{
    static const char *const STATES[] = {"done", "planned", "failed", "refused"};
    size_t i, parts = 0;
    json_t *change;
    if (!number(brief, "total")) {
        rip_buffer_puts(out, "No changes");
        return;
    }
    for (i = 0; i < sizeof STATES / sizeof *STATES; i++) {
        if (number(brief, STATES[i]))
            rip_buffer_printf(out, "%s%" JSON_INTEGER_FORMAT " %s",
                              parts++ ? ", " : "Changes: ", number(brief, STATES[i]), STATES[i]);
    }
    json_array_foreach (json_object_get(brief, "first"), i, change)
        rip_buffer_printf(out, "%s%s (%s)",
                          i       ? ", "
                          : parts ? ": "
                                  : "Changes: ",
                          brief_text(change, "operation", NULL), brief_text(change, "state", NULL));
    if (number(brief, "total") > (json_int_t)i) rip_buffer_puts(out, ", …");
}

static const char *heading(const char *event)
{
    static const char *const HEADINGS[][2] = {{"approval", "A plan waits for approval"},
                                              {"guard", "A guard stopped a call"},
                                              {"failed", "A run failed"},
                                              {"contained", "Contained"}};
    for (size_t i = 0; i < sizeof HEADINGS / sizeof *HEADINGS; i++) {
        if (strcmp(HEADINGS[i][0], event) == 0) return HEADINGS[i][1];
    }
    return "A run ended";
}

static json_t *title_of(const json_t *brief)
{
    rip_buffer raw = {0}, line = {0};
    rip_buffer_printf(&raw, "%s: %s, %s", heading(brief_event(brief)), brief_text(brief, "finding", "kind"),
                      brief_text(brief, "playbook", NULL));
    if (raw.data) rip_escape_line(&line, raw.data, raw.len, TITLE_MOST);
    json_t *title = json_stringn(line.data ? line.data : "", line.len);
    rip_buffer_free(&raw);
    rip_buffer_free(&line);
    return title;
}

static json_t *link_of(const notify *n, const json_t *brief)
{
    const char *run = brief_text(brief, "run", NULL);
    json_int_t deadline = json_integer_value(json_object_get(brief, "deadline"));
    char token[256];
    rip_buffer url = {0};
    if (!n->base_url || strcmp(brief_event(brief), "approval") != 0 || deadline <= 0) return NULL;
    notify_link_make(n->options.journal, run, deadline, token);
    rip_buffer_printf(&url, "%s/v1/approve?run=", n->base_url);
    aws_uri_encode(&url, run, strlen(run), false);
    rip_buffer_printf(&url, "&token=%s", token);
    json_t *link = url.failed ? NULL : json_string(url.data);
    rip_buffer_free(&url);
    return link;
}

json_t *brief_words(const notify *n, const json_t *brief)
{
    json_t *lines = json_array();
    rip_buffer raw = {0};
    const json_t *finding = json_object_get(brief, "finding");
    rip_buffer_printf(&raw, "%s: %s", brief_text(finding, "severity", "label"), brief_text(finding, "title", NULL));
    add_line(lines, &raw);
    write_place(&raw, brief);
    add_line(lines, &raw);
    write_changes(&raw, brief);
    add_line(lines, &raw);
    if (*brief_text(brief, "error", NULL)) {
        rip_buffer_printf(&raw, "Error: %s", brief_text(brief, "error", NULL));
        add_line(lines, &raw);
    }
    rip_buffer_printf(&raw, "Run %s, mode %s, %s", brief_text(brief, "run", NULL), brief_text(brief, "mode", NULL),
                      brief_text(brief, "outcome", NULL));
    add_line(lines, &raw);
    rip_buffer_free(&raw);
    return json_pack("{s:o, s:o, s:o, s:o*}", "title", title_of(brief), "lines", lines, "command",
                     json_sprintf("riposte show %s", brief_text(brief, "run", NULL)), "link", link_of(n, brief));
}

json_t *brief_batch_words(const notifier *n)
{
    json_t *all = json_array();
    size_t i;
    json_t *brief;
    json_array_foreach (n->batch, i, brief) json_array_append_new(all, brief_words(n->owner, brief));
    return all;
}
