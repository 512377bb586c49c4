/* From an outcome back to the decision that it tells: the inverse of codec/outcome.h, for whoever reads the log (DESIGN 2.3).
 *
 * Takes what any release of orderd writes or wrote. Foreign bytes: whatever does not read as an outcome is an error with a sentence. */
#ifndef ORDERD_CODEC_DECISION_H
#define ORDERD_CODEC_DECISION_H

#include "codec/sequence.h"
#include "rules/event.h"
#include "rules/outcome.h"
#include "seam/kafka_in.h"

/* Which event of which source an outcome is of; all that can be said of it before its value is read. */
struct decision_identity {
    struct bytes topic, incarnation;      /* point into the headers; incarnation: what stands behind "/orderd/" */
    int32_t partition;
    int64_t offset;
    bool sequenced;                       /* ce_sequence is there */
    int64_t era;
    struct stream_id id;
    uint32_t place;
};

/* Reads ce_type, ce_id, ce_source and ce_sequence. Errors: -EBADMSG: one of them is missing (ce_sequence may be), given twice, or is not as orderd
 * writes it. Then `out` holds what could be read all the same: topic, partition and offset where topic is not absent, incarnation where it is not absent. */
int decision_identify(struct decision_identity *out, const struct kafka_header *headers, size_t headers_count, struct error_text *error) MUST_CHECK;
/* Negative, 0 or positive: the order in which decisions took effect. Both must be sequenced. */
int decision_compare(const struct decision_identity *a, const struct decision_identity *b);

struct decision {
    enum status status;
    enum reason reason;
    struct event event;                   /* kind and the fields that it requires; nothing when malformed */
    struct facts facts;                   /* names are literals, as the rules give them */
    int64_t first_offset;                 /* STATUS_DUPLICATE: of the first decision */
    enum status first_status;
    struct bytes topic;                   /* the source message, as the value tells it; points into it */
    int32_t partition;
    int64_t offset, timestamp;            /* timestamp in ms since 1970; -1: none */
    int32_t attempts;
    bool truncated, key_truncated;
    /* JSON as it stands in the value, with its quotes or braces, and points into it: "\"p1\"", "{\"buyer\":\"27\"}". Absent where the value has null or
     * nothing: id and fields of what is malformed, detail of what is not. */
    struct bytes id, detail, fields, facts_text, decided_at;
};

/* Reads the value; `error` says what is wrong and at which byte. A status, reason, kind or fact that this release does not know is an error, a member
 * that it does not know is not; a reason that does not go with the status is. Errors: -EBADMSG; `out` is then undefined. */
int decision_read(struct decision *out, struct bytes value, struct error_text *error) MUST_CHECK;
/* Whether the value's source is the one that the headers name. */
bool decision_is_of(const struct decision *decision, const struct decision_identity *identity);
/* Whether two values tell the same decision: all but when, and after how many attempts, it was made. Values that differ in bytes only (the order of
 * members in an older release) are the same. Where one was truncated, what was left out of it is not compared. False too when one of them cannot
 * be read. */
bool decision_same(struct bytes a, struct bytes b);

#endif
