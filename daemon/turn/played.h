/* One event of a playback, between push and EXEC: what was recorded of it, and what of that is taken instead of being decided (turn/playback.h). */
#ifndef ORDERD_TURN_PLAYED_H
#define ORDERD_TURN_PLAYED_H

#include "turn/playback.h"

struct played {
    struct journal_event event;           /* its source message is the item's */
    struct taken taken;                   /* the item points here */
    struct decision decision;             /* where `readable` */
    bool readable;                        /* it is recorded, and the record can be read */
    struct error_text problem;            /* why it cannot be taken as recorded; "": it can */
    struct observation observations[OBSERVATIONS_MAX];
    int observations_count;               /* of a decision that is taken wholly */
    unsigned differs;                     /* bit by observation: the market was not as the record says */
    struct playback_difference found[OBSERVATIONS_MAX];
};

/* Reads what is recorded, and says in `taken` and in the item what of it counts. `begin`: of duplicates whose first offset lies below, the record knows
 * more than the seen list. */
void played_prepare(struct played *played, struct item *item, enum playback_mode mode, int64_t begin);
/* Of a decision that is taken wholly: makes its changes in the view, and notes where that was not as recorded. Errors: -EPROTO with the problem. */
int played_change(struct played *played, enum playback_mode mode, struct view *view) MUST_CHECK;

#endif
