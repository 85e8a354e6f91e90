/* The approval page: what a signed link of a message leads to. Looking at it changes nothing; the decision is a POST
 * that has the link's token in its body, which no other site knows. */
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/json.h"
#include "engine/base/text.h"
#include "engine/run/unknown.h"
#include "engine/serve/api_private.h"
#include "engine/serve/html.h"

/* Who decides by a link is known by the link alone: it counts as one person, whatever name is given. */
#define WHO "approval link"
#define NAME_MOST 80
#define REASON_MOST 300
#define PARAMS_COLUMNS 72
#define HTML_TYPE "text/html; charset=utf-8"

static const char STYLE[] =
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "h1{font-size:1.3rem}dt{font-weight:bold}dd{margin:0 0 .5rem}pre{white-space:pre-wrap;word-break:break-word;"
    "background:#f4f4f4;padding:.6rem}input{font:inherit;padding:.3rem;width:100%;box-sizing:border-box}"
    "label{display:block;margin:.6rem 0}button{font:inherit;padding:.5rem 1.5rem;margin:1rem 1rem 0 0}";

void api_page_open(api *a)
{
    unsigned char digest[RIP_SHA256_BYTES];
    char encoded[64];
    rip_sha256(STYLE, strlen(STYLE), digest);
    EVP_EncodeBlock((unsigned char *)encoded, digest, sizeof digest);
    snprintf(a->page_policy, sizeof a->page_policy,
             "default-src 'none'; style-src 'sha256-%s'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
             encoded);
}

static void begin(rip_buffer *page, const char *title)
{
    rip_buffer_puts(page,
                    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    html_text(page, title);
    rip_buffer_printf(page, "</title>\n<style>%s</style>\n<h1>", STYLE);
    html_text(page, title);
    rip_buffer_puts(page, "</h1>\n");
}

static void send_page(const api_call *call, unsigned status, const rip_buffer *page)
{
    const char *const headers[] = {"Content-Security-Policy",
                                   call->owner->page_policy,
                                   "Referrer-Policy",
                                   "no-referrer",
                                   "X-Frame-Options",
                                   "DENY",
                                   NULL};
    if (page->failed)
        problem_answer(call->x, 503, NULL, NULL);
    else
        http_answer(call->x, status, HTML_TYPE, page->data, page->len, headers);
}

static void send_note(const api_call *call, unsigned status, const char *title, const char *text)
{
    rip_buffer page = {0};
    begin(&page, title);
    rip_buffer_puts(&page, "<p>");
    html_text(&page, text);
    rip_buffer_puts(&page, "</p>\n");
    send_page(call, status, &page);
    rip_buffer_free(&page);
}

/* The plan. */

static void write_term(rip_buffer *page, const char *name, const char *value)
{
    if (!*value) return;
    rip_buffer_printf(page, "<dt>%s</dt><dd>", name);
    html_text(page, value);
    rip_buffer_puts(page, "</dd>\n");
}

static void write_params(rip_buffer *page, const json_t *params)
{
    rip_buffer text = {0};
    rip_json_lay_out(&text, params, 0, 0, PARAMS_COLUMNS);
    char *rest = text.data, *each;
    while ((each = strtok_r(rest, "\n", &rest))) {
        html_text(page, each);
        rip_buffer_putc(page, '\n');
    }
    rip_buffer_free(&text);
}

static void write_change(rip_buffer *page, const json_t *line)
{
    char where[128];
    snprintf(where, sizeof where, " %.60s %.20s", rip_text(line, "region"), rip_text(line, "account"));
    rip_buffer_puts(page, "<li><strong>");
    html_text(page, rip_text(line, "service"));
    rip_buffer_puts(page, ":");
    html_text(page, rip_text(line, "operation"));
    rip_buffer_puts(page, "</strong>");
    html_text(page, where);
    rip_buffer_puts(page, "<pre>");
    write_params(page, json_object_get(line, "params"));
    rip_buffer_puts(page, "</pre></li>\n");
}

static void write_plan(rip_buffer *page, const json_t *record)
{
    size_t i;
    json_t *line, *plan = json_object_get(record, "plan");
    run_unknowns *unknowns = run_unknowns_new(rip_text(record, "id"));
    json_t *lines = unknowns && plan ? run_unknown_mask(unknowns, plan) : json_array();
    rip_buffer_printf(page, "<p>Changes that it would make: %zu</p>\n<ol>\n", json_array_size(lines));
    json_array_foreach (lines, i, line) { write_change(page, line); }
    rip_buffer_puts(page, "</ol>\n");
    run_unknowns_free(unknowns);
    json_decref(lines);
}

static void write_form(rip_buffer *page, const char *id, const char *given)
{
    rip_buffer_puts(page, "<form method=\"post\" action=\"approve\">\n<input type=\"hidden\" name=\"run\" value=\"");
    html_text(page, id);
    rip_buffer_puts(page, "\">\n<input type=\"hidden\" name=\"token\" value=\"");
    html_text(page, given);
    rip_buffer_puts(page,
                    "\">\n<label>Your name <input name=\"name\" maxlength=\"80\" required></label>\n"
                    "<label>Reason <input name=\"why\" maxlength=\"300\"></label>\n"
                    "<button name=\"decision\" value=\"approve\">Approve</button>\n"
                    "<button name=\"decision\" value=\"deny\">Deny</button>\n</form>\n");
}

/* `call->text` is the token. */
static void show(api_call *call, rip_status status, json_t *whole, const rip_error *err)
{
    if (status != RIP_OK) {
        send_note(call, problem_status(status), "This plan is not there", err->message);
        return;
    }
    rip_buffer page = {0};
    const json_t *record = json_object_get(whole, "record"), *finding = json_object_get(whole, "finding");
    bool waits = strcmp(rip_text(record, "outcome"), "waiting") == 0;
    begin(&page, waits ? "A plan waits for approval" : "This plan does not wait any more");
    rip_buffer_puts(&page, "<dl>\n");
    write_term(&page, "Run", rip_text(record, "id"));
    write_term(&page, "Playbook", rip_text(record, "playbook"));
    write_term(&page, "Finding", rip_text(finding, "title"));
    write_term(&page, "Kind", rip_text(finding, "kind"));
    write_term(&page, "Account", rip_text(finding, "account"));
    write_term(&page, "Region", rip_text(finding, "region"));
    write_term(&page, "State", rip_text(record, "outcome"));
    rip_buffer_puts(&page, "</dl>\n");
    write_plan(&page, record);
    if (waits) write_form(&page, rip_text(record, "id"), call->text);
    send_page(call, 200, &page);
    rip_buffer_free(&page);
}

/* The decision. `call->text` is the word. */
static void decided(api_call *call, rip_status status, json_t *value, const rip_error *err)
{
    json_int_t missing = json_integer_value(json_object_get(value, "missing"));
    if (status != RIP_OK)
        send_note(call, problem_status(status), "Nothing was decided", err->message);
    else if (missing > 0)
        send_note(call, 200, "Noted", "More people must approve this plan before it is carried out.");
    else if (strcmp(call->text, "approve") == 0)
        send_note(call, 200, "Approved", "The plan is carried out now.");
    else
        send_note(call, 200, "Denied", "The plan will not be carried out.");
}

/* False: the link is no good, and that was answered. The call is kept for what comes next. */
static bool is_let_in(api_call *call, const char *id, const char *given)
{
    rip_error err;
    const api_options *o = &call->owner->options;
    rip_status status = !o->link_check  ? rip_fail(&err, RIP_EDENIED, "this engine has no approval links")
                        : !id || !given ? rip_fail(&err, RIP_EDENIED, "the link is not whole")
                                        : o->link_check(o->journal, given, id, rip_clock_now(o->clock), &err);
    if (status != RIP_OK) send_note(call, 403, "This link is not good", err.message);
    return status == RIP_OK;
}

void api_show_page(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    const char *id = http_query(x, "run"), *given = http_query(x, "token");
    api_call *call = api_call_new(a, x);
    if (!call) return;
    if (!is_let_in(call, id, given)) {
        api_call_free(call);
        return;
    }
    snprintf(call->text, sizeof call->text, "%s", given);
    call->finish = show;
    api_perform(call, json_pack("{s:s, s:s}", "do", "show", "run", id));
}

static void decide(api_call *call, const char *id, const char *word, const char *name, const char *reason)
{
    json_t *why = json_sprintf("%.*s: %.*s", NAME_MOST, name, REASON_MOST, reason ? reason : "");
    /* A name that is cut within a character, or is none, is not written down. */
    if (!why) why = json_string("");
    snprintf(call->text, sizeof call->text, "%s", word);
    call->finish = decided;
    api_perform(call, json_pack("{s:s, s:s, s:s, s:o}", "do", word, "run", id, "who", WHO, "why", why));
}

void api_take_page(api *a, http_exchange *x, const api_token *who)
{
    (void)who;
    size_t len;
    const char *body = http_body(x, &len);
    char *id = html_form_field(body, len, "run"), *given = html_form_field(body, len, "token");
    char *word = html_form_field(body, len, "decision"), *name = html_form_field(body, len, "name");
    char *why = html_form_field(body, len, "why");
    api_call *call = api_call_new(a, x);
    if (call && is_let_in(call, id, given)) {
        if (word && name && *name && (strcmp(word, "approve") == 0 || strcmp(word, "deny") == 0)) {
            decide(call, id, word, name, why);
            call = NULL;
        } else {
            send_note(call, 400, "Nothing was decided", "Expected a name, and to approve or to deny.");
        }
    }
    if (call) api_call_free(call);
    free(id);
    free(given);
    free(word);
    free(name);
    free(why);
}
