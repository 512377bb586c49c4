/* The control socket: a unix socket of the daemon's own user, for `orderd status`, `orderd pause` and their like. A guest of the desk.
 *
 * Few clients at a time, each with a bounded line and a time limit; one that goes away, never reads or sends rubbish is let go and felt by nobody. */
#ifndef ORDERD_SERVICE_CONTROL_H
#define ORDERD_SERVICE_CONTROL_H

#include "base/log.h"
#include "seam/clock.h"
#include "service/desk.h"
#include "service/errand.h"
#include "service/request.h"

/* CONTROL_PATIENCE_MS: without a byte in either direction; CONTROL_ANSWER_MS: how long the pipeline may take for an errand. */
enum { CONTROL_CLIENTS_MAX = 16, CONTROL_PATIENCE_MS = 10000, CONTROL_ANSWER_MS = 10000, CONTROL_OUT_MAX = 16 << 20 };

struct control_options {
    const char *path;
    struct errands *errands;
    void (*status)(void *context, const struct request *request, struct buffer *out);   /* puts the whole answer, with its line's end */
    void *context;
    struct clock *clock;
    const struct log *log;
};

struct control;

/* Makes the socket, mode 0600 from its first moment; takes the place of one that a dead daemon left. Errors: -EADDRINUSE (a living daemon
 * answers there, or the file is no socket), -ENAMETOOLONG, -EACCES, -ENOENT … with a sentence. */
int control_new(struct control **out, const struct control_options *options, struct error_text *error) MUST_CHECK;
/* Removes the socket, if it is still its own. Its desk must be gone before. Takes NULL, returns NULL. */
struct control *control_free(struct control *control);
struct desk_guest control_guest(struct control *control);

/* Its parts: a listening socket at the path, with errors as above; and an exit code (sysexits.h) for an errand's error. */
int control_listen(const char *path, struct error_text *error) MUST_CHECK;
int control_code(int error);

#endif
