/* The registry's record of marks that an operator moved: its field `moved`, a line each, "TOPIC:P FROM TO MS REASON", the oldest first.
 *
 * Whoever holds the log against the outcomes (audit) finds here why offsets [FROM, TO) have no outcome, or [TO, FROM) another one. */
#ifndef ORDERD_LEDGER_MOVES_H
#define ORDERD_LEDGER_MOVES_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The reason of a line whose offsets were decided, and whose outcomes --accept-loss gave up: from the first that was lost to the last. */
#define MOVE_LOST "--accept-loss: decided, and their outcomes lost"

/* No more than so many are kept; the oldest goes. */
enum { MOVES_MAX = 32, MOVE_REASON_MAX = 200, MOVES_TEXT_MAX = MOVES_MAX * (249 + MOVE_REASON_MAX + 96) };

struct move {
    struct bytes topic, reason;
    int32_t partition;
    int64_t from, to;          /* `next` before and after */
    int64_t at;                /* ms since 1970 */
};

/* The field's next line; `rest` becomes what is behind it. False: there is none left. Lines that no orderd writes are passed over. */
bool moves_next(struct bytes *rest, struct move *out) MUST_CHECK;
/* How many there are. */
size_t moves_count(struct bytes moved);
/* The field with one more. */
void moves_put(struct buffer *out, struct bytes moved, const struct move *move);
/* Whether a reason can be kept: 1 to MOVE_REASON_MAX bytes of UTF-8 without control characters, and not blank. */
bool move_reason_is_good(const char *reason) MUST_CHECK;

#endif
