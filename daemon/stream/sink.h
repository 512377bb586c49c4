/* Where outcomes and dead letters go: one idempotent producer at a time, ended by any delivery error (DESIGN 4.7).
 *
 * A failed delivery does not say what else of its partition will arrive, so the sink hands over nothing more, ends the
 * producer, and after a pause makes a new one; its owner then publishes again from what Redis holds. */
#ifndef ORDERD_STREAM_SINK_H
#define ORDERD_STREAM_SINK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/log.h"
#include "codec/record.h"
#include "seam/clock.h"
#include "seam/kafka_out.h"

/* A report: the record's opaque, whether it was delivered, where. */
struct sink_report {
    void *opaque;
    bool delivered;      /* false: its producer was ended */
    bool outcome;        /* false: a dead letter */
    int32_t partition;
    int64_t offset;      /* in its topic; -1: unknown */
    const char *topic;   /* its own */
    const char *reason;  /* of the first failure, for which the producer is ended; NULL: not this one */
};

struct sink_options {
    const char *brokers, *outcomes, *dead_letters;
    struct kafka_properties properties;
    int backoff_min_ms, backoff_max_ms;   /* before a new producer */
    const struct log *log;
    struct clock *clock;
    void (*reported)(void *context, const struct sink_report *report);
    void *context;
};

/* What the topics take, found at start (DESIGN 2.3, 4.7). */
struct sink_limits {
    int64_t outcome_bytes, dead_letter_bytes;
    int32_t dead_letter_partitions;
};

struct sink;

int sink_new(struct sink **out, const struct sink_options *options, struct error_text *error) MUST_CHECK;
/* Purges, reports the rest as not delivered. Takes NULL, returns NULL. */
struct sink *sink_free(struct sink *sink);
/* For the producer that is there; the next ones are made from the options' properties, which the caller has changed. Errors: -EINVAL. */
int sink_set_credentials(struct sink *sink, const char *user, const char *password, struct error_text *error) MUST_CHECK;
/* Hands a stored record to the producer; ce_sequence is appended for outcomes. 0; -EAGAIN: full or without a producer
 * now, poll and try again; any other error is the record's own and a bug. */
int sink_send(struct sink *sink, struct record *record, struct bytes sequence, void *opaque) MUST_CHECK;
/* Serves reports, waiting up to timeout_ms. */
void sink_poll(struct sink *sink, int timeout_ms);
/* The same, and what waits for company (linger.ms) goes out now: for when there is nothing else to do. */
void sink_hurry(struct sink *sink, int timeout_ms);
/* True once after a delivery failed and a new producer is there: everything not delivered must be published again. Until
 * then sink_send says -EAGAIN. */
bool sink_renewed(struct sink *sink);
/* Whether a failed producer waits for its successor. */
bool sink_is_down(const struct sink *sink);
/* Ends the producer with all that is queued or in flight (rollback: DESIGN 4.5); a new one comes as after a failure. */
void sink_purge(struct sink *sink);
/* Records handed over and not yet reported. */
size_t sink_in_flight(const struct sink *sink);

/* Set once, before the first record is encoded. */
void sink_set_limits(struct sink *sink, const struct sink_limits *limits);
const struct sink_limits *sink_limits(const struct sink *sink);

#endif
