/* One market with its registry: the keys under one prefix, who owns them, and in which era (DESIGN 2.1).
 *
 * With shard = "none" there is one; with shard = "partition" one per partition number, its hash tag behind the prefix. */
#ifndef ORDERD_LEDGER_SHARD_H
#define ORDERD_LEDGER_SHARD_H

#include <stdbool.h>
#include <stdint.h>

#include "codec/sequence.h"
#include "rules/view.h"
#include "seam/clock.h"
#include "seam/kafka_out.h"
#include "seam/redis_link.h"

enum { SHARD_NONE = -1, SHARD_PREFIX_MAX = 96, SHARD_KEY_MAX = 128, SHARD_FORMER_MAX = 64, SHARD_TEXT_MAX = 1024 };

/* With what a key of the market begins behind the prefix: "users:", "stock:", "inventory:", "market:". */
const char *shard_market_word(enum view_key_kind kind);

/* The registry, orderd:meta. */
struct registry {
    char cluster[KAFKA_CLUSTER_ID_MAX];
    char group[256];
    char topics[16384];              /* "orders=3 refunds=2": name and partition count, sorted by name */
    char shard[16];                  /* "none" or "partition" */
    int64_t window_s, ids;           /* the dedupe settings that rule */
    char incarnation[CLOCK_UUID_SIZE];
    char former[SHARD_FORMER_MAX][CLOCK_UUID_SIZE];
    size_t former_count;
    int64_t era;
    char halt[SHARD_TEXT_MAX];       /* "": none */
    int64_t reapplied;               /* the era that began when published decisions were applied again last (turn/reapply.h); 0: never */
    char quarantine[4096];           /* "orders:3:17 orders:0:4": decided malformed by the operator's word */
};

struct shard {
    int32_t number;                  /* SHARD_NONE, or the partition number */
    char prefix[SHARD_PREFIX_MAX];   /* before every key, with the hash tag */
    char meta_key[SHARD_KEY_MAX], outbox_key[SHARD_KEY_MAX], paused_key[SHARD_KEY_MAX];
    struct registry registry;        /* as last read under WATCH or at take-over */
    bool known;                      /* registry was read */
    char torn[SHARD_TEXT_MAX];       /* a halt that is due and not yet written; "": none */
    bool under_halt;                 /* a playback works here, under the registry's halt, which must stay as it is */
    struct stream_id last;           /* the highest outbox id that this process saw in the era */
    int64_t hopeless_era;            /* in it published decisions cannot be applied again, as was found out; 0: none */
};

/* Fills the keys. `prefix` is the configured one. */
void shard_init(struct shard *shard, const char *prefix, int32_t number);
/* Whether partitions of this number are the shard's. */
bool shard_has(const struct shard *shard, int32_t partition);
/* The key of ledger/pause.h, also of a shard that is not at hand. */
void shard_paused_key(char out[SHARD_KEY_MAX], const char *prefix, int32_t number);

#define REGISTRY_FIELDS "schema", "cluster", "group", "topics", "shard", "window_s", "ids", "incarnation", "former", "era", "halt", "quarantine", "reapplied"
enum { REGISTRY_FIELDS_COUNT = 13, REGISTRY_SCHEMA = 1 };
/* Reads HMGET's reply. 0, -ENOENT (no registry), -EBADMSG (damaged, or of another schema), -EIO. */
int registry_read(struct registry *out, const struct reply *reply) MUST_CHECK;

/* The part that every turn compares. */
#define REGISTRY_TURN_FIELDS "era", "halt"
enum { REGISTRY_TURN_FIELDS_COUNT = 2 };
/* Whether the reply shows the era that is known here, and no halt. */
bool registry_unchanged(const struct registry *registry, const struct reply *reply) MUST_CHECK;

/* The same for a turn of the shard: a playback's goes on under the halt that it knows, and under no other. */
bool shard_unchanged(const struct shard *shard, const struct reply *reply) MUST_CHECK;

/* The topics of the list one after the other: `*at` begins as registry->topics. False: there is none left. */
bool registry_next_topic(const char **at, char topic[KAFKA_TOPIC_MAX + 1]) MUST_CHECK;
/* Partition count of a topic in the registry's list, -1 when it is not there. */
int32_t registry_partitions(const struct registry *registry, const char *topic);
bool registry_is_former(const struct registry *registry, struct bytes incarnation);
/* Adds one, unless it is there; the oldest goes when there is no room. */
void registry_add_former(struct registry *registry, const char *incarnation);
/* Whether the operator quarantined this offset. */
bool registry_quarantined(const struct registry *registry, const char *topic, int32_t partition, int64_t offset);

#endif
