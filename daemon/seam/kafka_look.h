/* A client that only looks: what brokers, topics, settings and a group are like, and what may be done with them.
 *
 * It is in no group, creates no topic by asking for one, and writes nothing. Every question blocks up to its timeout_ms. */
#ifndef ORDERD_SEAM_KAFKA_LOOK_H
#define ORDERD_SEAM_KAFKA_LOOK_H

#include "seam/kafka_in.h"
#include "seam/kafka_out.h"

struct kafka_look;

/* `group` of the options is not used. Errors: -EINVAL with librdkafka's words. */
int kafka_look_new(struct kafka_look **out, const struct kafka_in_options *options, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct kafka_look *kafka_look_free(struct kafka_look *look);

enum { KAFKA_BROKERS_MAX = 64, KAFKA_ADDRESS_MAX = 280 };

struct kafka_cluster {
    char id[KAFKA_CLUSTER_ID_MAX];
    struct { int32_t id; char address[KAFKA_ADDRESS_MAX]; } brokers[KAFKA_BROKERS_MAX];   /* as they say that they are reached */
    size_t count;
};

/* Errors: -EACCES (who we are is not believed), -ETIMEDOUT, -EAGAIN (nobody answers), with the last that librdkafka said. */
int kafka_look_cluster(struct kafka_look *look, struct kafka_cluster *out, int timeout_ms, struct error_text *error) MUST_CHECK;

struct kafka_topic {
    int32_t partitions;
    int32_t leaderless;          /* a partition that nobody leads, -1: none */
    int32_t replicas, in_sync;   /* of the partition that has the fewest in sync */
    int32_t in_sync_of;          /* that partition */
};

/* Errors: -ENOENT, -EACCES (Describe is missing), -ETIMEDOUT, -EAGAIN, -EIO. */
int kafka_look_topic(struct kafka_look *look, const char *topic, struct kafka_topic *out, int timeout_ms) MUST_CHECK;

struct kafka_value {
    const char *name;            /* asked */
    char text[256];              /* "" where the broker does not tell it */
};

/* The settings in effect of a topic, or of the broker `id` with topic NULL; the broker itself answers then.
 * Errors: -EACCES (DescribeConfigs is missing), -ENOENT, -ETIMEDOUT, -EAGAIN, -EIO. */
int kafka_look_settings(struct kafka_look *look, const char *topic, int32_t id, struct kafka_value *values, size_t count, int timeout_ms) MUST_CHECK;

/* Fetches from a partition's end: 0 when that is allowed. Errors: -EACCES, -ETIMEDOUT, -EAGAIN, -EIO. */
int kafka_look_read(struct kafka_look *look, const char *topic, int32_t partition, int timeout_ms) MUST_CHECK;

struct kafka_group {
    char state[32];              /* "Stable", "Empty", "Dead" (there is none), … */
    char assignor[64];           /* "" without members */
    size_t members;
};

/* A group that may not be described looks as if it were none. Errors: -ETIMEDOUT, -EAGAIN, -EIO. */
int kafka_look_group(struct kafka_look *look, const char *group, struct kafka_group *out, int timeout_ms) MUST_CHECK;

/* Who has a partition. */
struct kafka_owner {
    struct bytes topic;          /* without an end; these live until the callback returns */
    int32_t partition;
    const char *member, *client, *host;
};
/* The same, and every partition that a member was given; nothing is told while the group gives them out anew (its state says so). */
int kafka_look_owners(struct kafka_look *look, const char *group, struct kafka_group *out, void (*each)(void *context, const struct kafka_owner *owner),
                      void *context, int timeout_ms) MUST_CHECK;

enum { KAFKA_MAY_READ = 1, KAFKA_MAY_WRITE = 2, KAFKA_MAY_DESCRIBE = 4 };

/* What the broker says that this user may do with a topic, or with a group (topic NULL): KAFKA_MAY_….
 * Errors: -ENOTSUP (librdkafka before 2.3 cannot ask), -EACCES, -ETIMEDOUT, -EAGAIN, -EIO. */
int kafka_look_may(struct kafka_look *look, const char *topic, const char *group, unsigned *may, int timeout_ms) MUST_CHECK;

/* Whether a producer of these properties is given a producer id, with which nothing is sent. Errors: -EACCES, -ETIMEDOUT, -EINVAL. */
int kafka_look_producer(const char *brokers, struct kafka_properties properties, int timeout_ms, struct error_text *error) MUST_CHECK;

#endif
