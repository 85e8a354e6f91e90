/* Shared by the two halves of the pattern compiler: objects (pattern.c) and match expressions (expression.c). */
#ifndef RIPOSTE_TRIGGER_COMPILE_H
#define RIPOSTE_TRIGGER_COMPILE_H

#include "engine/base/buffer.h"
#include "engine/trigger/document.h"
#include "engine/trigger/pattern.h"

typedef struct compiler {
    pattern *out;
    arena *memory;   /* the pattern's */
    rip_buffer path; /* as playbooks write it: detail.type[1] */
    rip_buffer name; /* as fields are called: detail.type */
    unsigned levels; /* steps in the name */
    size_t at;       /* of the mistake */
    rip_error *err;
} compiler;

/** Refuse what is at `at`. */
rip_status compile_wrong(compiler *c, size_t at, const char *format, ...) __attribute__((format(printf, 3, 4)));

/** Add a key or an index (from 1) to the path; give the result to compile_leave. */
size_t compile_enter(compiler *c, const char *key, size_t len);
size_t compile_enter_index(compiler *c, size_t index);
void compile_leave(compiler *c, size_t mark);

/** The list of values and match expressions that stands for a field. */
rip_status compile_values(compiler *c, const node *list, condition *out);

/** Is this the name of a match expression ("prefix")? */
bool expression_is_name(const char *text);

#endif
