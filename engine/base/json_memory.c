#include "engine/base/json_memory.h"

#include <jansson.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>

#ifndef __SANITIZE_ADDRESS__

/* A finding and its run are some 500 values, nearly all of them in pieces of less than 100 bytes: for so many, malloc's
 * own lists of a thread (7 of each size) are too short. A piece's class is by what malloc makes of a size: 16 n + 8. */
#define CLASSES 16
#define KEPT_MOST 2048 /* of a class */

typedef struct piece piece;
struct piece {
    piece *next;
};

typedef struct list {
    piece *first;
    unsigned count;
} list;

static _Thread_local list kept[CLASSES];
static _Thread_local int is_known; /* will its lists be given back? */
static pthread_key_t at_end;

static void give_back(void *lists)
{
    list *all = lists;
    for (size_t class = 0; class < CLASSES; class ++) {
        while (all[class].first) {
            piece *first = all[class].first;
            all[class].first = first->next;
            free(first);
        }
    }
}

static void *take(size_t size)
{
    size_t class = (size + 7) / 16;
    if (class >= CLASSES) return malloc(size);
    list *l = &kept[class];
    piece *first = l->first;
    if (!first) return malloc(class * 16 + 8);
    l->first = first->next;
    l->count--;
    return first;
}

static void put(void *block)
{
    if (!block) return;
    size_t class = (malloc_usable_size(block) - 8) / 16;
    if (class >= CLASSES || kept[class].count >= KEPT_MOST) {
        free(block);
        return;
    }
    if (!is_known) is_known = pthread_setspecific(at_end, kept) == 0;
    piece *back = block;
    back->next = kept[class].first;
    kept[class].first = back;
    kept[class].count++;
}

void rip_json_memory_install(void)
{
    if (pthread_key_create(&at_end, give_back) == 0) json_set_alloc_funcs(take, put);
}

#else

void rip_json_memory_install(void)
{
}

#endif
