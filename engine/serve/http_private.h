/* What the files of the HTTP server share. Of the whole tree only they include the library's header. */
#ifndef RIPOSTE_SERVE_HTTP_PRIVATE_H
#define RIPOSTE_SERVE_HTTP_PRIVATE_H

#include <microhttpd.h>
#include <stdint.h>

#include "engine/base/buffer.h"
#include "engine/serve/http.h"
#include "engine/serve/listen.h"
#include "engine/serve/routes.h"

/* A client's connection, from accept to close. */
typedef struct peer {
    struct http_server *server;
    struct peer *next, **self;
    http_exchange *x; /* the request that is read or answered; NULL: between two */
    int fd;
    uint64_t since;    /* it has said nothing that is complete since then; 0: it is not its turn */
    uint64_t deadline; /* 0: none */
    char remote[64];
} peer;

struct http_exchange {
    http_server *server;
    peer *peer;
    struct MHD_Connection *connection; /* NULL: the client has gone, or was answered */
    const route *route;
    char *method, *path, *segment;
    rip_buffer body;
    size_t drained;   /* bytes past the limit */
    unsigned refused; /* the status that tells why; 0: it goes to its handler */
    char allow[64];
    struct MHD_Response *response; /* until it is queued */
    unsigned status;
    http_stream *stream;
    uint64_t answer_by;
    bool called, suspended;
    bool owed;     /* its handler was called and has not answered */
    bool given_up; /* …in time, and the client was told so */
    http_exchange *next, **self;
};

struct http_stream {
    http_exchange *x;
    rip_buffer waiting;
    size_t sent;
    bool suspended, closing;
    void (*closed)(void *data);
    void *data;
};

struct http_server {
    struct MHD_Daemon *daemon;
    routes routes;
    listener socket;
    http_options options;
    char *certificate, *key;
    uv_poll_t poll;
    uv_timer_t due, sweep;
    unsigned handles; /* that are open */
    peer *peers;
    unsigned peer_count;
    http_exchange *exchanges;
    size_t body_bytes;
    bool again;      /* it is to be run once more */
    unsigned rounds; /* in which it was, since its descriptor told anything */
    char said[256];  /* the library's last complaint */
};

/** Run the library once more, from the loop: its descriptor does not tell of everything that there is to do. */
void http_pump_soon(http_server *s);
/** The peer may begin its next request. */
void http_peer_rest(peer *p);

/* Callbacks of the library. */
enum MHD_Result http_on_request(void *data, struct MHD_Connection *connection, const char *path, const char *method,
                                const char *version, const char *bytes, size_t *len, void **context);
void http_on_completed(void *data, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode how);

void http_exchange_free(http_exchange *x);
/** Its handler answers; false: nobody is there any more to hear it, and it may be gone. */
bool http_is_heard(http_exchange *x);
void http_add_headers(struct MHD_Response *response, const char *type, const char *const *headers);
/** `response` is taken over; NULL: memory is out, and the connection is closed. */
void http_respond(http_exchange *x, unsigned status, struct MHD_Response *response);
void http_respond_problem(http_exchange *x, unsigned status, const char *detail, const char *const *headers);

/** Headers that ask to come again in a second. */
extern const char *const HTTP_RETRY_SOON[];

#endif
