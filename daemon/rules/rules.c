#include "rules/rules.h"

#include "base/error.h"
#include "rules/deposit.h"
#include "rules/grant.h"
#include "rules/list.h"
#include "rules/purchase.h"
#include "rules/reserve.h"
#include "rules/restock.h"
#include "rules/unlist.h"

#define F(field) (1u << FIELD_##field)

static const struct rule {
    const char *name;
    unsigned fields;     /* required, by FIELD_… bit */
    void (*want)(const struct event *event, struct view *view);
    enum reason (*decide)(const struct event *event, struct view *view, struct facts *facts);
} rules[EVENT_KIND_COUNT] = {
    [EVENT_LIST] = {"list", F(SELLER) | F(ITEM) | F(PRICE), list_want, list_decide},
    [EVENT_UNLIST] = {"unlist", F(SELLER) | F(ITEM), unlist_want, unlist_decide},
    [EVENT_PURCHASE] = {"purchase", F(BUYER) | F(SELLER) | F(ITEM) | F(PRICE), purchase_want, purchase_decide},
    [EVENT_RESERVE] = {"reserve", F(SKU) | F(QUANTITY) | F(BUYER), reserve_want, reserve_decide},
    [EVENT_RESTOCK] = {"restock", F(SKU) | F(QUANTITY), restock_want, restock_decide},
    [EVENT_DEPOSIT] = {"deposit", F(USER) | F(AMOUNT), deposit_want, deposit_decide},
    [EVENT_GRANT] = {"grant", F(USER) | F(ITEM), grant_want, grant_decide},
};

#undef F

static const struct rule *rule_of(enum event_kind kind)
{
    ASSERT((unsigned)kind < EVENT_KIND_COUNT);
    return &rules[kind];
}

const char *rules_kind_name(enum event_kind kind)
{
    return rule_of(kind)->name;
}

bool rules_kind_parse(struct bytes name, enum event_kind *kind)
{
    for (unsigned i = 0; i < EVENT_KIND_COUNT; i++)
        if (bytes_equal_text(name, rules[i].name)) {
            *kind = (enum event_kind)i;
            return true;
        }
    return false;
}

bool rules_kind_requires(enum event_kind kind, enum event_field field)
{
    return rule_of(kind)->fields >> field & 1;
}

void rules_want(const struct event *event, struct view *view)
{
    rule_of(event->kind)->want(event, view);
}

enum reason rules_decide(const struct event *event, struct view *view, struct facts *facts)
{
    return rule_of(event->kind)->decide(event, view, facts);
}
