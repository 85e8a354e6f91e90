/* Counts of a source. */
#include "engine/intake/live_tally.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/base/buffer.h"
#include "engine/base/escape.h"
#include "engine/base/log.h"

static const char *const DOCUMENT_LABELS[] = {"kind", "source", "outcome", NULL};
static const char *const ERROR_LABELS[] = {"kind", "source", NULL};

static const metric_definition DOCUMENTS = {.name = "riposte_source_documents_total",
                                            .help = "Documents that came in, by what became of them.",
                                            .kind = METRIC_COUNTER,
                                            .labels = DOCUMENT_LABELS};
static const metric_definition ERRORS = {
    .name = "riposte_source_errors_total",
    .help = "Times that a source could not get at its documents, or at what keeps them.",
    .kind = METRIC_COUNTER,
    .labels = ERROR_LABELS};

rip_status live_tally_init(live_tally *t, const char *kind, const char *name, metrics *numbers, rip_error *err)
{
    t->kind = kind;
    t->name = strdup(name);
    if (!t->name) return rip_nomem(err);
    if (!numbers) return RIP_OK;
    t->documents = metrics_get(numbers, &DOCUMENTS);
    t->errors = metrics_get(numbers, &ERRORS);
    return t->documents && t->errors ? RIP_OK : rip_nomem(err);
}

void live_tally_free(live_tally *t)
{
    free(t->last_error);
    free(t->name);
}

/* What is quoted in it may be of any bytes; the status is JSON. True: it is another one than before. */
static bool remember(live_tally *t, const rip_error *why)
{
    rip_buffer line = {0};
    rip_escape_line(&line, why->message, strlen(why->message), sizeof why->message);
    char *text = rip_buffer_take(&line, NULL);
    bool is_news = !t->last_error || !text || strcmp(text, t->last_error) != 0;
    free(t->last_error);
    t->last_error = text;
    return is_news;
}

static void count(live_tally *t, size_t *counter, const char *outcome)
{
    const char *const values[] = {t->kind, t->name, outcome};
    (*counter)++;
    if (t->documents) metric_add(t->documents, values, 1);
}

void live_tally_taken(live_tally *t)
{
    count(t, &t->taken, "taken");
}

void live_tally_kept(live_tally *t)
{
    count(t, &t->kept, "kept");
}

void live_tally_failed(live_tally *t, const char *origin, const rip_error *why)
{
    count(t, &t->failed, "failed");
    (void)remember(t, why);
    if (!origin) return;
    rip_log(RIP_LOG_WARN, "source.document_failed", "kind", t->kind, "source", t->name, "origin", origin, "error",
            why->message, NULL);
}

void live_tally_trouble(live_tally *t, const rip_error *why)
{
    const char *const values[] = {t->kind, t->name};
    bool is_news = remember(t, why) || !t->in_trouble;
    t->troubles++;
    t->in_trouble = true;
    if (t->errors) metric_add(t->errors, values, 1);
    rip_log(is_news ? RIP_LOG_WARN : RIP_LOG_DEBUG, "source.failing", "kind", t->kind, "source", t->name, "error",
            why->message, NULL);
}

void live_tally_well(live_tally *t)
{
    if (t->in_trouble) rip_log(RIP_LOG_INFO, "source.recovered", "kind", t->kind, "source", t->name, NULL);
    t->in_trouble = false;
}

json_t *live_tally_status(const live_tally *t, const char *state)
{
    return json_pack("{s:s, s:s, s:s, s:I, s:I, s:I, s:I, s:s}", "name", t->name, "kind", t->kind, "state",
                     t->in_trouble ? "failing" : state, "taken", (json_int_t)t->taken, "kept", (json_int_t)t->kept,
                     "failed", (json_int_t)t->failed, "troubles", (json_int_t)t->troubles, "last_error",
                     t->last_error ? t->last_error : "");
}
