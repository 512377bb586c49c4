/* From a decision to the records that tell it: the outcome, and the dead letter of a malformed message (DESIGN 2.3).
 *
 * Both are encoded once, before EXEC, into the stored form of codec/record.h; their sizes are bounded here. */
#ifndef ORDERD_CODEC_OUTCOME_H
#define ORDERD_CODEC_OUTCOME_H

#include <stdint.h>

#include "codec/event.h"
#include "codec/record.h"
#include "rules/outcome.h"

enum { OUTCOME_LIMIT_MIN = 65536 };

struct outcome_input {
    const struct decoded *decoded;
    const char *topic;                 /* the source's */
    int32_t partition;
    int64_t offset, timestamp;         /* timestamp -1: none */
    struct bytes key, value;           /* the source's; may be absent */
    enum status status;
    enum reason reason;
    const struct facts *facts;
    int64_t first_offset;              /* STATUS_DUPLICATE: of the first decision */
    enum status first_status;
    const char *decided_at;            /* RFC 3339 */
    int32_t attempts;
    const char *incarnation;
    const unsigned char *span;         /* 8 random bytes, for traceparent */
    size_t limit;                      /* the topic's max.message.bytes, at least OUTCOME_LIMIT_MIN */
};

/* Appends the outcome record. `scratch` is working memory. What does not fit `limit` is left out and said in the value:
 * first the fields that orderd does not know ("truncated":true), then the key ("key_truncated":true). Errors stick in
 * `out`. */
void outcome_put(struct buffer *out, struct buffer *scratch, const struct outcome_input *input);

struct dead_letter_input {
    const struct outcome_input *outcome;
    const struct kafka_header *headers;   /* of the source message */
    size_t headers_count;
    size_t limit;                         /* the dead-letter topic's max.message.bytes */
    int32_t partitions;                   /* of the dead-letter topic */
    size_t headers_beyond;                /* how many the message has besides: they are cut */
};

/* Appends the dead-letter record: key, value and headers byte for byte, then where it came from and why. What does not fit is
 * cut, and dlq.truncated names it; dlq.digest is then the 128-bit hash of the whole value. */
void dead_letter_put(struct buffer *out, const struct dead_letter_input *input);

#endif
