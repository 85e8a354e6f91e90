/* What a source provides; private to the room. */
#ifndef RIPOSTE_INTAKE_SOURCE_PRIVATE_H
#define RIPOSTE_INTAKE_SOURCE_PRIVATE_H

#include "engine/intake/source.h"

typedef struct source_ops {
    rip_status (*step)(source *s, bool *more, rip_error *err);
    int (*waits_for)(const source *s);
    void (*free)(source *s);
} source_ops;

/** A source's struct starts with this. */
struct source {
    const source_ops *ops;
};

#endif
