/* The consumer group: by hand, as a story says it; or with a coordinator that has members and generations, deals partitions, and expels who is
 * silent (kafka.md 4 and 5).
 *
 * A rebalance begins when a member joins, leaves or is expelled, or by group_rebalance(). Each member hears of it some time later, when it
 * serves the group, and joins anew: eager, after it gave everything back; cooperative, at once. When all have joined, the next generation
 * begins with another deal. A cooperative member then gives back what is another's now, and joins once more, so that the other gets it. */
#ifndef ORDERD_TESTS_FAKE_GROUP_H
#define ORDERD_TESTS_FAKE_GROUP_H

#include <stdbool.h>
#include <stdint.h>

#include "fake/kafka_log.h"

/* By hand: the node is given the partition, or it is taken from it (`lost`: somebody else has it already). It learns so at its next poll. */
void group_gives(const char *node, const char *topic, int32_t partition);
void group_takes(const char *node, const char *topic, int32_t partition, bool lost);

/* A rebalance for no other reason; also after partitions were added. */
void group_rebalance(void);
/* The group believes the node's process gone, as when it did not poll for too long. The process does not know, and goes on until it hears. */
void group_expels(const char *node);
/* Every member of the group has its share and works it, and no rebalance is under way. */
bool group_is_settled(void);
/* The node that the present generation gives the partition to, NULL when none. */
const struct node *group_owner(const char *topic, int32_t partition);

/* The rest is between coordinator and consumers. */

enum { GROUP_MEMBERS_MAX = 32 };

/* Of each topic by its place in the log, a bit for each partition. */
struct shares {
    uint32_t of[LOG_TOPICS_MAX];
};

struct member {
    int id;
    struct node *node;
    bool gone;                        /* its process closed the consumer without a word, or died */
    bool joined;                      /* in the rebalance that is under way */
    bool dealt;                       /* its share has not gone to it yet */
    int64_t hears_at;                 /* of its share */
    int64_t silent_since;             /* -1: it is heard of */
    uint32_t topics;                  /* subscribed, by their place in the log */
    struct shares owned;              /* as it said when it joined */
    struct shares share, given;       /* given: what of the share nobody else still has */
};

struct group {
    struct member members[GROUP_MEMBERS_MAX];   /* by rising ids */
    size_t count;
    int ids, generation;
    int deal[LOG_TOPICS_MAX][LOG_PARTITIONS_MAX];   /* the member's id */
    bool rebalancing, keeps_deal;
    int64_t rebalancing_since;
};

void group_catch_up(void);
/* Returns the new member's id. */
int group_join(struct node *node, uint32_t topics, const struct shares *owned);
/* Nothing when the group does not know it. With `keeps_deal` the deal is as before: the member only gave something back. */
void group_rejoin(int id, const struct shares *owned, bool keeps_deal);
void group_leave(int id);
/* Its process is gone; the group does not know. */
void group_forget(int id);
/* NULL when the group does not know it. */
struct member *group_find(int id);
/* Whether it is a member of the present generation. */
bool group_knows(int id, int generation);

bool shares_are_empty(const struct shares *shares);
/* What is in `a`, and with `in` in `b`, without it not in `b`. */
struct shares shares_of(const struct shares *a, bool in, const struct shares *b);
struct shares shares_both(const struct shares *a, const struct shares *b);

#endif
