/* The log read back: source events and what was decided about them, in the one order in which the decisions took effect.
 *
 * With outcomes at hand that is the order of ce_sequence over all partitions (DESIGN 2.3); without, each partition's offset order, partitions in
 * turns. Memory is bounded: one reader a partition, each ahead by a bound. The ends of the ranges are fixed by the caller, so a journal of a
 * log that still grows ends. */
#ifndef ORDERD_HISTORY_JOURNAL_H
#define ORDERD_HISTORY_JOURNAL_H

#include "codec/decision.h"
#include "seam/kafka_scan.h"

/* A part of one source partition. */
struct journal_range {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t from, to;                     /* source offsets, [from, to) */
    int64_t outcomes_from, outcomes_to;   /* offsets of the outcome partition of that number between which its outcomes are looked for */
};

struct journal_options {
    struct kafka_in_options kafka;        /* brokers, properties, log, clock; group and topics are not used */
    const char *outcomes;                 /* NULL: without outcomes */
    const char *incarnation;              /* whose decisions count; those of others are passed over and counted */
    bool sources;                         /* the source messages are wanted too */
    const struct journal_range *ranges;   /* copied */
    size_t ranges_count;
    size_t kbytes;                        /* fetched ahead by all readers together */
    /* Every record of the outcome partitions between outcomes_from and outcomes_to, once, copies and foreign ones too, as it is read, in the order
     * of its partition; `range` is the one that it is of, -1: none of ours. NULL: not wanted. */
    void (*record)(void *context, const struct kafka_message *outcome, int64_t range);
    void *context;
};

/* An event with its decision. */
struct journal_event {
    size_t range;                         /* index into the ranges */
    int64_t offset;
    bool sourced, recorded;               /* `source` holds the source message; `outcome` the first copy of its outcome, with its identity */
    struct kafka_message source, outcome; /* the caller's from now on, to be freed */
    struct decision_identity identity;    /* points into the outcome */
};

struct journal;

int journal_new(struct journal **out, const struct journal_options *options, struct error_text *error) MUST_CHECK;
struct journal *journal_free(struct journal *journal);
/* 1 and the next event; 0: every range is at its end; -EAGAIN: nothing within timeout_ms, ask again. Errors: -ERANGE: retention has eaten a part
 * meanwhile; -EACCES, -EIO; what, in `error`.
 *
 * With outcomes and sources: an event that has no outcome comes last of all (after every recorded one), in offset order of its partition, not
 * `recorded`; an outcome whose source message is not there (compacted away) comes not `sourced`. */
int journal_next(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error) MUST_CHECK;
void journal_event_free(struct journal_event *event);

struct journal_counts {
    int64_t events, bytes;                /* handed out */
    int64_t copies, foreign, unreadable;  /* outcome records passed over: seen before; of another incarnation or source; not ours */
};
struct journal_counts journal_counts(const struct journal *journal);
/* How far a range was read: source offset after the last event handed out; for a progress bar and for resuming. */
int64_t journal_position(const struct journal *journal, size_t range);

#endif
