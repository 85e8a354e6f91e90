/* Memory of JSON values: pieces that are made one after the other lie side by side. */
#ifndef RIPOSTE_BASE_JSON_MEMORY_H
#define RIPOSTE_BASE_JSON_MEMORY_H

#include <stddef.h>

/** Address space for them in a process; what goes beyond it is malloc's. */
#define RIP_JSON_MEMORY_BYTES ((size_t)4 << 30)

/** From here on jansson takes its memory so, from `bytes` of address space. Call it before its first value is made, and
 * while there is one thread.
 *
 * A value may be freed by another thread than the one that made it. What jansson itself hands out as text (json_dumps)
 * is of this memory and must not be given to free: rip_json_dump (json.h) is what to call, and no room can call the
 * other. In a build where a sanitizer looks at each piece, and where the system has no such address space, it does
 * nothing. */
void rip_json_memory_install(size_t bytes);

/** To be called now and then, by one thread, in seconds: gives the system back up to 32 MB that were not needed since
 * the last call. */
void rip_json_memory_rest(void);

#endif
