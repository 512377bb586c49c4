/* The pipeline at one moment, copied out of it: what metrics, health and `orderd status` are made from.
 *
 * Taken by the pipeline's own thread between two steps, so that nothing of it needs a lock; read by anybody afterwards. */
#ifndef ORDERD_TURN_PICTURE_H
#define ORDERD_TURN_PICTURE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "turn/hot.h"
#include "turn/lane.h"
#include "turn/meters.h"
#include "turn/pipeline.h"

enum { PICTURE_TEXT_MAX = 256 };

/* A partition in one word: constant, name. What an operator must look at comes first; OWNED: it is worked. */
#define PICTURE_STATES(X)    \
    X(STOPPED, stopped)      \
    X(UNTAKEN, untaken)      \
    X(PAUSED, paused)        \
    X(PARKED, parked)        \
    X(OWNED, owned)

enum picture_state {
#define PICTURE_STATE_CONSTANT(constant, name) PICTURE_##constant,
    PICTURE_STATES(PICTURE_STATE_CONSTANT)
#undef PICTURE_STATE_CONSTANT
    PICTURE_STATE_COUNT
};

struct picture_partition {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t number;
    enum partition_state state;
    bool parked;                       /* its outbox is at its bound: it waits */
    bool paused;                       /* on purpose: by `pause`, or with all of them while the instance is quiet */
    struct pause pause;                /* by an operator */
    int64_t next, done, committed;     /* offsets; next -1: the mark was not read yet; committed -1: none by this process */
    int64_t start, end;                /* of the log, as far as it is known here; -1: not */
    int64_t lag;                       /* events from max(next, start) to the end; -1: not known */
    int64_t next_timestamp;            /* of the event at `next`, ms since 1970; 0: it is not known here */
    int64_t unfinished_timestamp;      /* of the oldest event whose outcome is not known to be delivered; 0: none */
    size_t held;                       /* events read and not decided */
    size_t outbox_entries, outbox_bytes;
    char refusal[LANE_REFUSAL_MAX];    /* PARTITION_STOPPED: why, and what resolves it */
};

struct picture {
    int64_t monotonic_ms, realtime_ms; /* when it was taken */
    uint64_t steps;                    /* of the pipeline so far: the same again much later means that it is stuck */
    bool redis_up, sink_up, gate_open; /* gate: everything applied is as durable as configured */
    int kafka_brokers_up;              /* connected brokers, as librdkafka last said; -1: it did not yet */
    bool joined;                       /* the group has given (or refused) an assignment once */
    bool settled;                      /* the first take-over round is over */
    bool stopping;
    bool quiet;                        /* by an operator's word: nothing is decided by this instance */
    int64_t rate;                      /* the most events a second; 0: no limit */
    size_t skips;                      /* events that are waited for to be skipped */
    char redis_promise[PICTURE_TEXT_MAX];
    char halt[PICTURE_TEXT_MAX];       /* "": none */
    struct {                           /* published decisions that are applied again (turn/reapply.h) */
        const char *phase;             /* NULL: they are not */
        int64_t events, of, differences;
    } reapply;
    char incarnation[CLOCK_UUID_SIZE]; /* of the first market; "" : not known yet */
    int64_t era;
    size_t held, held_max;             /* events read and not decided, over all partitions; how many may be */
    size_t in_flight;                  /* records handed to the producer and not reported */
    size_t events_limit;               /* events of a turn at present: less than turn.events while there are conflicts */
    struct meters meters;
    struct hot_key hot_writes[HOT_TOP_MAX], hot_conflicts[HOT_TOP_MAX];
    size_t hot_writes_count, hot_conflicts_count;
    struct picture_partition *partitions;   /* in no order; owned */
    size_t partitions_count, partitions_capacity;
};

void picture_init(struct picture *picture);
void picture_deinit(struct picture *picture);
/* Fills it anew, with what memory it has. Errors: -ENOMEM (then without partitions). */
int pipeline_look(struct pipeline *pipeline, struct picture *picture) MUST_CHECK;
/* A copy with memory of its own. Errors: -ENOMEM. */
int picture_copy(struct picture *to, const struct picture *from) MUST_CHECK;

/* How many partitions are in a state of the take-over, and lag summed over those where it is known. */
size_t picture_count(const struct picture *picture, enum partition_state state);
int64_t picture_lag(const struct picture *picture);
enum picture_state picture_state(const struct picture_partition *partition);
const char *picture_state_name(enum picture_state state);
/* How long the next event has been waiting, ms, at `now` (ms since 1970): 0 without lag; -1: not known. */
int64_t picture_lag_ms(const struct picture_partition *partition, int64_t now);
/* Where the log begins and ends was asked by somebody else; -1: unknown. Lag follows. */
void picture_learn_log(struct picture_partition *partition, int64_t start, int64_t end);

#endif
