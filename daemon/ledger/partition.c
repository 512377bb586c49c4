#include "ledger/partition.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int partition_new(struct partition **out, const char *topic, int32_t number, struct shard *shard)
{
    struct partition *p = calloc(1, sizeof *p);

    if (!p)
        return -ENOMEM;
    p->number = number;
    p->shard = shard;
    p->committed = p->asked = -1;
    snprintf(p->topic, sizeof p->topic, "%s", topic);
    snprintf(p->at, sizeof p->at, "%s:%d", p->topic, number);
    partition_key(p->mark_key, shard, "mark", p->topic, number);
    partition_key(p->seen_key, shard, "seen", p->topic, number);
    *out = p;
    return 0;
}

void partition_key(char out[PARTITION_KEY_MAX], const struct shard *shard, const char *kind, const char *topic, int32_t number)
{
    int size = snprintf(out, PARTITION_KEY_MAX, "%sorderd:%s:%s:%d", shard->prefix, kind, topic, number);

    ASSERT(size > 0 && size < PARTITION_KEY_MAX);
}

void partition_confirm(struct partition *partition, int64_t reached)
{
    if (reached > partition->reached)
        partition->reached = reached;
}

struct kafka_position partition_position(const struct partition *partition)
{
    struct kafka_position position = {.partition = partition->number, .offset = partition->mark.next};

    memcpy(position.topic, partition->topic, sizeof partition->topic);
    return position;
}

struct partition *partition_free(struct partition *partition, struct outbox_pool *pool)
{
    if (partition) {
        outbox_reset(&partition->outbox, pool, 0);
        seen_free(partition->seen);
        free(partition);
    }
    return NULL;
}

const struct partition *partition_of_outbox(const struct outbox *outbox)
{
    return (const struct partition *)(const void *)((const char *)outbox - offsetof(struct partition, outbox));
}
