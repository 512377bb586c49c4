/* Virtual time. A pause takes exactly its time and no other; what is drawn at random comes from the world's seed. The wall clock of each
 * node may be wrong by its own amount, the monotonic one is nobody's to set. */
#include "seam/clock.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake/world.h"

enum { EPOCH_MS = 1700000000 };      /* times a thousand: 2023-11-14 */

struct clock {
    struct node *node;
};

int clock_new(struct clock **out)
{
    ASSERT(world->at_work);
    *out = calloc(1, sizeof **out);
    if (!*out)
        return -ENOMEM;
    (*out)->node = world->at_work;
    return 0;
}

struct clock *clock_free(struct clock *clock)
{
    free(clock);
    return NULL;
}

int64_t clock_monotonic_ms(struct clock *clock)
{
    /* Whoever waits for a time by asking for it must come to an end. */
    return world->now + (clock->node->dead ? clock->node->afterlife++ : 0);
}

int64_t clock_monotonic_us(struct clock *clock)
{
    (void)clock;
    return 1000 * world->now;
}

int64_t clock_realtime_ms(struct clock *clock)
{
    return (int64_t)EPOCH_MS * 1000 + world->now + clock->node->clock_skew;
}

void clock_sleep_ms(struct clock *clock, int64_t ms)
{
    world_wait(clock->node, ms);
}

/* Nobody watches: what hangs is found by the world. */
void clock_pulse(struct clock *clock)
{
    (void)clock;
}

void clock_random(struct clock *clock, void *out, size_t size)
{
    (void)clock;
    for (size_t i = 0; i < size; i++)
        ((unsigned char *)out)[i] = (unsigned char)world_draw(256);
}

int64_t clock_random_between(struct clock *clock, int64_t low, int64_t high)
{
    (void)clock;
    ASSERT(low <= high);
    return world->jitter ? low + (int64_t)world_draw((uint32_t)(high - low + 1)) : low + (high - low) / 2;
}

void clock_uuid(struct clock *clock, char out[CLOCK_UUID_SIZE])
{
    unsigned char b[8];

    clock_random(clock, b, sizeof b);
    snprintf(out, CLOCK_UUID_SIZE, "00000000-0000-4000-8000-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5]);
}
