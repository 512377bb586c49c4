#include "fake/kafka_log.h"

#include <stdlib.h>
#include <string.h>

static struct bytes keep(struct bytes bytes)
{
    char *copy;

    if (!bytes.data)
        return bytes;
    copy = malloc(bytes.size + 1);
    ASSERT(copy);
    memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return (struct bytes){copy, bytes.size};
}

static void drop(struct bytes bytes)
{
    free((char *)(uintptr_t)bytes.data);
}

static struct logged copy_of(const struct logged *from)
{
    struct logged to = *from;

    to.key = keep(from->key);
    to.value = keep(from->value);
    for (size_t i = 0; i < from->headers_count; i++)
        to.headers[i] = (struct kafka_header){keep(from->headers[i].name), keep(from->headers[i].value)};
    return to;
}

static void logged_free(struct logged *message)
{
    drop(message->key);
    drop(message->value);
    for (size_t i = 0; i < message->headers_count; i++) {
        drop(message->headers[i].name);
        drop(message->headers[i].value);
    }
}

void kafka_log_deinit(struct kafka_log *log)
{
    for (size_t t = 0; t < log->count; t++)
        for (int32_t p = 0; p < log->topics[t].count; p++) {
            struct log_partition *partition = &log->topics[t].partitions[p];

            for (size_t i = 0; i < partition->count; i++)
                logged_free(&partition->messages[i]);
            free(partition->messages);
        }
    log->count = 0;
}

void kafka_log_topic(struct kafka_log *log, const char *name, int32_t partitions)
{
    struct log_topic *topic = &log->topics[log->count++];

    ASSERT(log->count <= LOG_TOPICS_MAX && partitions <= LOG_PARTITIONS_MAX);
    *topic = (struct log_topic){.name = name, .count = partitions};
    for (int32_t p = 0; p < partitions; p++)
        topic->partitions[p].committed = KAFKA_OFFSET_NONE;
}

struct log_partition *kafka_log_partition(struct kafka_log *log, const char *topic, int32_t partition)
{
    for (size_t t = 0; t < log->count; t++)
        if (strcmp(log->topics[t].name, topic) == 0 && partition < log->topics[t].count)
            return &log->topics[t].partitions[partition];
    return NULL;
}

void kafka_log_append(struct log_partition *partition, const struct logged *message)
{
    if (partition->count == partition->capacity) {
        partition->capacity = partition->capacity ? 2 * partition->capacity : 16;
        partition->messages = realloc(partition->messages, partition->capacity * sizeof *partition->messages);
        ASSERT(partition->messages);
    }
    partition->messages[partition->count] = copy_of(message);
    partition->messages[partition->count++].offset = partition->end++;
}

const struct logged *kafka_log_at(const struct log_partition *partition, int64_t offset)
{
    for (size_t i = 0; i < partition->count; i++)
        if (partition->messages[i].offset >= offset)
            return &partition->messages[i];
    return NULL;
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

void kafka_log_hand_over(struct kafka_message *out, const char *topic, int32_t partition, const struct logged *message)
{
    struct logged *copy = malloc(sizeof *copy);

    ASSERT(copy);
    *copy = copy_of(message);
    *out = (struct kafka_message){.kind = KAFKA_MESSAGE, .topic = topic, .partition = partition, .offset = copy->offset,
                                  .timestamp = copy->timestamp, .key = copy->key, .value = copy->value, .handle = copy};
}

size_t kafka_message_headers(const struct kafka_message *message, struct kafka_header *headers, size_t max)
{
    const struct logged *logged = message->handle;

    if (message->kind != KAFKA_MESSAGE)
        return 0;
    for (size_t i = 0; i < logged->headers_count && i < max; i++)
        headers[i] = logged->headers[i];
    return logged->headers_count;
}

void kafka_message_free(struct kafka_message *message)
{
    struct logged *logged = message->handle;

    if (logged) {
        logged_free(logged);
        free(logged);
    }
    message->handle = NULL;
}
