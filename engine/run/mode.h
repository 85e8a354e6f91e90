/* What a run may do to the world. */
#ifndef RIPOSTE_RUN_MODE_H
#define RIPOSTE_RUN_MODE_H

#include <stdbool.h>

/** In rising order: the lowest of the global setting and the playbook's wins. */
typedef enum run_mode {
    RUN_OBSERVE, /* the match is recorded, nothing runs */
    RUN_DRY_RUN, /* reads are real, changes become the lines of a plan */
    RUN_APPROVE, /* as dry-run; the plan waits for a person */
    RUN_ENFORCE  /* changes are made */
} run_mode;

/** "observe", "dry-run", "approve" or "enforce" to a mode; false if it is none of them. */
bool run_mode_parse(const char *name, run_mode *mode);
const char *run_mode_name(run_mode mode);

#endif
