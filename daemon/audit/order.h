/* Whether the sequences of a partition's outcomes are those of its events: they rise with the offsets, and number the places of each outbox entry from
 * 0 without a gap (DESIGN 2.3).
 *
 * Which of two that do not fit is the wrong one is told by a third, so the verdict over an outcome comes with its successor. */
#ifndef ORDERD_AUDIT_ORDER_H
#define ORDERD_AUDIT_ORDER_H

#include <stdbool.h>

#include "audit/blanks.h"
#include "base/error.h"

struct order_step {
    struct blank_point at;
    bool sequenced;              /* it has one that can be read */
    bool joined;                 /* nothing is missing between it and the step before */
    bool lettered;               /* a dead letter follows it, and takes a place too */
    int64_t offset;              /* of the event */
    int32_t partition;           /* of the outcome topic, and the offset in it */
    int64_t record;
};

struct order {
    struct order_step steps[4];  /* the last ones, the youngest last */
    size_t count;
};

/* The next of the partition. True where an earlier one or this one is wrong: which, and why, is filled. */
bool order_next(struct order *order, const struct order_step *step, struct order_step *wrong, struct error_text *error);
/* There is no next one. */
bool order_end(struct order *order, struct order_step *wrong, struct error_text *error);

#endif
