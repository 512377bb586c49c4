/* What a decision says of the market: the values that it rested on and those that it left, key by key.
 *
 * The way back from facts to keys, for whoever folds the log (restore, reapply, replay --verify, audit). Pure: data to data. */
#ifndef ORDERD_HISTORY_OBSERVE_H
#define ORDERD_HISTORY_OBSERVE_H

#include "codec/decision.h"
#include "rules/view.h"

/* One value of the market. Names point into the decision; `owner`, `item` and `seller` are NULL where the kind has none (rules/view.h): the market has no
 * owner. */
struct observation {
    enum view_key_kind kind;
    const struct name *owner, *item, *seller;
    enum view_state before, after;        /* VIEW_MISSING or VIEW_PRESENT; funds are PRESENT always, for a user without is one with 0 to the rules */
    int64_t before_value, after_value;    /* funds, stock, price, where PRESENT; else 0 */
    bool changed;                         /* the decision wrote it; else it was only read, and after is before */
};

/* What is seen of a purchase that is applied: listing, both funds, and that the buyer did not hold the item. Expired, duplicate and malformed
 * decisions saw nothing, nor did those that are rejected as state_invalid. No key comes twice. Errors: -EBADMSG with a sentence: the facts are not
 * those of such a decision, or contradict the event (funds that move by another amount than the price). Returns how many there are. */
enum { OBSERVATIONS_MAX = VIEW_KEYS_PER_EVENT_MAX };
int observe(const struct decision *decision, struct observation out[OBSERVATIONS_MAX], struct error_text *error) MUST_CHECK;

#endif
