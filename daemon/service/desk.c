#include "service/desk.h"

#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct desk {
    pthread_t thread;
    int wake;
    atomic_bool ended;
    struct desk_guest guests[DESK_GUESTS_MAX];
    size_t count;
};

/* A guest's share of what is polled. */
struct share {
    size_t at, count;
};

static size_t gather(struct desk *desk, struct pollfd *fds, struct share *shares, int *timeout_ms)
{
    size_t used = 1;

    fds[0] = (struct pollfd){.fd = desk->wake, .events = POLLIN};
    for (size_t i = 0; i < desk->count; i++) {
        const struct desk_guest *guest = &desk->guests[i];

        shares[i] = (struct share){used, guest->polls(guest->context, fds + used, DESK_POLLS_MAX - used, timeout_ms)};
        used += shares[i].count;
        ASSERT(used <= DESK_POLLS_MAX);
    }
    return used;
}

static void *serve(void *context)
{
    struct desk *desk = context;
    struct pollfd fds[DESK_POLLS_MAX];
    struct share shares[DESK_GUESTS_MAX];

    while (!desk->ended) {
        int timeout_ms = DESK_TICK_MS;
        size_t used = gather(desk, fds, shares, &timeout_ms);

        if (poll(fds, used, timeout_ms) < 0)
            for (size_t i = 0; i < used; i++)
                fds[i].revents = 0;
        for (size_t i = 0; i < desk->count && !desk->ended; i++)
            desk->guests[i].serve(desk->guests[i].context, fds + shares[i].at, shares[i].count);
    }
    return NULL;
}

/* Blocked while the thread is made, so that it inherits that; but for faults of its own, which would end the process without a word. */
static int start(struct desk *desk)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    sigset_t others, before;
    int r;

    sigfillset(&others);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        sigdelset(&others, faults[i]);
    pthread_sigmask(SIG_SETMASK, &others, &before);
    r = pthread_create(&desk->thread, NULL, serve, desk);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!r)
        pthread_setname_np(desk->thread, "orderd-desk");
    return -r;
}

int desk_new(struct desk **out, const struct desk_guest *guests, size_t count)
{
    struct desk *desk = calloc(1, sizeof *desk);
    int r;

    ASSERT(count <= DESK_GUESTS_MAX);
    if (!desk)
        return -ENOMEM;
    memcpy(desk->guests, guests, count * sizeof *guests);
    desk->count = count;
    desk->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    r = desk->wake < 0 ? -errno : start(desk);
    if (r) {
        if (desk->wake >= 0)
            close(desk->wake);
        free(desk);
        return r;
    }
    *out = desk;
    return 0;
}

struct desk *desk_free(struct desk *desk)
{
    uint64_t one = 1;

    if (!desk)
        return NULL;
    desk->ended = true;
    (void)!write(desk->wake, &one, sizeof one);
    pthread_join(desk->thread, NULL);
    close(desk->wake);
    free(desk);
    return NULL;
}
