/* What comes from Kafka: messages, assignments, offsets, and readings of a partition beside the group.
 *
 * Hands over and decides nothing: which partitions are worked, from where, and what is committed is said by its caller.
 * One of the two files that include librdkafka. */
#ifndef ORDERD_SEAM_KAFKA_IN_H
#define ORDERD_SEAM_KAFKA_IN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "seam/clock.h"

enum { KAFKA_TOPIC_MAX = 249, KAFKA_METADATA_MAX = 512, KAFKA_TOPICS_MAX = 64 };

/* "name=value" of librdkafka's own properties. */
struct kafka_property {
    const char *name, *value;
};

struct kafka_properties {
    const struct kafka_property *items;
    size_t count;
};

struct kafka_in_options {
    const char *brokers, *group;
    const char *const *topics;
    size_t topics_count;
    struct kafka_properties properties;  /* in order; later ones win; all were checked by the configuration */
    const struct log *log;               /* librdkafka's own lines go there, prefixed "librdkafka: " */
    struct clock *clock;                 /* told of waits that are over; NULL: nobody is */
};

enum kafka_message_kind {
    KAFKA_MESSAGE,
    KAFKA_END,    /* nothing more in the partition now; `offset` is its end */
    KAFKA_FAILED  /* the partition cannot be read from `offset` on; `error` says why */
};

struct kafka_header {
    struct bytes name;   /* never absent */
    struct bytes value;  /* may be absent */
};

/* A message as librdkafka handed it over; its bytes live until kafka_message_free(). */
struct kafka_message {
    enum kafka_message_kind kind;
    const char *topic;   /* lives as long as the kafka_in */
    int32_t partition;
    int64_t offset;
    int64_t timestamp;   /* ms since 1970, -1: none */
    struct bytes key, value;
    int error;           /* KAFKA_FAILED: -ERANGE offset out of range, -EIO anything else */
    const char *reason;  /* KAFKA_FAILED: librdkafka's text, lives with the message */
    void *handle;
};

struct kafka_position {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t offset;                          /* KAFKA_OFFSET_NONE: none */
    char metadata[KAFKA_METADATA_MAX + 1];   /* "" : none */
    int error;                               /* of a commit: 0, -ESTALE (not ours any more), -EAGAIN, -EIO */
};

#define KAFKA_OFFSET_NONE ((int64_t)-1001)

enum kafka_group_kind {
    KAFKA_ASSIGNED,   /* `positions` were given to us (offsets not filled); answer with kafka_in_assign or _assign_more */
    KAFKA_REVOKED,    /* `positions` are taken away; answer with kafka_in_assign(none left) or _assign_less */
    KAFKA_COMMITTED,  /* the result of an asynchronous commit, in `positions` */
    KAFKA_TROUBLE     /* `error`, `text`: brokers away (-EAGAIN), refused by an ACL (-EACCES), fatal (-EPIPE), … */
};

struct kafka_group_event {
    enum kafka_group_kind kind;
    bool lost;                          /* KAFKA_REVOKED: the group has given them to somebody else already */
    struct kafka_position *positions;   /* owned by the seam until the next kafka_in_serve */
    size_t count;
    int error;
    struct error_text text;
};

struct kafka_in;

/* Joins nothing yet. Errors: -EINVAL with the property's name in `error`. */
int kafka_in_new(struct kafka_in **out, const struct kafka_in_options *options, struct error_text *error) MUST_CHECK;
/* Does not leave the group: call kafka_in_leave first where that is wanted. Takes NULL, returns NULL. */
struct kafka_in *kafka_in_free(struct kafka_in *in);
int kafka_in_subscribe(struct kafka_in *in, struct error_text *error) MUST_CHECK;
/* Leaves the group within `timeout_ms`; false when that was not enough. Answers what the group still asks by itself. */
bool kafka_in_leave(struct kafka_in *in, int timeout_ms);

/* SASL's user and password (PLAIN, SCRAM), for every connection made from now on; those that are there stay. Errors: -EINVAL. */
int kafka_in_set_credentials(struct kafka_in *in, const char *user, const char *password, struct error_text *error) MUST_CHECK;

/* Up to `max` messages: waits `timeout_ms` for the first, then takes what lies there. Each one must be freed. */
size_t kafka_in_take(struct kafka_in *in, struct kafka_message *messages, size_t max, int timeout_ms);
/* Up to `max` headers in order; returns how many there are in all (a count above `max` was cut). The bytes live with the message. */
size_t kafka_message_headers(const struct kafka_message *message, struct kafka_header *headers, size_t max);
void kafka_message_free(struct kafka_message *message);

/* Serves the group and counts as a poll (max.poll.interval.ms); true when `event` was filled. Waits up to timeout_ms. */
bool kafka_in_serve(struct kafka_in *in, int timeout_ms, struct kafka_group_event *event);

/* Whether the group's protocol is cooperative (then _more and _less answer it) or eager (then _assign does). */
bool kafka_in_cooperative(struct kafka_in *in);
/* The whole assignment at once, each partition from its offset; none with count 0. Fetched messages are dropped. */
int kafka_in_assign(struct kafka_in *in, const struct kafka_position *positions, size_t count) MUST_CHECK;
int kafka_in_assign_more(struct kafka_in *in, const struct kafka_position *positions, size_t count) MUST_CHECK;
int kafka_in_assign_less(struct kafka_in *in, const struct kafka_position *positions, size_t count) MUST_CHECK;

/* Commits offsets with metadata. With `timeout_ms` 0 it returns at once and the result comes as KAFKA_COMMITTED; else it
 * waits, and each position's `error` is filled. Errors: the first one. */
int kafka_in_commit(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms) MUST_CHECK;
/* Fills offset (or KAFKA_OFFSET_NONE) and metadata of each. Errors: -ETIMEDOUT, -EAGAIN (no coordinator), -EACCES, -EIO. */
int kafka_in_committed(struct kafka_in *in, struct kafka_position *positions, size_t count, int timeout_ms) MUST_CHECK;

/* First and past-the-last offset of a partition, asked from its leader. Errors: -ETIMEDOUT, -ENOENT, -EAGAIN, -EIO. */
int kafka_in_bounds(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end,
                    int timeout_ms) MUST_CHECK;
/* The same of several partitions in one question; from any thread while the kafka_in lives, and no sign that its owner gets on. */
struct kafka_bounds {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t start, end;   /* filled; -1: this one was not answered */
};
int kafka_in_bounds_of_many(struct kafka_in *in, struct kafka_bounds *bounds, size_t count, int timeout_ms) MUST_CHECK;
/* The same of one as librdkafka last saw them while fetching: asks nobody and waits for nothing. -ENOENT: it has not seen them. */
int kafka_in_watermarks(struct kafka_in *in, const char *topic, int32_t partition, int64_t *start, int64_t *end) MUST_CHECK;
/* How many brokers are connected, as of some seconds ago; -1: not known yet. */
int kafka_in_brokers_up(const struct kafka_in *in);
/* Offset of the first message at or after a time (ms since 1970); the partition's end when there is none. */
int kafka_in_offset_at(struct kafka_in *in, const char *topic, int32_t partition, int64_t time_ms, int64_t *offset,
                       int timeout_ms) MUST_CHECK;

/* A reader of single partitions beside the group (evidence, replay): no group, no commit, read_committed. */
struct kafka_reader;

int kafka_reader_new(struct kafka_reader **out, const struct kafka_in_options *options,
                     struct error_text *error) MUST_CHECK;
struct kafka_reader *kafka_reader_free(struct kafka_reader *reader);
int kafka_reader_set_credentials(struct kafka_reader *reader, const char *user, const char *password, struct error_text *error) MUST_CHECK;
int kafka_reader_open(struct kafka_reader *reader, const char *topic, int32_t partition, int64_t offset) MUST_CHECK;
/* 1 and a message (KAFKA_MESSAGE, KAFKA_END or KAFKA_FAILED; must be freed), or 0 after timeout_ms without any. */
int kafka_reader_next(struct kafka_reader *reader, int timeout_ms, struct kafka_message *message) MUST_CHECK;
void kafka_reader_close(struct kafka_reader *reader);

/* Whether librdkafka takes the property with this value: 0, or -EINVAL and its own words. */
int kafka_in_property_check(const char *name, const char *value, struct error_text *error) MUST_CHECK;

/* The version of librdkafka that runs, as 0xMMmmrrxx, and as text. */
uint32_t kafka_library_version(void);
const char *kafka_library_version_text(void);

#endif
