/* A small HTTP server that shows and takes nothing: GET and HEAD of a few paths, for programs that look at the daemon.
 *
 * Without a thread of its own: somebody polls its descriptor and lets it serve. Every client is bounded in memory and in time, and so
 * is their number, in all and by address: what goes beyond is dropped. The only file that includes libmicrohttpd. */
#ifndef ORDERD_SEAM_HTTP_H
#define ORDERD_SEAM_HTTP_H

#include <stdbool.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "seam/clock.h"

/* Connections in all and from one address; silence after which one is closed, and how long a request with its answer may take; bytes of
 * a request's head; bytes of an answer, and of all that are being sent. */
enum {
    HTTP_CONNECTIONS_MAX = 64, HTTP_CONNECTIONS_PER_ADDRESS_MAX = 32, HTTP_SILENCE_S = 10, HTTP_REQUEST_MS = 20000,
    HTTP_MEMORY_MAX = 16384, HTTP_REPLY_MAX = 64 << 20, HTTP_REPLIES_MAX = 96 << 20
};

struct http;

/* A request, while it is answered. */
struct http_request {
    const char *path;     /* "/metrics", without query */
    void *handle;
};

/* What is answered: all of it is set by the caller, `body` is empty before. */
struct http_reply {
    int status;
    const char *type;     /* of the content; a literal */
    struct buffer body;
};

struct http_options {
    const char *address;  /* "host:port", "[v6]:port" */
    void (*answer)(void *context, const struct http_request *request, struct http_reply *reply);
    void *context;
    struct clock *clock;
    const struct log *log;
};

/* Listens. Errors: -EINVAL (no such host), -EACCES, -EADDRINUSE, -EADDRNOTAVAIL, -EAGAIN (the name cannot be resolved now), -ENOMEM; with
 * a sentence in `error`. */
int http_new(struct http **out, const struct http_options *options, struct error_text *error) MUST_CHECK;
/* Closes all connections. Takes NULL, returns NULL. */
struct http *http_free(struct http *http);
/* To be polled for reading. */
int http_fd(const struct http *http);
/* How long polling may wait at most, ms; -1: for ever. */
int http_timeout_ms(struct http *http);
/* Accepts, reads, answers, closes, as far as it goes without waiting. */
void http_serve(struct http *http);

/* Whether the query has the argument: "?verbose", "?verbose=1". */
bool http_request_has(const struct http_request *request, const char *argument);
/* The version of the library that runs. */
const char *http_library_version_text(void);

#endif
