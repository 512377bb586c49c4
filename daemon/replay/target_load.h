/* The market that a replay begins with, from a snapshot. Part of replay/target.h, and known to nobody else. */
#ifndef ORDERD_REPLAY_TARGET_LOAD_H
#define ORDERD_REPLAY_TARGET_LOAD_H

#include "replay/target.h"

/* Market keys and seen lists; may be done again from the beginning. Errors: of the snapshot; of Redis. */
int target_load(struct target *target, struct error_text *error) MUST_CHECK;

#endif
