/* The playbooks that are loaded, and the one set of triggers that selects among them. */
#ifndef RIPOSTE_DISPATCH_LIBRARY_H
#define RIPOSTE_DISPATCH_LIBRARY_H

#include <stddef.h>

#include "aws/model.h"
#include "engine/base/error.h"
#include "lua/playbook.h"

typedef struct library library;

/** Load playbooks from files and folders. A folder stands for the files below it that end in ".lua", in byte order of
 * their paths, but for tests ("*_test.lua"), and modules: a folder `x/` beside `x.lua` holds what x requires.
 *
 * Every mistake goes to `fn` (headers, triggers, permissions that no API model knows, two playbooks of one name); a
 * playbook that has one is left out and the others are loaded. `*mistakes` counts them. `models` is borrowed and may be
 * NULL: permissions are not looked up then. RIP_ENOTFOUND for a path that is not there, RIP_ENOMEM. */
rip_status library_load(const char *const *paths, size_t count, aws_models *models, rip_playbook_mistake_fn fn,
                        void *data, size_t *mistakes, library **out, rip_error *err);
/** Load them anew. Of a file that has a mistake now, the playbook that `before` has of it stays, as it was: the mistake
 * is told all the same. */
rip_status library_reload(const library *before, const char *const *paths, size_t count, aws_models *models,
                          rip_playbook_mistake_fn fn, void *data, size_t *mistakes, library **out, rip_error *err);

/** One more holds it: a run keeps the playbooks that it began with. Returns `books`. */
library *library_keep(library *books);
/** One less; the last frees it. NULL is allowed. */
void library_free(library *books);

size_t library_count(const library *books);
/** In order of their names. */
const rip_playbook *library_at(const library *books, size_t index);

/** The playbook of that name, or NULL. */
const rip_playbook *library_find(const library *books, const char *name);

/** Call `fn` for each playbook whose trigger matches the event, in order of their names. RIP_EINVAL for bytes that are
 * no JSON object. */
typedef void (*library_match_fn)(void *data, const rip_playbook *playbook);
rip_status library_match(library *books, const char *event, size_t len, library_match_fn fn, void *data,
                         rip_error *err);

#endif
