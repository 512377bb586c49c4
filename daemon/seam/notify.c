#include "seam/notify.h"

#include <stdlib.h>
#include <systemd/sd-daemon.h>
#include <time.h>

bool notify_is_heard(void)
{
    const char *socket = getenv("NOTIFY_SOCKET");

    return socket && socket[0];
}

void notify_send(const char *assignments)
{
    (void)sd_notify(0, assignments);
}

/* In microseconds and from this very clock: a time that was rounded down may lie before the request, and is then not taken for its answer. */
void notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    (void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld", (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

int64_t notify_watchdog_ms(void)
{
    uint64_t usec = 0;

    return sd_watchdog_enabled(0, &usec) > 0 ? (int64_t)(usec / 1000) : 0;
}
