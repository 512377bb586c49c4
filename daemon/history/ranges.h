/* Which part of the log is meant: the words of --from and --to held against the logs, and where the outcomes of that part lie.
 *
 * The ends are fixed here once, so that whoever reads a log that grows on comes to an end. */
#ifndef ORDERD_HISTORY_RANGES_H
#define ORDERD_HISTORY_RANGES_H

#include "history/journal.h"
#include "ledger/resolve.h"

struct ranges_options {
    struct kafka_in *in;                  /* asked for bounds and times */
    struct kafka_in_options kafka;        /* of a reader beside it, which looks for outcomes; as a journal has it */
    const struct start_topic *topics;     /* as Kafka has them now */
    size_t topics_count;
    const struct registry *registry;      /* whose partition counts must be the same; NULL: not compared */
    int32_t number;                       /* only partitions of this number (shard = "partition"); SHARD_NONE: all */
    const char *outcomes, *incarnation;   /* as a journal has them; outcomes NULL: none are looked for */
    const struct resolve_froms *from, *to;/* in order, the last that fits a partition rules; NULL or none that fits: the log's start, its end */
    int timeout_ms;                       /* of each question */
};

/* One range for each partition of each topic, in the topics' order, the empty ones too; to be freed with free(). Errors: -EPROTO: refused, `error` says
 * what is wrong, where, and what would be right; -EAGAIN, -ETIMEDOUT: Kafka does not answer; -EACCES, -EIO, -ENOMEM. */
int ranges_make(struct journal_range **out, size_t *count, const struct ranges_options *options, struct error_text *error) MUST_CHECK;

/* Fills outcomes_from and outcomes_to of ranges that are known otherwise; of the options topics, registry, from and to are not used. The outcome of the
 * first offset, if there is one, lies at outcomes_from or behind it: found by the time of its source message, an hour allowed for clocks that differ,
 * and proved by the first outcome that lies there; where that fails, the log's start. Errors as above. */
int ranges_find_outcomes(struct journal_range *ranges, size_t count, const struct ranges_options *options, struct error_text *error) MUST_CHECK;

#endif
