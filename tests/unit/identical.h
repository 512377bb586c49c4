/* Whether two decisions are the same member by member, bytes of the value included: for those who read one text in two ways. */
#ifndef ORDERD_TESTS_UNIT_IDENTICAL_H
#define ORDERD_TESTS_UNIT_IDENTICAL_H

#include "codec/decision.h"

static inline bool facts_identical(const struct fact *a, const struct fact *b)
{
    return a->name == b->name && a->type == b->type && a->before == b->before && a->after == b->after &&
           (a->type != FACT_KEY || strcmp(a->key, b->key) == 0);
}

#define IDENTICAL_name(member) name_equal(&a->member, &b->member)
#define IDENTICAL_number(member) (a->member == b->member)
#define IDENTICAL(constant, member, type) &&IDENTICAL_##type(member)

static inline bool events_identical(const struct event *a, const struct event *b)
{
    return a->kind == b->kind && a->deadline_ms == b->deadline_ms EVENT_FIELDS(IDENTICAL);
}

static inline bool decisions_identical(const struct decision *a, const struct decision *b)
{
    if (a->facts.count != b->facts.count)
        return false;
    for (size_t i = 0; i < a->facts.count; i++)
        if (!facts_identical(&a->facts.items[i], &b->facts.items[i]))
            return false;
    return a->status == b->status && a->reason == b->reason && events_identical(&a->event, &b->event) && a->first_offset == b->first_offset &&
           a->first_status == b->first_status && bytes_equal(a->topic, b->topic) && a->partition == b->partition && a->offset == b->offset &&
           a->timestamp == b->timestamp && a->attempts == b->attempts && a->truncated == b->truncated && a->key_truncated == b->key_truncated &&
           bytes_equal(a->id, b->id) && bytes_equal(a->detail, b->detail) && bytes_equal(a->fields, b->fields) &&
           bytes_equal(a->facts_text, b->facts_text) && bytes_equal(a->decided_at, b->decided_at);
}

#endif
