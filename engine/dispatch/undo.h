/* The run that takes another's changes back. */
#ifndef RIPOSTE_DISPATCH_UNDO_H
#define RIPOSTE_DISPATCH_UNDO_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/base/error.h"
#include "engine/journal/journal.h"

typedef struct undo_order {
    const json_t *whole; /* the run, as journal_read_run gives it */
    const char *step;    /* only this one ("2.7/3"); NULL: all */
    const char *mode;
    int64_t now; /* milliseconds since the epoch */
    const journal *journal;
} undo_order;

/** The record of a run that undoes the changes of another, the last first: a built-in playbook ("undo") with the
 * permissions that this takes and "undo", the steps: {"step","service","operation","params","region","account",
 * "outcome","reply","undo","irreversible"}. A step whose undo holds a secret that cannot be opened, or was not kept,
 * has none, and "irreversible" says so. New reference. RIP_ENOTFOUND: there is no such step; RIP_EDENIED: it made no
 * changes. */
rip_status undo_record(const undo_order *order, aws_models *models, json_t **out, rip_error *err);

#endif
