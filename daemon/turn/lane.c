#include "turn/lane.h"

#include <stdlib.h>
#include <string.h>

int item_pool_init(struct item_pool *pool, size_t count)
{
    *pool = (struct item_pool){.all = calloc(count, sizeof *pool->all), .count = count};
    if (!pool->all)
        return -ENOMEM;
    for (size_t i = count; i-- > 0;) {
        pool->all[i].next = pool->spare;
        pool->spare = &pool->all[i];
    }
    return 0;
}

void item_pool_deinit(struct item_pool *pool)
{
    ASSERT(pool->used == 0);
    free(pool->all);
    *pool = (struct item_pool){0};
}

size_t item_bytes(const struct item *item)
{
    return item->message.key.size + item->message.value.size;
}

static void condemn(struct item *item, enum reason reason, const char *detail)
{
    item->decoded = (struct decoded){.reason = reason};
    event_condemn(&item->decoded, reason, detail);
}

void item_skip(struct item *item, const char *why)
{
    struct decoded decoded = {.traceparent = item->decoded.traceparent, .tracestate = item->decoded.tracestate};

    item->decoded = decoded;
    item->expiring = false;
    event_condemn(&item->decoded, REASON_SKIPPED, why);
}

static void decode_with_headers(struct item *item)
{
    struct kafka_header headers[EVENT_HEADERS_MAX];
    size_t count = kafka_message_headers(&item->message, headers, EVENT_HEADERS_MAX);

    if (count > EVENT_HEADERS_MAX)
        condemn(item, REASON_TOO_MANY_HEADERS, "more than 64 headers are not read");
    else
        event_decode(&item->decoded, item->message.value, headers, count);
}

/* Most messages have no headers: only those that do pay for the room to hold them. */
void item_decode(struct item *item)
{
    if (kafka_message_headers(&item->message, NULL, 0))
        decode_with_headers(item);
    else
        event_decode(&item->decoded, item->message.value, NULL, 0);
}

struct item *lane_append(struct lane *lane, struct item_pool *pool, const struct kafka_message *message)
{
    struct item *item = pool->spare;

    ASSERT(item);
    pool->spare = item->next;
    pool->used++;
    item->next = NULL;
    item->message = *message;
    item->watched_at = -1;
    item->attempts = 0;
    item->expiring = false;
    item->taken = NULL;
    pool->bytes += item_bytes(item);
    if (lane->tail)
        lane->tail->next = item;
    else
        lane->head = item;
    lane->tail = item;
    lane->count++;
    lane->position = message->offset + 1;
    return item;
}

void lane_push(struct lane *lane, struct item_pool *pool, const struct kafka_message *message)
{
    struct item *item = lane_append(lane, pool, message);

    if (registry_quarantined(&lane->partition->shard->registry, lane->partition->topic, lane->partition->number, message->offset))
        condemn(item, REASON_QUARANTINED, "set aside by the operator");
    else
        item_decode(item);
}

void lane_pop(struct lane *lane, struct item_pool *pool, size_t count)
{
    ASSERT(count <= lane->count);
    for (size_t i = 0; i < count; i++) {
        struct item *item = lane->head;

        lane->head = item->next;
        pool->bytes -= item_bytes(item);
        pool->used--;
        kafka_message_free(&item->message);
        item->next = pool->spare;
        pool->spare = item;
    }
    lane->count -= count;
    if (!lane->head)
        lane->tail = NULL;
}

bool lane_skip_to(struct lane *lane, struct item_pool *pool, int64_t next)
{
    if (next < lane->base || next > lane->position) {
        lane_clear(lane, pool);
        return false;
    }
    while (lane->head && lane->head->message.offset < next)
        lane_pop(lane, pool, 1);
    lane->base = next;
    return true;
}

void lane_start(struct lane *lane, int64_t next)
{
    ASSERT(lane->count == 0);
    lane->base = lane->position = next;
    lane->end = -1;
}

int64_t lane_timestamp(const struct lane *lane, int64_t next)
{
    int64_t timestamp = lane->head ? lane->head->message.timestamp : lane->waiting_from == next ? lane->waiting_timestamp : 0;

    return timestamp > 0 ? timestamp : 0;
}

/* Entries in front that are finished wait for their removal only. One that was read back from Redis does not show its events' timestamps:
 * its id tells when they were decided. */
int64_t lane_owed(const struct lane *lane)
{
    const struct outbox *outbox = &lane->partition->outbox;
    const struct outbox_entry *entry = outbox->head;

    if (lane->partition->state != PARTITION_OWNED)
        return lane->owed_timestamp;
    for (size_t i = 0; i < outbox->finished; i++)
        entry = entry->next;
    return !entry ? 0 : entry->timestamp ? entry->timestamp : (int64_t)entry->sequence.ms;
}

void lane_clear(struct lane *lane, struct item_pool *pool)
{
    if (lane->head) {
        lane->waiting_from = lane->base;
        lane->waiting_timestamp = lane->head->message.timestamp;
    }
    lane_pop(lane, pool, lane->count);
    lane->base = lane->position = lane->end = -1;
}
