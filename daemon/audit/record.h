/* A record of a log as an audit looks at it, wherever it lies: in a topic, or in the outbox and not yet published. */
#ifndef ORDERD_AUDIT_RECORD_H
#define ORDERD_AUDIT_RECORD_H

#include "codec/record.h"

enum { AUDIT_HEADERS_MAX = RECORD_HEADERS_MAX + 1 };

struct audit_record {
    int32_t partition;
    int64_t offset, timestamp;            /* offset -1: it waits in the outbox */
    struct bytes key, value;
    struct kafka_header headers[AUDIT_HEADERS_MAX];
    size_t headers_count, headers_all;    /* how many are held here, and how many it has */
};

static inline void audit_record_of(struct audit_record *out, const struct kafka_message *message)
{
    out->partition = message->partition;
    out->offset = message->offset;
    out->timestamp = message->timestamp;
    out->key = message->key;
    out->value = message->value;
    out->headers_all = kafka_message_headers(message, out->headers, AUDIT_HEADERS_MAX);
    out->headers_count = out->headers_all < AUDIT_HEADERS_MAX ? out->headers_all : AUDIT_HEADERS_MAX;
}

#endif
