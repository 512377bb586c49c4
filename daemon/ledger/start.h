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
    int64_t window_s, ids;
};

/* Every registry of the configuration is there afterwards, or `refusal` says what is in the way. Errors: -EAGAIN and others: try
 * again; a lost connection. */
int start_run(const struct start *start, struct refusal *refusal) MUST_CHECK;

/* The registry's list of topics, "orders=3 refunds=2". Errors: -E2BIG. */
int start_topics_text(const struct start *start, char *out, size_t size) MUST_CHECK;

#endif
