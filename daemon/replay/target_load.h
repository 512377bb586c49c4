/* The market that a replay begins with, from a snapshot. Part of replay/target.h, and known to nobody else. */
#ifndef ORDERD_REPLAY_TARGET_LOAD_H
#define ORDERD_REPLAY_TARGET_LOAD_H

#include "replay/target.h"

/* Market keys and seen lists, and with the last of them the marks; may be done again from the beginning, and then whoever did it before and still lives
 * does no more. At least one range. Errors: -ESTALE: another run loads, or has loaded; of the snapshot; of Redis. */
int target_load(struct target *target, struct error_text *error) MUST_CHECK;
/* target.c: where the range begins, at the snapshot's mark or with nothing seen yet. A command behind MULTI. */
void target_put_mark(struct target *target, const struct journal_range *range);

#endif
