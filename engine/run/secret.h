/* Secrets never reach the journal: keyed digests stand in their place, which tell whether two are the same and nothing
 * else. What must come back, since it takes a change back, is sealed instead (docs/adr/0015). */
#ifndef RIPOSTE_RUN_SECRET_H
#define RIPOSTE_RUN_SECRET_H

#include <jansson.h>
#include <stdbool.h>

#include "aws/model.h"
#include "engine/journal/journal.h"
#include "engine/run/secret_known.h"

/* The digest of a secret as it stands in its place, with its NUL. */
#define SECRET_MARK_SIZE 91

/** A copy of `value` (new reference; the same value where there is nothing to hide) with a digest in the place of every
 * secret: what `shape` (NULL: nothing is known of it) marks as sensitive, what stands under a name that tells of a
 * secret (SecretString, SecretAccessKey, SessionToken, Password …), and the value beside such a name ({"name":
 * "AWS_SECRET_ACCESS_KEY", "value": …}, as task definitions have it; SSM's SecureString). A digest that is there
 * already stays. `known` (NULL: nobody asks) learns what stood under such names. */
json_t *secret_mask(const journal *j, const aws_shape *shape, json_t *value, secret_known *known);

/** The digest that stands for a secret. */
void secret_mark_text(const journal *j, const char *text, size_t len, char out[SECRET_MARK_SIZE]);

/** Does a name tell that what stands under it is a secret? */
bool secret_is_name(const char *name);

/** Does a digest of this journal stand anywhere in `value`, within a string too? The secret itself is not known any
 * more then. */
bool secret_lost(const journal *j, const json_t *value);

/** What something sealed belongs to: it opens for nothing else. Borrowed. */
typedef struct secret_place {
    const char *run;
    const char *step; /* "2.7/3" */
} secret_place;

/** As secret_mask, but every secret is sealed for `place` as "(sealed 2.7/3 <base64>)". So is a string that only looks
 * like that: whatever begins so in the result was sealed here. What is sealed for `place` already stays, and so do
 * digests and {"$reply": …}, in whose place a reply's value comes. NULL: it could not be sealed, `err` says why. */
json_t *secret_seal(const journal *j, const secret_place *place, const aws_shape *shape, json_t *value, rip_error *err);

/** A copy of `value` (new reference; the same value where nothing is sealed) with all that is sealed as it was before.
 * `place->step` NULL: of any step of the run. RIP_EDENIED names the step whose secret cannot be opened. */
rip_status secret_open(const journal *j, const secret_place *place, json_t *value, json_t **out, rip_error *err);

/** Are they the same secret? Each may be a digest, sealed in whatever step of `run`, or as it is. The answer is the
 * same for a secret and its digest, so that a replay gives it again; the order of a list's elements is no difference.
 * What cannot be opened is the same as nothing. */
bool secret_same(const journal *j, const char *run, json_t *a, json_t *b);

#endif
