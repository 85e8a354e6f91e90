/* Cutting a stream of bytes into JSON documents: one document, an array of them, or one after the other (a line each,
 * or without any line ends), whatever the chunks they come in. Nothing is parsed twice: only strings, brackets and
 * lines are followed. */
#ifndef RIPOSTE_INTAKE_DOCUMENT_H
#define RIPOSTE_INTAKE_DOCUMENT_H

#include <stddef.h>

#include "engine/base/error.h"

/** Zero means the default. */
typedef struct document_limits {
    size_t bytes;   /* of one document; 1 MiB */
    unsigned depth; /* 64 */
} document_limits;

typedef struct documents documents;

/** A document, borrowed during the call, with the line and column on which it starts; or (bytes NULL) a fault: `err`
 * says what was expected there and what was found. An error returned ends the cutting and is handed on. */
typedef rip_status (*document_fn)(void *data, const char *bytes, size_t len, size_t line, size_t column,
                                  const rip_error *err);

rip_status documents_new(const document_limits *limits, document_fn fn, void *data, documents **out, rip_error *err);
void documents_free(documents *d);

/** More bytes; what is whole is handed on. After a fault the rest of that line is passed over and the next document
 * goes on. */
rip_status documents_feed(documents *d, const char *bytes, size_t len);

/** The end: what is left is a document, a fault ("the document ends within a string …"), or nothing. */
rip_status documents_end(documents *d);

#endif
