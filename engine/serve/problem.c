#include "engine/serve/problem.h"

#include <string.h>

#include "engine/base/escape.h"

const char *problem_title(unsigned status)
{
    static const struct {
        unsigned status;
        const char *title;
    } TITLES[] = {{400, "Bad Request"},        {401, "Unauthorized"},           {403, "Forbidden"},
                  {404, "Not Found"},          {405, "Method Not Allowed"},     {409, "Conflict"},
                  {413, "Content Too Large"},  {415, "Unsupported Media Type"}, {429, "Too Many Requests"},
                  {503, "Service Unavailable"}};
    for (size_t i = 0; i < sizeof TITLES / sizeof *TITLES; i++) {
        if (TITLES[i].status == status) return TITLES[i].title;
    }
    return "Internal Server Error";
}

void problem_write(rip_buffer *out, unsigned status, const char *detail)
{
    rip_buffer_printf(out, "{\"type\":\"about:blank\",\"title\":\"%s\",\"status\":%u", problem_title(status), status);
    if (detail && *detail) {
        rip_buffer_puts(out, ",\"detail\":");
        rip_escape_json(out, detail, strlen(detail), RIP_ERROR_MESSAGE_MAX);
    }
    rip_buffer_puts(out, "}\n");
}

void problem_answer(http_exchange *x, unsigned status, const char *detail, const char *const *headers)
{
    rip_buffer body = {0};
    problem_write(&body, status, detail);
    http_answer(x, status, PROBLEM_TYPE, body.data, body.len, headers);
    rip_buffer_free(&body);
}

unsigned problem_status(rip_status status)
{
    switch (status) {
    case RIP_EINVAL: return 400;
    case RIP_ENOTFOUND: return 404;
    case RIP_ELIMIT: return 413;
    case RIP_EDENIED: return 409;
    case RIP_EAGAIN:
    case RIP_EIO:
    case RIP_ETIMEOUT: return 503;
    default: return 500;
    }
}
