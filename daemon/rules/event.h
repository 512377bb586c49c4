/* An event as the rules see it: what somebody asks of the market, without where it came from. */
#ifndef ORDERD_RULES_EVENT_H
#define ORDERD_RULES_EVENT_H

#include <stdint.h>

#include "rules/name.h"

/* Every kind of event, one row each: constant, name in messages, settings and metrics, default deadline in ms (0: none).
 * An eighth kind is a row here, a file NAME.c with its rule, and a line in rules.c. */
#define EVENT_KINDS(X)             \
    X(LIST, list, 5000)            \
    X(UNLIST, unlist, 5000)        \
    X(PURCHASE, purchase, 10000)   \
    X(RESERVE, reserve, 10000)     \
    X(RESTOCK, restock, 0)         \
    X(DEPOSIT, deposit, 0)         \
    X(GRANT, grant, 0)

enum event_kind {
#define EVENT_KIND_CONSTANT(constant, name, deadline_ms) EVENT_##constant,
    EVENT_KINDS(EVENT_KIND_CONSTANT)
#undef EVENT_KIND_CONSTANT
    EVENT_KIND_COUNT
};

/* Every field that a kind may ask for: constant, member and name in JSON, member type (name, number). */
#define EVENT_FIELDS(X)            \
    X(BUYER, buyer, name)          \
    X(SELLER, seller, name)        \
    X(USER, user, name)            \
    X(ITEM, item, name)            \
    X(SKU, sku, name)              \
    X(PRICE, price, number)        \
    X(QUANTITY, quantity, number)  \
    X(AMOUNT, amount, number)

enum event_field {
#define EVENT_FIELD_CONSTANT(constant, member, type) FIELD_##constant,
    EVENT_FIELDS(EVENT_FIELD_CONSTANT)
#undef EVENT_FIELD_CONSTANT
    EVENT_FIELD_COUNT
};

typedef int64_t event_number;   /* 1 to 2^53 - 1; 0: not given */
typedef struct name event_name;

struct event {
    enum event_kind kind;
    int64_t deadline_ms;        /* of the event itself, 1 to 2^53 - 1; 0: not given */
#define EVENT_FIELD_MEMBER(constant, member, type) event_##type member;
    EVENT_FIELDS(EVENT_FIELD_MEMBER)
#undef EVENT_FIELD_MEMBER
};

#endif
