/* The descriptors that libcurl waits on, watched by the loop. */
#ifndef RIPOSTE_AWS_WATCHES_H
#define RIPOSTE_AWS_WATCHES_H

#include <stdbool.h>
#include <uv.h>

typedef struct aws_watches aws_watches;

/** `status` is negative for an error, `events` are UV_READABLE and UV_WRITABLE. */
typedef void (*aws_watched)(void *data, int fd, int status, int events);

aws_watches *aws_watches_new(uv_loop_t *loop, aws_watched fn, void *data);
/** Nothing is told any more; handles close in the loop afterwards. */
void aws_watches_free(aws_watches *watches);

/** A connection's descriptor: its watch is kept until aws_watches_close, so that its next request costs the loop
 * nothing. False when it can't be watched. */
bool aws_watches_open(aws_watches *watches, int fd);
/** Before the descriptor is closed. Where it was closed already (libcurl 7.88 closes unasked what is not connected yet,
 * or is still at its TLS handshake) the next aws_watches_want or aws_watches_open sees it. */
void aws_watches_close(aws_watches *watches, int fd);

/** What `fn` is to be told of; 0: nothing for now. Also for descriptors that were never opened here (libcurl's resolver
 * has some, and closes them unasked). False when it can't be watched. */
bool aws_watches_want(aws_watches *watches, int fd, int events);

#endif
