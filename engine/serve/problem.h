/* Errors as HTTP answers them: application/problem+json (RFC 9457). */
#ifndef RIPOSTE_SERVE_PROBLEM_H
#define RIPOSTE_SERVE_PROBLEM_H

#include "engine/base/buffer.h"
#include "engine/serve/http.h"

#define PROBLEM_TYPE "application/problem+json"

/** The words that belong to a status code: "Not Found". */
const char *problem_title(unsigned status);

/** Write the document; `detail` may be NULL and is escaped. */
void problem_write(rip_buffer *out, unsigned status, const char *detail);

/** Answer with it. `headers` as http_answer takes them. */
void problem_answer(http_exchange *x, unsigned status, const char *detail, const char *const *headers);

/** The status code for an error of ours. */
unsigned problem_status(rip_status status);

#endif
