#include "commands/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

static void wanted(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGINT);
    sigaddset(set, SIGTERM);
}

int interrupt_open(struct interrupt *interrupt)
{
    sigset_t set;

    wanted(&set);
    interrupt->fd = -1;
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -errno;
    interrupt->fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return interrupt->fd < 0 ? -errno : 0;
}

void interrupt_close(struct interrupt *interrupt)
{
    if (interrupt->fd >= 0)
        close(interrupt->fd);
    interrupt->fd = -1;
}

/* It is left there unread, and so is seen again. */
bool interrupt_seen(struct interrupt *interrupt)
{
    struct pollfd waiting = {.fd = interrupt->fd, .events = POLLIN};

    return interrupt->fd >= 0 && poll(&waiting, 1, 0) == 1;
}

void interrupt_let_go(void)
{
    sigset_t set;

    wanted(&set);
    (void)sigprocmask(SIG_UNBLOCK, &set, NULL);
}
