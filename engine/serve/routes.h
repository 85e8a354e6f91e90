/* Which handler a method and a path belong to. */
#ifndef RIPOSTE_SERVE_ROUTES_H
#define RIPOSTE_SERVE_ROUTES_H

#include "engine/serve/http.h"

typedef struct route {
    char *method, *path;
    size_t body_most;
    char *type; /* NULL: any */
    http_handler handler;
    void *data;
} route;

typedef struct routes {
    route *all;
    size_t count;
} routes;

/** As http_route. */
rip_status routes_add(routes *r, const route *what, rip_error *err);
void routes_free(routes *r);

/** The route, or NULL. `*segment` is what stands for "{}" ("" where nothing does). Where only the method is another,
 * `allow` (64 bytes) names those that are there, else it is "". HEAD goes where GET goes. */
const route *routes_find(const routes *r, const char *method, const char *path, const char **segment, char allow[64]);

/** Whether a Content-Type is `type`, whatever its parameters. */
bool routes_type_is(const char *header, const char *type);

#endif
