/* Sources that go on for as long as the process does: queues, polls, folders, the webhook. One file each, behind one
 * interface.
 *
 * A source tells where a document came from (deletes the message, answers 200, moves the file) only when the journal
 * holds it, and stops handing over while enough is under way. */
#ifndef RIPOSTE_INTAKE_LIVE_H
#define RIPOSTE_INTAKE_LIVE_H

#include <jansson.h>
#include <stddef.h>

#include "engine/base/error.h"

/** RIP_OK: the journal holds what is to be kept of the document. An error: it does not; the source keeps it. */
typedef void (*live_kept)(void *data, rip_status status, const rip_error *err);

/** What a source hands its documents to. Borrowed; outlives the source. */
typedef struct live_sink {
    /** Take one JSON document. `kept` is called once, perhaps from inside, unless this returns an error: RIP_EAGAIN
     * (enough is under way: ask again in a while), RIP_EINVAL (it is no JSON document, or passes a limit: recorded as a
     * fault), RIP_ENOMEM. `origin` names it for people ("sqs:riposte/MessageId"). */
    rip_status (*take)(void *data, const char *bytes, size_t len, const char *origin, live_kept kept, void *kept_data,
                       rip_error *err);
    void *data;
} live_sink;

typedef struct live_source live_source;

/** A source's own constructor fills this in; `live_source` starts with it. */
typedef struct live_ops {
    /** Begin to take in. Errors later on are logged and tried again with backoff, never fatal. */
    rip_status (*start)(live_source *source, rip_error *err);
    /** Take in nothing new; what was handed over is still told where it came from. */
    void (*stop)(live_source *source);
    /** Documents that were handed over and are not kept yet. */
    size_t (*under_way)(const live_source *source);
    /** {"name","kind","state","taken","kept","failed","last_error",…}; new reference. */
    json_t *(*status)(const live_source *source);
    void (*free)(live_source *source);
} live_ops;

struct live_source {
    const live_ops *ops;
};

#endif
