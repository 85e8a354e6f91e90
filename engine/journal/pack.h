/* Compressing what is long: zlib's format. Private to the room. */
#ifndef RIPOSTE_JOURNAL_PACK_H
#define RIPOSTE_JOURNAL_PACK_H

#include "engine/base/buffer.h"
#include "engine/journal/chain.h"

/** One that is kept, since setting up costs as much as compressing a small text does. Zero-initialise. */
typedef struct packer {
    struct packer_stream *stream;
    rip_buffer out;
} packer;

/** `in` in less room, and its size in *packed; or `in` itself, and 0, where it is not over `above` bytes or does not
 * get smaller. Borrowed until the next call. */
bytes pack(packer *p, bytes in, size_t above, int64_t *packed);
void packer_free(packer *p);

/** Into `out`, which is emptied before. RIP_EINVAL: it is not what was packed. */
rip_status unpack(bytes in, int64_t packed, rip_buffer *out, rip_error *err);

#endif
