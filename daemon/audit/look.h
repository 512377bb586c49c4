/* A first look at Redis, before a snapshot of it is taken: whether marks can be read, and seen lists reach from where the marks say to where they say.
 *
 * Where they do not, no snapshot would be of any one moment, and what is wrong is told here. Writes nothing; daemons may be at work. */
#ifndef ORDERD_AUDIT_LOOK_H
#define ORDERD_AUDIT_LOOK_H

#include "audit/finding.h"
#include "ledger/partition.h"
#include "store/asker.h"

enum { LOOK_FAULTS_MAX = 256 };

struct look_fault {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    enum finding_kind kind;
    char text[FINDING_TEXT_MAX];
};

struct look {
    struct asker *redis;
    const struct shard *shard;
    struct look_fault faults[LOOK_FAULTS_MAX];
    size_t faults_count;
};

/* The mark of a partition and the ends of its seen list, of one moment. Errors: of Redis. */
int look_at_mark(struct look *look, const char *topic, int32_t partition) MUST_CHECK;
/* All of its seen list: that each element begins where the one before it ended. Errors: of Redis. */
int look_at_list(struct look *look, const char *topic, int32_t partition) MUST_CHECK;

#endif
