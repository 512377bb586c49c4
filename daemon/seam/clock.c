#include "seam/clock.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

struct clock {
    atomic_uint_fast64_t pulses;
    void (*pulsed)(void *context);
    void *context;
};

int clock_new(struct clock **out)
{
    *out = calloc(1, sizeof **out);
    return *out ? 0 : -ENOMEM;
}

struct clock *clock_free(struct clock *clock)
{
    free(clock);
    return NULL;
}

static int64_t now_ms(clockid_t id)
{
    struct timespec now;

    clock_gettime(id, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(struct clock *clock)
{
    (void)clock;
    return now_ms(CLOCK_MONOTONIC);
}

int64_t clock_monotonic_us(struct clock *clock)
{
    struct timespec now;

    (void)clock;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int64_t clock_realtime_ms(struct clock *clock)
{
    (void)clock;
    return now_ms(CLOCK_REALTIME);
}

void clock_sleep_ms(struct clock *clock, int64_t ms)
{
    struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000};

    if (ms > 0)
        nanosleep(&time, NULL);
    clock_pulse(clock);
}

void clock_pulse(struct clock *clock)
{
    if (!clock)
        return;
    atomic_fetch_add_explicit(&clock->pulses, 1, memory_order_relaxed);
    if (clock->pulsed)
        clock->pulsed(clock->context);
}

uint64_t clock_pulses(struct clock *clock)
{
    return atomic_load_explicit(&clock->pulses, memory_order_relaxed);
}

void clock_watch(struct clock *clock, void (*pulsed)(void *context), void *context)
{
    clock->pulsed = pulsed;
    clock->context = context;
}

void clock_random(struct clock *clock, void *out, size_t size)
{
    char *at = out;

    (void)clock;
    while (size) {
        ssize_t got = getrandom(at, size, 0);

        if (got > 0) {
            at += got;
            size -= (size_t)got;
        } else {
            ASSERT(errno == EINTR);
        }
    }
}

int64_t clock_random_between(struct clock *clock, int64_t low, int64_t high)
{
    uint64_t random, span = (uint64_t)high - (uint64_t)low + 1;

    ASSERT(low <= high);
    clock_random(clock, &random, sizeof random);
    return low + (int64_t)(span ? random % span : random);
}

void clock_uuid(struct clock *clock, char out[CLOCK_UUID_SIZE])
{
    unsigned char b[16];

    clock_random(clock, b, sizeof b);
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, CLOCK_UUID_SIZE, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2],
             b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
}
