/* The database as the thread that writes it sees it. Private to the room. */
#ifndef RIPOSTE_JOURNAL_SQLITE_STORE_H
#define RIPOSTE_JOURNAL_SQLITE_STORE_H

#include "engine/journal/message.h"
#include "engine/journal/pack.h"
#include "engine/journal/sqlite_db.h"

#define STORE_BUCKETS 4096
#define STORE_TEXTS 64

/** A run that has not ended: its own chain goes on from here. */
typedef struct open_run {
    struct open_run *next, *next_touched;
    int64_t place, finding;
    int64_t links, steps, changes;
    hash head;
    hash text; /* of the playbook */
    bool has_text;
    bool is_touched; /* in this transaction */
    bool is_ahead;   /* of what the database knows */
    bool has_ended;
    char id[];
} open_run;

typedef struct store {
    db *db;
    size_t compress_above;
    packer packer;
    int64_t place; /* of the last anchor */
    hash head;
    open_run *runs[STORE_BUCKETS];
    open_run *touched;
    hash texts[STORE_TEXTS]; /* known to be there */
    size_t text_count;
} store;

/** Where the chain ends. What fails is in `db`. */
void store_load(store *s);
/** Everything that is known beside the database is asked for anew: after a rollback. */
void store_forget(store *s);
void store_free(store *s);

/** Carry one message out, within a transaction. What is wrong with the message is kept in it; a failure in s->db is the
 * whole transaction's. */
void store_apply(store *s, message *m);
/** The end of a transaction: what gathered about runs is written. */
void store_settle(store *s);

/** Forget a part of what MESSAGE_PRUNE names. True: there is more. The value says how much in all. */
bool store_prune(store *s, message *m);
/** That part is safe: count on from it. */
void store_prune_on(message *m);

/** The next link of the chain over the whole journal; its place. `subject` 0: it is about a row that is known by this
 * very place. */
int64_t store_anchor(store *s, const char *kind, int64_t subject, bytes name, const hash *content);

bool store_has_run(store *s, bytes id);
/** A run by its id, or NULL. What is changed in it is written by store_settle. */
open_run *store_run(store *s, bytes id);
/** …one that the database does not have. NULL only if s->db has failed. */
open_run *store_run_new(store *s, bytes id, int64_t finding);
/** A text by its hash. */
void store_text(store *s, bytes text, hash *out);

#endif
