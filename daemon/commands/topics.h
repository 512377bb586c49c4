/* What the cluster and its topics are like, asked before anything else: identity, partitions, sizes (DESIGN 2.3, 4.5, 4.7). */
#ifndef ORDERD_COMMANDS_TOPICS_H
#define ORDERD_COMMANDS_TOPICS_H

#include "base/log.h"
#include "config/config.h"
#include "ledger/refusal.h"
#include "ledger/start.h"
#include "stream/sink.h"

struct topics {
    char cluster[KAFKA_CLUSTER_ID_MAX];
    struct start_topic items[KAFKA_TOPICS_MAX];   /* sorted by name; names are the configuration's */
    size_t count;
    struct sink_limits limits;
};

/* Asks it all. 0 with or without `refusal`, or -EAGAIN, -ETIMEDOUT (no broker answers), -EACCES, -EINVAL with a sentence. */
int topics_ask(struct topics *out, const struct config *config, const struct log *log, struct refusal *refusal,
               struct error_text *error) MUST_CHECK;

/* What about topics is a refusal: that one is missing; too few partitions for the sources' most; too small records. */
void topics_compare_missing(const char *topic, struct refusal *refusal);
void topics_compare_partitions(const struct config *config, int32_t outcomes, int32_t most, struct refusal *refusal);
void topics_compare_outcome_bytes(const struct config *config, int64_t outcomes, struct refusal *refusal);
void topics_compare_letter_bytes(const struct config *config, int64_t letters, const char *topic, int64_t source, struct refusal *refusal);

/* Creates what is missing: sources with the broker's number of partitions, outcomes and dead letters with the largest of theirs and sizes
 * that fit; raises partition counts that are too small. Says each by `say`. Errors as topics_ask. */
int topics_create(const struct config *config, const struct log *log, bool dry, void (*say)(void *context, const char *line), void *context,
                  struct error_text *error) MUST_CHECK;

#endif
