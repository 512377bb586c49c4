/* A dead letter read back: the message as it came, and what the daemon wrote behind it (codec/deadletter.c).
 *
 * What is sent back to its source carries its lineage in front of its own headers, so that it is known wherever it turns up, and so
 * that it survives when the message becomes a dead letter again: dlq.redrive.of, the dead letter that it was; dlq.redrive.source, the
 * message that this is of; dlq.redrive.count, how often it was sent back. */
#ifndef ORDERD_CODEC_LETTER_H
#define ORDERD_CODEC_LETTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "seam/kafka_in.h"

enum {
    LETTER_HEADERS_MAX = 96,                          /* more than a dead letter of the daemon's can have */
    LETTER_PLACE_SIZE = KAFKA_TOPIC_MAX + 40,         /* "orders.dead-letters/0/5" and an end */
    LETTER_ID_SIZE = KAFKA_TOPIC_MAX + 64,            /* "orders:0:17@1795326127590" and an end */
    LETTER_REASON_SIZE = 64,
    LETTER_LINEAGE = 3                                /* headers that a redriven message has more */
};

/* What points somewhere points into the message. */
struct letter {
    struct bytes key, value;                          /* the message's, as far as they were not cut */
    struct kafka_header headers[LETTER_HEADERS_MAX];  /* the message's own, but its lineage */
    size_t headers_count;
    char topic[KAFKA_TOPIC_MAX + 1];                  /* where the message lies */
    int32_t partition;
    int64_t offset, timestamp;                        /* timestamp -1: none */
    char reason[LETTER_REASON_SIZE];
    struct bytes detail;
    bool cut_headers, cut_value, cut_key;             /* did not fit into the dead-letter topic */
    int64_t redrives;                                 /* how often the message had been sent back before */
    struct bytes of;                                  /* the dead letter that it was sent back from last, TOPIC/P/OFFSET; absent: never */
};

/* Takes a record of the dead-letter topic apart. Errors: -EBADMSG, it is no dead letter of the daemon's. */
int letter_read(struct letter *out, struct bytes key, struct bytes value, const struct kafka_header *headers, size_t count) MUST_CHECK;
/* What makes two dead letters one: place and time of the message that they are of, "TOPIC:P:OFFSET@MS". A copy has the same, and so has a
 * second decision after a rollback; a topic that was made anew has others. */
void letter_id(const struct letter *letter, char out[LETTER_ID_SIZE]);
/* Whose place such a text holds; `topic` points into it. False: it is none. */
bool letter_id_read(struct bytes id, struct bytes *topic, int32_t *partition, int64_t *offset);
/* "TOPIC/P/OFFSET", as an outcome's ce_id has it. */
void letter_place(char out[LETTER_PLACE_SIZE], const char *topic, int32_t partition, int64_t offset);

/* The lineage headers of a message that is sent back, and their texts. */
struct lineage_out {
    struct kafka_header headers[LETTER_LINEAGE];
    char of[LETTER_PLACE_SIZE], source[LETTER_ID_SIZE], count[24];
};
/* `place` is that of the dead letter. */
void lineage_put(struct lineage_out *out, const struct letter *letter, const char *place);

/* The lineage of a message in a source topic, in its first headers; false when it has none. Its bytes live with the message. */
struct lineage_found {
    struct bytes of, source;
    int64_t count;
};
bool lineage_find(struct lineage_found *out, const struct kafka_header *headers, size_t count);

#endif
