/* A source partition as this process owns it: its mark, its duplicate window, and what of it is not yet delivered. */
#ifndef ORDERD_LEDGER_PARTITION_H
#define ORDERD_LEDGER_PARTITION_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/mark.h"
#include "ledger/outbox.h"
#include "ledger/pause.h"
#include "ledger/seen.h"
#include "ledger/shard.h"
#include "seam/kafka_in.h"

enum partition_state {
    PARTITION_UNTAKEN,   /* assigned by the group; to be taken over before anything is decided (DESIGN 4.2) */
    PARTITION_OWNED,     /* the mark in Redis is the one held here */
    PARTITION_STOPPED    /* refused (4.5): waits for the operator, tried again when the era rose */
};

enum { PARTITION_KEY_MAX = SHARD_PREFIX_MAX + KAFKA_TOPIC_MAX + 32 };

struct partition {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t number;
    struct shard *shard;              /* not owned */
    enum partition_state state;
    char mark_key[PARTITION_KEY_MAX], seen_key[PARTITION_KEY_MAX], at[PARTITION_KEY_MAX]; /* at: "TOPIC:P" */
    struct mark mark;                 /* what this owner last wrote */
    struct seen *seen;
    struct outbox outbox;
    struct pause pause;               /* the operator's, as last read */
    int64_t handed;                   /* the offset after the last one given to a producer, ever in this incarnation */
    int64_t reached;                  /* position in the outcome partition up to which this process read, or had reports as the owner */
    int64_t committed;                /* the highest offset committed in this incarnation; -1: none */
    int64_t asked;                    /* the highest that a commit was asked for in it: the answer may be on its way; -1: none */
    char incarnation[CLOCK_UUID_SIZE]; /* the one that handed, committed and asked belong to */
    int64_t era;                      /* the registry's when it was taken over */
    int64_t reapplied;                /* the registry's, as it was for handed: what was handed before it and did not arrive is decided anew */
};

/* Errors: -ENOMEM. `ids` and `window` are set at take-over, from the registry. */
int partition_new(struct partition **out, const char *topic, int32_t number, struct shard *shard) MUST_CHECK;
/* The key "PREFIXorderd:KIND:TOPIC:P". */
void partition_key(char out[PARTITION_KEY_MAX], const struct shard *shard, const char *kind, const char *topic, int32_t number);
/* The mark was seen to be ours after reports had named `reached`: only then does nothing lie below it that another owner published. */
void partition_confirm(struct partition *partition, int64_t reached);
/* Where the partition goes on: at its mark's `next`. */
struct kafka_position partition_position(const struct partition *partition);
/* Whose outbox it is. */
const struct partition *partition_of_outbox(const struct outbox *outbox);
/* Takes NULL, returns NULL. Entries whose reports are still due are left to the outbox pool. */
struct partition *partition_free(struct partition *partition, struct outbox_pool *pool);

#endif
