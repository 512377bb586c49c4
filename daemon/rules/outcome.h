/* What became of an event: a status, a reason, and the facts that the decision rested on. */
#ifndef ORDERD_RULES_OUTCOME_H
#define ORDERD_RULES_OUTCOME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "rules/name.h"

#define STATUSES(X)          \
    X(APPLIED, "applied")    \
    X(REJECTED, "rejected")  \
    X(EXPIRED, "expired")    \
    X(DUPLICATE, "duplicate")\
    X(MALFORMED, "malformed")

/* Why an event was not applied. The first block belongs to the rules (DESIGN 2.2), the second to deadline and duplicate
 * window (4.4, 4.8), the third to the decoder. */
#define REASONS(X)                                     \
    X(NONE, "")                                        \
    X(NOT_HELD, "not_held")                            \
    X(ALREADY_LISTED, "already_listed")                \
    X(NOT_LISTED, "not_listed")                        \
    X(ALREADY_HELD, "already_held")                    \
    X(PRICE_CHANGED, "price_changed")                  \
    X(INSUFFICIENT_FUNDS, "insufficient_funds")        \
    X(UNKNOWN_SKU, "unknown_sku")                      \
    X(OUT_OF_STOCK, "out_of_stock")                    \
    X(STATE_INVALID, "state_invalid")                  \
    X(LIMIT_EXCEEDED, "limit_exceeded")                \
    X(DEADLINE, "deadline")                            \
    X(DELIVERED_AGAIN, "delivered_again")              \
    X(ID_REUSED, "id_reused")                          \
    X(NO_VALUE, "no_value")                            \
    X(NOT_JSON, "not_json")                            \
    X(NOT_OBJECT, "not_object")                        \
    X(TRAILING_BYTES, "trailing_bytes")                \
    X(INVALID_UTF8, "invalid_utf8")                    \
    X(MISSING_FIELD, "missing_field")                  \
    X(DUPLICATE_FIELD, "duplicate_field")              \
    X(WRONG_TYPE, "wrong_type")                        \
    X(UNKNOWN_TYPE, "unknown_type")                    \
    X(INVALID_ID, "invalid_id")                        \
    X(INVALID_NAME, "invalid_name")                    \
    X(NUMBER_OUT_OF_RANGE, "number_out_of_range")      \
    X(CLOUDEVENT_INVALID, "cloudevent_invalid")        \
    X(ENVELOPE_CONFLICT, "envelope_conflict")          \
    X(TOO_MANY_HEADERS, "too_many_headers")            \
    X(QUARANTINED, "quarantined")                      \
    X(SKIPPED, "skipped")

#define OUTCOME_CONSTANT_STATUS(constant, text) STATUS_##constant,
#define OUTCOME_CONSTANT_REASON(constant, text) REASON_##constant,
enum status { STATUSES(OUTCOME_CONSTANT_STATUS) STATUS_COUNT };
enum reason { REASONS(OUTCOME_CONSTANT_REASON) REASON_COUNT };
#undef OUTCOME_CONSTANT_STATUS
#undef OUTCOME_CONSTANT_REASON

/* The wire names. `status_name` and `reason_name` accept only enumerators. */
const char *status_name(enum status status);
const char *reason_name(enum reason reason);
/* False when none has that name; the empty name is none. */
bool status_parse(struct bytes name, enum status *status);
bool reason_parse(struct bytes name, enum reason *reason);
/* The status of a decision with that reason; applied for REASON_NONE. */
enum status reason_status(enum reason reason);

/* One fact, as the outcome shows it: "price":97 · "funds":[125,28] · "seller_holds":[true,false] · "price":null. */
enum fact_type { FACT_NUMBER, FACT_NUMBER_CHANGE, FACT_FLAG, FACT_FLAG_CHANGE, FACT_NULL, FACT_NULL_CHANGE /* [null,after] */, FACT_KEY };

/* Every name that a fact may have. */
#define FACT_NAMES(X) X(price) X(stock) X(funds) X(buyer_funds) X(seller_funds) X(buyer_holds) X(seller_holds) X(user_holds) X(invalid)

enum { FACTS_MAX = 5, FACT_KEY_MAX = 80 };

struct fact {
    const char *name;          /* a literal */
    enum fact_type type;
    int64_t before, after;     /* numbers or flags; `before` alone without a change */
    char key[FACT_KEY_MAX];    /* FACT_KEY: the Redis key, without prefix, that holds the wrong type or value */
};

struct facts {
    size_t count;
    struct fact items[FACTS_MAX];
};

/* Each appends one fact; `name` must be a literal. */
void facts_number(struct facts *facts, const char *name, int64_t value);
void facts_number_change(struct facts *facts, const char *name, int64_t before, int64_t after);
void facts_flag(struct facts *facts, const char *name, int value);
void facts_flag_change(struct facts *facts, const char *name, int before, int after);
void facts_null(struct facts *facts, const char *name);
void facts_null_change(struct facts *facts, const char *name, int64_t after);
void facts_key(struct facts *facts, const char *name, const char *prefix, const struct name *owner);
/* The literal of that name, NULL when no fact has it. The same name is the same literal. */
const char *facts_name_find(struct bytes name);
/* The fact of that name, NULL when it is not there. */
const struct fact *facts_find(const struct facts *facts, const char *name);

#endif
