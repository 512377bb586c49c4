#include "service/window.h"

#include "base/error.h"

enum { SECOND_MS = 1000 };

void tally_of(struct tally *out, const struct meters *meters, int64_t now)
{
    *out = (struct tally){.at = now, .execs = meters->execs, .conflicts = meters->conflicts, .retries = meters->retries,
                          .exec_us = meters->exec_us, .turn_events = meters->turn_events, .end_to_end_ms = meters->end_to_end_ms};
    for (size_t type = 0; type < METERS_TYPES; type++)
        for (size_t status = 0; status < STATUS_COUNT; status++)
            out->statuses[status] += meters->decided[type][status];
}

void window_note(struct window *window, const struct meters *meters, int64_t now)
{
    const size_t places = sizeof window->tallies / sizeof *window->tallies;

    if (window->count && now - window->tallies[(window->count - 1) % places].at < SECOND_MS)
        return;
    tally_of(&window->tallies[window->count++ % places], meters, now);
}

static void subtract(struct histogram *from, const struct histogram *what)
{
    for (size_t i = 0; i < HISTOGRAM_BUCKETS_MAX; i++)
        from->buckets[i] -= what->buckets[i];
    from->count -= what->count;
    from->sum -= what->sum;
}

void window_read(const struct window *window, struct tally *out)
{
    const size_t places = sizeof window->tallies / sizeof *window->tallies;
    const struct tally *oldest = &window->tallies[window->count < places ? 0 : window->count % places];

    if (!window->count) {
        *out = (struct tally){0};
        return;
    }
    *out = window->tallies[(window->count - 1) % places];
    out->at -= oldest->at;
    out->execs -= oldest->execs;
    out->conflicts -= oldest->conflicts;
    out->retries -= oldest->retries;
    for (size_t i = 0; i < STATUS_COUNT; i++)
        out->statuses[i] -= oldest->statuses[i];
    subtract(&out->exec_us, &oldest->exec_us);
    subtract(&out->turn_events, &oldest->turn_events);
    subtract(&out->end_to_end_ms, &oldest->end_to_end_ms);
}

double histogram_quantile(const struct histogram *h, double share, bool *beyond)
{
    double wanted = share * (double)h->count, below = 0;

    *beyond = false;
    if (!h->count)
        return -1;
    for (size_t i = 0; i < h->bounds_count; i++) {
        double low = i ? (double)h->bounds[i - 1] : 0, high = (double)h->bounds[i], here = (double)h->buckets[i];

        if (below + here >= wanted && here > 0)
            return low + (high - low) * (wanted - below) / here;
        below += here;
    }
    *beyond = true;
    return (double)h->bounds[h->bounds_count - 1];
}
