#include "engine/dispatch/feedback.h"

#include <stdlib.h>
#include <string.h>

#include "engine/base/digest.h"
#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/dispatch/private.h"

const char *const *feedback_permissions(const char *form)
{
    static const char *const NONE[] = {NULL};
    static const char *const HUB[] = {"securityhub:GetFindings", "securityhub:BatchUpdateFindings", NULL};
    static const char *const GUARDDUTY[] = {"guardduty:GetFindings", "guardduty:ArchiveFindings",
                                            "guardduty:UpdateFindingsFeedback", NULL};
    if (strcmp(form, "guardduty") == 0) return GUARDDUTY;
    return strcmp(form, "asff") == 0 || strcmp(form, "ocsf") == 0 ? HUB : NONE;
}

static json_t *playbook_text(const char *form)
{
    rip_buffer text = {0};
    rip_buffer_puts(
        &text,
        "return {\n  name = \"feedback\",\n  about = \"Tells a service what was done about its findings.\",\n"
        "  trigger = { source = { \"riposte\" } },\n  permissions = {");
    for (const char *const *action = feedback_permissions(form); *action; action++)
        rip_buffer_printf(&text, " \"%s\",", *action);
    rip_buffer_puts(&text, " },\n  run = function(_, run) require(\"riposte.feedback\").answer(run) end,\n}\n");
    json_t *value = text.failed ? NULL : json_stringn(text.data, text.len);
    rip_buffer_free(&text);
    return value;
}

/* Runs are found by the account and region in which they act. */
static json_t *finding_of(const json_t *brief)
{
    const json_t *known = json_object_get(brief, "finding");
    json_t *finding = known ? json_copy((json_t *)(uintptr_t)known) : json_object();
    if (!finding) return NULL;
    if (!known) json_object_set(finding, "id", json_object_get(brief, "key"));
    if (!known) json_object_set(finding, "version", json_object_get(brief, "version"));
    json_object_set(finding, "account", json_object_get(brief, "account"));
    json_object_set(finding, "region", json_object_get(brief, "region"));
    return finding;
}

static json_t *id_of(const json_t *briefs)
{
    char hex[RIP_SHA256_HEX];
    rip_buffer text = {0};
    rip_status status = rip_json_write(&text, briefs, RIP_JSON_SORTED, NULL);
    if (status == RIP_OK) rip_sha256_hex(text.data, text.len, hex);
    rip_buffer_free(&text);
    return status == RIP_OK ? json_sprintf("feedback-%.16s", hex) : NULL;
}

json_t *feedback_record(const json_t *briefs, int64_t now_ms)
{
    const json_t *first = json_array_get(briefs, 0);
    const char *form = rip_text(first, "form");
    json_t *id = id_of(briefs);
    /* One after the other in one place, in the order of what happened: that a run began is not told after how it ended.
     * Nothing that is to be done about a finding waits for it. */
    json_t *record =
        json_pack("{s:o, s:O, s:s, s:s, s:o, s:o, s:s, s:I, s:I, s:o, s:O}", "id", id, "base", id, "playbook",
                  "feedback", "file", "feedback.lua", "text", playbook_text(form), "finding", finding_of(first), "mode",
                  "enforce", "queued", (json_int_t)now_ms, "rank", (json_int_t)queue_rank(0, now_ms), "lock",
                  json_sprintf("feedback %s %s %s", form, rip_text(first, "account"), rip_text(first, "region")),
                  "feedback", (json_t *)(uintptr_t)briefs);
    return record;
}

/* On its way into the journal. */
typedef struct handover {
    dispatch *owner;
    json_t *record;
    journal_done done;
    void *data;
} handover;

static void on_queued(void *data, rip_status status, const rip_error *err)
{
    handover *h = data;
    dispatch *d = h->owner;
    const char *id = rip_text(h->record, "id");
    rip_error why = *err;
    d->accepting--;
    json_t *kept = status == RIP_OK ? journal_run(d->options.context->journal, id) : NULL;
    bool is_new = kept && !json_object_get(kept, "started") && !job_find(d, id);
    ticket *t = is_new ? ticket_new(d, json_object_get(h->record, "finding"), "feedback", 0) : NULL;
    if (is_new && (!t || job_add(t, kept, 0, &why) != RIP_OK)) {
        if (t) ticket_free(t);
        dispatch_fault(d, id, 0, &why);
    }
    h->done(h->data, status, err);
    json_decref(h->record);
    free(h);
    jobs_pump(d);
}

void dispatch_feedback(dispatch *d, const json_t *briefs, journal_done done, void *data)
{
    rip_error err;
    handover *h = calloc(1, sizeof *h);
    json_t *record = feedback_record(briefs, rip_clock_now(d->options.context->clock));
    if (!h || !record) {
        json_decref(record);
        free(h);
        done(data, rip_nomem(&err), &err);
        return;
    }
    *h = (handover){d, record, done, data};
    d->accepting++;
    journal_run_queue(d->options.context->journal, record, on_queued, h);
}
