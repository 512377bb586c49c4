/* A row for each way in which a kind of event can end. A fact's shape stands in the row; what its numbers must satisfy, in the function beside it. */
#include "audit/bearing.h"

#include <stdio.h>
#include <string.h>

#include "rules/rules.h"

/* What a row says of a fact: its name and its shape. */
enum shape { SHAPE_NUMBER, SHAPE_MOVE, SHAPE_TRUE, SHAPE_FALSE, SHAPE_COMES, SHAPE_GOES, SHAPE_NULL, SHAPE_BORN };

struct wanted {
    const char *name;
    enum shape shape;
};

enum { WANTED_MAX = 3, FACTS_SHOWN = 160 };

struct row {
    enum event_kind kind;
    enum reason reason;            /* REASON_NONE: applied */
    struct wanted facts[WANTED_MAX + 1];
    bool (*holds)(const struct event *event, const struct fact *facts);
    const char *what;              /* what `holds` asks for */
};

static bool adds(int64_t a, int64_t b, int64_t sum)
{
    int64_t found;

    return !__builtin_add_overflow(a, b, &found) && found == sum;
}

static bool overflows(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum);
}

static bool price_is_events(const struct event *event, const struct fact *facts)
{
    return facts[0].before == event->price;
}

static bool price_is_another(const struct event *event, const struct fact *facts)
{
    return facts[0].before != event->price;
}

static bool purchase_pays(const struct event *event, const struct fact *facts)
{
    int64_t price = event->price;

    if (facts[0].before != price || facts[1].before < price)
        return false;
    if (name_equal(&event->buyer, &event->seller))
        return facts[1].after == facts[1].before && facts[2].before == facts[1].before && facts[2].after == facts[1].before;
    return adds(facts[1].after, price, facts[1].before) && adds(facts[2].before, price, facts[2].after);
}

static bool purchase_cannot_pay(const struct event *event, const struct fact *facts)
{
    return facts[0].before == event->price && facts[1].before < event->price;
}

static bool purchase_could_pay(const struct event *event, const struct fact *facts)
{
    return facts[0].before == event->price && facts[1].before >= event->price;
}

static bool seller_is_too_rich(const struct event *event, const struct fact *facts)
{
    return purchase_could_pay(event, facts) && overflows(facts[2].before, event->price);
}

static bool stock_goes(const struct event *event, const struct fact *facts)
{
    return facts[0].before >= event->quantity && adds(facts[0].after, event->quantity, facts[0].before);
}

static bool stock_is_short(const struct event *event, const struct fact *facts)
{
    return facts[0].before < event->quantity;
}

static bool stock_comes(const struct event *event, const struct fact *facts)
{
    return adds(facts[0].before, event->quantity, facts[0].after);
}

static bool stock_is_born(const struct event *event, const struct fact *facts)
{
    return facts[0].after == event->quantity;
}

static bool stock_is_full(const struct event *event, const struct fact *facts)
{
    return overflows(facts[0].before, event->quantity);
}

static bool funds_come(const struct event *event, const struct fact *facts)
{
    return adds(facts[0].before, event->amount, facts[0].after);
}

static bool funds_are_full(const struct event *event, const struct fact *facts)
{
    return overflows(facts[0].before, event->amount);
}

static const struct row rows[] = {
    {EVENT_LIST, REASON_NONE, {{"price", SHAPE_NUMBER}, {"seller_holds", SHAPE_GOES}}, price_is_events, "the price is the event's"},
    {EVENT_LIST, REASON_NOT_HELD, {{"seller_holds", SHAPE_FALSE}}, NULL, NULL},
    {EVENT_LIST, REASON_ALREADY_LISTED, {{"seller_holds", SHAPE_TRUE}, {"price", SHAPE_NUMBER}}, NULL, NULL},
    {EVENT_UNLIST, REASON_NONE, {{"price", SHAPE_NUMBER}, {"seller_holds", SHAPE_COMES}}, NULL, NULL},
    {EVENT_UNLIST, REASON_NOT_LISTED, {{"price", SHAPE_NULL}}, NULL, NULL},
    {EVENT_UNLIST, REASON_ALREADY_HELD, {{"price", SHAPE_NUMBER}, {"seller_holds", SHAPE_TRUE}}, NULL, NULL},
    {EVENT_PURCHASE, REASON_NONE, {{"price", SHAPE_NUMBER}, {"buyer_funds", SHAPE_MOVE}, {"seller_funds", SHAPE_MOVE}}, purchase_pays,
     "the price is the event's, the buyer had it, and it moves from the buyer to the seller"},
    {EVENT_PURCHASE, REASON_NOT_LISTED, {{"price", SHAPE_NULL}}, NULL, NULL},
    {EVENT_PURCHASE, REASON_PRICE_CHANGED, {{"price", SHAPE_NUMBER}}, price_is_another, "the price is another than the event's"},
    {EVENT_PURCHASE, REASON_INSUFFICIENT_FUNDS, {{"price", SHAPE_NUMBER}, {"buyer_funds", SHAPE_NUMBER}}, purchase_cannot_pay,
     "the price is the event's, and the buyer had less"},
    {EVENT_PURCHASE, REASON_ALREADY_HELD, {{"price", SHAPE_NUMBER}, {"buyer_funds", SHAPE_NUMBER}, {"buyer_holds", SHAPE_TRUE}}, purchase_could_pay,
     "the price is the event's, and the buyer had it"},
    {EVENT_PURCHASE, REASON_LIMIT_EXCEEDED, {{"price", SHAPE_NUMBER}, {"buyer_funds", SHAPE_NUMBER}, {"seller_funds", SHAPE_NUMBER}}, seller_is_too_rich,
     "the price is the event's, the buyer had it, and the seller's funds would be beyond 64 bits"},
    {EVENT_RESERVE, REASON_NONE, {{"stock", SHAPE_MOVE}}, stock_goes, "the stock had the quantity and goes down by it"},
    {EVENT_RESERVE, REASON_UNKNOWN_SKU, {{"stock", SHAPE_NULL}}, NULL, NULL},
    {EVENT_RESERVE, REASON_OUT_OF_STOCK, {{"stock", SHAPE_NUMBER}}, stock_is_short, "the stock was less than the quantity"},
    {EVENT_RESTOCK, REASON_NONE, {{"stock", SHAPE_MOVE}}, stock_comes, "the stock goes up by the quantity"},
    {EVENT_RESTOCK, REASON_NONE, {{"stock", SHAPE_BORN}}, stock_is_born, "the stock becomes the quantity"},
    {EVENT_RESTOCK, REASON_LIMIT_EXCEEDED, {{"stock", SHAPE_NUMBER}}, stock_is_full, "the stock would be beyond 64 bits"},
    {EVENT_DEPOSIT, REASON_NONE, {{"funds", SHAPE_MOVE}}, funds_come, "the funds go up by the amount"},
    {EVENT_DEPOSIT, REASON_LIMIT_EXCEEDED, {{"funds", SHAPE_NUMBER}}, funds_are_full, "the funds would be beyond 64 bits"},
    {EVENT_GRANT, REASON_NONE, {{"user_holds", SHAPE_COMES}}, NULL, NULL},
    {EVENT_GRANT, REASON_ALREADY_HELD, {{"user_holds", SHAPE_TRUE}}, NULL, NULL},
};

static bool has_shape(const struct fact *fact, enum shape shape)
{
    switch (shape) {
    case SHAPE_NUMBER:
        return fact->type == FACT_NUMBER;
    case SHAPE_MOVE:
        return fact->type == FACT_NUMBER_CHANGE;
    case SHAPE_TRUE:
        return fact->type == FACT_FLAG && fact->before;
    case SHAPE_FALSE:
        return fact->type == FACT_FLAG && !fact->before;
    case SHAPE_COMES:
        return fact->type == FACT_FLAG_CHANGE && !fact->before && fact->after;
    case SHAPE_GOES:
        return fact->type == FACT_FLAG_CHANGE && fact->before && !fact->after;
    case SHAPE_NULL:
        return fact->type == FACT_NULL;
    case SHAPE_BORN:
        return fact->type == FACT_NULL_CHANGE;
    }
    return false;
}

static const char *const shape_texts[] = {"N", "[N,M]", "true", "false", "[false,true]", "[true,false]", "null", "[null,N]"};

static bool fits(const struct row *row, const struct facts *facts)
{
    size_t count = 0;

    for (; row->facts[count].name; count++)
        if (count >= facts->count || strcmp(facts->items[count].name, row->facts[count].name) != 0 || !has_shape(&facts->items[count], row->facts[count].shape))
            return false;
    return count == facts->count;
}

/* "funds":[N,M] … of a row. */
static void put_row(char *out, size_t size, const struct row *row)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; row->facts[i].name && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%s\"%s\":%s", i ? "," : "", row->facts[i].name, shape_texts[row->facts[i].shape]);
}

static bool names_key(const struct decision *d, const char *prefix, const struct name *owner)
{
    const char *key = d->facts.items[0].key;
    size_t size = strlen(prefix), owner_size = owner ? owner->size : 0;

    return strlen(key) == size + owner_size && memcmp(key, prefix, size) == 0 && (!owner || memcmp(key + size, owner->text, owner_size) == 0);
}

/* One of the keys that an event of this kind reads. */
static bool invalid_is_own(const struct decision *d)
{
    const struct event *e = &d->event;
    bool trade = e->kind == EVENT_LIST || e->kind == EVENT_UNLIST || e->kind == EVENT_PURCHASE;

    if (d->facts.count != 1 || d->facts.items[0].type != FACT_KEY)
        return false;
    if (e->kind == EVENT_RESERVE || e->kind == EVENT_RESTOCK)
        return names_key(d, "stock:", &e->sku);
    if (e->kind == EVENT_DEPOSIT)
        return names_key(d, "users:", &e->user);
    if (e->kind == EVENT_GRANT)
        return names_key(d, "inventory:", &e->user);
    if (trade && names_key(d, "market:", NULL))
        return true;
    if (e->kind != EVENT_PURCHASE)
        return names_key(d, "inventory:", &e->seller);
    return names_key(d, "users:", &e->buyer) || names_key(d, "users:", &e->seller) || names_key(d, "inventory:", &e->buyer);
}

static bool decided_without_facts(const struct decision *d, struct error_text *error)
{
    static const unsigned malformed_from = REASON_NO_VALUE;
    bool reason = d->status == STATUS_EXPIRED     ? d->reason == REASON_DEADLINE
                  : d->status == STATUS_DUPLICATE ? d->reason == REASON_DELIVERED_AGAIN || d->reason == REASON_ID_REUSED
                                                  : (unsigned)d->reason >= malformed_from;

    if (!reason)
        error_set(error, 0, "status %s does not go with reason %s", status_name(d->status), d->reason ? reason_name(d->reason) : "null");
    else if (d->facts.count)
        error_set(error, 0, "a decision with status %s rests on no facts, this one has %zu", status_name(d->status), d->facts.count);
    return reason && d->facts.count == 0;
}

static int shown(struct bytes text)
{
    return text.size < FACTS_SHOWN ? (int)text.size : FACTS_SHOWN;
}

static bool decided_by_rule(const struct decision *d, struct error_text *error)
{
    const struct row *near = NULL;
    char wanted[120];

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const struct row *row = &rows[i];

        if (row->kind != d->event.kind || row->reason != d->reason)
            continue;
        near = row;
        if (!fits(row, &d->facts))
            continue;
        if (!row->holds || row->holds(&d->event, d->facts.items))
            return true;
        error_set(error, 0, "the facts %.*s do not bear it out: %s %s%s is right when %s", shown(d->facts_text),
                  d->facts_text.data, rules_kind_name(d->event.kind), status_name(d->status), d->reason ? " for this reason" : "", row->what);
        return false;
    }
    if (!near) {
        error_set(error, 0, "an event of kind %s is never %s with reason %s", rules_kind_name(d->event.kind), status_name(d->status),
                  d->reason ? reason_name(d->reason) : "null");
        return false;
    }
    put_row(wanted, sizeof wanted, near);
    error_set(error, 0, "the facts are %.*s, {%s} would be right", shown(d->facts_text), d->facts_text.data, wanted);
    return false;
}

bool bearing_check(const struct decision *d, struct error_text *error)
{
    if (d->status != STATUS_APPLIED && d->status != STATUS_REJECTED)
        return decided_without_facts(d, error);
    if ((d->status == STATUS_APPLIED) != (d->reason == REASON_NONE)) {
        error_set(error, 0, "status %s does not go with reason %s", status_name(d->status), d->reason ? reason_name(d->reason) : "null");
        return false;
    }
    if (d->reason != REASON_STATE_INVALID)
        return decided_by_rule(d, error);
    if (invalid_is_own(d))
        return true;
    error_set(error, 0, "the facts are %.*s, \"invalid\" with a key that this event reads would be right", shown(d->facts_text),
              d->facts_text.data);
    return false;
}
