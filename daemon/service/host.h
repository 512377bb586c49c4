/* What the service manager is told of the daemon: that it is ready, reads its file again or stops, in one sentence how things are, and by
 * the watchdog that it gets on (sd_notify(3)).
 *
 * The watchdog is fed by the clock's pulses: by waits that end, whatever they waited for, and never by a timer. Under no service manager
 * all of it does nothing. Everything here is for the pipeline's thread. */
#ifndef ORDERD_SERVICE_HOST_H
#define ORDERD_SERVICE_HOST_H

#include "seam/clock.h"
#include "turn/picture.h"

/* Names for the sentence; they stay the caller's. */
struct host_options {
    struct clock *clock;
    const char *redis, *brokers, *group;
};

struct host;

/* Watches the clock from here on. Errors: -ENOMEM. */
int host_new(struct host **out, const struct host_options *options) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct host *host_free(struct host *host);
/* After how long without a pulse the manager ends the daemon, ms; 0: it does not. */
int64_t host_watchdog_ms(const struct host *host);

/* The sentence, before there is a pipeline. It is sent when it has changed, at most once in a second. */
void host_say(struct host *host, const char *format, ...) PRINTF_LIKE(2, 3);
/* The same as the picture shows it (NULL: none yet); says READY=1 with the first one in which Redis is there, the group was joined, and
 * whatever it gave is taken over or refused. */
void host_look(struct host *host, const struct picture *picture);
/* The file is read again; what came of it is shown until the next time. */
void host_reloading(struct host *host);
void host_reloaded(struct host *host, bool refused);
/* The daemon ends, by `until` (monotonic ms); so long the manager is asked for time, as long as there are pulses. */
void host_stopping(struct host *host, int64_t until);
/* The last word, with the exit code (sysexits.h). */
void host_ended(struct host *host, int code);

/* How things are, as one sentence; the text is cut to `size`. */
void host_sentence(const struct host_options *options, const struct picture *picture, char *out, size_t size);

#endif
