/* The C library's own allocator, counted. It stands in for malloc in all of the process, shared libraries too; the GNU
 * C library lets a program do so, and offers its allocator under second names (its manual, "Replacing malloc"). */
#include "allocations.h"

#include <stdlib.h> /* which tells whose C library it is */

#include "engine/base/sanitizer.h"

#if defined(__GLIBC__) && !RIP_ADDRESS_SANITIZER && !RIP_THREAD_SANITIZER

void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *memory, size_t size);

static _Thread_local unsigned long asked_for;

void *malloc(size_t size)
{
    asked_for++;
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
    asked_for++;
    return __libc_calloc(count, size);
}

void *realloc(void *memory, size_t size)
{
    asked_for++;
    return __libc_realloc(memory, size);
}

bool allocations_are_counted(void)
{
    return true;
}

unsigned long allocations(void)
{
    return asked_for;
}

#else

bool allocations_are_counted(void)
{
    return false;
}

unsigned long allocations(void)
{
    return 0;
}

#endif
