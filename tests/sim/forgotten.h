/* Decisions that an older Redis lost while their outcomes were on their way: without a durability gate nothing is promised of them, but that they are
 * decided once as long as somebody knows of them (PROTOCOL 5): the commit's note, or the owner that had handed them over. */
#ifndef ORDERD_TESTS_SIM_FORGOTTEN_H
#define ORDERD_TESTS_SIM_FORGOTTEN_H

#include "fake/world.h"

/* Another history begins. */
void forgotten_reset(void);
/* Redis is about to forget the decision of that offset of "orders:3", whose outcome, or dead letter, is not in Kafka. */
void forgotten_lost(int32_t shard, const char *at, int64_t offset);
/* Redis has gone back. */
void forgotten_restored(void);
/* The node has written a fresh epoch into that mark; its process has ended. */
void forgotten_claimed(const struct node *node, const char *mark);
void forgotten_life_ends(const struct node *node);
/* What was published is applied again in this market: whatever was lost has arrived by then or never will. */
void forgotten_redone(int32_t shard);

#endif
