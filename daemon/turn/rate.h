/* The most events a second that this instance decides: a bucket that fills evenly and holds a tenth of a second's worth, so that turns stay
 * small and regular, and a pause is not made up for by a burst. It gives nothing before a hundredth of a second's worth is in it: a turn an event would be
 * a waste. */
#ifndef ORDERD_TURN_RATE_H
#define ORDERD_TURN_RATE_H

#include <stddef.h>
#include <stdint.h>

struct rate {
    int64_t per_s;        /* 0: no limit */
    int64_t millionths;   /* of events that may be decided now */
    int64_t filled_at;    /* monotonic ms */
};

enum { RATE_MAX = 1000000 };

/* `per_s`: 0 (no limit) to RATE_MAX. `now`: monotonic ms; so below. */
void rate_set(struct rate *rate, int64_t per_s, int64_t now);
/* How many events may be decided now; SIZE_MAX without a limit. */
size_t rate_allows(struct rate *rate, int64_t now);
/* So many were decided. */
void rate_used(struct rate *rate, size_t events);

#endif
