/* Time, randomness and sleep: the only way the daemon learns or spends any of them. A simulator has its own clock.c.
 *
 * Whoever has waited says so by clock_pulse, so that somebody can watch over the daemon: one that waits for a dead Redis gets on, one that
 * hangs does not. */
#ifndef ORDERD_SEAM_CLOCK_H
#define ORDERD_SEAM_CLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

struct clock;

int clock_new(struct clock **out) MUST_CHECK;
struct clock *clock_free(struct clock *clock);
/* Milliseconds that never go back, from an arbitrary start. */
int64_t clock_monotonic_ms(struct clock *clock);
/* The same in microseconds, for what is measured. */
int64_t clock_monotonic_us(struct clock *clock);
/* Milliseconds since 1970, as the host believes. */
int64_t clock_realtime_ms(struct clock *clock);
void clock_sleep_ms(struct clock *clock, int64_t ms);
/* A wait with a bound is over, whatever came of it. Takes NULL. */
void clock_pulse(struct clock *clock);
/* How many there were: the same number much later means that nobody gets on. From any thread. */
uint64_t clock_pulses(struct clock *clock);
/* Who is told of each pulse, in the thread and at the place where it happens; NULL: nobody. */
void clock_watch(struct clock *clock, void (*pulsed)(void *context), void *context);
/* Unpredictable bytes; never fails. */
void clock_random(struct clock *clock, void *out, size_t size);
/* A number in [low, high], both included; low <= high. For jitter. */
int64_t clock_random_between(struct clock *clock, int64_t low, int64_t high);
/* A random (version 4) UUID as text. */
enum { CLOCK_UUID_SIZE = 37 };
void clock_uuid(struct clock *clock, char out[CLOCK_UUID_SIZE]);

#endif
