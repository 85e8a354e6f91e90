/* The threads of a durable journal: one writes what the loop sends, in that order and in as few transactions as it
 * comes to; one answers questions beside it. Private to the room. */
#ifndef RIPOSTE_JOURNAL_SQLITE_WRITER_H
#define RIPOSTE_JOURNAL_SQLITE_WRITER_H

#include "engine/journal/message.h"
#include "engine/journal/sqlite_db.h"

typedef struct writer writer;

typedef struct writer_options {
    db *db, *beside; /* to write, and to read; borrowed until writer_stop */
    uv_loop_t *loop;
    size_t compress_above;
    unsigned give_up_after_ms;
    /* From the loop: a message that has "done" or "answer", or went wrong, has been seen to. It is the callee's. */
    void (*returned)(void *data, message *m);
    void *data;
} writer_options;

rip_status writer_start(const writer_options *options, writer **out, rip_error *err);

/** Takes the message. A question sees all that was sent before it; while nothing can be written, all that is safe. */
void writer_send(writer *w, message *m);

/** Whether it has given up; then messages come back with RIP_EIO. */
bool writer_has_given_up(const writer *w);

/** Write what is left, wait for that, and free; messages are not returned any more. The loop must run once more. */
void writer_stop(writer *w);

/** Answer a question here and now. */
void question_answer(db *d, message *m);

#endif
