/* The desk: the one thread that serves whoever looks at the daemon or tells it something, beside the pipeline and never in its way.
 *
 * Its guests are polled and served in turn; none may wait. Signals do not come here. */
#ifndef ORDERD_SERVICE_DESK_H
#define ORDERD_SERVICE_DESK_H

#include <poll.h>
#include <stddef.h>

#include "base/error.h"

enum { DESK_GUESTS_MAX = 4, DESK_POLLS_MAX = 128, DESK_TICK_MS = 1000 };

/* Somebody with descriptors; both functions are called in the desk's thread alone. */
struct desk_guest {
    void *context;
    /* Puts up to `max` descriptors with their events, returns how many. May lower `*timeout_ms`, after which serve is called at the latest. */
    size_t (*polls)(void *context, struct pollfd *fds, size_t max, int *timeout_ms);
    /* After every poll: `fds` are the guest's own with what happened. Must not wait. */
    void (*serve)(void *context, const struct pollfd *fds, size_t count);
};

struct desk;

/* Starts the thread. The guests' contexts must outlive the desk. Errors: -ENOMEM, -EAGAIN (no thread), -EMFILE. */
int desk_new(struct desk **out, const struct desk_guest *guests, size_t count) MUST_CHECK;
/* Ends the thread and waits for it. Takes NULL, returns NULL. */
struct desk *desk_free(struct desk *desk);

#endif
