/* What was written to the outbox, and what was in conflict: PROTOCOL 4 and 6 held against every record at the moment it lies in Kafka.
 *
 * Nothing may be published that was not first written by an EXEC, with the sequence that Redis gave it, and behind a durability gate nothing
 * that the replicas did not have by then. */
#ifndef ORDERD_TESTS_SIM_WRITTEN_H
#define ORDERD_TESTS_SIM_WRITTEN_H

#include "fake/world.h"
#include "sim/plan.h"

/* Another history begins. */
void written_reset(const struct plan *plan);
/* An EXEC of an instance or of the operator was answered. */
void written_executed(struct redis_client *client, enum exec_answer answer, bool by_operator);
/* Redis is about to go back to an older state, and has. */
void written_restoring(void);
void written_restored(void);
/* What is to be said against a record that arrived in Kafka, as "kind: text"; NULL: nothing. Valid until the next call. */
const char *written_arrived(const char *topic, int32_t partition, const struct logged *message);
/* What is to be said against a commit, and against what waits in a market's outbox; NULL: nothing. */
const char *written_committed(const char *topic, int32_t partition, int64_t offset);
const char *written_too_much(int32_t shard);
/* Whether every record that was written is in Kafka. */
bool written_all_arrived(void);
/* Whether Redis, as it was at that position of its journal, has forgotten a record that is not in Kafka yet. */
bool written_would_lose(int64_t position);
/* Tells forgotten.h of each outcome among them, before Redis goes back to that position. */
void written_forget(int64_t position);
/* Redis's journal behind the EXEC that wrote the record; negative: none is known to have. */
int64_t written_position(const struct logged *message);
/* The same behind the last EXEC that wrote one which Redis still has; negative: none. */
int64_t written_last(void);
/* How long after `since` (virtual ms) an EXEC that held this event alone got nil; -1: none did. */
int64_t written_conflict_ms(const char *topic, int32_t partition, int64_t offset, int64_t since);

#endif
