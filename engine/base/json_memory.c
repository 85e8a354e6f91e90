#include "engine/base/json_memory.h"

#include <jansson.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "engine/base/sanitizer.h"

#if !RIP_ADDRESS_SANITIZER

/* A finding and its run are some 500 small values, which are made together, looked at together and dropped together.
 * From malloc they come out of holes all over the heap, and each costs a miss of the cache. Here a thread cuts them
 * from a chunk, one behind the other. Nothing is known of a piece but its chunk, by its address; a chunk counts those
 * that are left of it, and is used anew once all of them are gone. */
#define CHUNK_BYTES ((size_t)32 << 10)
#define HEADER_BYTES ((size_t)64)
#define GRAIN ((size_t)16)
#define PIECE_MOST ((size_t)1024) /* what is larger is malloc's, and alone */

#define SPARE_LEAST 64       /* so many chunks are kept whatever comes */
#define GIVEN_BACK_MOST 1024 /* chunks at a time: the loop's thread does it */

/* More than there are pieces in a chunk: while a thread cuts from it, it cannot be used up. */
#define BEING_CUT ((int64_t)1 << 32)

typedef struct chunk {
    _Atomic int64_t held; /* pieces that are not freed yet, and BEING_CUT less those that were cut */
} chunk;

/* What a thread cuts from. */
typedef struct cutting {
    chunk *chunk;
    char *at, *end;
    int64_t pieces; /* cut so far */
} cutting;

static _Thread_local cutting mine;
static pthread_key_t at_end; /* its value is the thread's `mine` */

/* The chunks of the process. Spares are a stack, by number: those at its bottom were not used for the longest time. */
static struct {
    char *start;
    size_t bytes;
    pthread_mutex_t lock; /* of what follows */
    uint32_t *spares;
    uint32_t chunks, fresh; /* in all; the first that was never used */
    uint32_t spare_count;
    uint32_t cold;   /* so many at the bottom were given back to the system */
    uint32_t unused; /* so many at the bottom were not taken since rip_json_memory_rest */
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER};

static chunk *numbered(uint32_t number)
{
    return (chunk *)(void *)(pool.start + number * CHUNK_BYTES);
}

static bool is_piece(const void *block)
{
    return (uintptr_t)block - (uintptr_t)pool.start < pool.bytes;
}

static chunk *chunk_of(const void *piece)
{
    return numbered((uint32_t)(((uintptr_t)piece - (uintptr_t)pool.start) / CHUNK_BYTES));
}

static void keep(const chunk *c)
{
    uint32_t number = (uint32_t)(((const char *)c - pool.start) / (ptrdiff_t)CHUNK_BYTES);
    pthread_mutex_lock(&pool.lock);
    pool.spares[pool.spare_count++] = number;
    pthread_mutex_unlock(&pool.lock);
}

static void release(chunk *c, int64_t pieces)
{
    if (atomic_fetch_sub_explicit(&c->held, pieces, memory_order_acq_rel) == pieces) keep(c);
}

static chunk *spare_or_fresh(void)
{
    chunk *c = NULL;
    pthread_mutex_lock(&pool.lock);
    if (pool.spare_count > 0) {
        c = numbered(pool.spares[--pool.spare_count]);
        if (pool.cold > pool.spare_count) pool.cold = pool.spare_count;
        if (pool.unused > pool.spare_count) pool.unused = pool.spare_count;
    } else if (pool.fresh < pool.chunks) {
        c = numbered(pool.fresh++);
    }
    pthread_mutex_unlock(&pool.lock);
    return c;
}

static void leave(void *data)
{
    cutting *last = data;
    if (last->chunk) release(last->chunk, BEING_CUT - last->pieces);
    *last = (cutting){0};
}

static bool next_chunk(void)
{
    leave(&mine);
    chunk *c = pthread_setspecific(at_end, &mine) == 0 ? spare_or_fresh() : NULL;
    if (!c) return false;
    atomic_store_explicit(&c->held, BEING_CUT, memory_order_relaxed);
    mine = (cutting){c, (char *)c + HEADER_BYTES, (char *)c + CHUNK_BYTES, 0};
    return true;
}

static void *take(size_t size)
{
    size_t whole = (size + GRAIN - 1) / GRAIN * GRAIN;
    if (size > PIECE_MOST || ((size_t)(mine.end - mine.at) < whole && !next_chunk())) return malloc(size);
    void *piece = mine.at;
    mine.at += whole;
    mine.pieces++;
    return piece;
}

static void put(void *block)
{
    if (is_piece(block))
        release(chunk_of(block), 1);
    else
        free(block);
}

void rip_json_memory_install(size_t bytes)
{
    uint32_t chunks = (uint32_t)(bytes / CHUNK_BYTES);
    uint32_t *spares = calloc(chunks, sizeof *spares);
    char *start =
        mmap(NULL, chunks * CHUNK_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (!spares || start == MAP_FAILED || pthread_key_create(&at_end, leave) != 0) {
        if (start != MAP_FAILED) munmap(start, chunks * CHUNK_BYTES);
        free(spares);
        return;
    }
    pool.start = start;
    pool.bytes = chunks * CHUNK_BYTES;
    pool.spares = spares;
    pool.chunks = chunks;
    json_set_alloc_funcs(take, put);
}

void rip_json_memory_rest(void)
{
    pthread_mutex_lock(&pool.lock);
    uint32_t most = pool.spare_count > SPARE_LEAST ? pool.spare_count - SPARE_LEAST : 0;
    uint32_t until = pool.unused < most ? pool.unused : most;
    if (until > pool.cold + GIVEN_BACK_MOST) until = pool.cold + GIVEN_BACK_MOST;
    for (; pool.cold < until; pool.cold++) madvise(numbered(pool.spares[pool.cold]), CHUNK_BYTES, MADV_DONTNEED);
    pool.unused = pool.spare_count;
    pthread_mutex_unlock(&pool.lock);
}

#else

void rip_json_memory_install(size_t bytes)
{
    (void)bytes;
}

void rip_json_memory_rest(void)
{
}

#endif
