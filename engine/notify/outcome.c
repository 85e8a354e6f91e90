/* What a run came to, told to the service that its finding came from: which findings, and in what words. A run of the
 * engine's own tells it, through the door (engine/dispatch/feedback.c, lua/riposte/feedback.lua). A call has one note
 * for all its findings, so that it holds as many as there is room for their runs' ids. */
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/notify/private.h"
#include "engine/run/record.h"

#define GATHER_MS 1000
#define RETRY_MS 10000
#define QUEUES_MOST 1000 /* places: more share a queue */
#define BATCH_MOST 15    /* of GetFindings' 20 values in a filter; a note of 512 characters has room for their ids */

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
    if (json_object_get(record, "next") || json_object_get(record, "undo") || json_object_get(record, "feedback"))
        return NULL;
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
    json_t *of = json_object_get(record, "finding");
    if (of) json_object_set(brief, "finding", of);
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

/* A batch on its way to becoming a run. */
struct notify_handover {
    notifier *from; /* NULL: it is gone */
};

/* From when the journal has the run, it is told by it, and outlives this process. */
static void on_handed(void *data, rip_status status, const rip_error *err)
{
    notify_handover *h = data;
    notifier *n = h->from;
    free(h);
    if (!n) return;
    n->handover = NULL;
    notifier_done(n, status == RIP_OK ? NOTIFY_TOLD : NOTIFY_LATER, err->message, -1);
}

void outcome_leave(notify_handover *h)
{
    if (h) h->from = NULL;
}

static void outcome_send(notifier *n)
{
    const notify_options *options = &n->owner->options;
    notify_handover *h = calloc(1, sizeof *h);
    if (!h) {
        notifier_done(n, NOTIFY_LATER, "out of memory", -1);
        return;
    }
    h->from = n;
    n->handover = h;
    options->feedback(options->data, n->batch, on_handed, h);
}

const notifier_kind notify_outcome_kind = {
    .name = "outcome", .most = BATCH_MOST, .send = outcome_send, .together = outcome_together};
