#include "engine/dispatch/sink.h"

#include <stdlib.h>

/* A document whose source waits. */
typedef struct handed {
    live_kept kept;
    void *data;
    bool inside; /* still in the call that handed it over */
    bool done;
    rip_error err;
} handed;

static void on_kept(void *data, rip_status status, const rip_error *err)
{
    handed *h = data;
    if (h->inside) {
        h->done = true;
        h->err.status = RIP_OK;
        if (status != RIP_OK) h->err = *err;
        return;
    }
    if (h->kept) h->kept(h->data, status, err);
    free(h);
}

/* Events that were told apart, whatever became of them. */
static size_t taken(const dispatch *d)
{
    dispatch_counts counts = dispatch_count(d);
    return counts.unwanted + counts.suppressed + counts.findings;
}

static rip_status take(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err)
{
    sink *s = data;
    if (s->closed) return rip_fail(err, RIP_EAGAIN, "nothing more is taken in: the engine stops");
    if (s->most && dispatch_backlog(s->dispatch) >= s->most)
        return rip_fail(err, RIP_EAGAIN, "%zu findings and runs are under way: no more is taken in for now", s->most);
    handed *h = calloc(1, sizeof *h);
    if (!h) return rip_nomem(err);
    *h = (handed){.kept = kept, .data = kept_data, .inside = true};
    dispatch_source from = {.origin = origin, .done = on_kept, .data = h};
    size_t before = taken(s->dispatch);
    s->inside = true;
    s->faulted = false;
    rip_status status = dispatch_document(s->dispatch, &from, bytes, len, err);
    s->inside = false;
    h->inside = false;
    if (status != RIP_OK) {
        free(h);
        return status;
    }
    if (!h->done) return RIP_OK;
    rip_error why = h->err;
    free(h);
    bool is_none = s->faulted && why.status == RIP_OK && taken(s->dispatch) == before;
    if (is_none) return rip_fail(err, RIP_EINVAL, "%s", s->fault.message);
    if (kept) kept(kept_data, why.status, &why);
    return RIP_OK;
}

void sink_open(sink *s, dispatch *d, size_t most)
{
    *s = (sink){.live = {take, s}, .dispatch = d, .most = most};
}

void sink_fault(sink *s, const rip_error *err)
{
    if (!s->inside || s->faulted) return;
    s->faulted = true;
    s->fault = *err;
}
