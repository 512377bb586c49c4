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

enum { AUDITED_RANGES_MAX = 16, AUDITED_KEY_MAX = 200, AUDITED_TEXT_MAX = 900 };

/* Facts that do not follow from those before, and that those after do not go on from. */
struct audited_break {
    const char *key;                     /* "users:u0 funds" */
    int64_t was, says;                   /* what was left there, and what the record says */
    int32_t partition;                   /* of the outcome topic, and the record's offset in it */
    int64_t at;
};

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
    bool (*is_foreign)(void *context, const struct audited_break *);      /* whether another program is known to have done it; NULL: of none */
    void *context;
};

struct audited {
    size_t wrong, foreign;               /* findings */
    int64_t consumed, of[STATUS_COUNT];
    char text[AUDITED_TEXT_MAX];         /* "outcome_missing orders:0 17, foreign_write orders:1 4 users:u0 funds", cut where it is too long */
};

void audited_look(struct audited *out, const struct audited_market *market);

#endif
