/* The inside of a journal: what is known of each range, and whose turn it is. */
#ifndef ORDERD_HISTORY_JOURNAL_STATE_H
#define ORDERD_HISTORY_JOURNAL_STATE_H

#include "history/ahead.h"

enum { HELD = 2 };

struct held {
    struct kafka_message message;
    struct decision_identity identity;
};

struct range {
    struct journal_range said;
    size_t first;                         /* the first range of that outcome partition */
    int64_t seen_to;                      /* of the outcome partition, by any of its ranges; held in the first of them */
    struct kafka_scan *outcomes;          /* shared with the other ranges of the topic */
    size_t outcome_stream, source_stream;
    bool outcomes_open, source_open;
    bool past;                            /* nothing of the range will come any more, but its records are wanted */
    struct held held[HELD];
    size_t held_count;
    struct decision_identity key;         /* where it stands in the order: of its head, or of the last one */
    int64_t last;
    struct kafka_message source;
    bool source_held;
};

struct journal {
    struct kafka_scan *sources;           /* NULL: not wanted */
    struct kafka_scan **scans;            /* of outcomes */
    size_t scans_count;
    char *outcomes, *incarnation;
    void (*record)(void *context, const struct kafka_message *outcome, int64_t range);
    void *context;
    struct range *ranges;
    size_t count;
    size_t *heap, heap_count;             /* ranges with heads, the lowest key first */
    size_t *blind, blind_count;           /* ranges that have to be read before anything is chosen */
    size_t turn, run;                     /* without outcomes: whose turn it is, and how many it handed out */
    struct journal_counts counts;         /* of what was read */
    struct ahead *ahead;                  /* whose thread has all of the above; NULL: none */
    int64_t *positions;                   /* by range, of what was handed out, as what follows */
    int64_t events, recorded, bytes;
    bool over;
};

/* As journal_next, without a thread. */
int journal_merge(struct journal *journal, int timeout_ms, struct journal_event *out, struct error_text *error) MUST_CHECK;

/* Frees the records that the range shows. */
void journal_drop_held(struct range *range);

#endif
