/* The reply that a planned change would have: made from the model's output shape and the request, unknown values
 * marked. */
#ifndef RIPOSTE_RUN_IMAGINE_H
#define RIPOSTE_RUN_IMAGINE_H

#include <jansson.h>

#include "aws/model.h"
#include "engine/run/unknown.h"

/** Where the change is made, and by which step. Borrowed. */
typedef struct imagine_place {
    const char *partition, *region, *account;
    const char *path; /* the fiber's */
    unsigned number;
} imagine_place;

/** A new reference; {} when the operation gives nothing. The same for the same step and parameters. */
json_t *imagine_output(run_unknowns *unknowns, const aws_operation *operation, const json_t *params,
                       const imagine_place *place);

#endif
