#include <poll.h>

#include "engine/intake/source_private.h"

rip_status source_step(source *s, bool *more, rip_error *err)
{
    return s->ops->step(s, more, err);
}

int source_waits_for(const source *s)
{
    return s->ops->waits_for(s);
}

rip_status source_drain(source *s, rip_error *err)
{
    for (bool more = true; more;) {
        rip_status status = source_step(s, &more, err);
        if (status != RIP_OK) return status;
        struct pollfd wait = {source_waits_for(s), POLLIN, 0};
        if (more && wait.fd >= 0) poll(&wait, 1, -1);
    }
    return RIP_OK;
}

void source_free(source *s)
{
    if (s) s->ops->free(s);
}
