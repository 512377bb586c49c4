#include "rules/purchase.h"

#include "rules/check.h"

void purchase_want(const struct event *event, struct view *view)
{
    view_want_listing(view, &event->item, &event->seller);
    view_want_funds(view, &event->buyer);
    view_want_funds(view, &event->seller);
    view_want_holding(view, &event->buyer, &event->item);
}

/* Buyer and seller may be the same user: then the money only has to be there. */
static void move_funds(const struct event *event, struct view *view, struct facts *facts, int64_t buyer, int64_t seller)
{
    if (name_equal(&event->buyer, &event->seller)) {
        facts_number_change(facts, "buyer_funds", buyer, buyer);
        facts_number_change(facts, "seller_funds", buyer, buyer);
        return;
    }
    facts_number_change(facts, "buyer_funds", buyer, buyer - event->price);
    facts_number_change(facts, "seller_funds", seller, seller + event->price);
    view_put_funds(view, &event->buyer, buyer - event->price);
    view_put_funds(view, &event->seller, seller + event->price);
}

enum reason purchase_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool listed, held;
    int64_t price, buyer, seller, sum;

    if (check_listing(view, &event->item, &event->seller, facts, &listed, &price) ||
        check_funds(view, &event->buyer, facts, &buyer) || check_funds(view, &event->seller, facts, &seller) ||
        check_holding(view, &event->buyer, &event->item, facts, &held))
        return REASON_STATE_INVALID;
    if (!listed) {
        facts_null(facts, "price");
        return REASON_NOT_LISTED;
    }
    facts_number(facts, "price", price);
    if (price != event->price)
        return REASON_PRICE_CHANGED;
    if (buyer < price) {
        facts_number(facts, "buyer_funds", buyer);
        return REASON_INSUFFICIENT_FUNDS;
    }
    if (held) {
        facts_number(facts, "buyer_funds", buyer);
        facts_flag(facts, "buyer_holds", true);
        return REASON_ALREADY_HELD;
    }
    if (!name_equal(&event->buyer, &event->seller) && __builtin_add_overflow(seller, price, &sum)) {
        facts_number(facts, "buyer_funds", buyer);
        facts_number(facts, "seller_funds", seller);
        return REASON_LIMIT_EXCEEDED;
    }

    /* After this point, the event must succeed. */
    move_funds(event, view, facts, buyer, seller);
    view_remove_listing(view, &event->item, &event->seller);
    view_put_holding(view, &event->buyer, &event->item);
    return REASON_NONE;
}
