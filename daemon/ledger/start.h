/* The registry at start: made without ceremony on a first start, else held against what is configured (DESIGN 4.5). */
#ifndef ORDERD_LEDGER_START_H
#define ORDERD_LEDGER_START_H

#include "ledger/evidence.h"
#include "ledger/refusal.h"
#include "store/asker.h"

struct start_topic {
    const char *name;
    int32_t partitions;
};

struct start {
    struct asker *redis;
    struct clock *clock;
    const struct log *log;
    struct evidence_source evidence;
    const char *prefix, *cluster, *group;
    const struct start_topic *topics; /* sorted by name */
    size_t topics_count;
    bool sharded;
    bool dry;                         /* start_run makes nothing */
    int64_t window_s, ids;
};

/* How many markets there are: one, or with shards as many as the largest topic has partitions; and the number of the one at an index. */
int32_t start_markets(const struct start_topic *topics, size_t count, bool sharded);
int32_t start_market(bool sharded, int32_t index);

/* Every registry of the configuration is there afterwards, or `refusal` says what is in the way. START_WOULD_MAKE: `dry`, and one is not there.
 * Errors: -EAGAIN and others: try again; a lost connection. */
enum { START_WOULD_MAKE = 1 };
int start_run(const struct start *start, struct refusal *refusal) MUST_CHECK;

/* The steps of a start one by one, for whoever only looks; none of them writes. A registry under the other form of `shard` is refused. */
int start_other_form(const struct start *start, struct refusal *refusal) MUST_CHECK;
/* The registry, what registry_read says of it, and whether none of the shard's records exist (`bare`). WATCHes them. */
int start_look(const struct start *start, const struct shard *shard, struct registry *found, int *registry, bool *bare) MUST_CHECK;
/* What the registry is held against, each: cluster and group; topics and their partitions. */
void start_compare_owner(const struct start *start, const struct registry *found, struct refusal *refusal);
void start_compare_topics(const struct start *start, const struct registry *found, struct refusal *refusal);
/* The registry is missing, or cannot be read, although something is known of the market. */
void start_missing(const struct shard *shard, const char *because, struct refusal *refusal);
/* Whether Kafka knows of decisions in this partition, in words; "": it does not. Errors: of evidence_read. */
int start_known_to_kafka(const struct start *start, const char *topic, int32_t partition, char *because, size_t size, int64_t *log_start) MUST_CHECK;

/* The registry's list of topics, "orders=3 refunds=2". Errors: -E2BIG. */
int start_topics_text(const struct start *start, char *out, size_t size) MUST_CHECK;

#endif
