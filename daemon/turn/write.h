/* The write set of a decided turn: MULTI, net changes only, EXEC; and what its success means for what we hold (DESIGN 3.4). */
#ifndef ORDERD_TURN_WRITE_H
#define ORDERD_TURN_WRITE_H

#include "turn/turn.h"

/* Encodes MULTI … EXEC. `*queued` is the number of commands between the two; 0: nothing to write, nothing was encoded. */
int turn_put_exec(struct turn *turn, struct commands *commands, size_t *queued) MUST_CHECK;

/* EXEC's array says that the turn is applied: takes the ids of its entries. Errors: -EBADMSG when an id that Redis gave is not above the
 * last one of the era (DESIGN 2.3): nothing of the turn may be published. */
int turn_identify(struct turn *turn, const struct reply *array, struct error_text *error) MUST_CHECK;
/* Marks, outbox, seen list and lanes follow. Errors: -ENOMEM. */
int turn_confirm(struct turn *turn, struct item_pool *items, struct outbox_pool *pool, int64_t now) MUST_CHECK;
/* Both. */
int turn_applied(struct turn *turn, const struct reply *array, struct item_pool *items, struct outbox_pool *pool, int64_t now,
                 struct error_text *error) MUST_CHECK;

#endif
