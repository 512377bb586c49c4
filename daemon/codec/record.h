/* The stored form of a record that waits in the outbox: complete, so that a later release republishes the same bytes. */
#ifndef ORDERD_CODEC_RECORD_H
#define ORDERD_CODEC_RECORD_H

#include <stdint.h>

#include "base/bytes.h"
#include "seam/kafka_in.h"

enum { RECORD_HEADERS_MAX = 80 };

enum record_kind { RECORD_OUTCOME, RECORD_DEAD_LETTER };

struct record {
    enum record_kind kind;
    int32_t partition;
    struct bytes key, value;                          /* may be absent, distinct from empty */
    struct kafka_header headers[RECORD_HEADERS_MAX + 1];  /* one place more, for what is only known at publishing */
    size_t headers_count;
};

/* Writing: begin, each header, end. The number of headers is said before. */
void record_begin(struct buffer *out, enum record_kind kind, int32_t partition, struct bytes key, size_t headers_count);
void record_header(struct buffer *out, struct bytes name, struct bytes value);
void record_end(struct buffer *out, struct bytes value);

/* Reads the next record; what it holds points into the reader's input. Errors: -EBADMSG. */
int record_next(struct reader *reader, struct record *out) MUST_CHECK;

/* What Kafka counts of a record against max.message.bytes, rounded up (batch and record overheads included). */
size_t record_size(struct bytes key, struct bytes value, const struct kafka_header *headers, size_t headers_count);
enum { RECORD_OVERHEAD = 128, RECORD_HEADER_OVERHEAD = 12 };

#endif
