/* The audit of `orderd audit` over the logs of the fake Kafka: for stories, and for the simulator beside its own auditor.
 *
 * Knows nothing of Redis: what is said of a market but by its logs comes from the caller. */
#ifndef ORDERD_TESTS_FAKE_AUDITED_H
#define ORDERD_TESTS_FAKE_AUDITED_H

#include <stdbool.h>
#include <stdint.h>

#include "ledger/shard.h"
#include "rules/event.h"
#include "rules/outcome.h"

enum { AUDITED_RANGES_MAX = 16, AUDITED_TEXT_MAX = 900 };

struct audited_market {
    const char *const *topics;           /* of the sources, with how many partitions each */
    const int32_t *partitions;
    size_t topics_count;
    int32_t number;                      /* SHARD_NONE: all of them; else the partitions of that number */
    int32_t letters_partitions;
    const char *incarnation;
    int64_t window_s, ids;
    const int64_t *deadline_ms;          /* by event kind */
    bool whole;                          /* it began empty, and nothing but its log ever changed it: else what is seen first is taken for given */
    const char *node;                    /* by whose name Kafka is asked; it must live */
};

struct audited {
    size_t wrong, foreign;               /* findings */
    int64_t consumed, of[STATUS_COUNT];
    char text[AUDITED_TEXT_MAX];         /* "outcome_missing orders:0 17, foreign_write orders:1 4 users:u0 funds", cut where it is too long */
};

void audited_look(struct audited *out, const struct audited_market *market);

#endif
