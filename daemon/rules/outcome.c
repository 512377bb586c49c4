#include "rules/outcome.h"

#include <string.h>

#include "base/error.h"

const char *status_name(enum status status)
{
    static const char *const names[] = {
#define STATUS_NAME(constant, text) text,
        STATUSES(STATUS_NAME)
#undef STATUS_NAME
    };

    ASSERT((unsigned)status < STATUS_COUNT);
    return names[status];
}

const char *reason_name(enum reason reason)
{
    static const char *const names[] = {
#define REASON_NAME(constant, text) text,
        REASONS(REASON_NAME)
#undef REASON_NAME
    };

    ASSERT((unsigned)reason < REASON_COUNT);
    return names[reason];
}

#define NAME_BYTES(constant, text) {text, sizeof text - 1},

bool status_parse(struct bytes name, enum status *status)
{
    static const struct bytes names[] = {STATUSES(NAME_BYTES)};

    for (unsigned i = 0; i < STATUS_COUNT; i++)
        if (bytes_equal(name, names[i])) {
            *status = (enum status)i;
            return true;
        }
    return false;
}

bool reason_parse(struct bytes name, enum reason *reason)
{
    static const struct bytes names[] = {REASONS(NAME_BYTES)};

    for (unsigned i = REASON_NONE + 1; i < REASON_COUNT; i++)
        if (bytes_equal(name, names[i])) {
            *reason = (enum reason)i;
            return true;
        }
    return false;
}

#undef NAME_BYTES

enum status reason_status(enum reason reason)
{
    ASSERT((unsigned)reason < REASON_COUNT);
    return reason == REASON_NONE         ? STATUS_APPLIED
           : reason < REASON_DEADLINE    ? STATUS_REJECTED
           : reason == REASON_DEADLINE   ? STATUS_EXPIRED
           : reason <= REASON_ID_REUSED  ? STATUS_DUPLICATE
                                         : STATUS_MALFORMED;
}

const char *facts_name_find(struct bytes name)
{
    static const struct bytes names[] = {
#define FACT_NAME(text) {#text, sizeof #text - 1},
        FACT_NAMES(FACT_NAME)
#undef FACT_NAME
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_equal(name, names[i]))
            return names[i].data;
    return NULL;
}

const struct fact *facts_find(const struct facts *facts, const char *name)
{
    for (size_t i = 0; i < facts->count; i++)
        if (strcmp(facts->items[i].name, name) == 0)
            return &facts->items[i];
    return NULL;
}

static struct fact *fact_add(struct facts *facts, const char *name, enum fact_type type, int64_t before, int64_t after)
{
    struct fact *fact = &facts->items[facts->count];

    ASSERT(facts->count < FACTS_MAX);
    facts->count++;
    fact->name = name;
    fact->type = type;
    fact->before = before;
    fact->after = after;
    return fact;
}

void facts_number(struct facts *facts, const char *name, int64_t value)
{
    fact_add(facts, name, FACT_NUMBER, value, value);
}

void facts_number_change(struct facts *facts, const char *name, int64_t before, int64_t after)
{
    fact_add(facts, name, FACT_NUMBER_CHANGE, before, after);
}

void facts_flag(struct facts *facts, const char *name, int value)
{
    fact_add(facts, name, FACT_FLAG, value, value);
}

void facts_flag_change(struct facts *facts, const char *name, int before, int after)
{
    fact_add(facts, name, FACT_FLAG_CHANGE, before, after);
}

void facts_null(struct facts *facts, const char *name)
{
    fact_add(facts, name, FACT_NULL, 0, 0);
}

void facts_null_change(struct facts *facts, const char *name, int64_t after)
{
    fact_add(facts, name, FACT_NULL_CHANGE, 0, after);
}

void facts_key(struct facts *facts, const char *name, const char *prefix, const struct name *owner)
{
    struct fact *fact = fact_add(facts, name, FACT_KEY, 0, 0);
    size_t prefix_size = strlen(prefix), owner_size = owner ? owner->size : 0;

    ASSERT(prefix_size + owner_size < FACT_KEY_MAX);
    memcpy(fact->key, prefix, prefix_size);
    if (owner)
        memcpy(fact->key + prefix_size, owner->text, owner_size);
    fact->key[prefix_size + owner_size] = '\0';
}
