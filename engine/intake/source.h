/* Where documents come from. Each source has its file; this is what they share: a step at a time, so that the loop
 * keeps turning and what is under way stays bounded. */
#ifndef RIPOSTE_INTAKE_SOURCE_H
#define RIPOSTE_INTAKE_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "engine/base/error.h"
#include "engine/intake/document.h"

typedef struct source source;

/** One JSON document, not yet looked into; borrowed during the call. */
typedef struct source_document {
    const char *bytes;
    size_t len;
    const char *origin; /* a path, "-" for standard input */
    size_t line;        /* on which it starts, from 1 */
} source_document;

/** Something that could not be read as a document: `error` starts with origin, line and column ("x.json:3:14: …"). */
typedef struct source_fault {
    const char *origin;
    size_t line, column;
    rip_error error;
} source_fault;

/** Both hand an error on to whoever steps the source, which ends it; RIP_OK goes on with the next document. */
typedef struct source_sink {
    rip_status (*document)(void *data, const source_document *document);
    rip_status (*fault)(void *data, const source_fault *fault);
    void *data;
} source_sink;

/** Files, folders (the .json, .jsonl and .ndjson files below, in byte order of their paths) and "-" (standard input),
 * one after the other, streamed: a file of any size is read in pieces, a document is held at a time. `paths` is copied;
 * `limits` may be NULL. RIP_ENOTFOUND names a path that is not there, before anything is read. */
rip_status source_files(const char *const *paths, size_t count, const document_limits *limits, const source_sink *sink,
                        source **out, rip_error *err);

/** Do a bounded piece of work: read up to 64 KiB and hand on the documents that are whole by then. Never waits: where
 * nothing has come yet, source_waits_for tells what to poll. `*more` is false when the source is at its end. */
rip_status source_step(source *s, bool *more, rip_error *err);

/** The descriptor whose next bytes the source waits for (a pipe, a terminal); -1: it can be stepped. */
int source_waits_for(const source *s);

/** Step until the end, waiting where there is nothing yet: for programs without a loop. */
rip_status source_drain(source *s, rip_error *err);

void source_free(source *s);

#endif
