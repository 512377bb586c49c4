/* What stands in the simulated Redis, read past the daemon: for the witness, who knows DESIGN 2.1 and nothing of how it is written. */
#ifndef ORDERD_TESTS_SIM_KEYS_H
#define ORDERD_TESTS_SIM_KEYS_H

#include "base/arena.h"
#include "sim/auditor.h"
#include "sim/plan.h"

struct keys_mark {
    bool there, torn;                 /* it can be read; its transaction was applied in part */
    int64_t next, done;
};

/* All keys as they are now, copied into the arena. */
struct audit_keys keys_of_redis(struct arena *arena);
/* How many entries the market's outbox holds. */
size_t keys_outbox_entries(const struct plan *plan, int32_t shard);
/* Whether the entry of that place waits in it, or another that an adoption has carried it over to. */
bool keys_outbox_holds(const struct plan *plan, int32_t shard, const struct audit_place *place);
/* The last outbox entry's place in the order of that market. */
struct audit_place keys_place(const struct plan *plan, int32_t shard);
/* The data itself. */
const struct keyspace *keys_data(void);
/* How far the data's journal has come; after it was put back, where it was put. */
int64_t keys_journal_position(void);
/* The registry's incarnation; absent where there is none. */
struct bytes keys_incarnation(const struct plan *plan, int32_t shard);
/* The era in which published decisions were applied again last; 0: never. */
int64_t keys_reapplied(const struct plan *plan, int32_t shard);
bool keys_is_halted(const struct plan *plan, int32_t shard);
/* The mark of the partition. */
struct keys_mark keys_mark(const struct plan *plan, const char *topic, int32_t partition);
/* Whether it stands among those that an operator has paused. */
bool keys_is_paused(const struct plan *plan, const char *topic, int32_t partition);
/* The number in a key of that whole name, or in its field, at that position of the journal: 0 where there was nothing; false: what was there is none. */
bool keys_number_at(int64_t position, const char *name, const char *field, int64_t *out);
/* A field of the partition's mark; absent when there is none. Valid until something is written. */
struct bytes keys_mark_field(const struct plan *plan, const char *topic, int32_t partition, const char *field);
/* A field of the hash of that whole name; absent when there is none. Valid until something is written. */
struct bytes keys_hash_field(const char *name, const char *field);
/* Every partition of the plan has a mark. */
bool keys_marks_are_there(const struct plan *plan);
/* Whether the partition's mark says that all below `end` is decided and delivered, and nobody has to look at it; a mark that is not there yet is at 0. */
bool keys_mark_is_at(const struct plan *plan, const char *topic, int32_t partition, int64_t end);
/* Whether all that is decided of it was delivered. */
bool keys_mark_is_done(const struct plan *plan, const char *topic, int32_t partition);
/* Whether every registry, outbox and mark is there. */
bool keys_are_whole(const struct plan *plan);
/* "next=3 done=1", and the registry's halt. */
void keys_mark_text(const struct plan *plan, const char *topic, int32_t partition, struct buffer *out);
/* The daemon's deadlines by the auditor's kinds. */
void keys_deadlines(int64_t out[AUDIT_KINDS], const int64_t *deadline_ms);

#endif
