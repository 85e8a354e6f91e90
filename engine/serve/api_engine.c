/* What is true of the engine as a whole: its playbooks, pauses, state and numbers. */
#include <string.h>

#include "engine/serve/api_private.h"

static json_t *describe_playbook(const rip_playbook *p)
{
    json_error_t why;
    json_t *trigger = json_loadb(p->trigger, p->trigger_len, 0, &why);
    json_t *limits = json_object();
    if (p->limit_changes) json_object_set_new(limits, "changes", json_integer(p->limit_changes));
    if (p->limit_time_ms) json_object_set_new(limits, "time_ms", json_integer(p->limit_time_ms));
    return json_pack("{s:s, s:s, s:s, s:s?, s:O, s:o?, s:o}", "name", p->name, "about", p->about, "path", p->path,
                     "mode", p->mode, "permissions", p->permissions, "trigger", trigger, "limits", limits);
}

void api_list_playbooks(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    const library *books = *a->options.books;
    json_t *list = json_array();
    for (size_t i = 0; i < library_count(books); i++)
        json_array_append_new(list, describe_playbook(library_at(books, i)));
    json_t *value = json_pack("{s:o}", "playbooks", list);
    api_answer(x, 200, value);
    json_decref(value);
}

/* Pauses. */

void api_list_pauses(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    json_t *value = json_pack("{s:O}", "pauses", journal_pauses(a->options.journal));
    api_answer(x, 200, value);
    json_decref(value);
}

static void pause_or_resume(api *a, http_exchange *x, const api_token *who, const char *word)
{
    json_t *body = api_body(x);
    api_call *call = body ? api_call_new(a, x) : NULL;
    const char *why = json_string_value(json_object_get(body, "why"));
    if (call)
        api_perform(call, json_pack("{s:s, s:s, s:s, s:s}", "do", word, "scope", http_segment(x), "who", who->name,
                                    "why", why ? why : ""));
    json_decref(body);
}

void api_pause(api *a, http_exchange *x, const api_token *who)
{
    pause_or_resume(a, x, who, "pause");
}

void api_resume(api *a, http_exchange *x, const api_token *who)
{
    pause_or_resume(a, x, who, "resume");
}

/* State. */

static json_t *shape_status(api_call *call, json_t *value)
{
    const api_options *o = &call->owner->options;
    const dispatch_counts counts = dispatch_count(o->dispatch);
    json_t *status = json_copy(value), *more = o->status ? o->status(o->data) : NULL;
    json_object_set_new(status, "counts",
                        json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "events", (json_int_t)counts.events,
                                  "unwanted", (json_int_t)counts.unwanted, "suppressed", (json_int_t)counts.suppressed,
                                  "findings", (json_int_t)counts.findings, "repeated", (json_int_t)counts.repeated,
                                  "faults", (json_int_t)counts.faults, "runs", (json_int_t)counts.runs, "failed",
                                  (json_int_t)counts.failed));
    if (more) json_object_update(status, more);
    json_decref(more);
    return status;
}

void api_status(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    api_call *call = api_call_new(a, x);
    if (!call) return;
    call->shape = shape_status;
    api_perform(call, json_pack("{s:s}", "do", "status"));
}

void api_healthy(api *a, http_exchange *x, const api_token *who)
{
    (void)a;
    (void)who;
    http_answer(x, 200, "text/plain", "ok\n", 3, NULL);
}

void api_ready(api *a, http_exchange *x, const api_token *who)
{
    const char *why = "";
    (void)who;
    if (!a->options.ready || a->options.ready(a->options.data, &why))
        http_answer(x, 200, "text/plain", "ready\n", 6, NULL);
    else
        problem_answer(x, 503, why, NULL);
}

void api_metrics(api *a, http_exchange *x, const api_token *who)
{
    rip_buffer text = {0};
    (void)who;
    if (a->options.metrics) metrics_write(a->options.metrics, &text);
    if (text.failed)
        problem_answer(x, 503, NULL, NULL);
    else
        http_answer(x, 200, "text/plain; version=0.0.4; charset=utf-8", text.data, text.len, NULL);
    rip_buffer_free(&text);
}

void api_describe(api *a, http_exchange *x, const api_token *who)
{
    static const char *const HEADERS[] = {"Cache-Control", "max-age=3600", NULL};
    (void)who;
    http_answer(x, 200, JSON_TYPE, a->description, a->description_len, HEADERS);
}
