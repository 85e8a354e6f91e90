/* Secrets never reach the journal: keyed digests stand in their place, which tell whether two are the same and nothing
 * else. */
#ifndef RIPOSTE_RUN_SECRET_H
#define RIPOSTE_RUN_SECRET_H

#include <jansson.h>
#include <stdbool.h>

#include "aws/model.h"
#include "engine/journal/journal.h"

/** A copy of `value` (new reference; the same value where there is nothing to hide) with a digest in the place of every
 * secret: what `shape` (NULL: nothing is known of it) marks as sensitive, what stands under a name that tells of a
 * secret (SecretString, SecretAccessKey, SessionToken, Password …), and the value beside such a name ({"name":
 * "AWS_SECRET_ACCESS_KEY", "value": …}, as task definitions have it). A digest that is there already stays. */
json_t *secret_mask(const journal *j, const aws_shape *shape, json_t *value);

/** Does a digest of this journal stand anywhere in `value`? The secret itself is not known any more then. */
bool secret_lost(const journal *j, const json_t *value);

#endif
