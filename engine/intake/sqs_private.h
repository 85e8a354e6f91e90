/* The parts of an SQS source: receiving (sqs.c), what becomes of messages (sqs_batch.c), and what is in them
 * (sqs_message.c). Private to the room. */
#ifndef RIPOSTE_INTAKE_SQS_PRIVATE_H
#define RIPOSTE_INTAKE_SQS_PRIVATE_H

#include "engine/intake/live_tally.h"
#include "engine/intake/sqs.h"

#define SQS_BATCH_MOST 10 /* entries of one call, by SQS's limit */
#define SQS_RECEIVERS_MOST 16

typedef struct sqs_source sqs_source;

typedef enum sqs_state {
    SQS_WAITS,  /* the sink has not taken it yet */
    SQS_HANDED, /* …has, and has not told yet that it is kept */
    SQS_KEPT,   /* to be deleted */
    SQS_LEFT    /* to be given back to the queue */
} sqs_state;

typedef struct sqs_message {
    sqs_source *source;
    struct sqs_message *previous, *next;
    char *id, *receipt;
    char *body;      /* NULL once it is handed over */
    json_t *content; /* owns what `text` borrows, where the body is an envelope */
    const char *text;
    size_t len;
    unsigned received;    /* deliveries, this one included */
    int64_t hidden_until; /* on the clock's monotonic scale; INT64_MAX: nothing can extend it any more */
    unsigned give_back_s; /* SQS_LEFT: hidden for that long still */
    sqs_state state;
    bool in_batch; /* a call that is under way names it */
    bool renewed;  /* …and it was delivered again since: that call's result is about an old receipt */
} sqs_message;

typedef struct sqs_receiver {
    sqs_source *source;
    aws_call *call; /* NULL: none under way */
    rip_timer timer;
    unsigned failures;
} sqs_receiver;

typedef enum sqs_purpose { SQS_DELETE, SQS_GIVE_BACK, SQS_EXTEND, SQS_PURPOSES } sqs_purpose;

typedef struct sqs_batch {
    sqs_source *source;
    struct sqs_batch *previous, *next;
    aws_call *call;
    sqs_purpose purpose;
    size_t count;
    sqs_message *messages[SQS_BATCH_MOST];
} sqs_batch;

struct sqs_source {
    live_source base;
    live_tally tally;
    char *url, *region;
    char arn[SQS_ARN_MAX];
    unsigned concurrency, visibility, receives;
    aws_client *client;
    rip_clock *clock;
    live_sink sink;
    metric *age;
    const aws_operation *receive, *forget, *hide; /* ReceiveMessage, DeleteMessageBatch, ChangeMessageVisibilityBatch */
    sqs_receiver receivers[SQS_RECEIVERS_MOST];
    sqs_message *first, *last;
    size_t held, waiting;
    sqs_batch *batches;
    rip_timer again;   /* to hand over what waits */
    rip_timer flush;   /* to delete and give back what has gathered */
    rip_timer extend;  /* to look for what will soon be visible */
    int64_t resume_at; /* nothing is received before */
    bool running;
};

/* sqs_batch.c */

/** Delete, give back and extend soon: what comes together is one call. */
void sqs_settle(sqs_source *s);
/** Begin to look after what is held. */
void sqs_extend_later(sqs_source *s);
void sqs_give_back(sqs_message *m, unsigned seconds);
void sqs_message_drop(sqs_message *m);
void sqs_cancel_batches(sqs_source *s);

/* sqs_message.c */

/** What a message carries: the text itself, or the "Message" of SNS's envelope around it, which `*content` then owns.
 */
const char *sqs_unwrap(const char *body, size_t len, json_t **content, size_t *text_len);

#endif
