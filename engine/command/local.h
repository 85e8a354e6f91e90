/* The journal without a process that owns it: this one opens it. */
#ifndef RIPOSTE_COMMAND_LOCAL_H
#define RIPOSTE_COMMAND_LOCAL_H

#include "engine/command/talk.h"

/** talk_ask, from the journal at `path`, opened to read. */
rip_status local_ask(const char *path, const json_t *request, json_t **value, rip_error *err);

/** talk_tell, with an engine in this process, which ends once all that can go on has ended; each run is reported as
 * `riposte run` does. The configuration is taken over. RIP_EAGAIN: another process owns the journal, and `err` says
 * which; nothing was done or told. RIP_OK: it came to an end, which was told; `*end` is the command's exit status. */
rip_status local_tell(talk *t, json_t *request, int *end, rip_error *err);

#endif
