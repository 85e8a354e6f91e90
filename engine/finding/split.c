/* A document into events of one finding each. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/json.h"
#include "engine/finding/private.h"

#define FINDINGS_MAX 100 /* of one event; each is handed on with a copy of the rest, so more would multiply it */

typedef struct splitting {
    event_fn fn;
    void *data;
    rip_error *err;
    rip_error first;  /* of what could not be taken; the others go on */
    rip_status ended; /* what `fn` ended it with */
} splitting;

static void hand_on(splitting *s, json_t *event)
{
    char *text = event ? rip_json_dump(event, JSON_COMPACT) : NULL;
    json_decref(event);
    s->ended = text ? s->fn(s->data, text, strlen(text)) : rip_nomem(s->err);
    free(text);
}

static void refuse(splitting *s, const json_t *document, const char *place)
{
    rip_buffer keys = {0};
    const char *key;
    json_t *value;
    size_t count = 0;
    json_object_foreach ((json_t *)(uintptr_t)document, key, value) {
        if (count++ < 5) rip_buffer_printf(&keys, "%s%.40s", count > 1 ? ", " : "", key);
    }
    rip_error why;
    rip_fail(
        &why, RIP_EINVAL,
        "%sexpected an EventBridge event (source, detail-type and detail), a finding of GuardDuty's, an ASFF or OCSF finding, or a "
        "CloudTrail record; found %s%s%s",
        place, json_is_object(document) ? "an object with " : "something else", keys.data ? keys.data : "",
        count > 5                                ? " …"
        : count == 0 && json_is_object(document) ? "nothing"
                                                 : "");
    rip_buffer_free(&keys);
    if (s->first.status == RIP_OK) s->first = why;
}

/* An event of Security Hub's with several findings: the same event once for each. */
static void split_hub(splitting *s, const json_t *event, const json_t *findings)
{
    size_t i;
    json_t *each;
    if (json_array_size(findings) > FINDINGS_MAX) {
        s->ended =
            rip_fail(s->err, RIP_ELIMIT, "detail.findings: over the limit of %d findings in one event, found %zu",
                     FINDINGS_MAX, json_array_size(findings));
        return;
    }
    json_array_foreach (findings, i, each) {
        if (s->ended != RIP_OK) return;
        json_t *detail = json_copy((json_t *)(uintptr_t)json_object_get(event, "detail"));
        json_t *one = json_copy((json_t *)(uintptr_t)event);
        const char *id = field_text(each, "Id");
        bool whole = json_object_set_new(detail, "findings", json_pack("[O]", each)) == 0;
        whole = json_object_set_new(one, "detail", detail) == 0 && whole;
        if (id) whole = json_object_set_new(one, "resources", json_pack("[s]", id)) == 0 && whole;
        if (!whole) {
            json_decref(one);
            one = NULL;
        }
        hand_on(s, one);
    }
}

static void split_tree(splitting *s, json_t *document, const char *place);

static void split_list(splitting *s, const json_t *list, const char *name)
{
    size_t i;
    json_t *each;
    json_array_foreach (list, i, each) {
        char place[64];
        if (s->ended != RIP_OK) return;
        snprintf(place, sizeof place, "%s[%zu]: ", name, i);
        split_tree(s, each, place);
    }
}

static void split_tree(splitting *s, json_t *document, const char *place)
{
    const json_t *findings = field_get(document, "detail.findings");
    const char *source = field_text(document, "source");
    if (source && field_text(document, "detail-type") && json_is_object(field_get(document, "detail"))) {
        if (strcmp(source, "aws.securityhub") == 0 && json_array_size(findings) > 1)
            split_hub(s, document, findings);
        else
            hand_on(s, json_incref(document));
    } else if (asff_is_bare(document)) {
        hand_on(s, asff_wrap(document));
    } else if (guardduty_is_bare(document)) {
        hand_on(s, guardduty_wrap(document));
    } else if (ocsf_is_bare(document)) {
        hand_on(s, ocsf_wrap(document));
    } else if (cloudtrail_is_bare(document)) {
        hand_on(s, cloudtrail_wrap(document));
    } else if (!*place && json_is_array(json_object_get(document, "Findings"))) {
        split_list(s, json_object_get(document, "Findings"), "Findings");
    } else if (!*place && json_is_array(json_object_get(document, "Records"))) {
        split_list(s, json_object_get(document, "Records"), "Records");
    } else if (!*place && json_is_array(document)) {
        split_list(s, document, "");
    } else {
        refuse(s, document, place);
    }
}

rip_status event_split(const char *bytes, size_t len, const event_limits *limits, event_fn fn, void *data,
                       rip_error *err)
{
    event_outline outline;
    size_t most = limits && limits->bytes ? limits->bytes : EVENT_BYTES_DEFAULT;
    bool readable = len <= most && event_outline_read(bytes, len, &outline);
    if (readable && outline.has_source && outline.has_detail_type && outline.has_detail && !outline.is_hub)
        return fn(data, bytes, len);
    json_t *document;
    rip_status status = finding_parse(bytes, len, limits, &document, err);
    if (status != RIP_OK) return status;
    bool single = readable && outline.is_hub && outline.has_detail_type && outline.has_detail &&
                  json_array_size(field_get(document, "detail.findings")) <= 1;
    splitting s = {fn, data, err, {RIP_OK, ""}, RIP_OK};
    if (single)
        s.ended = fn(data, bytes, len);
    else
        split_tree(&s, document, "");
    json_decref(document);
    if (s.ended != RIP_OK) return s.ended;
    if (s.first.status != RIP_OK && err) *err = s.first;
    return s.first.status;
}
