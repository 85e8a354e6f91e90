/* A standard SQS queue for tests: hides what it delivers, counts deliveries, and moves to its dead-letter queue what
 * was delivered too often. */
#ifndef RIPOSTE_TESTS_INTAKE_QUEUE_H
#define RIPOSTE_TESTS_INTAKE_QUEUE_H

#include "tests/intake/desk.h"

#define QUEUE_MOST 1000

typedef struct queue_message {
    char body[600];
    int64_t visible_at;
    unsigned received;
    bool is_deleted, is_dead;
} queue_message;

typedef struct queue {
    const desk *desk;
    queue_message messages[QUEUE_MOST];
    size_t count;
    unsigned redrive;                           /* deliveries before the dead-letter queue; 0: there is none */
    unsigned receives, deletes, hides, entries; /* calls; entries of the deletes */
    unsigned fail_receives, fail_deletes, fail_hides;
} queue;

json_t *queue_answer(void *data, const aws_attempt *attempt);
void queue_put(queue *q, const char *body);
size_t queue_deleted(const queue *q);
size_t queue_dead(const queue *q);

#endif
