#include "engine/journal/sqlite_writer.h"

#include <stdlib.h>

#include "engine/base/log.h"
#include "engine/journal/sqlite_store.h"

#define BATCH_MAX 2000
#define RETRY_FIRST_MS 200
#define RETRY_LAST_MS 5000
#define NS_PER_MS 1000000u

typedef struct queue {
    message *first, *last;
} queue;

struct writer {
    writer_options options;
    store store;
    uv_thread_t writing, reading;
    uv_async_t async;
    size_t waited_for; /* messages that will be returned: they keep the loop alive */
    bool gave_up;      /* as the loop knows it */
    queue *returning;  /* while messages are being returned */

    uv_mutex_t mutex; /* over all that follows */
    uv_cond_t wake_writer, wake_reader;
    queue inbox, questions, outbox;
    queue spent; /* which nobody waits for: the loop frees its own memory, so that malloc's lock is not fought for */
    bool is_closing;
    bool is_stuck, has_given_up, is_news;
    rip_error trouble;
};

static void push(queue *q, message *m)
{
    m->next = NULL;
    if (q->last)
        q->last->next = m;
    else
        q->first = m;
    q->last = m;
}

static message *shift(queue *q)
{
    message *m = q->first;
    if (!m) return NULL;
    q->first = m->next;
    if (!q->first) q->last = NULL;
    return m;
}

static void free_all(queue *q)
{
    for (message *m = shift(q); m; m = shift(q)) message_free(m);
}

static bool is_returned(const message *m)
{
    return m->done || m->answer;
}

/* The threads. */

/* What one transaction may take. A long prune is one of its own, so that it can go in parts. */
static void take_batch(writer *w, queue *batch)
{
    uv_mutex_lock(&w->mutex);
    while (!w->inbox.first && !w->is_closing) uv_cond_wait(&w->wake_writer, &w->mutex);
    for (size_t n = 0; w->inbox.first && n < BATCH_MAX; n++) {
        if (w->inbox.first->kind == MESSAGE_PRUNE && n > 0) break;
        message *m = shift(&w->inbox);
        push(batch, m);
        if (m->kind == MESSAGE_PRUNE) break;
    }
    uv_mutex_unlock(&w->mutex);
}

/* The end of a batch: questions go on to who answers them, the rest back to the loop. */
static void hand_on(writer *w, queue *batch)
{
    bool tells = false;
    uv_mutex_lock(&w->mutex);
    for (message *m = shift(batch); m; m = shift(batch)) {
        if (message_is_question(m)) {
            push(&w->questions, m);
        } else if (is_returned(m) || m->err) {
            push(&w->outbox, m);
            tells = true;
        } else {
            push(&w->spent, m);
        }
    }
    if (w->questions.first) uv_cond_signal(&w->wake_reader);
    uv_mutex_unlock(&w->mutex);
    if (tells) uv_async_send(&w->async);
}

typedef enum outcome { WRITTEN, FAILED, ONE_REFUSED } outcome;

/* One message that the database will never take must not hold up all others. */
static void refuse(message *m, const rip_error *why)
{
    m->is_refused = true;
    message_fail(m, why);
}

static void write_one(store *s, message *m, bool *again)
{
    if (m->kind == MESSAGE_PRUNE)
        *again = store_prune(s, m);
    else if (!message_is_question(m))
        store_apply(s, m);
}

static outcome write_once(writer *w, const queue *batch, bool *again, rip_error *err)
{
    store *s = &w->store;
    message *m = batch->first;
    bool one_refused = false;
    *again = false;
    while (m && (m->is_refused || message_is_question(m))) m = m->next;
    if (!m) return WRITTEN;
    db_begin(s->db);
    if (s->place == 0 && !db_failed(s->db)) store_load(s);
    for (; m && !db_failed(s->db); m = m->next) {
        if (m->is_refused) continue;
        write_one(s, m, again);
        one_refused = db_failed(s->db) && s->db->is_refusal;
        if (one_refused) refuse(m, &s->db->failure);
    }
    store_settle(s);
    if (db_commit(s->db, err)) return WRITTEN;
    store_forget(s);
    s->place = 0;
    return one_refused ? ONE_REFUSED : FAILED;
}

static void tell(writer *w, bool is_stuck, bool has_given_up, const rip_error *err)
{
    uv_mutex_lock(&w->mutex);
    w->is_news = true;
    w->is_stuck = is_stuck;
    w->has_given_up = has_given_up;
    if (err) w->trouble = *err;
    uv_mutex_unlock(&w->mutex);
    uv_async_send(&w->async);
}

/* Nobody who asks waits for a disk that is full: the answer is what is safe. */
static void release_questions(writer *w, queue *from)
{
    queue rest = {0};
    for (message *m = shift(from); m; m = shift(from)) push(message_is_question(m) ? &w->questions : &rest, m);
    *from = rest;
    if (w->questions.first) uv_cond_signal(&w->wake_reader);
}

/* False: the journal is being closed. */
static bool wait_a_while(writer *w, queue *batch, uint64_t ms)
{
    uv_mutex_lock(&w->mutex);
    release_questions(w, batch);
    uint64_t until = uv_hrtime() + ms * NS_PER_MS;
    for (uint64_t now = uv_hrtime(); !w->is_closing && now < until; now = uv_hrtime()) {
        release_questions(w, &w->inbox);
        uv_cond_timedwait(&w->wake_writer, &w->mutex, until - now);
    }
    bool goes_on = !w->is_closing;
    uv_mutex_unlock(&w->mutex);
    return goes_on;
}

static void fail_batch(const queue *batch, const rip_error *err)
{
    for (message *m = batch->first; m; m = m->next) {
        if (!message_is_question(m)) message_fail(m, err);
    }
}

/* Write a batch, however long that takes. False: given up. */
static bool write_batch(writer *w, queue *batch, bool *again)
{
    rip_error err;
    outcome how = write_once(w, batch, again, &err);
    while (how == ONE_REFUSED) how = write_once(w, batch, again, &err);
    if (how == WRITTEN) return true;
    uint64_t begun = uv_hrtime(), pause = RETRY_FIRST_MS;
    unsigned patience = w->options.give_up_after_ms;
    tell(w, true, false, &err);
    for (;;) {
        bool goes_on = how == ONE_REFUSED || wait_a_while(w, batch, pause);
        how = write_once(w, batch, again, &err);
        if (how == WRITTEN) {
            tell(w, false, false, NULL);
            return true;
        }
        if (!goes_on || (patience && uv_hrtime() - begun >= (uint64_t)patience * NS_PER_MS)) break;
        pause = pause * 2 < RETRY_LAST_MS ? pause * 2 : RETRY_LAST_MS;
    }
    err.status = RIP_EIO;
    tell(w, true, true, &err);
    return false;
}

static void write_all(void *data)
{
    writer *w = data;
    bool gave_up = false;
    for (;;) {
        queue batch = {0};
        bool again = false;
        take_batch(w, &batch);
        if (!batch.first) break;
        gave_up = gave_up || !write_batch(w, &batch, &again);
        if (gave_up) fail_batch(&batch, &w->trouble);
        if (again && !gave_up) {
            store_prune_on(batch.first);
            uv_mutex_lock(&w->mutex);
            push(&w->inbox, shift(&batch));
            uv_mutex_unlock(&w->mutex);
        }
        hand_on(w, &batch);
    }
}

static void read_all(void *data)
{
    writer *w = data;
    uv_mutex_lock(&w->mutex);
    for (;;) {
        while (!w->questions.first && !w->is_closing) uv_cond_wait(&w->wake_reader, &w->mutex);
        if (w->is_closing) break;
        message *m = shift(&w->questions);
        uv_mutex_unlock(&w->mutex);
        question_answer(w->options.beside, m);
        uv_mutex_lock(&w->mutex);
        push(&w->outbox, m);
        uv_async_send(&w->async);
    }
    uv_mutex_unlock(&w->mutex);
}

/* The loop's side. */

static void log_news(writer *w, bool is_stuck, bool has_given_up, const rip_error *trouble)
{
    const char *path = w->options.db->path;
    if (has_given_up)
        rip_log(RIP_LOG_ERROR, "journal.given-up", "path", path, "why", trouble->message, NULL);
    else if (is_stuck)
        rip_log(RIP_LOG_ERROR, "journal.stuck", "path", path, "why", trouble->message, NULL);
    else
        rip_log(RIP_LOG_WARN, "journal.goes-on", "path", path, NULL);
    w->gave_up = has_given_up;
}

static void on_async(uv_async_t *async)
{
    writer *w = async->data;
    uv_mutex_lock(&w->mutex);
    queue back = w->outbox;
    w->outbox = (queue){0};
    bool is_news = w->is_news, is_stuck = w->is_stuck, has_given_up = w->has_given_up;
    rip_error trouble = w->trouble;
    w->is_news = false;
    uv_mutex_unlock(&w->mutex);
    if (is_news) log_news(w, is_stuck, has_given_up, &trouble);
    /* A callback may close the journal, which frees what has not been returned. */
    for (message *m = back.first; m; m = m->next) w->waited_for -= is_returned(m);
    if (w->waited_for == 0) uv_unref((uv_handle_t *)&w->async);
    w->returning = &back;
    for (message *m = shift(&back); m; m = shift(&back)) w->options.returned(w->options.data, m);
    w->returning = NULL;
}

void writer_send(writer *w, message *m)
{
    if (is_returned(m) && w->waited_for++ == 0) uv_ref((uv_handle_t *)&w->async);
    uv_mutex_lock(&w->mutex);
    push(&w->inbox, m);
    queue spent = w->spent;
    w->spent = (queue){0};
    uv_cond_signal(&w->wake_writer);
    uv_mutex_unlock(&w->mutex);
    free_all(&spent);
}

bool writer_has_given_up(const writer *w)
{
    return w->gave_up;
}

static void on_closed(uv_handle_t *async)
{
    writer *w = async->data;
    uv_mutex_destroy(&w->mutex);
    uv_cond_destroy(&w->wake_writer);
    uv_cond_destroy(&w->wake_reader);
    free(w);
}

static void join(writer *w, bool writes, bool reads)
{
    uv_mutex_lock(&w->mutex);
    w->is_closing = true;
    uv_cond_signal(&w->wake_writer);
    uv_cond_signal(&w->wake_reader);
    uv_mutex_unlock(&w->mutex);
    if (writes) uv_thread_join(&w->writing);
    if (reads) uv_thread_join(&w->reading);
    if (w->is_news) log_news(w, w->is_stuck, w->has_given_up, &w->trouble);
    free_all(&w->inbox);
    free_all(&w->questions);
    free_all(&w->outbox);
    free_all(&w->spent);
    if (w->returning) free_all(w->returning);
    store_free(&w->store);
    uv_close((uv_handle_t *)&w->async, on_closed);
}

void writer_stop(writer *w)
{
    join(w, true, true);
}

rip_status writer_start(const writer_options *options, writer **out, rip_error *err)
{
    writer *w = calloc(1, sizeof *w);
    if (!w) return rip_nomem(err);
    w->options = *options;
    w->store.db = options->db;
    w->store.compress_above = options->compress_above;
    if (uv_async_init(options->loop, &w->async, on_async) != 0) {
        free(w);
        return rip_fail(err, RIP_EIO, "the journal's threads cannot be started");
    }
    w->async.data = w;
    uv_unref((uv_handle_t *)&w->async);
    if (uv_mutex_init(&w->mutex) != 0 || uv_cond_init(&w->wake_writer) != 0 || uv_cond_init(&w->wake_reader) != 0)
        abort(); /* only when memory is out */
    bool writes = uv_thread_create(&w->writing, write_all, w) == 0;
    bool reads = writes && uv_thread_create(&w->reading, read_all, w) == 0;
    if (!reads) {
        join(w, writes, false);
        return rip_fail(err, RIP_EIO, "the journal's threads cannot be started");
    }
    *out = w;
    return RIP_OK;
}
