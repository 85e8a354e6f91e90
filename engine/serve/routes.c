#include "engine/serve/routes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static const char PLACE[] = "{}";

rip_status routes_add(routes *r, const route *what, rip_error *err)
{
    route *all = realloc(r->all, (r->count + 1) * sizeof *all);
    if (!all) return rip_nomem(err);
    r->all = all;
    route *made = &all[r->count];
    *made = *what;
    made->method = strdup(what->method);
    made->path = strdup(what->path);
    made->type = what->type ? strdup(what->type) : NULL;
    r->count++;
    return made->method && made->path && (made->type || !what->type) ? RIP_OK : rip_nomem(err);
}

void routes_free(routes *r)
{
    for (size_t i = 0; i < r->count; i++) {
        free(r->all[i].method);
        free(r->all[i].path);
        free(r->all[i].type);
    }
    free(r->all);
    *r = (routes){0};
}

/* "/v1/runs/{}/approve" and "/v1/runs/2fk/approve": the segment starts at *segment and is *len long. */
static bool path_matches(const char *pattern, const char *path, const char **segment)
{
    const char *place = strstr(pattern, PLACE);
    *segment = "";
    if (!place) return strcmp(pattern, path) == 0;
    size_t before = (size_t)(place - pattern);
    if (strncmp(pattern, path, before) != 0) return false;
    size_t len = strcspn(path + before, "/");
    *segment = path + before;
    return len > 0 && strcmp(path + before + len, place + strlen(PLACE)) == 0;
}

static bool method_matches(const char *of_route, const char *method)
{
    return strcmp(of_route, strcmp(method, "HEAD") == 0 ? "GET" : method) == 0;
}

const route *routes_find(const routes *r, const char *method, const char *path, const char **segment, char allow[64])
{
    size_t len = 0;
    const char *at;
    allow[0] = '\0';
    for (size_t i = 0; i < r->count; i++) {
        const route *each = &r->all[i];
        if (!path_matches(each->path, path, &at)) continue;
        *segment = at;
        if (method_matches(each->method, method)) return each;
        int more = snprintf(allow + len, 64 - len, "%s%s", len ? ", " : "", each->method);
        if (more > 0 && (size_t)more < 64 - len) len += (size_t)more;
    }
    return NULL;
}

bool routes_type_is(const char *header, const char *type)
{
    size_t len = strlen(type);
    if (!header || strncasecmp(header, type, len) != 0) return false;
    header += len + strspn(header + len, " \t");
    return *header == '\0' || *header == ';';
}
