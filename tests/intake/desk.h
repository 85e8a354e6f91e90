/* What live sources stand on in tests: a virtual clock, an AWS that a function plays, and a sink that does as told. */
#ifndef RIPOSTE_TESTS_INTAKE_DESK_H
#define RIPOSTE_TESTS_INTAKE_DESK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "aws/client.h"
#include "engine/intake/live.h"
#include "engine/journal/journal.h"

#define DESK_HELD_MOST 2000

/** Plays AWS: the output of a call (new reference), or {"$error": code}; with "$after" it comes so many ms later. */
typedef json_t *(*desk_answer)(void *data, const aws_attempt *attempt);

typedef enum desk_mood {
    DESK_KEEP,   /* kept at once */
    DESK_HOLD,   /* taken, and told of by desk_tell */
    DESK_FULL,   /* RIP_EAGAIN */
    DESK_REFUSE, /* RIP_EINVAL */
    DESK_FAIL    /* taken, and told RIP_EIO */
} desk_mood;

typedef struct desk {
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_client *client;
    journal *journal;
    live_sink sink;
    desk_mood mood;
    json_t *taken;   /* texts that were handed over and not refused, in order */
    json_t *origins; /* theirs */
    size_t offers;
    struct {
        live_kept kept;
        void *data;
    } held[DESK_HELD_MOST];
    size_t held_count;
} desk;

void desk_open(desk *d, desk_answer answer, void *data);
/** Sources are freed before. */
void desk_close(desk *d);
/** Tell of all that is held. */
void desk_tell(desk *d, rip_status status);
/** Let so much (virtual) time go by. */
void desk_pass(desk *d, int64_t ms);
/** A number of a source's status, or its text. */
long long desk_number(const live_source *source, const char *key);
const char *desk_text(const live_source *source, const char *key);

#endif
