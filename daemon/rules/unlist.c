#include "rules/unlist.h"

#include "rules/check.h"

void unlist_want(const struct event *event, struct view *view)
{
    view_want_listing(view, &event->item, &event->seller);
    view_want_holding(view, &event->seller, &event->item);
}

enum reason unlist_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool listed, held;
    int64_t price;

    if (check_listing(view, &event->item, &event->seller, facts, &listed, &price) ||
        check_holding(view, &event->seller, &event->item, facts, &held))
        return REASON_STATE_INVALID;
    if (!listed) {
        facts_null(facts, "price");
        return REASON_NOT_LISTED;
    }
    facts_number(facts, "price", price);
    if (held) {
        facts_flag(facts, "seller_holds", true);
        return REASON_ALREADY_HELD;
    }

    /* After this point, the event must succeed. */
    facts_flag_change(facts, "seller_holds", false, true);
    view_remove_listing(view, &event->item, &event->seller);
    view_put_holding(view, &event->seller, &event->item);
    return REASON_NONE;
}
