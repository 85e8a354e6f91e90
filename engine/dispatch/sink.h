/* Where live sources hand their documents to: dispatch, behind what it is too busy for. */
#ifndef RIPOSTE_DISPATCH_SINK_H
#define RIPOSTE_DISPATCH_SINK_H

#include "engine/dispatch/dispatch.h"
#include "engine/intake/live.h"

typedef struct sink {
    live_sink live; /* what sources are given; `data` is this sink */
    dispatch *dispatch;
    size_t most; /* findings and runs under way past which there is no more; 0: any number */
    bool closed; /* nothing more is taken: RIP_EAGAIN */
    bool inside, faulted;
    rip_error fault;
} sink;

void sink_open(sink *s, dispatch *d, size_t most);

/** The dispatch's listener hands its faults on to here: what is wrong with a document that is just being handed over is
 * its source's answer. */
void sink_fault(sink *s, const rip_error *err);

#endif
