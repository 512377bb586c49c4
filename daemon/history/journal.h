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
    struct kafka_in_options kafka;        /* brokers, group, properties, log, clock; the group is named to the brokers and never joined */
    const char *outcomes;                 /* NULL: without outcomes */
    const char *incarnation;              /* whose decisions count; those of others are passed over and counted */
    bool sources;                         /* the source messages are wanted too */
    const struct journal_range *ranges;   /* copied */
    size_t ranges_count;
    size_t kbytes;                        /* fetched ahead by all readers together, as kafka_scan_new has it */
    bool ahead;                           /* a thread of its own reads (ahead.h), and calls `record` */
    /* Every record of the outcome partitions between outcomes_from and outcomes_to, once, as it is read, in the order of its partition: copies, foreign
     * and unreadable ones too, and those of offsets beyond the range. `range` is the one that it is of, -1: none of ours. NULL: not wanted; then a
     * range's outcomes are read no further than to its own end. */
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

/* Opens one reader for all sources and one for the outcomes of each source topic. Errors: -EINVAL with librdkafka's words, -ENOMEM, -EIO. */
int journal_new(struct journal **out, const struct journal_options *options, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. Events that were handed out must be freed before. */
struct journal *journal_free(struct journal *journal);
/* 1 and the next event; 0: every range is at its end; -EAGAIN: nothing within timeout_ms, or brokers are away: ask again. Errors: -ERANGE: retention
 * has eaten a part meanwhile; -EACCES, -EIO; what, in `error`.
 *
 * Recorded events come in the order of their sequences. With outcomes and sources, an event that has no outcome comes right before the next recorded
 * one of its partition, or after everything recorded where there is none, in offset order of its partition, not `recorded`; an outcome whose source
 * message is not there (compacted away) comes not `sourced`. Without outcomes, partitions come in turns, JOURNAL_RUN events each.
 *
 * One damaged record does not derail the rest: of an outcome and the one behind it in its partition the lower sequence counts for both; one without
 * a sequence comes right behind the one before it; and one whose offset is above that of the one behind it is passed over. */
enum { JOURNAL_RUN = 64 };
int journal_next(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error) MUST_CHECK;
/* Its messages; none when it has none. */
void journal_event_free(struct journal_event *event);

struct journal_counts {
    int64_t events, bytes;                /* handed out */
    int64_t recorded;                     /* of the events, those with an outcome */
    int64_t copies, foreign, unreadable;  /* outcome records passed over: seen before; of another incarnation or source; not outcomes of ours */
    int64_t displaced;                    /* and such as name an offset above that of the record behind them */
    int64_t read;                         /* outcome records, whatever became of them: rises also while nothing is handed out */
};

/* What was read so far; with `ahead`, what had been when the event that was handed out last came. */
struct journal_counts journal_counts(const struct journal *journal);
/* How far a range was read: source offset after the last event handed out, and its end where no more will come; for a progress bar. */
int64_t journal_position(const struct journal *journal, size_t range);

#endif
