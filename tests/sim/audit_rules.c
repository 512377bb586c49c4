/* The seven kinds, one after the other, as the table of DESIGN 2.2 says them. */
#include <stdio.h>

#include "sim/audit_market.h"

enum { MEMBER_MAX = 160 };

static const struct bytes itself = {NULL, 0}, funds_field = {"funds", 5};

/* One event at hand: its keys and what they hold. */
struct hand {
    struct audit_decision *out;
    struct audit_market *market;
    const struct audit_event *event;
    struct audit_own_key *users[2], *inventory, *listings, *stock;   /* users: buyer (or user), seller */
    struct audit_cell *funds[2], *held, *listed, *left;
    struct bytes item, member;
    char member_text[MEMBER_MAX];
};

static void put(struct audit_decision *out, const char *text, size_t size)
{
    ASSERT(out->facts_size + size < sizeof out->facts);
    memcpy(out->facts + out->facts_size, text, size);
    out->facts_size += size;
}

static void put_number(struct audit_decision *out, int64_t value)
{
    char digits[24];
    size_t at = sizeof digits;
    uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    do
        digits[--at] = (char)('0' + left % 10);
    while (left /= 10);
    if (value < 0)
        digits[--at] = '-';
    put(out, digits + at, sizeof digits - at);
}

static void name_fact(struct hand *h, const char *name)
{
    put(h->out, ",", h->out->facts_size ? 1 : 0);
    put(h->out, "\"", 1);
    put(h->out, name, strlen(name));
    put(h->out, "\":", 2);
}

static void number(struct hand *h, const char *name, int64_t value)
{
    name_fact(h, name);
    put_number(h->out, value);
}

static void word(struct hand *h, const char *name, const char *text)
{
    name_fact(h, name);
    put(h->out, text, strlen(text));
}

static void change(struct hand *h, const char *name, int64_t before, int64_t after)
{
    name_fact(h, name);
    put(h->out, "[", 1);
    put_number(h->out, before);
    put(h->out, ",", 1);
    put_number(h->out, after);
    put(h->out, "]", 1);
}

/* --- what is there */

static bool there(const struct audit_cell *cell)
{
    return cell && cell->present;
}

/* A missing user has funds 0. */
static int64_t value_of(const struct audit_cell *cell)
{
    return there(cell) ? cell->value : 0;
}

static void check(struct hand *h, const struct audit_own_key *key, const struct audit_cell *cell, const char *family)
{
    struct audit_decision *out = h->out;

    if (audit_key_fits(key) && (!there(cell) || cell->integer))
        return;
    snprintf(out->invalid[out->invalid_count++], AUDIT_KEY_TEXT_MAX, "%s%.*s", family, (int)key->owner.size, key->owner.data ? key->owner.data : "");
}

static void take_user(struct hand *h, int32_t shard, int which, struct bytes user)
{
    h->users[which] = audit_market_key(h->market, shard, AUDIT_USERS, user);
    h->funds[which] = audit_market_find(h->market, h->users[which], funds_field);
    check(h, h->users[which], h->funds[which], "users:");
}

static void take_inventory(struct hand *h, int32_t shard, struct bytes user)
{
    h->inventory = audit_market_key(h->market, shard, AUDIT_INVENTORY, user);
    h->held = audit_market_find(h->market, h->inventory, h->item);
    check(h, h->inventory, NULL, "inventory:");
}

static void take_listing(struct hand *h, int32_t shard, struct bytes seller)
{
    memcpy(h->member_text, h->item.data, h->item.size);
    h->member_text[h->item.size] = '.';
    memcpy(h->member_text + h->item.size + 1, seller.data, seller.size);
    h->member = (struct bytes){h->member_text, h->item.size + 1 + seller.size};
    h->listings = audit_market_key(h->market, shard, AUDIT_LISTINGS, (struct bytes){"", 0});
    h->listed = audit_market_find(h->market, h->listings, h->member);
    check(h, h->listings, h->listed, "market:");
}

static void take_stock(struct hand *h, int32_t shard, struct bytes sku)
{
    h->stock = audit_market_key(h->market, shard, AUDIT_STOCK, sku);
    h->left = audit_market_find(h->market, h->stock, itself);
    check(h, h->stock, h->left, "stock:");
}

/* The key has the right type where these are called. */
static bool holds(const struct hand *h)
{
    return there(h->held);
}

static const char *applied(struct hand *h)
{
    h->out->status = "applied";
    return NULL;
}

/* --- the kinds: each returns the reason of its refusal, or NULL */

static const char *list(struct hand *h)
{
    if (!holds(h)) {
        word(h, "seller_holds", "false");
        return "not_held";
    }
    if (there(h->listed)) {
        word(h, "seller_holds", "true");
        number(h, "price", h->listed->value);
        return "already_listed";
    }
    number(h, "price", h->event->numbers[AUDIT_FIELD_PRICE]);
    word(h, "seller_holds", "[true,false]");
    audit_market_drop(h->market, h->held);
    audit_market_put(h->market, h->listings, h->member, h->event->numbers[AUDIT_FIELD_PRICE]);
    return applied(h);
}

static const char *unlist(struct hand *h)
{
    if (!there(h->listed)) {
        word(h, "price", "null");
        return "not_listed";
    }
    number(h, "price", h->listed->value);
    word(h, "seller_holds", holds(h) ? "true" : "[false,true]");
    if (holds(h))
        return "already_held";
    audit_market_drop(h->market, h->listed);
    audit_market_put(h->market, h->inventory, h->item, 0);
    return applied(h);
}

static const char *refuse_purchase(struct hand *h, int64_t *seller_after)
{
    int64_t buyer = value_of(h->funds[0]), seller = value_of(h->funds[1]), price = h->event->numbers[AUDIT_FIELD_PRICE];

    if (!there(h->listed)) {
        word(h, "price", "null");
        return "not_listed";
    }
    number(h, "price", h->listed->value);
    if (h->listed->value != price)
        return "price_changed";
    if (buyer < price) {
        number(h, "buyer_funds", buyer);
        return "insufficient_funds";
    }
    if (holds(h)) {
        number(h, "buyer_funds", buyer);
        word(h, "buyer_holds", "true");
        return "already_held";
    }
    if (h->users[0] != h->users[1] && __builtin_add_overflow(seller, price, seller_after)) {
        number(h, "buyer_funds", buyer);
        number(h, "seller_funds", seller);
        return "limit_exceeded";
    }
    return NULL;
}

/* Buyer and seller may be the same user: then no money moves. */
static const char *purchase(struct hand *h)
{
    int64_t buyer = value_of(h->funds[0]), seller = value_of(h->funds[1]), price = h->event->numbers[AUDIT_FIELD_PRICE], after = seller;
    const char *reason = refuse_purchase(h, &after);

    if (reason)
        return reason;
    if (h->users[0] == h->users[1])
        price = 0;
    change(h, "buyer_funds", buyer, buyer - price);
    change(h, "seller_funds", seller, after);
    if (price) {
        audit_market_put(h->market, h->users[0], funds_field, buyer - price);
        audit_market_put(h->market, h->users[1], funds_field, after);
    }
    audit_market_drop(h->market, h->listed);
    audit_market_put(h->market, h->inventory, h->item, 0);
    return applied(h);
}

static const char *reserve(struct hand *h)
{
    int64_t left = value_of(h->left), quantity = h->event->numbers[AUDIT_FIELD_QUANTITY];

    if (!there(h->left)) {
        word(h, "stock", "null");
        return "unknown_sku";
    }
    if (left < quantity) {
        number(h, "stock", left);
        return "out_of_stock";
    }
    change(h, "stock", left, left - quantity);
    audit_market_put(h->market, h->stock, itself, left - quantity);
    return applied(h);
}

static const char *restock(struct hand *h)
{
    int64_t left = value_of(h->left), after;
    char text[64];

    if (__builtin_add_overflow(left, h->event->numbers[AUDIT_FIELD_QUANTITY], &after)) {
        number(h, "stock", left);
        return "limit_exceeded";
    }
    if (there(h->left)) {
        change(h, "stock", left, after);
    } else {
        snprintf(text, sizeof text, "[null,%lld]", (long long)after);
        word(h, "stock", text);
    }
    audit_market_put(h->market, h->stock, itself, after);
    return applied(h);
}

static const char *deposit(struct hand *h)
{
    int64_t before = value_of(h->funds[0]), after;

    if (__builtin_add_overflow(before, h->event->numbers[AUDIT_FIELD_AMOUNT], &after)) {
        number(h, "funds", before);
        return "limit_exceeded";
    }
    change(h, "funds", before, after);
    audit_market_put(h->market, h->users[0], funds_field, after);
    return applied(h);
}

static const char *grant(struct hand *h)
{
    word(h, "user_holds", holds(h) ? "true" : "[false,true]");
    if (holds(h))
        return "already_held";
    audit_market_put(h->market, h->inventory, h->item, 0);
    return applied(h);
}

/* What each kind reads or writes: whoever gets or gives the item, the money, the listing, the stock. */
static const struct {
    const char *(*decide)(struct hand *);
    int holder;                      /* whose inventory; -1: nobody's */
    bool listing, stock;
} kinds[AUDIT_KINDS] = {
    [AUDIT_KIND_LIST] = {list, AUDIT_FIELD_SELLER, true, false},     [AUDIT_KIND_UNLIST] = {unlist, AUDIT_FIELD_SELLER, true, false},
    [AUDIT_KIND_PURCHASE] = {purchase, AUDIT_FIELD_BUYER, true, false}, [AUDIT_KIND_RESERVE] = {reserve, -1, false, true},
    [AUDIT_KIND_RESTOCK] = {restock, -1, false, true},               [AUDIT_KIND_DEPOSIT] = {deposit, -1, false, false},
    [AUDIT_KIND_GRANT] = {grant, AUDIT_FIELD_USER, false, false},
};

void audit_decide(struct audit_decision *out, struct audit_market *market, int32_t shard, const struct audit_event *event)
{
    struct hand h;

    memset(&h, 0, offsetof(struct hand, member_text));
    h.out = out;
    h.market = market;
    h.event = event;
    h.item = event->names[AUDIT_FIELD_ITEM];
    out->status = "rejected";
    out->facts_size = out->invalid_count = 0;
    if (event->kind == AUDIT_KIND_DEPOSIT)
        take_user(&h, shard, 0, event->names[AUDIT_FIELD_USER]);
    if (event->kind == AUDIT_KIND_PURCHASE) {
        take_user(&h, shard, 0, event->names[AUDIT_FIELD_BUYER]);
        take_user(&h, shard, 1, event->names[AUDIT_FIELD_SELLER]);
    }
    if (kinds[event->kind].holder >= 0)
        take_inventory(&h, shard, event->names[kinds[event->kind].holder]);
    if (kinds[event->kind].listing)
        take_listing(&h, shard, event->names[AUDIT_FIELD_SELLER]);
    if (kinds[event->kind].stock)
        take_stock(&h, shard, event->names[AUDIT_FIELD_SKU]);
    out->reason = out->invalid_count ? "state_invalid" : kinds[event->kind].decide(&h);
}
