/* What Kafka knows of a source partition: what was committed, what was published, where its log begins and ends.
 *
 * Redis must not be older than what was published (DESIGN 4.5). Only evidence of the registry's incarnation counts, that
 * of a former one is ignored, that of a third is reported. */
#ifndef ORDERD_LEDGER_EVIDENCE_H
#define ORDERD_LEDGER_EVIDENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/mark.h"
#include "ledger/shard.h"
#include "seam/kafka_in.h"

/* Commit metadata, as text of one line: "orderd1 INCARNATION ERA SEQUENCE HANDED REACHED". */
struct commit_note {
    char incarnation[CLOCK_UUID_SIZE];
    int64_t era;
    struct stream_id last;    /* the last sequence's id */
    int64_t handed;           /* the offset after the last one given to a producer */
    int64_t reached;          /* position in the outcome partition, taken before `handed` */
};

void commit_note_format(char out[KAFKA_METADATA_MAX + 1], const struct commit_note *note);
/* False when the text is not ours (a tool's commit). */
bool commit_note_parse(const char *text, struct commit_note *note) MUST_CHECK;

enum fingerprint_state { FINGERPRINT_SAME, FINGERPRINT_DIFFERS, FINGERPRINT_GONE };

struct evidence {
    int64_t log_start, log_end;
    int64_t committed;                   /* KAFKA_OFFSET_NONE: none */
    bool noted;                          /* the commit carries a note of the registry's incarnation */
    struct commit_note note;
    int64_t published;                   /* the highest offset with an outcome of this incarnation found in the tail, -1: none */
    int64_t published_any;               /* the same, whatever the incarnation */
    int64_t reached;                     /* the outcome partition was read up to here */
    bool from_start;                     /* it had to be read from its log's start: no metadata */
    char third[CLOCK_UUID_SIZE];         /* an incarnation that is neither the registry's nor a former one; "": none */
    enum fingerprint_state fingerprint;
};

struct evidence_source {
    struct kafka_in *in;
    struct kafka_reader *reader;
    const char *outcomes;
    int timeout_ms;                      /* of each question */
    int64_t tail_max;                    /* only so many of the outcome partition's last offsets are read; 0: all that count */
    struct registry *collect;            /* incarnations that are neither the registry's nor former join its `former`; NULL: not wanted */
    struct error_text *why;              /* what stood against it when it fails; NULL: not wanted */
};

/* Reads it all. `registry` may be NULL (a first start: every incarnation is a third). `mark` may be NULL (no fingerprint
 * to compare). Errors: -EAGAIN, -ETIMEDOUT (ask again later), -EACCES, -ENOENT, -EIO. */
int evidence_read(struct evidence *out, const struct evidence_source *source, const char *topic, int32_t partition,
                  const struct registry *registry, const struct mark *mark) MUST_CHECK;

/* The same without the source partition itself: only what was committed and published. */
int evidence_of_outcomes(struct evidence *out, const struct evidence_source *source, const char *topic, int32_t partition,
                         const struct registry *registry) MUST_CHECK;

/* Reads the outcome partition from `*reached` to its end and raises `published` and `*reached` (the idle minute of 4.5). */
int evidence_tail(const struct evidence_source *source, const char *topic, int32_t partition,
                  const struct registry *registry, int64_t *reached, struct evidence *out) MUST_CHECK;

#endif
