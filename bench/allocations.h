/* How many times this thread asked for memory: malloc, calloc and realloc, also from within libraries. */
#ifndef RIPOSTE_BENCH_ALLOCATIONS_H
#define RIPOSTE_BENCH_ALLOCATIONS_H

#include <stdbool.h>
#include <stddef.h>

/** False where they can't be counted: another C library, or a sanitizer that counts for itself. */
bool allocations_are_counted(void);
unsigned long allocations(void);

#endif
