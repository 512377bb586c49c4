/* The audit of a log: every event once, with its outcome, in the order in which the decisions took effect; and what lies beside it.
 *
 * Pushed by its caller, who has the readers; it prints nothing and decides nothing. Order of calls: audit_record for each record of the outcome
 * topic as it is read (history/journal.h hands them up, from a thread of its own if it has one), audit_event for each event in the journal's order; audit_letter for each record of the
 * dead-letter topic once all events were; then what Redis holds (market.h), if that is audited too; then audit_finish.
 *
 * Memory: 16 bytes of file an event (in two files), 64 bytes of memory for each of dedupe.ids a partition, and the fold's (archive/fold.h). */
#ifndef ORDERD_AUDIT_AUDIT_H
#define ORDERD_AUDIT_AUDIT_H

#include "audit/blanks.h"
#include "audit/chain.h"
#include "audit/copies.h"
#include "audit/window.h"
#include "history/journal.h"

/* Offsets that need no outcome: an operator had them passed over. With `decided` they were decided, and somebody else says what became of their
 * outcomes. */
struct audit_gap {
    size_t range;
    int64_t from, to;
    bool decided;
};

/* What ruled duplicates in a partition before the registry's settings did. */
struct audit_rule {
    size_t range;
    int64_t until;                       /* offset up to which */
    int64_t window_s, ids;
};

struct audit_options {
    const struct audit_range *ranges;
    size_t ranges_count;
    const char *incarnation;             /* whose outcomes are audited; another's are passed over and counted */
    const struct registry *registry;     /* NULL: not known */
    int64_t window_s, ids;               /* the dedupe settings */
    const struct audit_rule *rules;      /* former ones, the oldest first */
    size_t rules_count;
    int64_t deadline_ms[EVENT_KIND_COUNT];   /* as configured; 0: such an event never expires by itself */
    const struct audit_gap *gaps;
    size_t gaps_count;
    bool whole;                          /* the ranges hold all that ever happened to the market, or `fold` what was before */
    struct fold *fold;                   /* the market at the start: empty, or from a snapshot */
    int32_t letters_partitions;          /* of the dead-letter topic; 0: dead letters are not audited */
    /* By partition of it: where its log begins, and where it ended before the sources' ends were asked; what lies behind may be of later events. */
    const int64_t *letters_start, *letters_early;
    const char *folder;                  /* for files without a name */
    uint64_t seed;                       /* random */
    size_t kept;                         /* findings of a kind that are kept */
    /* A source message once more, for a dead letter that is not what was expected: 1 and the message (to be freed), 0: it is gone. Errors: of Kafka. */
    int (*fetch)(void *context, size_t range, int64_t offset, struct kafka_message *out);
    void *context;
};

/* Of one source partition. Kinds, and behind them what is malformed and so of none. */
struct audit_table {
    int64_t of[EVENT_KIND_COUNT + 1][STATUS_COUNT];
    int64_t consumed;                    /* events below `must`, or with an outcome */
    int64_t missing;                     /* without an outcome, each a finding */
    int64_t former;                      /* decided by a former incarnation only */
    int64_t passed;                      /* in a gap */
    int64_t gone;                        /* their outcomes lay before the outcome topic's log start */
    int64_t undecided;                   /* at the log's end */
    int64_t unread;                      /* outcome that cannot be read, each a finding */
    int64_t compacted;                   /* outcomes whose message is gone */
    int64_t unproved;                    /* duplicates of what lies before the range: taken as recorded */
    int64_t waiting;                     /* of them all, in the outbox and not yet published */
};

struct audit;

/* Errors: -ENOMEM, and those of making a file in the folder. */
int audit_new(struct audit **out, const struct audit_options *options, struct error_text *error) MUST_CHECK;
struct audit *audit_free(struct audit *audit);

/* A decision that waits in the outbox: it is looked for among the outcomes, and stands in for the one that is not published yet. Before the first event.
 * The record's bytes are copied. Its place in the order is given: it has no ce_sequence yet. */
int audit_waiting(struct audit *audit, size_t range, int64_t offset, const struct record *record, const struct blank_point *at) MUST_CHECK;
/* A record of the dead-letter kind that waits there. */
int audit_letter_waiting(struct audit *audit, const struct record *record) MUST_CHECK;
/* What the seen list of a range held where it begins (from a snapshot), the oldest first, keyed by window_key of audit_window; and T there, from where on
 * all of it is known. */
int audit_seen_before(struct audit *audit, size_t range, const struct window_record *record) MUST_CHECK;
void audit_time_before(struct audit *audit, size_t range, int64_t time);

int audit_record(struct audit *audit, const struct kafka_message *message) MUST_CHECK;
/* The event stays the caller's. */
int audit_event(struct audit *audit, const struct journal_event *event) MUST_CHECK;
int audit_letter(struct audit *audit, const struct kafka_message *message) MUST_CHECK;
/* Nothing more comes. */
int audit_finish(struct audit *audit) MUST_CHECK;

struct findings *audit_findings(struct audit *audit);
struct chain *audit_chain(struct audit *audit);
const struct audit_table *audit_table(const struct audit *audit, size_t range);
struct copies_counts audit_copies(const struct audit *audit);
/* T behind the last event that was decided, and the duplicate window as it stands there; whether that window is known exactly. */
int64_t audit_time(const struct audit *audit, size_t range);
const struct window *audit_window(const struct audit *audit, size_t range, bool *exact);
/* Offset of the range's last message so far; -1: none. */
int64_t audit_last_message(const struct audit *audit, size_t range);
/* The highest offset that had an outcome in the topic before audit_range.outcomes_early; -1: none. */
int64_t audit_published_early(const struct audit *audit, size_t range);
struct audit_letters {
    int64_t records, letters, others;    /* read; of the ranges; of events elsewhere */
};
struct audit_letters audit_letters(const struct audit *audit);
/* Bytes of files without a name. */
uint64_t audit_file_bytes(const struct audit *audit);
/* What the topic has of an event's outcome; and the digest that such a record has there. */
int audit_published(struct audit *audit, size_t range, int64_t offset, struct copies_seen *out) MUST_CHECK;
uint64_t audit_digest(const struct audit *audit, struct bytes key, const struct kafka_header *headers, size_t count, struct bytes value);

#endif
