/* Runs, what they answer, and what people decide about them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/text.h"
#include "engine/run/unknown.h"
#include "engine/serve/api_private.h"

#define PAGE 50
#define PAGE_MOST 500

/* Lists. */

static bool read_number(const char *text, int64_t *out)
{
    char *end;
    if (!text) return true;
    *out = strtoll(text, &end, 10);
    return *text >= '0' && *text <= '9' && *end == '\0';
}

/* A time as RFC 3339 has it. */
static bool read_time(const char *text, int64_t *out)
{
    return !text || rip_time_parse(text, out);
}

/* The filter that the query asks for; NULL: it is wrong, and that was answered. `outcome` NULL: the query's. */
static json_t *read_filter(http_exchange *x, const char *outcome, unsigned *most)
{
    static const char *const EXACT[] = {"playbook", "account", "region", "finding", "outcome", "before"};
    int64_t since = 0, until = 0, page = PAGE;
    if (!read_time(http_query(x, "since"), &since) || !read_time(http_query(x, "until"), &until)) {
        problem_answer(x, 400, "since, until: expected a time such as 2026-01-31T12:00:00Z", NULL);
        return NULL;
    }
    if (!read_number(http_query(x, "most"), &page) || page < 1 || page > PAGE_MOST) {
        problem_answer(x, 400, "most: expected a number from 1 to 500", NULL);
        return NULL;
    }
    *most = (unsigned)page;
    json_t *filter = json_pack("{s:I, s:I, s:I}", "since_ms", (json_int_t)since, "until_ms", (json_int_t)until, "most",
                               (json_int_t)page);
    for (size_t i = 0; i < sizeof EXACT / sizeof *EXACT; i++) {
        const char *value = http_query(x, EXACT[i]);
        if (value) json_object_set_new(filter, EXACT[i], json_string(value));
    }
    if (outcome) json_object_set_new(filter, "outcome", json_string(outcome));
    return filter;
}

/* A full page may have a next one, that starts before its last run. */
static json_t *page_of(const api_call *call, const char *name, json_t *list, const json_t *runs)
{
    size_t count = json_array_size(runs);
    json_t *last = count == call->most ? json_object_get(json_array_get(runs, count - 1), "id") : NULL;
    return json_pack("{s:o, s:O?}", name, list, "next", last);
}

static json_t *shape_runs(api_call *call, json_t *runs)
{
    json_t *list = json_array();
    size_t i;
    json_t *each;
    json_array_foreach (runs, i, each) {
        json_t *brief = json_copy(each);
        json_object_del(brief, "plan");
        json_object_del(brief, "approved");
        json_object_del(brief, "undo");
        json_object_del(brief, "feedback");
        json_array_append_new(list, brief);
    }
    return page_of(call, "runs", list, runs);
}

static json_t *shape_findings(api_call *call, json_t *runs)
{
    json_t *list = json_array(), *seen = json_object();
    size_t i;
    json_t *each;
    json_array_foreach (runs, i, each) {
        const json_t *finding = json_object_get(each, "finding");
        json_t *known = json_object_get(seen, rip_text(finding, "id"));
        if (!known) {
            known = json_pack("{s:O, s:[]}", "finding", json_object_get(each, "finding"), "runs");
            json_object_set(seen, rip_text(finding, "id"), known);
            json_array_append_new(list, known);
        }
        json_array_append_new(json_object_get(known, "runs"),
                              json_pack("{s:O?, s:O?, s:O?}", "id", json_object_get(each, "id"), "playbook",
                                        json_object_get(each, "playbook"), "outcome",
                                        json_object_get(each, "outcome")));
    }
    json_decref(seen);
    return page_of(call, "findings", list, runs);
}

/* Values that were made up for a plan are AWS's to choose. */
static json_t *masked_plan(const json_t *record)
{
    run_unknowns *unknowns = run_unknowns_new(rip_text(record, "id"));
    json_t *plan = json_object_get(record, "plan");
    json_t *masked = unknowns && plan ? run_unknown_mask(unknowns, plan) : json_array();
    run_unknowns_free(unknowns);
    return masked;
}

static json_t *shape_approvals(api_call *call, json_t *runs)
{
    static const char *const KEYS[] = {"id",       "playbook",  "finding",   "queued",
                                       "deadline", "approvers", "decisions", "changes"};
    json_t *list = json_array();
    size_t i;
    json_t *each;
    json_array_foreach (runs, i, each) {
        json_t *plan = json_pack("{s:o}", "plan", masked_plan(each));
        for (size_t k = 0; k < sizeof KEYS / sizeof *KEYS; k++) {
            json_t *value = json_object_get(each, KEYS[k]);
            if (value) json_object_set(plan, KEYS[k], value);
        }
        json_array_append_new(list, plan);
    }
    return page_of(call, "approvals", list, runs);
}

static void list(api *a, http_exchange *x, const char *outcome, json_t *(*shape)(api_call *call, json_t *value))
{
    unsigned most = 0;
    json_t *filter = read_filter(x, outcome, &most);
    api_call *call = filter ? api_call_new(a, x) : NULL;
    if (!call) {
        json_decref(filter);
        return;
    }
    call->shape = shape;
    call->most = most;
    api_perform(call, json_pack("{s:s, s:o}", "do", "runs", "filter", filter));
}

void api_list_runs(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    list(a, x, NULL, shape_runs);
}

void api_list_findings(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    list(a, x, NULL, shape_findings);
}

void api_list_approvals(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    list(a, x, "waiting", shape_approvals);
}

/* One run. */

static json_t *shape_run(api_call *call, json_t *whole)
{
    (void)call;
    json_t *shaped = json_copy(whole), *record = json_copy(json_object_get(whole, "record"));
    json_object_del(record, "text");
    json_object_del(record, "sources");
    if (json_object_get(record, "plan")) json_object_set_new(record, "plan", masked_plan(record));
    json_object_set_new(shaped, "record", record);
    return shaped;
}

void api_show_run(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    api_call *call = api_call_new(a, x);
    if (!call) return;
    call->shape = shape_run;
    api_perform(call, json_pack("{s:s, s:s}", "do", "show", "run", http_segment(x)));
}

/* `fields` (ended by NULL) are taken from the body, besides the reason. */
static void say(api *a, http_exchange *x, const api_token *who, const char *word, const char *const *fields)
{
    json_t *body = api_body(x), *request = NULL;
    api_call *call = body ? api_call_new(a, x) : NULL;
    if (!call) {
        json_decref(body);
        return;
    }
    request = json_pack("{s:s, s:s, s:s, s:s}", "do", word, "run", http_segment(x), "who", who->name, "why",
                        rip_text(body, "why"));
    for (; *fields; fields++) {
        json_t *value = json_object_get(body, *fields);
        if (value) json_object_set(request, *fields, value);
    }
    json_decref(body);
    api_perform(call, request);
}

static const char *const NO_FIELDS[] = {NULL};

void api_approve(api *a, http_exchange *x, const api_token *who)
{
    say(a, x, who, "approve", NO_FIELDS);
}

void api_deny(api *a, http_exchange *x, const api_token *who)
{
    say(a, x, who, "deny", NO_FIELDS);
}

void api_retry(api *a, http_exchange *x, const api_token *who)
{
    static const char *const FIELDS[] = {"settled", NULL};
    say(a, x, who, "retry", FIELDS);
}

void api_cancel(api *a, http_exchange *x, const api_token *who)
{
    say(a, x, who, "cancel", NO_FIELDS);
}

void api_undo(api *a, http_exchange *x, const api_token *who)
{
    static const char *const FIELDS[] = {"step", "mode", NULL};
    say(a, x, who, "undo", FIELDS);
}
