/* What Redis holds of partitions beside their marks: outbox entries and seen lists, read in bounded chunks (DESIGN 4.2).
 *
 * Nothing here watches anything; whoever reads compares the marks before and after. */
#ifndef ORDERD_LEDGER_GATHER_H
#define ORDERD_LEDGER_GATHER_H

#include "ledger/partition.h"
#include "store/asker.h"

struct gather {
    struct asker redis;
    struct clock *clock;
    const struct log *log;
    struct outbox_pool *pool;
};

struct gathered {
    struct outbox_entry *first, *last;   /* sorted by offset */
    bool seen_whole;
    char seen_problem[96];
};

/* All entries of these partitions; `gathered` has one place for each. Raises shard->last. Entries of others are passed over. */
int gather_outbox(struct gather *gather, struct shard *shard, struct partition *const *partitions, size_t count,
                  struct gathered *gathered) MUST_CHECK;
/* The partition's seen list into a fresh index; whether it covers [seen_from, next) is said in `gathered`. */
int gather_seen(struct gather *gather, struct partition *partition, struct gathered *gathered) MUST_CHECK;
/* Entries that nobody took go back to the pool. */
void gathered_free(struct gather *gather, struct gathered *gathered, size_t count);

#endif
