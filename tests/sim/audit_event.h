/* A message as an event, by DESIGN 2.2. */
#ifndef ORDERD_TESTS_SIM_AUDIT_EVENT_H
#define ORDERD_TESTS_SIM_AUDIT_EVENT_H

#include "sim/audit_json.h"
#include "sim/auditor.h"

/* name, kind of value: an owner's name or a number. In the order in which they are asked for. */
#define AUDIT_FIELDS(X) \
    X(BUYER, buyer, 0)  \
    X(SELLER, seller, 0)\
    X(USER, user, 0)    \
    X(ITEM, item, 0)    \
    X(SKU, sku, 0)      \
    X(PRICE, price, 1)  \
    X(QUANTITY, quantity, 1) \
    X(AMOUNT, amount, 1)

enum audit_field {
#define AUDIT_CONSTANT(constant, name, number) AUDIT_FIELD_##constant,
    AUDIT_FIELDS(AUDIT_CONSTANT)
#undef AUDIT_CONSTANT
    AUDIT_FIELD_COUNT
};

struct audit_event {
    const char *reason, *detail;      /* malformed: why; else NULL. `detail`: the field, where one is to blame */
    enum audit_event_kind kind;
    struct bytes id, source;          /* source: of a CloudEvent; else empty */
    struct bytes names[AUDIT_FIELD_COUNT];
    int64_t numbers[AUDIT_FIELD_COUNT];
    int64_t deadline_ms;              /* 0: none of its own */
    uint64_t content;                 /* of kind and required fields */
    struct bytes carried;             /* what the outcome shows as the event */
    struct bytes traceparent, tracestate;
};

const char *audit_kind_name(enum audit_event_kind kind);
/* Of several defects the first is named that stands in the message: an envelope that is not whole, no value, the text from its beginning, the
 * envelope in it, type, id, source, fields. (The design gives them no order.) What the event needs lives in `arena` or in the message. */
void audit_event_decode(struct audit_event *out, struct audit_members *members, struct arena *arena, const struct audit_message *message);
/* The header's value; absent when there is none. */
struct bytes audit_header_of(const struct audit_message *message, const char *name);

#endif
