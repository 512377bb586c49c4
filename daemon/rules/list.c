#include "rules/list.h"

#include "rules/check.h"

void list_want(const struct event *event, struct view *view)
{
    view_want_holding(view, &event->seller, &event->item);
    view_want_listing(view, &event->item, &event->seller);
}

enum reason list_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool held, listed;
    int64_t price;

    if (check_holding(view, &event->seller, &event->item, facts, &held) ||
        check_listing(view, &event->item, &event->seller, facts, &listed, &price))
        return REASON_STATE_INVALID;
    if (!held) {
        facts_flag(facts, "seller_holds", false);
        return REASON_NOT_HELD;
    }
    if (listed) {
        facts_flag(facts, "seller_holds", true);
        facts_number(facts, "price", price);
        return REASON_ALREADY_LISTED;
    }

    /* After this point, the event must succeed. */
    facts_number(facts, "price", event->price);
    facts_flag_change(facts, "seller_holds", true, false);
    view_remove_holding(view, &event->seller, &event->item);
    view_put_listing(view, &event->item, &event->seller, event->price);
    return REASON_NONE;
}
