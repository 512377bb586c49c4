/* A function for each kind, the mirror of its rule: which facts stand with which reason, and of what they tell. Whatever a rule would not have said is an
 * error, for the audit lives by it.
 *
 * Some values are told without a fact, since the rule would have decided otherwise: an applied purchase found the buyer without the item, an applied
 * list found the item not listed. */
#include "history/observe.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "rules/rules.h"

/* A decision while it is looked at. */
struct sight {
    const struct decision *decision;
    const struct event *event;
    struct observation *out;
    int count;
    size_t used;                          /* facts that were taken up */
    struct error_text *error;
};

static bool wrong_fact(struct sight *sight, const char *name, const char *form)
{
    error_set(sight->error, -EBADMSG, "facts.%s is not %s, as it must be in a decision \"%s\" of a %s", name, form,
              sight->decision->reason ? reason_name(sight->decision->reason) : status_name(sight->decision->status), rules_kind_name(sight->event->kind));
    return false;
}

static bool contradicts(struct sight *sight, const char *name, const char *why)
{
    error_set(sight->error, -EBADMSG, "facts.%s contradicts the event: %s", name, why);
    return false;
}

static bool never_said(struct sight *sight)
{
    error_set(sight->error, -EBADMSG, "a %s is never rejected as \"%s\"", rules_kind_name(sight->event->kind), reason_name(sight->decision->reason));
    return false;
}

/* The fact of that name if it has the type; facts come in the order in which they are asked for, but for older and later releases. */
static const struct fact *take(struct sight *sight, const char *name, enum fact_type type)
{
    const struct facts *facts = &sight->decision->facts;
    const struct fact *fact = sight->used < facts->count ? &facts->items[sight->used] : NULL;

    if (!fact || strcmp(fact->name, name) != 0)
        fact = facts_find(facts, name);
    sight->used++;
    return fact && fact->type == type ? fact : NULL;
}

static bool take_number(struct sight *sight, const char *name, int64_t *value)
{
    const struct fact *fact = take(sight, name, FACT_NUMBER);

    if (!fact)
        return wrong_fact(sight, name, "an integer");
    *value = fact->before;
    return true;
}

/* Before and after, which must be what the event makes of it. */
static bool take_change(struct sight *sight, const char *name, int64_t by, int64_t *before, int64_t *after)
{
    const struct fact *fact = take(sight, name, FACT_NUMBER_CHANGE);
    int64_t sum;

    if (!fact)
        return wrong_fact(sight, name, "[integer, integer]");
    if (__builtin_add_overflow(fact->before, by, &sum) || sum != fact->after)
        return contradicts(sight, name, "it changes by another amount");
    *before = fact->before;
    *after = fact->after;
    return true;
}

static bool take_null(struct sight *sight, const char *name)
{
    return take(sight, name, FACT_NULL) || wrong_fact(sight, name, "null");
}

static bool take_flag(struct sight *sight, const char *name, bool flag)
{
    const struct fact *fact = take(sight, name, FACT_FLAG);

    return (fact && fact->before == flag) || wrong_fact(sight, name, flag ? "true" : "false");
}

/* To `flag`, from its contrary. */
static bool take_flag_change(struct sight *sight, const char *name, bool flag)
{
    const struct fact *fact = take(sight, name, FACT_FLAG_CHANGE);

    return (fact && fact->before == !flag && fact->after == flag) || wrong_fact(sight, name, flag ? "[false, true]" : "[true, false]");
}

static struct observation *add(struct sight *sight, enum view_key_kind kind, const struct name *owner, const struct name *item, const struct name *seller)
{
    struct observation *out = &sight->out[sight->count];

    ASSERT(sight->count < OBSERVATIONS_MAX);
    sight->count++;
    *out = (struct observation){.kind = kind, .owner = owner, .item = item, .seller = seller};
    return out;
}

static void put_value(struct observation *out, enum view_state before, int64_t before_value, enum view_state after, int64_t after_value)
{
    out->before = before;
    out->before_value = before_value;
    out->after = after;
    out->after_value = after_value;
    out->changed = before != after || before_value != after_value;
}

static void put_funds(struct sight *sight, const struct name *user, int64_t before, int64_t after)
{
    put_value(add(sight, VIEW_FUNDS, user, NULL, NULL), VIEW_PRESENT, before, VIEW_PRESENT, after);
}

static void put_stock(struct sight *sight, enum view_state before, int64_t before_value, enum view_state after, int64_t after_value)
{
    put_value(add(sight, VIEW_STOCK, &sight->event->sku, NULL, NULL), before, before_value, after, after_value);
}

static void put_holding(struct sight *sight, const struct name *user, enum view_state before, enum view_state after)
{
    put_value(add(sight, VIEW_INVENTORY, user, &sight->event->item, NULL), before, 0, after, 0);
}

/* The event's item and seller. Its price is the same before and after, where it is there. */
static void put_listing(struct sight *sight, enum view_state before, enum view_state after, int64_t price)
{
    put_value(add(sight, VIEW_MARKET, NULL, &sight->event->item, &sight->event->seller), before, before == VIEW_PRESENT ? price : 0, after,
              after == VIEW_PRESENT ? price : 0);
}

static bool see_list(struct sight *sight)
{
    const struct event *event = sight->event;
    int64_t price = 0;

    switch (sight->decision->reason) {
    case REASON_NONE:
        if (!take_number(sight, "price", &price) || !take_flag_change(sight, "seller_holds", false))
            return false;
        if (price != event->price)
            return contradicts(sight, "price", "it lists for another price");
        put_holding(sight, &event->seller, VIEW_PRESENT, VIEW_MISSING);
        put_listing(sight, VIEW_MISSING, VIEW_PRESENT, price);
        return true;
    case REASON_NOT_HELD:
        put_holding(sight, &event->seller, VIEW_MISSING, VIEW_MISSING);
        return take_flag(sight, "seller_holds", false);
    case REASON_ALREADY_LISTED:
        if (!take_flag(sight, "seller_holds", true) || !take_number(sight, "price", &price))
            return false;
        put_holding(sight, &event->seller, VIEW_PRESENT, VIEW_PRESENT);
        put_listing(sight, VIEW_PRESENT, VIEW_PRESENT, price);
        return true;
    default:
        return never_said(sight);
    }
}

static bool see_unlist(struct sight *sight)
{
    bool applied = sight->decision->reason == REASON_NONE;
    int64_t price = 0;

    if (sight->decision->reason == REASON_NOT_LISTED) {
        put_listing(sight, VIEW_MISSING, VIEW_MISSING, 0);
        return take_null(sight, "price");
    }
    if (!applied && sight->decision->reason != REASON_ALREADY_HELD)
        return never_said(sight);
    if (!take_number(sight, "price", &price) || !(applied ? take_flag_change(sight, "seller_holds", true) : take_flag(sight, "seller_holds", true)))
        return false;
    put_listing(sight, VIEW_PRESENT, applied ? VIEW_MISSING : VIEW_PRESENT, price);
    put_holding(sight, &sight->event->seller, applied ? VIEW_MISSING : VIEW_PRESENT, VIEW_PRESENT);
    return true;
}

/* Buyer and seller may be the same user: then it is one value, which stays. */
static bool see_payment(struct sight *sight)
{
    const struct event *event = sight->event;
    bool same = name_equal(&event->buyer, &event->seller);
    int64_t price = same ? 0 : event->price, before, after, seller_before, seller_after;

    if (!take_change(sight, "buyer_funds", -price, &before, &after) || !take_change(sight, "seller_funds", price, &seller_before, &seller_after))
        return false;
    if (before < event->price)
        return contradicts(sight, "buyer_funds", "they are less than the price");
    if (same && before != seller_before)
        return contradicts(sight, "seller_funds", "buyer and seller are the same user");
    put_funds(sight, &event->buyer, before, after);
    if (!same)
        put_funds(sight, &event->seller, seller_before, seller_after);
    return true;
}

static bool see_applied_purchase(struct sight *sight)
{
    put_listing(sight, VIEW_PRESENT, VIEW_MISSING, sight->event->price);
    put_holding(sight, &sight->event->buyer, VIEW_MISSING, VIEW_PRESENT);
    return see_payment(sight);
}

/* The item is listed for what the buyer wanted to pay: the buyer's funds decide, then whether the item is there already, then the seller's funds. */
static bool see_refused_purchase(struct sight *sight)
{
    const struct event *event = sight->event;
    enum reason reason = sight->decision->reason;
    int64_t buyer = 0, seller = 0, sum;

    put_listing(sight, VIEW_PRESENT, VIEW_PRESENT, event->price);
    if (!take_number(sight, "buyer_funds", &buyer))
        return false;
    if ((buyer < event->price) != (reason == REASON_INSUFFICIENT_FUNDS))
        return contradicts(sight, "buyer_funds", reason == REASON_INSUFFICIENT_FUNDS ? "they are enough" : "they are less than the price");
    put_funds(sight, &event->buyer, buyer, buyer);
    if (reason == REASON_INSUFFICIENT_FUNDS)
        return true;
    put_holding(sight, &event->buyer, reason == REASON_ALREADY_HELD ? VIEW_PRESENT : VIEW_MISSING, reason == REASON_ALREADY_HELD ? VIEW_PRESENT : VIEW_MISSING);
    if (reason == REASON_ALREADY_HELD)
        return take_flag(sight, "buyer_holds", true);
    if (!take_number(sight, "seller_funds", &seller))
        return false;
    if (name_equal(&event->buyer, &event->seller) || !__builtin_add_overflow(seller, event->price, &sum))
        return contradicts(sight, "seller_funds", "the price fits");
    put_funds(sight, &event->seller, seller, seller);
    return true;
}

static bool see_purchase(struct sight *sight)
{
    enum reason reason = sight->decision->reason;
    int64_t price = 0;

    if (reason == REASON_NOT_LISTED) {
        put_listing(sight, VIEW_MISSING, VIEW_MISSING, 0);
        return take_null(sight, "price");
    }
    if (reason != REASON_NONE && reason != REASON_PRICE_CHANGED && reason != REASON_INSUFFICIENT_FUNDS && reason != REASON_ALREADY_HELD &&
        reason != REASON_LIMIT_EXCEEDED)
        return never_said(sight);
    if (!take_number(sight, "price", &price))
        return false;
    if ((price != sight->event->price) != (reason == REASON_PRICE_CHANGED))
        return contradicts(sight, "price", reason == REASON_PRICE_CHANGED ? "it is the same" : "it is another price");
    if (reason == REASON_PRICE_CHANGED) {
        put_listing(sight, VIEW_PRESENT, VIEW_PRESENT, price);
        return true;
    }
    return reason == REASON_NONE ? see_applied_purchase(sight) : see_refused_purchase(sight);
}

static bool see_reserve(struct sight *sight)
{
    const struct event *event = sight->event;
    int64_t before, after;

    switch (sight->decision->reason) {
    case REASON_NONE:
        if (!take_change(sight, "stock", -event->quantity, &before, &after))
            return false;
        put_stock(sight, VIEW_PRESENT, before, VIEW_PRESENT, after);
        return before >= event->quantity || contradicts(sight, "stock", "it is less than the quantity");
    case REASON_UNKNOWN_SKU:
        put_stock(sight, VIEW_MISSING, 0, VIEW_MISSING, 0);
        return take_null(sight, "stock");
    case REASON_OUT_OF_STOCK:
        if (!take_number(sight, "stock", &before))
            return false;
        put_stock(sight, VIEW_PRESENT, before, VIEW_PRESENT, before);
        return before < event->quantity || contradicts(sight, "stock", "it is enough");
    default:
        return never_said(sight);
    }
}

/* A sum that does not fit: the value as it was. */
static bool see_limit(struct sight *sight, const char *name, int64_t by, int64_t *value)
{
    int64_t sum;

    if (sight->decision->reason != REASON_LIMIT_EXCEEDED)
        return never_said(sight);
    if (!take_number(sight, name, value))
        return false;
    return __builtin_add_overflow(*value, by, &sum) || contradicts(sight, name, "the sum fits");
}

static bool see_restock(struct sight *sight)
{
    int64_t quantity = sight->event->quantity, before, after;
    const struct fact *fact = facts_find(&sight->decision->facts, "stock");

    if (sight->decision->reason != REASON_NONE) {
        if (!see_limit(sight, "stock", quantity, &before))
            return false;
        put_stock(sight, VIEW_PRESENT, before, VIEW_PRESENT, before);
        return true;
    }
    if (fact && fact->type == FACT_NULL_CHANGE) {
        sight->used++;
        put_stock(sight, VIEW_MISSING, 0, VIEW_PRESENT, quantity);
        return fact->after == quantity || contradicts(sight, "stock", "it begins with another quantity");
    }
    if (!take_change(sight, "stock", quantity, &before, &after))
        return false;
    put_stock(sight, VIEW_PRESENT, before, VIEW_PRESENT, after);
    return true;
}

static bool see_deposit(struct sight *sight)
{
    const struct event *event = sight->event;
    int64_t before, after;

    if (sight->decision->reason == REASON_NONE) {
        if (!take_change(sight, "funds", event->amount, &before, &after))
            return false;
    } else {
        if (!see_limit(sight, "funds", event->amount, &before))
            return false;
        after = before;
    }
    put_funds(sight, &event->user, before, after);
    return true;
}

static bool see_grant(struct sight *sight)
{
    bool applied = sight->decision->reason == REASON_NONE;

    if (!applied && sight->decision->reason != REASON_ALREADY_HELD)
        return never_said(sight);
    put_holding(sight, &sight->event->user, applied ? VIEW_MISSING : VIEW_PRESENT, VIEW_PRESENT);
    return applied ? take_flag_change(sight, "user_holds", true) : take_flag(sight, "user_holds", true);
}

/* What reads and writes a kind's rule: any of these may hold what it cannot. */
struct touched {
    const char *prefix;
    size_t owner;                         /* where the event holds the name; 0: there is none */
};

static const struct kind {
    bool (*see)(struct sight *sight);
    struct touched touched[VIEW_KEYS_PER_EVENT_MAX];
} kinds[EVENT_KIND_COUNT] = {
#define OWNER(member) offsetof(struct event, member)
    [EVENT_LIST] = {see_list, {{"inventory:", OWNER(seller)}, {"market:", 0}}},
    [EVENT_UNLIST] = {see_unlist, {{"inventory:", OWNER(seller)}, {"market:", 0}}},
    [EVENT_PURCHASE] = {see_purchase, {{"market:", 0}, {"users:", OWNER(buyer)}, {"users:", OWNER(seller)}, {"inventory:", OWNER(buyer)}}},
    [EVENT_RESERVE] = {see_reserve, {{"stock:", OWNER(sku)}}},
    [EVENT_RESTOCK] = {see_restock, {{"stock:", OWNER(sku)}}},
    [EVENT_DEPOSIT] = {see_deposit, {{"users:", OWNER(user)}}},
    [EVENT_GRANT] = {see_grant, {{"inventory:", OWNER(user)}}},
#undef OWNER
};

/* A key that holds another type: of no value anything is known then. */
static bool see_invalid(struct sight *sight)
{
    const struct fact *fact = take(sight, "invalid", FACT_KEY);
    const struct touched *touched = kinds[sight->event->kind].touched;

    if (!fact)
        return wrong_fact(sight, "invalid", "the name of a key");
    for (size_t i = 0; i < VIEW_KEYS_PER_EVENT_MAX && touched[i].prefix; i++) {
        const struct name *owner = touched[i].owner ? (const void *)((const char *)sight->event + touched[i].owner) : NULL;
        char key[FACT_KEY_MAX];

        snprintf(key, sizeof key, "%s%.*s", touched[i].prefix, owner ? owner->size : 0, owner ? owner->text : "");
        if (strcmp(key, fact->key) == 0)
            return true;
    }
    return contradicts(sight, "invalid", "it names a key that has nothing to do with it");
}

static bool see(struct sight *sight)
{
    if (sight->decision->status != STATUS_APPLIED && sight->decision->status != STATUS_REJECTED)
        return true;
    if (sight->decision->reason == REASON_STATE_INVALID)
        return see_invalid(sight);
    ASSERT(kinds[sight->event->kind].see);
    return kinds[sight->event->kind].see(sight);
}

int observe(const struct decision *decision, struct observation out[OBSERVATIONS_MAX], struct error_text *error)
{
    struct sight sight = {.decision = decision, .event = &decision->event, .out = out, .error = error};

    if (!see(&sight))
        return -EBADMSG;
    if (sight.used != decision->facts.count)
        return error_set(error, -EBADMSG, "there are %zu facts, a decision \"%s\" has %zu", decision->facts.count,
                         decision->reason ? reason_name(decision->reason) : status_name(decision->status), sight.used);
    return sight.count;
}
