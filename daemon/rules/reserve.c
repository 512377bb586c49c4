#include "rules/reserve.h"

#include "rules/check.h"

void reserve_want(const struct event *event, struct view *view)
{
    view_want_stock(view, &event->sku);
}

enum reason reserve_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool known;
    int64_t stock;

    if (check_stock(view, &event->sku, facts, &known, &stock))
        return REASON_STATE_INVALID;
    if (!known) {
        facts_null(facts, "stock");
        return REASON_UNKNOWN_SKU;
    }
    if (stock < event->quantity) {
        facts_number(facts, "stock", stock);
        return REASON_OUT_OF_STOCK;
    }

    /* After this point, the event must succeed. */
    facts_number_change(facts, "stock", stock, stock - event->quantity);
    view_put_stock(view, &event->sku, stock - event->quantity);
    return REASON_NONE;
}
