#include "engine/journal/chain.h"

#include <stdlib.h>
#include <string.h>

/* The canonical form: field after field, each with a letter for its type and, where that is not fixed, its length, so
 * that no two contents have the same form. A form begins with the word that says what it is of. */

static void put_number(rip_buffer *form, uint64_t number)
{
    unsigned char big[8];
    for (int i = 0; i < 8; i++) big[i] = (unsigned char)(number >> (56 - 8 * i));
    rip_buffer_append(form, big, sizeof big);
}

static void put_int(rip_buffer *form, int64_t number)
{
    rip_buffer_putc(form, 'i');
    put_number(form, (uint64_t)number);
}

static void put(rip_buffer *form, bytes value)
{
    rip_buffer_putc(form, value.data ? 'b' : 'n');
    if (!value.data) return;
    put_number(form, value.len);
    rip_buffer_append(form, value.data, value.len);
}

static void put_word(rip_buffer *form, const char *word)
{
    put(form, (bytes){word, strlen(word)});
}

static void hash_form(rip_buffer *form, hash *out)
{
    if (form->failed) abort(); /* a link left out is worse than a restart */
    rip_sha256(form->data, form->len, out->bytes);
    rip_buffer_free(form);
}

bool hash_is(const hash *h, bytes other)
{
    return other.data && other.len == sizeof h->bytes && memcmp(h->bytes, other.data, other.len) == 0;
}

void chain_finding(const finding_content *finding, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, "finding");
    put(&form, finding->id);
    put(&form, finding->version);
    put(&form, finding->origin);
    put_int(&form, finding->received);
    put(&form, finding->finding);
    put(&form, finding->event);
    hash_form(&form, out);
}

void chain_run(const run_content *run, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, "run");
    const bytes texts[] = {run->id,      run->playbook, run->account, run->region, run->mode,
                           run->outcome, run->lock,     run->record,  run->text,   hash_bytes(&run->head)};
    const int64_t numbers[] = {run->queued, run->started, run->finished, run->finding, run->sealed};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) put(&form, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) put_int(&form, numbers[i]);
    hash_form(&form, out);
}

void chain_decision(const decision_content *decision, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, "decision");
    put(&form, decision->run);
    put_int(&form, decision->number);
    put(&form, decision->decision);
    hash_form(&form, out);
}

void chain_pause(const char *kind, bytes scope, bytes about, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, kind);
    put(&form, scope);
    put(&form, about);
    hash_form(&form, out);
}

void chain_pause_name(bytes scope, bytes about, rip_buffer *out)
{
    rip_buffer_append(out, scope.data, scope.len);
    rip_buffer_putc(out, '\n');
    rip_buffer_append(out, about.data, about.len);
    if (out->failed) abort(); /* as above */
}

bool chain_pause_parts(bytes name, bytes *scope, bytes *about)
{
    const char *text = name.data, *end = text ? memrchr(text, '\n', name.len) : NULL; /* none is in compact JSON */
    if (!end) return false;
    *scope = (bytes){text, (size_t)(end - text)};
    *about = (bytes){end + 1, name.len - scope->len - 1};
    return true;
}

void chain_first(bytes run, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, "first");
    put(&form, run);
    hash_form(&form, out);
}

void chain_promise(const step_content *step, hash *out)
{
    rip_buffer form = {0};
    put_word(&form, "promise");
    put(&form, step->undo);
    put(&form, step->irreversible);
    hash_form(&form, out);
}

static void begin_link(rip_buffer *form, const char *word, const hash *head)
{
    put_word(form, word);
    put(form, hash_bytes(head));
}

static void put_asked(rip_buffer *form, const step_content *step)
{
    const bytes texts[] = {step->path, step->kind, step->phase, step->fingerprint, step->request};
    const int64_t numbers[] = {step->number, step->seq, step->is_change, step->care, step->started};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) put(form, texts[i]);
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) put_int(form, numbers[i]);
}

static void put_answered(rip_buffer *form, const step_content *step)
{
    put(form, step->outcome);
    put(form, step->reply);
    put(form, step->undo);
    put(form, step->irreversible);
    put_int(form, step->finished);
    put_int(form, step->order);
}

void chain_start(const step_content *step, hash *head)
{
    rip_buffer form = {0};
    begin_link(&form, "start", head);
    put_asked(&form, step);
    put(&form, step->promise);
    hash_form(&form, head);
}

void chain_finish(const step_content *step, hash *head)
{
    rip_buffer form = {0};
    begin_link(&form, "finish", head);
    put(&form, step->path);
    put_int(&form, step->number);
    put_answered(&form, step);
    hash_form(&form, head);
}

void chain_whole(const step_content *step, hash *head)
{
    rip_buffer form = {0};
    begin_link(&form, "step", head);
    put_asked(&form, step);
    put_answered(&form, step);
    hash_form(&form, head);
}

void chain_source(bytes name, bytes text, hash *head)
{
    rip_buffer form = {0};
    begin_link(&form, "source", head);
    put(&form, name);
    put(&form, text);
    hash_form(&form, head);
}

void chain_anchor(int64_t place, const char *kind, int64_t subject, bytes name, const hash *content, hash *head)
{
    rip_buffer form = {0};
    begin_link(&form, "anchor", head);
    put_int(&form, place);
    put_word(&form, kind);
    put_int(&form, subject);
    put(&form, name);
    put(&form, hash_bytes(content));
    hash_form(&form, head);
}
