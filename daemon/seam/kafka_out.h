/* What goes to Kafka: records by an idempotent producer with their delivery reports, and questions about the cluster.
 *
 * Hands over and decides nothing; a failed delivery is reported, never repeated here. One of the two files that include
 * librdkafka. */
#ifndef ORDERD_SEAM_KAFKA_OUT_H
#define ORDERD_SEAM_KAFKA_OUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"
#include "base/log.h"
#include "seam/kafka_in.h"

/* One delivery report: `opaque` and `topic` are the record's, `error` 0 or a negative errno, `offset` where it lies now (-1: unknown). */
struct kafka_report {
    void *opaque;
    int error;
    size_t topic;        /* index into the options' topics */
    int32_t partition;
    int64_t offset;
    const char *reason;  /* text of the error, "" without one */
};

struct kafka_out_options {
    const char *brokers;
    const char *const *topics;          /* the topics that records go to, by index */
    size_t topics_count;
    struct kafka_properties properties;
    const struct log *log;
    void (*reported)(void *context, const struct kafka_report *report);  /* called from kafka_out_poll and _free only */
    void *context;
    const char *transaction;            /* the name under which it sends in transactions (seam/kafka_transaction.h); NULL: it sends without */
};

struct kafka_record {
    size_t topic;        /* index into the options' topics */
    int32_t partition;
    struct bytes key, value;  /* may be absent */
    const struct kafka_header *headers;
    size_t headers_count;
    void *opaque;
};

struct kafka_out;

int kafka_out_new(struct kafka_out **out, const struct kafka_out_options *options, struct error_text *error) MUST_CHECK;
/* Purges what is queued or in flight, reports it as failed (-ECANCELED), and destroys. Takes NULL, returns NULL. */
struct kafka_out *kafka_out_free(struct kafka_out *out);
/* As kafka_in_set_credentials. */
int kafka_out_set_credentials(struct kafka_out *out, const char *user, const char *password, struct error_text *error) MUST_CHECK;
/* Copies the record into the queue. Errors: -ENOBUFS (queue full: poll and try again), -EMSGSIZE, -ENOENT (no such
 * partition), -EPIPE (the producer has failed for good). */
int kafka_out_send(struct kafka_out *out, const struct kafka_record *record) MUST_CHECK;
/* Serves delivery reports, waiting up to timeout_ms for the first; returns how many there were. */
int kafka_out_poll(struct kafka_out *out, int timeout_ms);
/* The same, and what is queued is sent without waiting for linger.ms meanwhile. */
int kafka_out_hurry(struct kafka_out *out, int timeout_ms);
/* 0, or -EPIPE and a sentence when the idempotent producer met a fatal error. */
int kafka_out_error(struct kafka_out *out, struct error_text *error) MUST_CHECK;

/* Serves reports, and tells what librdkafka last complained of, "" if it did not: why a question has no answer, such as credentials that the
 * brokers refuse. Lives as long as `out`, until the next call. */
const char *kafka_out_trouble(struct kafka_out *out);

/* Questions and orders to the cluster; all block up to timeout_ms. Errors: -ETIMEDOUT, -EAGAIN, -EACCES, -EIO. */
enum { KAFKA_CLUSTER_ID_MAX = 128 };
int kafka_out_cluster_id(struct kafka_out *out, char id[KAFKA_CLUSTER_ID_MAX], int timeout_ms) MUST_CHECK;
/* Number of partitions; -ENOENT when there is no such topic. */
int kafka_out_partitions(struct kafka_out *out, const char *topic, int32_t *count, int timeout_ms) MUST_CHECK;
/* A topic's configuration value (e.g. "max.message.bytes"); -ENOENT when the broker does not tell it. */
int kafka_out_topic_config(struct kafka_out *out, const char *topic, const char *name, char *value, size_t size,
                           int timeout_ms) MUST_CHECK;
/* Creates a topic with these settings, or raises its partition count when it exists with fewer. partitions -1: the broker's default
 * number; so is the replication factor always. */
int kafka_out_create_topic(struct kafka_out *out, const char *topic, int32_t partitions, struct kafka_properties settings,
                           int timeout_ms, struct error_text *error) MUST_CHECK;

#endif
