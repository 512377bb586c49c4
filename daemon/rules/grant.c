#include "rules/grant.h"

#include "rules/check.h"

void grant_want(const struct event *event, struct view *view)
{
    view_want_holding(view, &event->user, &event->item);
}

enum reason grant_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool held;

    if (check_holding(view, &event->user, &event->item, facts, &held))
        return REASON_STATE_INVALID;
    if (held) {
        facts_flag(facts, "user_holds", true);
        return REASON_ALREADY_HELD;
    }

    /* After this point, the event must succeed. */
    facts_flag_change(facts, "user_holds", false, true);
    view_put_holding(view, &event->user, &event->item);
    return REASON_NONE;
}
