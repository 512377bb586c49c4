#include "rules/deposit.h"

#include "rules/check.h"

void deposit_want(const struct event *event, struct view *view)
{
    view_want_funds(view, &event->user);
}

enum reason deposit_decide(const struct event *event, struct view *view, struct facts *facts)
{
    int64_t funds, sum;

    if (check_funds(view, &event->user, facts, &funds))
        return REASON_STATE_INVALID;
    if (__builtin_add_overflow(funds, event->amount, &sum)) {
        facts_number(facts, "funds", funds);
        return REASON_LIMIT_EXCEEDED;
    }

    /* After this point, the event must succeed. */
    facts_number_change(facts, "funds", funds, sum);
    view_put_funds(view, &event->user, sum);
    return REASON_NONE;
}
