/* How Kafka behaves: latencies, bounds and failures, set by whoever plays fate and changed at any time.
 *
 * All zero is what stories have: only a delivery takes time (2 ms), nothing fails, and the group says what the story says. */
#ifndef ORDERD_TESTS_FAKE_KAFKA_WEATHER_H
#define ORDERD_TESTS_FAKE_KAFKA_WEATHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Virtual ms; each time is drawn from it, both ends included. */
struct kafka_range {
    int32_t min, max;
};

/* A probability: so many of a million. */
typedef uint32_t kafka_chance;

enum group_kind {
    GROUP_BY_HAND,          /* group_gives() and group_takes() say everything */
    GROUP_EAGER,            /* a coordinator; a rebalance takes everything and gives everything anew */
    GROUP_COOPERATIVE       /* a coordinator; a rebalance takes only what moves */
};

struct kafka_weather {
    bool away;                            /* no broker answers: nothing arrives, nothing is reported, questions time out */

    size_t prefetch;                      /* messages of a partition fetched ahead, at most; 0: fetched when they are taken, and an end is
                                           * said again only after another message */
    size_t batch;                         /* so many messages of a partition at most before another's turn comes; 0: no interleaving */
    struct kafka_range fetch_ms;          /* from a message's arrival in the log, or from a begin, to the consumer */
    kafka_chance fetch_fails;             /* a fetch: KAFKA_FAILED, -EIO; it goes on afterwards */
    bool resume_skips;                    /* librdkafka 2.2 to 2.13: what stays in a cooperative rebalance skips one message if its end was read */

    struct kafka_range produce_ms;        /* from the producer to the log; max 0: 2 ms */
    struct kafka_range report_ms;         /* and its report back */
    const char *slow;                     /* a topic whose records take so much longer to its log */
    struct kafka_range slow_ms;
    kafka_chance report_lost;             /* the first answer to a record is lost; a second one comes later and knows no offset */
    size_t queue;                         /* records that a producer holds; 0: 4096 */
    kafka_chance delivery_fails;          /* a record fails, and nothing behind it arrives until the producer is closed */
    kafka_chance failed_lands;            /* of those: it lies in the log all the same */
    kafka_chance producer_fails;          /* a record meets a fatal error of its producer (kafka_out_error) */
    int producer_failures;                /* so many of the next records do for certain */
    kafka_chance producer_refused;        /* no producer can be made (kafka_out_new) */
    kafka_chance orphans_land;            /* of what a closed producer or a dead process had in flight, the begin of a partition's records
                                           * arrives all the same; the same for a commit of a dead process */

    struct kafka_range commit_ms;         /* there; and back again */
    kafka_chance commit_fails;            /* -EAGAIN, nothing is committed */
    kafka_chance commit_unheard;          /* -ETIMEDOUT, though it is committed */

    struct kafka_range ask_ms;            /* a question and its answer */
    kafka_chance ask_fails;               /* -EAGAIN at once, or -ETIMEDOUT after the whole time */

    enum group_kind group;
    bool deal_drawn;                      /* partitions are dealt by lot, half of them stay; else by range */
    struct kafka_range group_ms;          /* until a member hears of something, each time */
    int32_t session_timeout_ms;           /* 0: 6000 */
    int32_t rebalance_timeout_ms;         /* for a member to answer; 0: 60000 */
    struct kafka_range zombie_ms;         /* until an expelled member hears that it is none any more */
    kafka_chance zombie_unaware;          /* then it is told so with `lost` = false */
    kafka_chance leave_fails;             /* the group does not hear of a leave in time */
};

#endif
