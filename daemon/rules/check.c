#include "rules/check.h"

enum reason check_funds(const struct view *view, const struct name *user, struct facts *facts, int64_t *funds)
{
    *funds = 0;
    if (view_funds(view, user, funds) != VIEW_INVALID)
        return REASON_NONE;
    facts_key(facts, "invalid", "users:", user);
    return REASON_STATE_INVALID;
}

enum reason check_stock(const struct view *view, const struct name *sku, struct facts *facts, bool *known, int64_t *stock)
{
    enum view_state state = view_stock(view, sku, stock);

    *known = state == VIEW_PRESENT;
    if (state != VIEW_INVALID)
        return REASON_NONE;
    facts_key(facts, "invalid", "stock:", sku);
    return REASON_STATE_INVALID;
}

enum reason check_listing(const struct view *view, const struct name *item, const struct name *seller, struct facts *facts,
                          bool *listed, int64_t *price)
{
    enum view_state state = view_listing(view, item, seller, price);

    *listed = state == VIEW_PRESENT;
    if (state != VIEW_INVALID)
        return REASON_NONE;
    facts_key(facts, "invalid", "market:", NULL);
    return REASON_STATE_INVALID;
}

enum reason check_holding(const struct view *view, const struct name *user, const struct name *item, struct facts *facts,
                          bool *held)
{
    enum view_state state = view_holding(view, user, item);

    *held = state == VIEW_PRESENT;
    if (state != VIEW_INVALID)
        return REASON_NONE;
    facts_key(facts, "invalid", "inventory:", user);
    return REASON_STATE_INVALID;
}
