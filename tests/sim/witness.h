/* The witness: sees what goes in, what comes out and what happens from outside, and at the end puts it before the auditor. Also looks at every
 * commit while a history still burns. */
#ifndef ORDERD_TESTS_SIM_WITNESS_H
#define ORDERD_TESTS_SIM_WITNESS_H

#include "sim/auditor.h"
#include "sim/plan.h"

struct witness;

struct finding {
    char kind[32];                    /* one word; "": nothing is to be said */
    char text[AUDIT_TEXT_MAX];
};

/* The world must be there, with its topics and its first market. */
struct witness *witness_new(const struct plan *plan);
struct witness *witness_free(struct witness *witness);

/* Looks at what has changed since; cheap when nothing has. */
void witness_look(struct witness *witness);
/* What was found so far. */
const struct finding *witness_finding(const struct witness *witness);
/* Whether the partition was decided, delivered and committed to its end, and nothing waits in its market's outbox. */
bool witness_is_at_rest(const struct witness *witness, const char *topic, int32_t partition);
/* The same up to where it was decided. */
bool witness_is_delivered(const struct witness *witness, const char *topic, int32_t partition);

/* The upstream wrote a message, or passed over an offset (`message` NULL). */
void witness_ordered(struct witness *witness, const char *topic, int32_t partition, const struct logged *message);
/* Another program's command has taken effect; "HSET", "users:u1", … of the market of that shard. */
void witness_foreign(struct witness *witness, int32_t shard, const struct bytes *args, size_t count);
/* The outcome topic is about to be deleted; the next one of that name goes on where it ended. */
void witness_outcomes_go(struct witness *witness);
/* An operator is about to quarantine the offset. */
void witness_quarantined(struct witness *witness, const char *topic, int32_t partition, int64_t offset);
/* An instance has agreed to skip the offset. */
void witness_skipped(struct witness *witness, const char *topic, int32_t partition, int64_t offset);
/* Redis has lost the decision of the offset before its outcome was in Kafka; `unheard`: and nobody can know of it (forgotten.h). */
void witness_forgotten(struct witness *witness, const char *topic, int32_t partition, int64_t offset, bool unheard);
/* Redis's data has gone back: to be called before, and after; `closed`: with all connections. */
void witness_restoring(struct witness *witness);
void witness_restored(struct witness *witness, bool closed);
/* What is decided in this market (negative: in any) from when Redis came back older is none that could be replayed (AUDIT_MUDDLED). */
void witness_muddled(struct witness *witness, int32_t shard);
/* A transaction of an instance was applied in part. */
void witness_torn(struct witness *witness, int32_t shard);
/* A transaction of an instance or of the operator was applied, or a part of it. */
void witness_executed(struct witness *witness, const struct redis_client *client, bool by_operator);
/* The operator begins a resolution, WATCHes, says a line, and has carried it out: then all that it changed must have been said. */
void witness_operator_begins(struct witness *witness);
void witness_operator_looks(struct witness *witness);
void witness_hears(struct witness *witness, const char *line);
void witness_operator_ends(struct witness *witness);
/* Something is wrong already now; only the first is kept. `kind` is one word. */
void witness_fault(struct witness *witness, const char *kind, const char *format, ...) PRINTF_LIKE(3, 4);

/* Nothing has come to rest: says what has not. */
void witness_unrest(const struct witness *witness, struct finding *out);
/* Lets the auditor look, at the end. */
void witness_audit(struct witness *witness, struct finding *out);
/* witness_beside.c: lets the audit of `orderd audit` look at the logs too, when no program runs any more. False: of such a history it could not say
 * that all is right (an older Redis, a log that was cut, an operator's resolution). */
bool witness_look_beside(struct witness *witness, struct finding *out);

#endif
