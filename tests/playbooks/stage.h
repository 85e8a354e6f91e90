/* Scripts on a simulated account, at a door that lets everything through: what they change is kept as the journal would
 * keep it. */
#ifndef RIPOSTE_TESTS_PLAYBOOKS_STAGE_H
#define RIPOSTE_TESTS_PLAYBOOKS_STAGE_H

#include <jansson.h>

#include "aws/client.h"
#include "engine/base/clock.h"
#include "lua/door.h"
#include "lua/playbook.h"

typedef struct stage {
    rip_door door; /* first: the door is the stage */
    uv_loop_t loop;
    rip_clock *clock;
    aws_models *models;
    aws_transport *account;
    aws_client *client;
    rip_playbook *playbook;
    const char *mode;
    const char *lost; /* the first answer to this operation is lost: "ecs:CreateCluster" */
    bool lost_before; /* …before AWS had the request */
    unsigned unread;  /* then so many reads fail for a while */
    json_t *steps;    /* changes, in the order in which they finished */
    json_t *left;     /* texts of what was left alone: "what: why" */
    json_t *effects;  /* {kind: [requests]} of the others */
    bool ended;
    rip_status status;
    rip_error err;
} stage;

/** An account from `folder`/account.lua and the playbook beside it; a failure fails the test. */
void stage_open(stage *s, const char *folder);
/** The same with another caller (its ARN) than the account's file says. */
void stage_open_as(stage *s, const char *folder, const char *caller);
void stage_close(stage *s);

/** Run the playbook with a finding of this kind, to its end and until the account is quiet. `more`: further fields of
 * the finding, or NULL (stolen). What came of it is in the stage, afresh. */
void stage_run(stage *s, const char *kind, json_t *more);

/** All that is in the account. New reference. */
json_t *stage_snapshot(stage *s);

/** Does a text of what was left alone hold `part`? */
bool stage_left(const stage *s, const char *part);

/** The text of the last effect of this kind ("log"); a failure of the test where there is none. */
const char *stage_text(const stage *s, const char *kind);

#endif
