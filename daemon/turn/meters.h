/* What the pipeline counts of itself: plain numbers of its one thread, added to where things happen and read by turn/picture.h.
 *
 * A turn's events are counted when EXEC has applied them, and once: what was decided and then met a conflict did not happen. */
#ifndef ORDERD_TURN_METERS_H
#define ORDERD_TURN_METERS_H

#include <stddef.h>
#include <stdint.h>

#include "rules/event.h"
#include "rules/outcome.h"

/* The last type stands for messages whose type could not be read: they are malformed. */
enum { METERS_TYPE_UNKNOWN = EVENT_KIND_COUNT, METERS_TYPES };
enum { HISTOGRAM_BUCKETS_MAX = 16 };

/* Counts by upper bound, included; the last bucket is everything above. */
struct histogram {
    const int64_t *bounds;
    size_t bounds_count;
    uint64_t buckets[HISTOGRAM_BUCKETS_MAX];
    uint64_t count;
    int64_t sum;
};

struct meters {
    uint64_t consumed[METERS_TYPES];                 /* taken from Kafka and decoded; again after a take-over that begins anew */
    uint64_t decided[METERS_TYPES][STATUS_COUNT];
    uint64_t reasons[REASON_COUNT];                  /* of what was not applied */
    uint64_t dead_letters[REASON_COUNT];
    uint64_t execs, conflicts, refused, torn, unknown; /* EXECs by the class of their reply; execs: all */
    uint64_t retries;                                /* events that had to be decided once more because their EXEC met a conflict */
    uint64_t reapplied;                              /* published decisions that were applied again */
    uint64_t takeovers, takeover_retries, refusals;  /* partitions taken over, take-overs to be tried again, partitions refused */
    uint64_t reconnects;                             /* connections to Redis that were made anew: not the first one, which was there before */
    uint64_t delivery_failures;                      /* records whose producer ended before they were reported delivered */
    uint64_t commits, commit_failures;               /* partitions' offsets committed, or not */
    int64_t committed_at;                            /* of the last that succeeded, ms since 1970; 0: none yet */
    struct histogram exec_us;                        /* from EXEC's sending to its reply */
    struct histogram turn_events;                    /* events of an applied turn */
    struct histogram end_to_end_ms;                  /* from the message's timestamp to the report that its outcome is delivered */
};

void meters_init(struct meters *meters);
/* Adds `times` observations of one value. */
void histogram_add(struct histogram *histogram, int64_t value, uint64_t times);

#endif
