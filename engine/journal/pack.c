#include "engine/journal/pack.h"

#include <stdlib.h>
#include <zlib.h>

/* Far over any event that is taken in: what a damaged file claims is not believed. */
#define UNPACKED_MAX ((int64_t)1 << 28)

/* Events are small: tables for larger texts would take longer to clear than an event takes to compress. */
#define WINDOW_BITS 14
#define TABLES 6

struct packer_stream {
    z_stream z;
};

static bool set_up(packer *p)
{
    if (p->stream) return deflateReset(&p->stream->z) == Z_OK;
    p->stream = calloc(1, sizeof *p->stream);
    if (p->stream &&
        deflateInit2(&p->stream->z, Z_BEST_SPEED, Z_DEFLATED, WINDOW_BITS, TABLES, Z_DEFAULT_STRATEGY) == Z_OK)
        return true;
    free(p->stream);
    p->stream = NULL;
    return false;
}

bytes pack(packer *p, bytes in, size_t above, int64_t *packed)
{
    *packed = 0;
    if (in.len <= above || in.len > UNPACKED_MAX || !set_up(p)) return in;
    z_stream *z = &p->stream->z;
    rip_buffer_clear(&p->out);
    if (!rip_buffer_reserve(&p->out, in.len)) {
        rip_buffer_free(&p->out);
        return in;
    }
    z->next_in = (z_const Bytef *)(uintptr_t)in.data;
    z->avail_in = (uInt)in.len;
    z->next_out = (Bytef *)p->out.data;
    z->avail_out = (uInt)in.len - 1;
    if (deflate(z, Z_FINISH) != Z_STREAM_END) return in;
    p->out.len = z->total_out;
    *packed = (int64_t)in.len;
    return (bytes){p->out.data, p->out.len};
}

void packer_free(packer *p)
{
    if (p->stream) deflateEnd(&p->stream->z);
    free(p->stream);
    rip_buffer_free(&p->out);
    *p = (packer){0};
}

rip_status unpack(bytes in, int64_t packed, rip_buffer *out, rip_error *err)
{
    rip_buffer_clear(out);
    if (packed == 0) {
        rip_buffer_append(out, in.data, in.len);
        return rip_buffer_status(out, err);
    }
    if (packed < 0 || packed > UNPACKED_MAX || !in.data)
        return rip_fail(err, RIP_EINVAL, "a compressed row has an impossible size");
    if (!rip_buffer_reserve(out, (size_t)packed)) return rip_nomem(err);
    uLongf len = (uLongf)packed;
    if (uncompress((Bytef *)out->data, &len, in.data, (uLong)in.len) != Z_OK || len != (uLongf)packed)
        return rip_fail(err, RIP_EINVAL, "a compressed row is damaged");
    out->len = len;
    out->data[len] = '\0';
    return RIP_OK;
}
