/* Memory of JSON values: a thread keeps the small pieces that it gave back, for its next ones. */
#ifndef RIPOSTE_BASE_JSON_MEMORY_H
#define RIPOSTE_BASE_JSON_MEMORY_H

/** From here on jansson takes its memory so. Call it before its first value is made, and while there is one thread.
 *
 * The pieces stay malloc's own: what jansson hands out (json_dumps) may be given to free, and a value may be freed by
 * another thread than the one that made it. A thread keeps 4 MB at most, and gives them back when it ends. In a build
 * where a sanitizer looks at each piece it does nothing. */
void rip_json_memory_install(void);

#endif
