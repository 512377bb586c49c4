/* Who may write: PROTOCOL 1 and 3 held against every EXEC of an instance at the moment it is applied.
 *
 * A mark is moved only by whoever wrote its epoch, also where nobody else would have come to harm; and who has seen a transaction applied in part
 * decides nothing more in that market before an operator has looked. */
#ifndef ORDERD_TESTS_SIM_OWNERS_H
#define ORDERD_TESTS_SIM_OWNERS_H

#include "fake/world.h"

/* Another history begins. */
void owners_reset(void);
/* An EXEC of an instance or of the operator was answered. */
void owners_executed(struct node *node, struct redis_client *client, enum exec_answer answer);
/* An instance said something. */
void owners_hear(const char *name, const char *line);
/* Whoever wrote the epoch of this mark, has moved it under that epoch and lives since: it knows what of it was handed over. NULL: nobody. */
const struct node *owners_of(const char *mark);
/* Before Redis goes back: who has written the epochs that stand now. Afterwards: whether one who lives and had been followed by another has its epoch in a
 * mark again. */
void owners_remember(void);
bool owners_return(void);
/* The process has ended, and what it knew with it; Redis has gone back to an older state. */
void owners_life_ends(const struct node *node);
void owners_restored(void);

#endif
