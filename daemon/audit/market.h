/* Redis against the log: marks, outbox, seen lists and the market's values, as a snapshot has them, held against what the audit knows.
 *
 * The snapshot is consistent at its marks, and the log was audited up to exactly those. */
#ifndef ORDERD_AUDIT_MARKET_H
#define ORDERD_AUDIT_MARKET_H

#include "audit/survey.h"

/* Before the first event: what waits in the outbox stands in for what is not published. Errors: of the snapshot; -ENOMEM. */
int market_waiting(struct audit *audit, struct snapshot *snapshot, size_t market, const struct survey *survey, struct error_text *error) MUST_CHECK;

struct market_counts {
    int64_t values;                /* in Redis, of keys that a rule could ask for */
    int64_t equal;                 /* and are what the log says */
    int64_t unnamed;               /* named by no decision; a finding each where the audit began with the whole market */
    chain_sum money, items, stock; /* in Redis, of all of them */
};

struct market_options {
    struct audit *audit;
    struct snapshot *snapshot;
    size_t market;
    const struct survey *survey;
    struct fold *fold;
    bool whole;
    int (*fetch)(void *context, size_t range, int64_t offset, struct kafka_message *out);   /* as in audit.h */
    void *context;
};

/* The dead letters that wait there, after those that are published. */
int market_letters(const struct market_options *options, struct error_text *error) MUST_CHECK;
/* After the last event and letter, before audit_finish. Errors: of snapshot, fold and Kafka. */
int market_check(const struct market_options *options, struct market_counts *counts, struct error_text *error) MUST_CHECK;

/* Instead: where the audit begins. Values into the fold, seen records and T into the audit, which begins at the snapshot's marks. */
int market_begin(struct audit *audit, struct fold *fold, struct snapshot *snapshot, size_t market, const struct survey *survey, struct error_text *error) MUST_CHECK;

#endif
