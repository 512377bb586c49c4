/* A model of Kafka's logs: topics of partitions of messages, and what the group committed.
 *
 * Every byte that ever lay in a log stays until kafka_log_deinit(), also when the log was trimmed, compacted or made anew: messages are
 * handed over without a copy. */
#ifndef ORDERD_TESTS_FAKE_KAFKA_LOG_H
#define ORDERD_TESTS_FAKE_KAFKA_LOG_H

#include "seam/kafka_in.h"

enum { LOG_TOPICS_MAX = 6, LOG_PARTITIONS_MAX = 8 };

struct logged {
    int64_t offset, timestamp;
    struct bytes key, value;                 /* of what lies in a log: the log's own, with a zero behind their end */
    const struct kafka_header *headers;
    size_t headers_count;
    void *handle;                            /* the log's own */
};

struct log_partition {
    struct kafka_log *log;
    struct logged *messages;                 /* by rising offsets; below `start` they can be read no more, but are still here */
    size_t count, capacity;
    int64_t start, end;
    const void *owner;                       /* by hand: the node that it was given to last; the commits of others are refused */
    int64_t committed;                       /* KAFKA_OFFSET_NONE: never */
    int64_t fallen;                          /* the highest that a lower commit came behind, unless the begin of its metadata was another; -1: none */
    char metadata[KAFKA_METADATA_MAX + 1];
};

struct log_topic {
    const char *name;
    int32_t count;
    int64_t message_max;                     /* max.message.bytes; 0: no bound, and nobody is told one */
    bool gone;                               /* deleted */
    struct log_partition partitions[LOG_PARTITIONS_MAX];
};

struct kafka_log {
    struct log_topic topics[LOG_TOPICS_MAX];
    size_t count;
    bool copies;                             /* what is handed over is a copy, so that a sanitizer sees its use after kafka_message_free() */
    struct log_chunk *chunks;
    uint64_t changes;                        /* of messages and commits: who looks often need not look at what did not change */
    void (*appended)(void);                  /* called after each message; may be NULL */
};

void kafka_log_deinit(struct kafka_log *log);
/* Makes the topic, or adds partitions up to this count; one that was deleted is made anew. `name` must outlive the log. */
void kafka_log_topic(struct kafka_log *log, const char *name, int32_t partitions);
/* NULL when there is no such topic, or it was deleted. */
struct log_topic *kafka_log_find(struct kafka_log *log, const char *topic);
/* NULL when there is no such partition. */
struct log_partition *kafka_log_partition(struct kafka_log *log, const char *topic, int32_t partition);
/* The topic is gone, with the group's commits. */
void kafka_log_delete(struct kafka_log *log, const char *topic);

/* Appends a copy; its offset is the partition's end. */
void kafka_log_append(struct log_partition *partition, const struct logged *message);
/* The same in two steps: the copy, which may never come to lie anywhere, and its place. */
struct logged kafka_log_keep(struct kafka_log *log, const struct logged *message);
void kafka_log_append_kept(struct log_partition *partition, const struct logged *kept);
/* A gap: transaction markers, or what was aborted. */
void kafka_log_skip(struct log_partition *partition, int64_t offsets);
/* Retention: what lies below `start` can be read no more. */
void kafka_log_trim(struct log_partition *partition, int64_t start);
/* An unclean election: what lies at or above `end` is lost, and its offsets are given anew. */
void kafka_log_truncate(struct log_partition *partition, int64_t end);
/* Compaction: the messages of [from, to) are taken out. */
void kafka_log_compact(struct log_partition *partition, int64_t from, int64_t to);

/* The index of the first message at or above the offset; `count` at the end. */
size_t kafka_log_index(const struct log_partition *partition, int64_t offset);
/* The first message at or above the offset, NULL at the end. */
const struct logged *kafka_log_at(const struct log_partition *partition, int64_t offset);
/* The offset of the first message with this time or a later one; the end when there is none. */
int64_t kafka_log_offset_at(const struct log_partition *partition, int64_t time_ms);
/* The header's value, absent when there is none. */
struct bytes kafka_log_header(const struct logged *message, const char *name);
/* Everything of both is equal, byte for byte; the offset is not looked at. */
bool kafka_log_same(const struct logged *a, const struct logged *b);

/* A message of the log as a consumer gets it; kafka_message_free() gives it back. */
void kafka_log_hand_over(struct kafka_message *out, const struct kafka_log *log, const char *topic, int32_t partition,
                         const struct logged *message);

#endif
