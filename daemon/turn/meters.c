#include "turn/meters.h"

#include <string.h>

#include "base/error.h"

static const int64_t exec_us[] = {500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000};
static const int64_t turn_events[] = {1, 2, 5, 10, 20, 50, 100, 200, 500, 1000};
static const int64_t end_to_end_ms[] = {5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10000, 30000, 60000};

static struct histogram histogram_of(const int64_t *bounds, size_t count)
{
    ASSERT(count < HISTOGRAM_BUCKETS_MAX);
    return (struct histogram){.bounds = bounds, .bounds_count = count};
}

void meters_init(struct meters *meters)
{
    memset(meters, 0, sizeof *meters);
    meters->exec_us = histogram_of(exec_us, sizeof exec_us / sizeof *exec_us);
    meters->turn_events = histogram_of(turn_events, sizeof turn_events / sizeof *turn_events);
    meters->end_to_end_ms = histogram_of(end_to_end_ms, sizeof end_to_end_ms / sizeof *end_to_end_ms);
}

void histogram_add(struct histogram *histogram, int64_t value, uint64_t times)
{
    size_t at = 0;

    while (at < histogram->bounds_count && value > histogram->bounds[at])
        at++;
    histogram->buckets[at] += times;
    histogram->count += times;
    histogram->sum += value * (int64_t)times;
}
