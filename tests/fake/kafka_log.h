/* A model of Kafka's logs: topics of partitions of messages, and what the group committed. */
#ifndef ORDERD_TESTS_FAKE_KAFKA_LOG_H
#define ORDERD_TESTS_FAKE_KAFKA_LOG_H

#include "seam/kafka_in.h"

enum { LOG_TOPICS_MAX = 4, LOG_PARTITIONS_MAX = 4, LOG_HEADERS_MAX = 80 };

struct logged {
    int64_t offset, timestamp;
    struct bytes key, value;          /* the log's own */
    struct kafka_header headers[LOG_HEADERS_MAX];
    size_t headers_count;
};

struct log_partition {
    struct logged *messages;
    size_t count, capacity;
    int64_t start, end;
    const void *owner;                /* the node that the group gave it to last; the commits of others are refused */
    int64_t committed;                /* KAFKA_OFFSET_NONE: never */
    char metadata[KAFKA_METADATA_MAX + 1];
};

struct log_topic {
    const char *name;
    int32_t count;
    struct log_partition partitions[LOG_PARTITIONS_MAX];
};

struct kafka_log {
    struct log_topic topics[LOG_TOPICS_MAX];
    size_t count;
};

void kafka_log_deinit(struct kafka_log *log);
/* `name` must outlive the log. */
void kafka_log_topic(struct kafka_log *log, const char *name, int32_t partitions);
/* NULL when there is no such partition. */
struct log_partition *kafka_log_partition(struct kafka_log *log, const char *topic, int32_t partition);
/* Appends a copy; its offset is the partition's end. */
void kafka_log_append(struct log_partition *partition, const struct logged *message);
/* The first message at or above the offset, NULL at the end. */
const struct logged *kafka_log_at(const struct log_partition *partition, int64_t offset);
/* The header's value, absent when there is none. */
struct bytes kafka_log_header(const struct logged *message, const char *name);
/* Everything of both is equal, byte for byte; the offset is not looked at. */
bool kafka_log_same(const struct logged *a, const struct logged *b);

/* A message as a consumer gets it: a copy that kafka_message_free() gives back. */
void kafka_log_hand_over(struct kafka_message *out, const char *topic, int32_t partition, const struct logged *message);

#endif
