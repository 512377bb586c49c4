/* What a playback leaves in the outbox stays small: an entry without records takes the place of the one before it, where that holds none either.
 *
 * Nobody delivers meanwhile, so that else an entry of every run would lie there until the next owner comes. The entries still tile the offsets
 * (PROTOCOL.md 2). */
#ifndef ORDERD_TURN_TAILS_H
#define ORDERD_TURN_TAILS_H

#include "turn/turn.h"

/* The last entry that a partition was given. */
struct tail {
    bool open;                    /* it holds no record */
    struct stream_id id;
    int64_t from;
};

/* `tails` and `lanes` are arrays of the same order. Of a decided turn: which entries join those before them. */
void tails_join(const struct tail *tails, const struct lane *lanes, struct turn *turn);
/* Of one that EXEC applied, once its entries have their ids. */
void tails_note(struct tail *tails, const struct lane *lanes, const struct turn *turn);

#endif
