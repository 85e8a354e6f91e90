/* The rows of the configuration: who is told, of what, how often. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/data.h"
#include "engine/base/units.h"
#include "engine/notify/private.h"

#define KEY "notify"
#define SECRET_MOST ((size_t)8 << 10)
#define RETRY_MS 10000

static const notifier_kind *const KINDS[] = {&notify_sns,       &notify_eventbridge, &notify_slack, &notify_teams,
                                             &notify_pagerduty, &notify_http,        &notify_ses};

typedef struct reading {
    notify *owner;
    size_t row, mistakes;
    rip_error *err; /* the first mistake */
} reading;

static const char *cell(const reading *r, const char *column)
{
    const char *text = rip_config_cell(r->owner->options.config, KEY, r->row, column);
    return text ? text : "";
}

/* Where in the file the cell is, or the row where the cell is missing. */
static void add_place(const reading *r, const char *column, rip_error *found)
{
    const rip_config *config = r->owner->options.config;
    const char *origin = rip_config_origin(config, KEY), *colon = strrchr(origin, ':');
    unsigned line, at;
    if (!rip_config_place(config, KEY, r->row, column, &line, &at) &&
        !rip_config_place(config, KEY, r->row, NULL, &line, &at))
        return;
    rip_error_prefix(found, "%.*s:%u:%u: ", colon ? (int)(colon - origin) : (int)strlen(origin), origin, line, at);
}

static void mistake(reading *r, const char *column, const char *message)
{
    rip_error found;
    rip_fail(&found, RIP_EINVAL, KEY "[%zu].%s: %s", r->row + 1, column, message);
    add_place(r, column, &found);
    if (r->mistakes++ == 0 && r->err) *r->err = found;
    if (r->owner->options.mistake) r->owner->options.mistake(r->owner->options.data, &found);
}

/* A secret is one line: what people put into such a file ends in a newline that is none of it. */
static void read_secret(reading *r, notifier *n)
{
    rip_error why;
    const char *path = cell(r, "secret_file");
    size_t len;
    if (!*path) return;
    if (rip_read_file(path, SECRET_MOST, &n->secret, &len, &why) != RIP_OK) {
        n->secret = NULL;
        mistake(r, "secret_file", why.message);
        return;
    }
    while (len && isspace((unsigned char)n->secret[len - 1])) n->secret[--len] = '\0';
    if (!len || strpbrk(n->secret, "\r\n")) mistake(r, "secret_file", "the file must hold one line: the secret");
}

static unsigned event_of(const char *name)
{
    static const unsigned EVENTS[] = {NOTIFY_APPROVAL, NOTIFY_GUARD, NOTIFY_FAILED, NOTIFY_CONTAINED};
    for (size_t i = 0; i < sizeof EVENTS / sizeof *EVENTS; i++) {
        if (strcmp(notify_event_name(EVENTS[i]), name) == 0) return EVENTS[i];
    }
    return 0;
}

static void read_when(reading *r, notifier *n)
{
    const json_t *when = rip_config_cell_json(r->owner->options.config, KEY, r->row, "when");
    size_t i;
    json_t *word;
    if (!when) {
        n->when = NOTIFY_ALL;
        return;
    }
    if (json_is_string(when)) n->when = event_of(json_string_value(when));
    json_array_foreach (when, i, word) {
        unsigned event = json_is_string(word) ? event_of(json_string_value(word)) : 0;
        if (!event) {
            n->when = 0;
            break;
        }
        n->when |= event;
    }
    if (!n->when) mistake(r, "when", "expected a list of approval, failed, contained and guard");
}

static void read_span(reading *r, const char *column, int64_t *ms)
{
    const char *text = cell(r, column);
    if (*text && !rip_duration_parse(text, ms)) mistake(r, column, "expected a span of time, such as 5m");
}

/* "10/1h". */
static void read_rate(reading *r, notifier *n)
{
    const char *text = cell(r, "rate");
    char *end;
    int64_t ms = 0;
    if (!*text) return;
    long count = isdigit((unsigned char)*text) ? strtol(text, &end, 10) : 0;
    if (count < 1 || count > 100000 || *end != '/' || !rip_duration_parse(end + 1, &ms) || ms < 1) {
        mistake(r, "rate", "expected how many messages in which time, such as 10/1h");
        return;
    }
    n->rate = n->tokens = (double)count;
    n->rate_ms = (double)ms;
    n->filled_ms = rip_clock_monotonic(r->owner->options.clock);
}

static const notifier_kind *find_kind(const char *name)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof *KINDS; i++) {
        if (strcmp(KINDS[i]->name, name) == 0) return KINDS[i];
    }
    return NULL;
}

static void read_name(reading *r, notifier *n)
{
    if (!*n->name) mistake(r, "name", "it is missing");
    if (strcmp(n->name, notify_outcome_kind.name) == 0) mistake(r, "name", "this name is taken: choose another");
    for (const notifier *other = r->owner->notifiers; other; other = other->next) {
        if (strcmp(other->name, n->name) == 0) mistake(r, "name", "another row has this name");
    }
}

/* The template of an http row is the only file whose content a kind checks. */
static void read_template(reading *r, notifier *n)
{
    rip_error why;
    const char *path = cell(r, "template_file");
    size_t len;
    if (!*path) return;
    if (n->kind != &notify_http)
        mistake(r, "template_file", "only kind http has a template");
    else if (rip_read_file(path, (size_t)64 << 10, &n->form, &len, &why) != RIP_OK) {
        n->form = NULL;
        mistake(r, "template_file", why.message);
    }
}

static rip_status read_row(reading *r)
{
    rip_error why;
    notifier *n = calloc(1, sizeof *n);
    if (!n) return rip_nomem(r->err);
    n->owner = r->owner;
    n->name = strdup(cell(r, "name"));
    n->kind = find_kind(cell(r, "kind"));
    n->target = cell(r, "target");
    n->from = cell(r, "from");
    n->region = cell(r, "region");
    n->retry_ms = RETRY_MS;
    if (!n->name) {
        notifier_free(n);
        return rip_nomem(r->err);
    }
    read_name(r, n);
    n->next = r->owner->notifiers;
    r->owner->notifiers = n;
    read_when(r, n);
    read_rate(r, n);
    read_span(r, "digest", &n->digest_ms);
    read_span(r, "retry", &n->retry_ms);
    if (n->retry_ms < 1) mistake(r, "retry", "expected a span of time, such as 10s");
    size_t before = r->mistakes;
    read_secret(r, n);
    if (!n->kind) {
        mistake(r, "kind", "expected sns, eventbridge, slack, teams, pagerduty, http or ses");
        return RIP_OK;
    }
    read_template(r, n);
    if (before == r->mistakes && n->kind->open && n->kind->open(n, &why) != RIP_OK) mistake(r, "target", why.message);
    return RIP_OK;
}

rip_status notify_rows_load(notify *n, rip_error *err)
{
    reading r = {.owner = n, .err = err};
    rip_status status = RIP_OK;
    size_t rows = rip_config_rows(n->options.config, KEY);
    for (; r.row < rows && status == RIP_OK; r.row++) status = read_row(&r);
    return status == RIP_OK && r.mistakes ? RIP_EINVAL : status;
}

static void wipe(char *secret)
{
    if (secret) explicit_bzero(secret, strlen(secret));
    free(secret);
}

void notifier_free(notifier *n)
{
    if (n->call) aws_call_cancel(n->call);
    if (n->exchange) aws_web_cancel(n->exchange);
    outcome_leave(n->handover);
    notifier_empty(n);
    wipe(n->secret);
    free(n->form);
    free(n->place);
    free(n->name);
    free(n);
}
