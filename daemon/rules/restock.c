#include "rules/restock.h"

#include "rules/check.h"

void restock_want(const struct event *event, struct view *view)
{
    view_want_stock(view, &event->sku);
}

enum reason restock_decide(const struct event *event, struct view *view, struct facts *facts)
{
    bool known;
    int64_t stock, sum = event->quantity;

    if (check_stock(view, &event->sku, facts, &known, &stock))
        return REASON_STATE_INVALID;
    if (known && __builtin_add_overflow(stock, event->quantity, &sum)) {
        facts_number(facts, "stock", stock);
        return REASON_LIMIT_EXCEEDED;
    }

    /* After this point, the event must succeed. */
    if (known)
        facts_number_change(facts, "stock", stock, sum);
    else
        facts_null_change(facts, "stock", sum);
    view_put_stock(view, &event->sku, sum);
    return REASON_NONE;
}
