/* Documents from files that are dropped into a folder: JSON, an array, or JSON lines.
 *
 * A file is taken in once it has stopped changing, and moved to done/ once all that is in it is kept, or to failed/
 * beside a file NAME.error that says why. A file that a crash left behind is read again: what was kept before is known
 * by its id and version. Links are never followed. */
#ifndef RIPOSTE_INTAKE_FOLDER_H
#define RIPOSTE_INTAKE_FOLDER_H

#include "engine/base/clock.h"
#include "engine/base/metrics.h"
#include "engine/intake/document.h"
#include "engine/intake/live.h"

/** Strings are copied. */
typedef struct folder_options {
    const char *name; /* how people know it */
    const char *path;
    document_limits limits; /* zero: the defaults */
    rip_clock *clock;       /* borrowed, with its loop; outlives the source */
    live_sink sink;
    metrics *numbers; /* NULL: none */
} folder_options;

/** `start` makes done/ and failed/ where they are not, and fails where the folder is not there. After its `free` the
 * sink tells of no document any more; handles close in the loop afterwards. */
rip_status folder_source_new(const folder_options *options, live_source **out, rip_error *err);

#endif
