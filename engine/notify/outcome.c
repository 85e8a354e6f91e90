/* What a run came to, told to the service that its finding came from.
 *
 * A finding is read before it is written: one whose record has changed since, or that a person has closed, is left
 * alone. Neither of Security Hub's updates changes the time by which that is told (Security Hub API Reference,
 * BatchUpdateFindings and BatchUpdateFindingsV2). A call has one note for all its findings, so that it holds as many as
 * there is room for their runs' ids. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/log.h"
#include "engine/finding/finding.h"
#include "engine/notify/private.h"
#include "engine/run/record.h"

#define NOTE_MOST 512 /* characters that Security Hub takes */
#define GATHER_MS 1000
#define RETRY_MS 10000
#define QUEUES_MOST 1000 /* places: more share a queue */
#define BATCH_MOST 15    /* of GetFindings' 20 values in a filter, for which a note has room */

/* Which service, and by which name it knows the finding. */

static const json_t *hub_finding(const json_t *finding)
{
    const json_t *detail = json_object_get(json_object_get(finding, "event"), "detail");
    return json_array_get(json_object_get(detail, "findings"), 0);
}

/* {"key", "product" or "detector"}; NULL: its form has nothing to update. */
static json_t *address_of(const json_t *finding)
{
    const char *form = brief_text(finding, "form", NULL);
    const json_t *hub = hub_finding(finding), *detail = json_object_get(json_object_get(finding, "event"), "detail");
    if (strcmp(form, "asff") == 0)
        return json_pack("{s:s, s:s}", "key", brief_text(hub, "Id", NULL), "product",
                         brief_text(hub, "ProductArn", NULL));
    if (strcmp(form, "ocsf") == 0)
        return json_pack("{s:s, s:s}", "key", brief_text(hub, "metadata", "uid"), "product", "");
    if (strcmp(form, "guardduty") == 0)
        return json_pack("{s:s, s:s}", "key", brief_text(detail, "id", NULL), "product",
                         brief_text(detail, "service", "detectorId"));
    return NULL;
}

/* Where the event was delivered is where its service takes the answer, wherever the resource is. */
static const char *delivered_at(const json_t *finding, const char *key)
{
    const char *text = brief_text(finding, "event", key);
    return *text ? text : brief_text(finding, key, NULL);
}

/* What there is to say. */

static bool did_it_itself(const json_t *report)
{
    static const char *const OPERATIONS[] = {"securityhub:BatchUpdateFindings", "securityhub:BatchUpdateFindingsV2",
                                             "guardduty:ArchiveFindings", "guardduty:UpdateFindingsFeedback"};
    size_t i;
    json_t *change;
    json_array_foreach (json_object_get(report, "changes"), i, change) {
        if (strcmp(brief_text(change, "state", NULL), "done") != 0) continue;
        for (size_t k = 0; k < sizeof OPERATIONS / sizeof *OPERATIONS; k++) {
            if (strcmp(brief_text(change, "operation", NULL), OPERATIONS[k]) == 0) return true;
        }
    }
    return false;
}

static bool is_real(const notify *n, const json_t *record)
{
    const char *mode = brief_text(record, "mode", NULL);
    return n->outcome_dry_run || strcmp(mode, "enforce") == 0 || strcmp(mode, "approve") == 0;
}

/* The words, without the runs' ids; NULL: nothing is to be said of it. */
static const char *say(const notify *n, const json_t *record, const json_t *report, const char **status)
{
    const char *outcome = brief_text(record, "outcome", NULL), *mode = brief_text(record, "mode", NULL);
    bool contained = brief_events(record, report) & NOTIFY_CONTAINED;
    *status = contained && n->outcome_resolve ? "RESOLVED" : "NOTIFIED";
    if (json_object_get(record, "next") || json_object_get(record, "undo")) return NULL;
    if (!*outcome) return strcmp(mode, "enforce") == 0 || n->outcome_dry_run ? "is being answered" : NULL;
    if (strcmp(outcome, "waiting") == 0) return "has a plan that waits for approval";
    if (contained) return "was contained";
    if (!record_is_well(record)) return "was not contained, a person should look";
    return strcmp(outcome, "done") == 0 || n->outcome_dry_run ? "was looked at, nothing was changed" : NULL;
}

static bool is_wanted(const notify *n, const char *form, const char *status)
{
    if (strcmp(form, "guardduty") == 0) return n->outcome_guardduty && strcmp(status, "RESOLVED") == 0;
    return n->outcome_securityhub;
}

json_t *outcome_brief(const notify *n, const json_t *record, const json_t *report, const json_t *finding)
{
    const char *status, *said = is_real(n, record) ? say(n, record, report, &status) : NULL;
    const char *form = brief_text(finding, "form", NULL);
    if (!said || !is_wanted(n, form, status) || did_it_itself(report)) return NULL;
    json_t *brief = address_of(finding);
    if (!brief || !*brief_text(brief, "key", NULL)) {
        json_decref(brief);
        return NULL;
    }
    json_object_set_new(
        brief, "text",
        json_sprintf("Riposte: this finding %s (playbook %.60s)", said, brief_text(record, "playbook", NULL)));
    json_t *more = json_pack("{s:s, s:s, s:I, s:s, s:s, s:s, s:s, s:s}", "event", "outcome", "run",
                             brief_text(record, "id", NULL), "at", (json_int_t)rip_clock_now(n->options.clock), "form",
                             form, "status", status, "version", brief_text(finding, "version", NULL), "account",
                             delivered_at(finding, "account"), "region", delivered_at(finding, "region"));
    json_object_update(brief, more);
    json_decref(more);
    return brief;
}

/* Queues. */

static char *place_of(const json_t *brief)
{
    static const char *const KEYS[] = {"form", "account", "region"};
    rip_buffer place = {0};
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++)
        rip_buffer_printf(&place, "%s ", brief_text(brief, KEYS[i], NULL));
    return rip_buffer_take(&place, NULL);
}

static notifier *new_queue(notify *n, const char *place)
{
    notifier *to = calloc(1, sizeof *to);
    if (!to) return NULL;
    *to = (notifier){.owner = n,
                     .kind = &notify_outcome_kind,
                     .name = strdup(notify_outcome_kind.name),
                     .place = strdup(place),
                     .digest_ms = GATHER_MS,
                     .retry_ms = RETRY_MS,
                     .next = n->notifiers};
    if (!to->name || !to->place) {
        notifier_free(to);
        return NULL;
    }
    n->notifiers = to;
    return to;
}

notifier *outcome_queue(notify *n, const json_t *brief)
{
    char *place = place_of(brief);
    size_t queues = 0;
    notifier *found = NULL;
    for (notifier *to = n->notifiers; to && place; to = to->next) {
        if (!to->place) continue;
        found = to;
        if (strcmp(to->place, place) == 0 || ++queues == QUEUES_MOST) break;
        found = NULL;
    }
    if (!found && place) found = new_queue(n, place);
    free(place);
    return found;
}

/* One call's worth: those that are told the same. */
static bool outcome_together(const json_t *first, const json_t *other)
{
    static const char *const KEYS[] = {"form", "account", "region", "status", "text"};
    bool is_hub = strcmp(brief_text(first, "form", NULL), "guardduty") != 0;
    for (size_t i = 0; i < sizeof KEYS / sizeof *KEYS; i++) {
        if (strcmp(brief_text(first, KEYS[i], NULL), brief_text(other, KEYS[i], NULL)) != 0) return false;
    }
    return is_hub || strcmp(brief_text(first, "product", NULL), brief_text(other, "product", NULL)) == 0;
}

/* Writing. */

static void call(notifier *n, const char *service, const char *operation, json_t *params,
                 void (*answered)(notifier *n, const aws_result *result))
{
    const json_t *first = json_array_get(n->batch, 0);
    notifier_call(n, service, operation, brief_text(first, "account", NULL), brief_text(first, "region", NULL), params,
                  answered);
}

/* "Riposte: … Runs: a, b". */
static json_t *note_of(const json_t *briefs)
{
    rip_buffer note = {0};
    size_t i;
    json_t *brief;
    rip_buffer_printf(&note, "%s. Run", brief_text(json_array_get(briefs, 0), "text", NULL));
    json_array_foreach (briefs, i, brief) {
        const char *run = brief_text(brief, "run", NULL);
        if (note.len + strlen(run) + 2 > NOTE_MOST) break;
        rip_buffer_printf(&note, "%s%s", i ? ", " : " ", run);
    }
    json_t *text = json_string(note.data ? note.data : "");
    rip_buffer_free(&note);
    return text;
}

/* Each finding once: two playbooks may have answered it. */
static json_t *keys_of(const json_t *briefs)
{
    json_t *seen = json_object(), *keys = json_array(), *brief;
    size_t i;
    json_array_foreach (briefs, i, brief) {
        json_t *key = json_object_get(brief, "key");
        if (json_object_get(seen, json_string_value(key))) continue;
        json_object_set_new(seen, json_string_value(key), json_true());
        json_array_append(keys, key);
    }
    json_decref(seen);
    return keys;
}

/* A finding that Security Hub could not take just now is tried again; what it will not take is told to the log. */
static void on_hub_updated(notifier *n, const aws_result *result)
{
    size_t i;
    json_t *failed;
    bool again = false;
    json_array_foreach (json_object_get(result->output, "UnprocessedFindings"), i, failed) {
        const char *code = brief_text(failed, "ErrorCode", NULL);
        again |= strstr(code, "Concurrent") || strstr(code, "Conflict") || strstr(code, "Internal");
        rip_log(RIP_LOG_WARN, "outcome.unprocessed", "code", code, "why", brief_text(failed, "ErrorMessage", NULL),
                NULL);
    }
    if (again)
        notifier_done(n, NOTIFY_LATER, "not every finding could be updated", -1);
    else
        notifier_judge(n, result);
}

static void update_asff(notifier *n)
{
    json_t *seen = json_object(), *list = json_array(), *brief;
    size_t i;
    json_array_foreach (n->step, i, brief) {
        const char *key = brief_text(brief, "key", NULL);
        if (json_object_get(seen, key)) continue;
        json_object_set_new(seen, key, json_true());
        json_array_append_new(list,
                              json_pack("{s:s, s:s}", "Id", key, "ProductArn", brief_text(brief, "product", NULL)));
    }
    json_decref(seen);
    call(n, "securityhub", "BatchUpdateFindings",
         json_pack("{s:o, s:{s:o, s:s}, s:{s:s}}", "FindingIdentifiers", list, "Note", "Text", note_of(n->step),
                   "UpdatedBy", "riposte", "Workflow", "Status",
                   brief_text(json_array_get(n->step, 0), "status", NULL)),
         on_hub_updated);
}

/* OCSF's status_id: 2 in progress, 4 resolved. */
static void update_ocsf(notifier *n)
{
    bool resolved = strcmp(brief_text(json_array_get(n->step, 0), "status", NULL), "RESOLVED") == 0;
    call(n, "securityhub", "BatchUpdateFindingsV2",
         json_pack("{s:o, s:o, s:i}", "MetadataUids", keys_of(n->step), "Comment", note_of(n->step), "StatusId",
                   resolved ? 4 : 2),
         on_hub_updated);
}

static void on_archived(notifier *n, const aws_result *result)
{
    if (result->error) {
        notifier_judge(n, result);
        return;
    }
    call(n, "guardduty", "UpdateFindingsFeedback",
         json_pack("{s:s, s:o, s:s, s:o}", "DetectorId", brief_text(json_array_get(n->step, 0), "product", NULL),
                   "FindingIds", keys_of(n->step), "Feedback", "USEFUL", "Comments", note_of(n->step)),
         notifier_judge);
}

static void update_guardduty(notifier *n)
{
    call(n, "guardduty", "ArchiveFindings",
         json_pack("{s:s, s:o}", "DetectorId", brief_text(json_array_get(n->step, 0), "product", NULL), "FindingIds",
                   keys_of(n->step)),
         on_archived);
}

/* Reading first. */

static rip_status keep_normalised(void *data, const char *event, size_t len)
{
    json_t **out = data;
    rip_error err;
    return *out ? RIP_OK : finding_normalise(event, len, NULL, out, &err);
}

static bool is_version(const char *a, const char *b)
{
    int64_t at, bt;
    return strcmp(a, b) == 0 || (rip_time_parse(a, &at) && rip_time_parse(b, &bt) && at == bt);
}

/* Why a finding is left as it is; NULL: it is as it was when it came in, and nobody has closed it. */
static const char *why_not(const json_t *brief, const json_t *now)
{
    const char *workflow = brief_text(now, "workflow", NULL);
    if (!now) return "it is not there any more";
    if (!is_version(brief_text(brief, "version", NULL), brief_text(now, "version", NULL)))
        return "it has changed since";
    if (strcmp(workflow, "SUPPRESSED") == 0 || strcmp(workflow, "RESOLVED") == 0) return "it was closed";
    return strcmp(brief_text(now, "record", NULL), "ARCHIVED") == 0 ? "it was archived" : NULL;
}

/* The findings of a reply by the names that briefs have for them. */
static json_t *index_reply(const json_t *output)
{
    json_t *by_key = json_object(), *raw;
    size_t i;
    json_array_foreach (json_object_get(output, "Findings"), i, raw) {
        char *text = rip_json_dump(raw, JSON_COMPACT);
        json_t *finding = NULL;
        rip_error err;
        if (text) event_split(text, strlen(text), NULL, keep_normalised, &finding, &err);
        json_t *address = finding ? address_of(finding) : NULL;
        if (address) json_object_set(by_key, brief_text(address, "key", NULL), finding);
        json_decref(address);
        json_decref(finding);
        free(text);
    }
    return by_key;
}

static void on_read(notifier *n, const aws_result *result)
{
    if (result->error) {
        notifier_judge(n, result);
        return;
    }
    json_t *now = index_reply(result->output), *brief;
    size_t i;
    n->step = json_array();
    json_array_foreach (n->batch, i, brief) {
        const char *why = why_not(brief, json_object_get(now, brief_text(brief, "key", NULL)));
        if (why)
            rip_log(RIP_LOG_INFO, "outcome.left_alone", "finding", brief_text(brief, "key", NULL), "run",
                    brief_text(brief, "run", NULL), "why", why, NULL);
        else
            json_array_append(n->step, brief);
    }
    json_decref(now);
    const char *form = brief_text(json_array_get(n->batch, 0), "form", NULL);
    if (json_array_size(n->step) == 0)
        notifier_done(n, NOTIFY_TOLD, "", -1);
    else if (strcmp(form, "asff") == 0)
        update_asff(n);
    else if (strcmp(form, "ocsf") == 0)
        update_ocsf(n);
    else
        update_guardduty(n);
}

static json_t *asff_filters(const json_t *keys)
{
    json_t *values = json_array(), *key;
    size_t i;
    json_array_foreach (keys, i, key)
        json_array_append_new(values, json_pack("{s:O, s:s}", "Value", key, "Comparison", "EQUALS"));
    return json_pack("{s:{s:o}, s:i}", "Filters", "Id", values, "MaxResults", 100);
}

static json_t *ocsf_filters(const json_t *keys)
{
    json_t *values = json_array(), *key;
    size_t i;
    json_array_foreach (keys, i, key)
        json_array_append_new(values, json_pack("{s:s, s:{s:O, s:s}}", "FieldName", "metadata.uid", "Filter", "Value",
                                                key, "Comparison", "EQUALS"));
    return json_pack("{s:{s:[{s:o, s:s}]}, s:i}", "Filters", "CompositeFilters", "StringFilters", values, "Operator",
                     "OR", "MaxResults", 100);
}

static void outcome_send(notifier *n)
{
    const json_t *first = json_array_get(n->batch, 0);
    const char *form = brief_text(first, "form", NULL);
    json_t *keys = keys_of(n->batch);
    if (strcmp(form, "asff") == 0)
        call(n, "securityhub", "GetFindings", asff_filters(keys), on_read);
    else if (strcmp(form, "ocsf") == 0)
        call(n, "securityhub", "GetFindingsV2", ocsf_filters(keys), on_read);
    else
        call(n, "guardduty", "GetFindings",
             json_pack("{s:s, s:O}", "DetectorId", brief_text(first, "product", NULL), "FindingIds", keys), on_read);
    json_decref(keys);
}

const notifier_kind notify_outcome_kind = {
    .name = "outcome", .most = BATCH_MOST, .send = outcome_send, .together = outcome_together};
