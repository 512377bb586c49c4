/* The last seconds of the meters: what was counted in them, a second at a time, for rates and latencies as they are now. */
#ifndef ORDERD_SERVICE_WINDOW_H
#define ORDERD_SERVICE_WINDOW_H

#include <stdbool.h>

#include "turn/meters.h"

enum { WINDOW_SECONDS = 10 };

/* What is looked at, ever or in the window. */
struct tally {
    int64_t at;                         /* monotonic ms; of the window: how long it is, 0: nothing is known yet */
    uint64_t statuses[STATUS_COUNT], execs, conflicts, retries;
    struct histogram exec_us, turn_events, end_to_end_ms;
};

struct window {
    struct tally tallies[WINDOW_SECONDS + 1];
    size_t count;                       /* ever; the newest is the one before */
};

void tally_of(struct tally *out, const struct meters *meters, int64_t now);
/* Remembers the meters as they were at `now` (monotonic ms), once in a second. */
void window_note(struct window *window, const struct meters *meters, int64_t now);
/* What was counted between the oldest and the newest. */
void window_read(const struct window *window, struct tally *out);
/* For whole numbers the result is to be rounded up. The value below which `share` (0 to 1) of the observations lie, as evenly as a bucket lets it be told; the last bound, and `*beyond`, when it lies
 * above all of them; -1 without any. */
double histogram_quantile(const struct histogram *histogram, double share, bool *beyond);

#endif
