/* What each message writes. */
#include <stdlib.h>
#include <string.h>

#include "engine/journal/sqlite_store.h"

static void refuse(message *m, rip_status status, const char *what, const char *name)
{
    rip_error err;
    rip_fail(&err, status, "%s %s", what, name ? name : "");
    message_fail(m, &err);
}

/* Runs. */

static int64_t finding_of(store *s, const message *m, const run_fields *run)
{
    static const char FIND[] = "SELECT place FROM findings WHERE id = ? AND version = ?";
    return db_number(s->db, FIND, 0, "tt", message_at(m, run->finding_id), message_at(m, run->finding_version));
}

static void hold_lock(store *s, const message *m, const run_fields *fields, const open_run *run)
{
    static const char HOLD[] =
        "INSERT INTO locks (name, run, since) VALUES (?,?,?)"
        " ON CONFLICT (name) DO UPDATE SET run = excluded.run, since = excluded.since";
    static const char LET_GO[] = "DELETE FROM locks WHERE run = ?";
    if (!fields->lock.is) return;
    if (fields->moment == RUN_BEGINS)
        db_do(s->db, HOLD, "tii", message_at(m, fields->lock), run->place, fields->started);
    else if (fields->moment == RUN_ENDS)
        db_do(s->db, LET_GO, "i", run->place);
}

/* A run's record as it now is, and its anchor. `finding` 0: look for it. */
static void put_run(store *s, message *m, const run_fields *fields, int64_t finding)
{
    static const char ADD[] =
        "INSERT INTO runs (id, finding, playbook, account, region, mode, outcome, lock, queued, started, finished,"
        " record, text, anchor, sealed, links, head, steps, changes, place)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";
    static const char CHANGE[] =
        "UPDATE runs SET id = ?, finding = ?, playbook = ?, account = ?, region = ?, mode = ?, outcome = ?, lock = ?,"
        " queued = ?, started = ?, finished = ?, record = ?, text = ?, anchor = ?, sealed = ?, links = ?, head = ?,"
        " steps = ?, changes = ? WHERE place = ?";
    static const char *const KINDS[] = {[RUN_QUEUED] = "queued", [RUN_BEGINS] = "began", [RUN_ENDS] = "ended"};
    bytes id = message_at(m, fields->id);
    open_run *run = store_run(s, id);
    if (!run && !db_failed(s->db)) run = store_run_new(s, id, finding ? finding : finding_of(s, m, fields));
    if (!run) return;
    if (fields->text.is) {
        store_text(s, message_at(m, fields->text), &run->text);
        run->has_text = true;
    }
    run_content content = {.id = id,
                           .playbook = message_at(m, fields->playbook),
                           .account = message_at(m, fields->account),
                           .region = message_at(m, fields->region),
                           .mode = message_at(m, fields->mode),
                           .outcome = message_at(m, fields->outcome),
                           .lock = message_at(m, fields->lock),
                           .record = message_at(m, fields->record),
                           .text = run->has_text ? hash_bytes(&run->text) : (bytes){NULL, 0},
                           .queued = fields->queued,
                           .started = fields->started,
                           .finished = fields->finished,
                           .finding = run->finding,
                           .sealed = run->links,
                           .head = run->head};
    hash sum;
    chain_run(&content, &sum);
    bool is_new = run->place == 0;
    int64_t anchor = store_anchor(s, KINDS[fields->moment], run->place, is_new ? id : (bytes){NULL, 0}, &sum);
    if (is_new) run->place = anchor;
    db_do(s->db, is_new ? ADD : CHANGE, "tIttttttIIItbiiibiii", id, run->finding, content.playbook, content.account,
          content.region, content.mode, content.outcome, content.lock, content.queued, content.started,
          content.finished, content.record, content.text, anchor, content.sealed, run->links, hash_bytes(&run->head),
          run->steps, run->changes, run->place);
    run->is_ahead = false;
    run->has_ended = fields->moment == RUN_ENDS;
    hold_lock(s, m, fields, run);
}

/* Merge what is told of a run that memory has let go into its record, and write that. */
static void put_merged(store *s, message *m, const run_fields *fields, const json_t *news)
{
    static const char FIND[] = "SELECT record FROM runs WHERE id = ?";
    rows *r = db_rows(s->db, FIND, "t", message_at(m, fields->id));
    json_t *record = db_next(s->db, r) ? db_json(s->db, r, 0) : NULL;
    if (record) db_done(r);
    if (!record) {
        if (!db_failed(s->db)) refuse(m, RIP_ENOTFOUND, "there is no run", message_string(m, fields->id));
        return;
    }
    message *merged = message_new(MESSAGE_RUN);
    bool whole = merged && json_object_update(record, (json_t *)(uintptr_t)news) == 0;
    if (whole) message_run(merged, &merged->as.run.run, record, fields->moment);
    if (whole && message_is_whole(merged))
        put_run(s, merged, &merged->as.run.run, 0);
    else
        db_fail(s->db, RIP_ENOMEM, "out of memory");
    message_free(merged);
    json_decref(record);
}

static void write_run(store *s, message *m)
{
    const run_fields *run = &m->as.run.run;
    if (m->as.run.is_whole) {
        put_run(s, m, run, 0);
    } else {
        json_t *news = json_loads(message_string(m, run->record), JSON_ALLOW_NUL, NULL);
        put_merged(s, m, run, news);
        json_decref(news);
    }
    if (m->as.run.has_next && !m->err) put_run(s, m, &m->as.run.next, 0);
}

static void write_decide(store *s, message *m)
{
    static const char LAST[] = "SELECT max(number) FROM decisions WHERE run = ?";
    static const char ADD[] = "INSERT INTO decisions (run, number, decision, anchor) VALUES (?,?,?,?)";
    bytes id = message_at(m, m->as.decide.run);
    open_run *run = store_run(s, id);
    if (!run) {
        if (!db_failed(s->db)) refuse(m, RIP_ENOTFOUND, "there is no run", message_string(m, m->as.decide.run));
        return;
    }
    decision_content decision = {id, message_at(m, m->as.decide.decision),
                                 1 + db_number(s->db, LAST, 0, "i", run->place)};
    hash content;
    chain_decision(&decision, &content);
    int64_t anchor = store_anchor(s, "decision", run->place, (bytes){NULL, 0}, &content);
    db_do(s->db, ADD, "iiti", run->place, decision.number, decision.decision, anchor);
    if (m->as.decide.outcome.is) {
        json_t *news = json_pack("{s:s}", "outcome", message_string(m, m->as.decide.outcome));
        run_fields fields = {.moment = RUN_ENDS, .id = m->as.decide.run};
        put_merged(s, m, &fields, news);
        json_decref(news);
    } else {
        run->has_ended = true; /* decided about is what is not under way: it need not be kept */
    }
    if (m->as.decide.has_next) put_run(s, m, &m->as.decide.next, 0);
}

static void write_source(store *s, message *m)
{
    static const char ADD[] =
        "INSERT INTO sources (run, name, text, link, hash) VALUES (?,?,?,?,?) ON CONFLICT (run, name) DO NOTHING";
    bytes name = message_at(m, m->as.source.name);
    open_run *run = store_run(s, message_at(m, m->as.source.run));
    if (!run) {
        if (!db_failed(s->db)) refuse(m, RIP_ENOTFOUND, "there is no run", message_string(m, m->as.source.run));
        return;
    }
    hash text, head = run->head;
    store_text(s, message_at(m, m->as.source.text), &text);
    chain_source(name, hash_bytes(&text), &head);
    db_do(s->db, ADD, "itbib", run->place, name, hash_bytes(&text), run->links + 1, hash_bytes(&head));
    if (db_failed(s->db) || db_changed(s->db) == 0) return;
    run->head = head;
    run->links++;
    run->is_ahead = true;
}

/* Findings. */

static const char *refusal(store *s, message *m, const wanted_fields *wanted, bool is_update)
{
    static const char LAST[] = "SELECT at FROM cooldowns WHERE name = ?";
    if (store_has_run(s, message_at(m, wanted->run.id))) return "repeated";
    if (wanted->only_first && is_update) return "update";
    if (!wanted->cooldown_key.is) return NULL;
    int64_t never = INT64_MIN;
    int64_t last = db_number(s->db, LAST, never, "t", message_at(m, wanted->cooldown_key));
    /* A time to come was told by a clock that has been set back since: it holds nobody up. */
    int64_t since = last == never ? INT64_MAX : m->as.accept.received - last;
    return since < wanted->cooldown_ms && -since < wanted->cooldown_ms ? "cooldown" : NULL;
}

static json_t *queue_wanted(store *s, message *m, int64_t finding, bool is_update)
{
    static const char COOL[] =
        "INSERT INTO cooldowns (name, at) VALUES (?,?) ON CONFLICT (name) DO UPDATE SET at = excluded.at";
    json_t *runs = json_array();
    for (size_t i = 0; i < m->as.accept.count; i++) {
        const wanted_fields *wanted = &m->as.accept.wanted[i];
        const char *why = finding ? refusal(s, m, wanted, is_update) : "repeated";
        json_array_append_new(runs, why ? json_string(why) : json_null());
        if (why) continue;
        put_run(s, m, &wanted->run, finding);
        if (wanted->cooldown_key.is)
            db_do(s->db, COOL, "ti", message_at(m, wanted->cooldown_key), m->as.accept.received);
    }
    return runs;
}

static int64_t put_finding(store *s, message *m)
{
    static const char ADD[] =
        "INSERT INTO findings (place, id, version, origin, received, packed, finding)"
        " VALUES (?,?,?,?,?,?,?)";
    static const char ADD_EVENT[] = "INSERT INTO events (finding, packed, event) VALUES (?,?,?)";
    finding_content content = {message_at(m, m->as.accept.id),     message_at(m, m->as.accept.version),
                               message_at(m, m->as.accept.origin), message_at(m, m->as.accept.finding),
                               message_at(m, m->as.accept.event),  m->as.accept.received};
    hash sum;
    chain_finding(&content, &sum);
    int64_t place = store_anchor(s, "finding", 0, content.id, &sum), packed;
    bytes text = pack(&s->packer, content.finding, s->compress_above, &packed);
    db_do(s->db, ADD, "itttiib", place, content.id, content.version, content.origin, content.received, packed, text);
    text = pack(&s->packer, content.event, s->compress_above, &packed);
    db_do(s->db, ADD_EVENT, "iib", place, packed, text);
    return place;
}

static void write_accept(store *s, message *m)
{
    static const char HAS_OTHER[] = "SELECT 1 FROM findings WHERE id = ? LIMIT 1";
    static const char HAS[] = "SELECT 1 FROM findings WHERE id = ? AND version = ?";
    bytes id = message_at(m, m->as.accept.id);
    bool is_new = db_number(s->db, HAS, 0, "tt", id, message_at(m, m->as.accept.version)) == 0;
    bool is_update = is_new && db_number(s->db, HAS_OTHER, 0, "t", id) == 1;
    int64_t finding = is_new ? put_finding(s, m) : 0;
    json_t *runs = queue_wanted(s, m, finding, is_update);
    m->value = json_pack("{s:b, s:b, s:o}", "is_new", (int)is_new, "is_update", (int)is_update, "runs", runs);
    if (!m->value) db_fail(s->db, RIP_ENOMEM, "out of memory");
}

/* Steps. */

static step_content step_of(const message *m)
{
    return (step_content){.path = message_at(m, m->as.step.path),
                          .kind = message_at(m, m->as.step.kind),
                          .phase = message_at(m, m->as.step.phase),
                          .fingerprint = message_at(m, m->as.step.fingerprint),
                          .request = message_at(m, m->as.step.request),
                          .outcome = message_at(m, m->as.step.outcome),
                          .reply = message_at(m, m->as.step.reply),
                          .undo = message_at(m, m->as.step.undo),
                          .irreversible = message_at(m, m->as.step.irreversible),
                          .number = m->as.step.number,
                          .seq = m->as.step.seq,
                          .is_change = m->as.step.is_change,
                          .care = m->as.step.care,
                          .started = m->as.step.started,
                          .finished = m->as.step.finished,
                          .order = m->as.step.order};
}

/* Each of these extends the run's chain to `head`; false where the row was not as expected, and nothing was written. */

static bool add_start(store *s, const open_run *run, const step_content *asked, hash *head)
{
    static const char ADD[] =
        "INSERT INTO steps (run, path, number, seq, kind, phase, fingerprint, request, is_change, care, started, undo,"
        " irreversible, promise, start_link, start_hash) VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)"
        " ON CONFLICT (run, path, number) DO NOTHING";
    hash promise;
    chain_promise(asked, &promise);
    step_content promised = *asked;
    promised.promise = hash_bytes(&promise);
    const step_content *step = &promised;
    chain_start(step, head);
    db_do(s->db, ADD, "itiittttiiittbib", run->place, step->path, step->number, step->seq, step->kind, step->phase,
          step->fingerprint, step->request, step->is_change, step->care, step->started, step->undo, step->irreversible,
          step->promise, run->links + 1, hash_bytes(head));
    return !db_failed(s->db) && db_changed(s->db) == 1;
}

static bool add_whole(store *s, const open_run *run, const step_content *step, hash *head)
{
    static const char ADD[] =
        "INSERT INTO steps (run, path, number, seq, kind, phase, fingerprint, request, is_change, care, started, undo,"
        " irreversible, finished, outcome, reply, finish_order, finish_link, finish_hash)"
        " VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) ON CONFLICT (run, path, number) DO NOTHING";
    chain_whole(step, head);
    db_do(s->db, ADD, "itiittttiiittittiib", run->place, step->path, step->number, step->seq, step->kind, step->phase,
          step->fingerprint, step->request, step->is_change, step->care, step->started, step->undo, step->irreversible,
          step->finished, step->outcome, step->reply, step->order, run->links + 1, hash_bytes(head));
    return !db_failed(s->db) && db_changed(s->db) == 1;
}

static bool add_finish(store *s, const open_run *run, const step_content *step, hash *head)
{
    static const char CHANGE[] =
        "UPDATE steps SET finished = ?, outcome = ?, reply = ?, undo = ?, irreversible = ?, finish_order = ?,"
        " finish_link = ?, finish_hash = ? WHERE run = ? AND path = ? AND number = ? AND finish_link IS NULL";
    chain_finish(step, head);
    db_do(s->db, CHANGE, "ittttiibiti", step->finished, step->outcome, step->reply, step->undo, step->irreversible,
          step->order, run->links + 1, hash_bytes(head), run->place, step->path, step->number);
    return !db_failed(s->db) && db_changed(s->db) == 1;
}

static void write_step(store *s, message *m)
{
    open_run *run = store_run(s, message_at(m, m->as.step.run));
    if (!run) {
        if (!db_failed(s->db)) refuse(m, RIP_ENOTFOUND, "there is no run", message_string(m, m->as.step.run));
        return;
    }
    step_content step = step_of(m);
    hash head = run->head;
    bool done = m->kind == MESSAGE_START   ? add_start(s, run, &step, &head)
                : m->kind == MESSAGE_WHOLE ? add_whole(s, run, &step, &head)
                                           : add_finish(s, run, &step, &head);
    if (!done) {
        if (!db_failed(s->db)) refuse(m, RIP_EINVAL, "a step was told of twice, or of its end alone, in", run->id);
        return;
    }
    run->head = head;
    run->links++;
    run->is_ahead = true;
    /* With a change, all that came before it in its run is in the chain over the whole journal before it is made. */
    if (m->kind == MESSAGE_START && step.care == JOURNAL_SAFE)
        store_anchor(s, "change", run->place, (bytes){NULL, 0}, &run->head);
    if (m->kind == MESSAGE_FINISH) return;
    run->steps++;
    run->changes += step.is_change;
}

/* What outlives runs. */

/* The anchor tells all of it: of a pause that is over, nothing else is left. */
static void write_pause(store *s, message *m)
{
    static const char PAUSE[] =
        "INSERT INTO pauses (scope, about) VALUES (?,?) ON CONFLICT (scope) DO UPDATE SET about = excluded.about";
    static const char RESUME[] = "DELETE FROM pauses WHERE scope = ?";
    bytes scope = message_at(m, m->as.keep.key), about = message_at(m, m->as.keep.value);
    bool holds = m->kind == MESSAGE_PAUSE;
    const char *kind = holds ? "paused" : "resumed";
    if (holds)
        db_do(s->db, PAUSE, "tt", scope, about);
    else
        db_do(s->db, RESUME, "t", scope);
    rip_buffer name = {0};
    chain_pause_name(scope, about, &name);
    hash content;
    chain_pause(kind, scope, about, &content);
    store_anchor(s, kind, 0, (bytes){name.data, name.len}, &content);
    rip_buffer_free(&name);
}

static void write_kept(store *s, message *m)
{
    static const char SPEND[] =
        "INSERT INTO budgets (scope, minute, used) VALUES (?,?,1)"
        " ON CONFLICT (scope, minute) DO UPDATE SET used = budgets.used + 1";
    static const char SET[] =
        "INSERT INTO positions (source, position) VALUES (?,?)"
        " ON CONFLICT (source) DO UPDATE SET position = excluded.position";
    bytes key = message_at(m, m->as.keep.key), value = message_at(m, m->as.keep.value);
    if (m->kind == MESSAGE_SPEND)
        db_do(s->db, SPEND, "ti", key, m->as.keep.at / 60000);
    else
        db_do(s->db, SET, "tt", key, value);
}

/* The newest has the last place: one that is gone back to (an update that was taken back) gets a new one. */
static void write_library(store *s, message *m)
{
    static const char NEWEST[] = "SELECT digest = ? FROM libraries ORDER BY place DESC LIMIT 1";
    static const char PUT[] =
        "INSERT INTO libraries (digest, place, packed, pack) VALUES (?,?,?,?) ON CONFLICT (digest)"
        " DO UPDATE SET place = excluded.place, packed = excluded.packed, pack = excluded.pack";
    bytes text = message_at(m, m->as.keep.value);
    hash sum;
    char digest[RIP_SHA256_HEX];
    int64_t packed = 0;
    rip_sha256(text.data, text.len, sum.bytes);
    rip_hex(sum.bytes, sizeof sum, digest);
    if (db_number(s->db, NEWEST, 0, "s", digest) == 1) return;
    int64_t place = store_anchor(s, "library", 0, (bytes){NULL, 0}, &sum);
    text = pack(&s->packer, text, s->compress_above, &packed);
    db_do(s->db, PUT, "siib", digest, place, packed, text);
}

void store_apply(store *s, message *m)
{
    /* What an attempt before this one left. */
    json_decref(m->value);
    m->value = NULL;
    free(m->err);
    m->err = NULL;
    switch (m->kind) {
    case MESSAGE_ACCEPT: write_accept(s, m); break;
    case MESSAGE_RUN: write_run(s, m); break;
    case MESSAGE_SOURCE: write_source(s, m); break;
    case MESSAGE_DECIDE: write_decide(s, m); break;
    case MESSAGE_START:
    case MESSAGE_FINISH:
    case MESSAGE_WHOLE: write_step(s, m); break;
    case MESSAGE_PAUSE:
    case MESSAGE_RESUME: write_pause(s, m); break;
    case MESSAGE_SPEND:
    case MESSAGE_POSITION: write_kept(s, m); break;
    case MESSAGE_LIBRARY: write_library(s, m); break;
    default: break; /* questions */
    }
}
