/* Whether daemons heed what an operator has told them: PROTOCOL 10 held against every EXEC at the moment it is applied.
 *
 * What a process knows of a pause is what it was told itself, and what Redis answered when it last asked; it must ask at each take-over and every few
 * seconds. Nothing of what it knows to be paused may be decided by it, nothing at all while it is quiet, and no more than its rate allows. An event
 * that it has agreed to skip is skipped, and no other one is. */
#ifndef ORDERD_TESTS_SIM_HEEDED_H
#define ORDERD_TESTS_SIM_HEEDED_H

#include "fake/world.h"

/* A source partition, or more of them. */
struct heeded_place {
    int topic;               /* of the plan's; -1: all */
    int32_t partition;       /* -1: all of the topic */
};

/* Another history begins; a process of the node begins, and knows nothing. */
void heeded_reset(void);
void heeded_life_begins(const struct node *node);

/* The node is about to be told to pause, or to let go on; and has answered that it did. */
void heeded_pause_asked(const struct node *node, const struct heeded_place *place, bool paused);
void heeded_pause_told(const struct node *node, const struct heeded_place *place, bool paused);
void heeded_quiet_told(const struct node *node, bool quiet);
void heeded_rate_told(const struct node *node, int64_t events_per_s);
/* What it answered to the wish that this event be skipped (turn/operator.h). */
void heeded_skip_told(const struct node *node, const struct heeded_place *place, int64_t offset, int answer);
/* It has answered that the wish is taken back. */
void heeded_skip_taken_back(const struct node *node, const struct heeded_place *place, int64_t offset);
bool heeded_is_quiet(const struct node *node);

/* An EXEC of an instance was answered; `late`: it has given the connection up, and may know more by now. */
void heeded_executed(const struct node *node, const struct redis_client *client, enum exec_answer answer, bool late);
/* Anybody's command on data was run outside of a transaction. */
void heeded_ran(const struct node *node, const struct bytes *args, size_t count);
/* Redis's data has gone back. */
void heeded_restored(void);

#endif
