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
