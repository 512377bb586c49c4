/* The plan of one history: how the world is made, what is ordered, and what goes wrong, all drawn from the seed before anything runs.
 *
 * Because a plan is a list, a part of it can be left out: that is how a failing history is made small. */
#ifndef ORDERD_TESTS_SIM_PLAN_H
#define ORDERD_TESTS_SIM_PLAN_H

#include "base/arena.h"
#include "fake/instance.h"
#include "sim/mishap.h"

enum { PLAN_EVENTS_MIN = 200, PLAN_EVENTS_MAX = 2000, PLAN_MISHAPS_MAX = 64, PLAN_HANDS_MAX = 8, PLAN_NODES_MAX = 3, PLAN_PARTITIONS_MAX = 4 };

/* One message of the upstream. */
struct plan_event {
    int64_t at;                  /* when it is written, virtual ms */
    int64_t timestamp_shift;     /* its producer's clock is wrong by so much */
    int topic;
    int32_t partition;
    struct bytes value;          /* the plan's own; absent: null */
    struct kafka_header headers[8];
    size_t headers_count;
    bool off;                    /* left out by a shrunk plan: a gap of the log stands in its place */
};

struct plan {
    uint64_t seed;
    struct instance_settings settings;
    int nodes;
    bool cooperative;
    bool beside;                 /* orderd's own audit looks at it, too */
    bool letters_slow;                /* the brokers of the dead letters take their time, so that deliveries overtake each other */
    int session_timeout_ms;
    int latency_ms;              /* of every way between two machines, at most */
    int preemption;              /* one in so many arrows lets others go first */
    int64_t busy_ms;             /* events and mishaps lie in here; then it is quiet */
    struct plan_event *events;
    size_t events_count;
    struct mishap mishaps[PLAN_MISHAPS_MAX + PLAN_HANDS_MAX];
    size_t mishaps_count;
    struct arena *text;          /* what values and headers point into */
};

void plan_draw(struct plan *plan, uint64_t seed);
void plan_free(struct plan *plan);
/* What a person must know of it: one line. */
void plan_say(const struct plan *plan, struct buffer *out);

/* Numbers for making plans: independent of the world's own. */
struct dice {
    uint64_t state;
};
/* [low, high] */
int64_t dice_between(struct dice *dice, int64_t low, int64_t high);
/* True once in n times. */
bool dice_one_in(struct dice *dice, int64_t n);
uint64_t dice_next(struct dice *dice);

/* traffic.c: the upstream's events of a plan, whose shape is set already. */
void traffic_draw(struct plan *plan, struct dice *dice);

#endif
