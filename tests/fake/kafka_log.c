#include "fake/kafka_log.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_SIZE = 1 << 16, ALIGNMENT = 8 };

/* A piece of the log's memory. */
struct log_chunk {
    struct log_chunk *next;
    size_t used, size;
    _Alignas(ALIGNMENT) char bytes[];
};

/* What a message's handle points to. */
struct held {
    size_t headers_count;
    bool copied;                    /* by malloc, for one consumer */
    struct kafka_header headers[];
};

static void *room(struct kafka_log *log, size_t size)
{
    struct log_chunk *chunk = log->chunks;

    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!chunk || size > chunk->size - chunk->used) {
        size_t capacity = size > CHUNK_SIZE ? size : CHUNK_SIZE;

        chunk = malloc(sizeof *chunk + capacity);
        ASSERT(chunk);
        *chunk = (struct log_chunk){.next = log->chunks, .size = capacity};
        log->chunks = chunk;
    }
    chunk->used += size;
    return chunk->bytes + chunk->used - size;
}

void kafka_log_deinit(struct kafka_log *log)
{
    for (size_t t = 0; t < log->count; t++)
        for (int32_t p = 0; p < log->topics[t].count; p++)
            free(log->topics[t].partitions[p].messages);
    while (log->chunks) {
        struct log_chunk *chunk = log->chunks;

        log->chunks = chunk->next;
        free(chunk);
    }
    log->count = 0;
}

static void partition_clear(struct kafka_log *log, struct log_partition *partition)
{
    free(partition->messages);
    *partition = (struct log_partition){.log = log, .committed = KAFKA_OFFSET_NONE, .fallen = -1};
}

void kafka_log_topic(struct kafka_log *log, const char *name, int32_t partitions)
{
    struct log_topic *topic = log->topics;

    while (topic < log->topics + log->count && strcmp(topic->name, name) != 0)
        topic++;
    if (topic == log->topics + log->count) {
        ASSERT(log->count < LOG_TOPICS_MAX);
        log->count++;
        *topic = (struct log_topic){.name = name};
    }
    ASSERT(partitions <= LOG_PARTITIONS_MAX);
    topic->gone = false;
    for (; topic->count < partitions; topic->count++)
        partition_clear(log, &topic->partitions[topic->count]);
}

/* Mostly it is asked for by the very name that it was made with. */
struct log_topic *kafka_log_find(struct kafka_log *log, const char *topic)
{
    for (size_t t = 0; t < log->count; t++)
        if (!log->topics[t].gone && log->topics[t].name == topic)
            return &log->topics[t];
    for (size_t t = 0; t < log->count; t++)
        if (!log->topics[t].gone && strcmp(log->topics[t].name, topic) == 0)
            return &log->topics[t];
    return NULL;
}

struct log_partition *kafka_log_partition(struct kafka_log *log, const char *topic, int32_t partition)
{
    struct log_topic *found = kafka_log_find(log, topic);

    return found && partition >= 0 && partition < found->count ? &found->partitions[partition] : NULL;
}

void kafka_log_delete(struct kafka_log *log, const char *topic)
{
    struct log_topic *found = kafka_log_find(log, topic);

    ASSERT(found);
    for (int32_t p = 0; p < found->count; p++)
        partition_clear(log, &found->partitions[p]);
    found->count = 0;
    found->gone = true;
}

static size_t bytes_needed(struct bytes bytes)
{
    return bytes.data ? bytes.size + 1 : 0;
}

static size_t held_size(const struct logged *message)
{
    size_t size = sizeof(struct held) + message->headers_count * sizeof *message->headers + bytes_needed(message->key) + bytes_needed(message->value);

    for (size_t i = 0; i < message->headers_count; i++)
        size += bytes_needed(message->headers[i].name) + bytes_needed(message->headers[i].value);
    return size;
}

static struct bytes put(char **at, struct bytes bytes)
{
    char *copy = *at;

    if (!bytes.data)
        return bytes;
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    *at += bytes.size + 1;
    return (struct bytes){copy, bytes.size};
}

/* All of the message into one piece of memory. */
static struct logged copy_into(void *memory, const struct logged *from)
{
    struct held *held = memory;
    char *at = (char *)(held->headers + from->headers_count);
    struct logged to = *from;

    *held = (struct held){.headers_count = from->headers_count};
    for (size_t i = 0; i < from->headers_count; i++) {
        held->headers[i].name = put(&at, from->headers[i].name);
        held->headers[i].value = put(&at, from->headers[i].value);
    }
    to.key = put(&at, from->key);
    to.value = put(&at, from->value);
    to.headers = held->headers;
    to.handle = held;
    return to;
}

struct logged kafka_log_keep(struct kafka_log *log, const struct logged *message)
{
    return copy_into(room(log, held_size(message)), message);
}

void kafka_log_append_kept(struct log_partition *partition, const struct logged *kept)
{
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity ? 2 * partition->capacity : 64;
        partition->messages = realloc(partition->messages, partition->capacity * sizeof *partition->messages);
        ASSERT(partition->messages);
    }
    partition->messages[partition->count] = *kept;
    partition->messages[partition->count++].offset = partition->end++;
    partition->log->changes++;
    if (partition->log->appended)
        partition->log->appended();
}

void kafka_log_append(struct log_partition *partition, const struct logged *message)
{
    struct logged kept = kafka_log_keep(partition->log, message);

    kafka_log_append_kept(partition, &kept);
}

void kafka_log_skip(struct log_partition *partition, int64_t offsets)
{
    partition->end += offsets;
}

void kafka_log_trim(struct log_partition *partition, int64_t start)
{
    ASSERT(start >= partition->start && start <= partition->end);
    partition->start = start;
}

void kafka_log_compact(struct log_partition *partition, int64_t from, int64_t to)
{
    size_t first = 0, behind;

    while (first < partition->count && partition->messages[first].offset < from)
        first++;
    for (behind = first; behind < partition->count && partition->messages[behind].offset < to;)
        behind++;
    if (behind > first)
        memmove(partition->messages + first, partition->messages + behind, (partition->count - behind) * sizeof *partition->messages);
    partition->count -= behind - first;
}

void kafka_log_truncate(struct log_partition *partition, int64_t end)
{
    ASSERT(end >= partition->start && end <= partition->end);
    partition->count = kafka_log_index(partition, end);
    partition->end = end;
}

size_t kafka_log_index(const struct log_partition *partition, int64_t offset)
{
    size_t low = 0, high = partition->count;

    if (offset < partition->start)
        offset = partition->start;
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (partition->messages[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct logged *kafka_log_at(const struct log_partition *partition, int64_t offset)
{
    size_t index = kafka_log_index(partition, offset);

    return index < partition->count ? &partition->messages[index] : NULL;
}

int64_t kafka_log_offset_at(const struct log_partition *partition, int64_t time_ms)
{
    for (size_t i = kafka_log_index(partition, partition->start); i < partition->count; i++)
        if (partition->messages[i].timestamp >= time_ms)
            return partition->messages[i].offset;
    return partition->end;
}

struct bytes kafka_log_header(const struct logged *message, const char *name)
{
    for (size_t i = 0; i < message->headers_count; i++)
        if (bytes_equal_text(message->headers[i].name, name))
            return message->headers[i].value;
    return (struct bytes){NULL, 0};
}

bool kafka_log_same(const struct logged *a, const struct logged *b)
{
    if (!bytes_equal(a->key, b->key) || !bytes_equal(a->value, b->value) || a->headers_count != b->headers_count)
        return false;
    for (size_t i = 0; i < a->headers_count; i++)
        if (!bytes_equal(a->headers[i].name, b->headers[i].name) || !bytes_equal(a->headers[i].value, b->headers[i].value))
            return false;
    return true;
}

void kafka_log_hand_over(struct kafka_message *out, const struct kafka_log *log, const char *topic, int32_t partition,
                         const struct logged *message)
{
    struct logged given = *message;

    if (log->copies) {
        void *memory = malloc(held_size(message));

        ASSERT(memory);
        given = copy_into(memory, message);
        ((struct held *)given.handle)->copied = true;
    }
    *out = (struct kafka_message){.kind = KAFKA_MESSAGE, .topic = topic, .partition = partition, .offset = given.offset,
                                  .timestamp = given.timestamp, .key = given.key, .value = given.value, .handle = given.handle};
}

size_t kafka_message_headers(const struct kafka_message *message, struct kafka_header *headers, size_t max)
{
    const struct held *held = message->handle;

    if (message->kind != KAFKA_MESSAGE)
        return 0;
    for (size_t i = 0; i < held->headers_count && i < max; i++)
        headers[i] = held->headers[i];
    return held->headers_count;
}

void kafka_message_free(struct kafka_message *message)
{
    struct held *held = message->handle;

    if (held && held->copied)
        free(held);
    message->handle = NULL;
}
