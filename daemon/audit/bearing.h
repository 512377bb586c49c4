/* Whether the facts of a decision are those that such a decision has, and bear it out: what is refused for want of money shows too little money.
 *
 * Knows the table of README's "Events" and no rule's code. What stood before is not its business (audit/chain.h). */
#ifndef ORDERD_AUDIT_BEARING_H
#define ORDERD_AUDIT_BEARING_H

#include <stdbool.h>

#include "codec/decision.h"

/* False, and a sentence in `error`: what is there and what would be right. */
bool bearing_check(const struct decision *decision, struct error_text *error) MUST_CHECK;

#endif
