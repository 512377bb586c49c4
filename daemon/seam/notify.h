/* The service manager's ear: what is said there, and whether it watches. Without one, all of it does nothing.
 *
 * The only file that includes libsystemd. */
#ifndef ORDERD_SEAM_NOTIFY_H
#define ORDERD_SEAM_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Whether somebody listens: else nothing needs to be put into words. */
bool notify_is_heard(void);
/* Assignments, "NAME=value", separated by newlines (sd_notify(3)). What cannot be said is lost: nothing depends on it. */
void notify_send(const char *assignments);
/* That a reload begins, with the time that the manager compares with that of its request. */
void notify_reloading(void);
/* After how long without WATCHDOG=1 the manager ends this process, ms; 0: it does not watch. */
int64_t notify_watchdog_ms(void);

#endif
