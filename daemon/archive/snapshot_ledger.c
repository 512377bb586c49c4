#include "archive/snapshot_ledger.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"

enum { FIELDS_BYTES_MAX = 1 << 20 };

static const char *const registry_fields[] = {REGISTRY_FIELDS};
static const char *const mark_fields[] = {MARK_FIELDS};
_Static_assert(sizeof registry_fields / sizeof *registry_fields <= SNAPSHOT_LEDGER_FIELDS_MAX && sizeof mark_fields <= sizeof registry_fields, "too few");
static const char mark_kind[] = "orderd:mark:";

int snapshot_ledger_init(struct snapshot_ledger *ledger)
{
    *ledger = (struct snapshot_ledger){.market = NULL};
    return arena_new(&ledger->arena, FIELDS_BYTES_MAX);
}

void snapshot_ledger_deinit(struct snapshot_ledger *ledger)
{
    arena_free(ledger->arena);
}

static void forget(struct snapshot_ledger *ledger)
{
    arena_reset(ledger->arena);
    ledger->key = (struct bytes){NULL, 0};
    for (size_t i = 0; i < SNAPSHOT_LEDGER_FIELDS_MAX; i++)
        ledger->values[i] = (struct reply){.type = REPLY_NIL};
}

void snapshot_ledger_begin(struct snapshot_ledger *ledger, struct snapshot_market *market)
{
    ledger->market = market;
    ledger->registry = false;
    forget(ledger);
}

static bool is_mark(struct bytes key)
{
    return key.size > sizeof mark_kind - 1 && memcmp(key.data, mark_kind, sizeof mark_kind - 1) == 0;
}

/* "orderd:mark:TOPIC:P" taken apart. */
static bool take_place(struct bytes key, struct snapshot_mark *out)
{
    const char *topic = key.data + sizeof mark_kind - 1, *end = key.data + key.size, *colon = memrchr(topic, ':', (size_t)(end - topic));
    int64_t number;

    if (!colon || colon == topic || colon - topic > KAFKA_TOPIC_MAX || !number_parse((struct bytes){colon + 1, (size_t)(end - colon - 1)}, &number) ||
        number < 0 || number > INT32_MAX)
        return false;
    memcpy(out->topic, topic, (size_t)(colon - topic));
    out->topic[colon - topic] = '\0';
    out->partition = (int32_t)number;
    return true;
}

static struct reply array_of(struct snapshot_ledger *ledger, struct reply **elements, size_t count)
{
    for (size_t i = 0; i < count; i++)
        elements[i] = &ledger->values[i];
    return (struct reply){.type = REPLY_ARRAY, .count = count, .elements = elements};
}

static int take_mark(struct snapshot_ledger *ledger, struct error_text *error)
{
    struct reply *elements[MARK_FIELDS_COUNT], array = array_of(ledger, elements, MARK_FIELDS_COUNT);
    struct snapshot_market *market = ledger->market;
    struct snapshot_mark mark = {.outcomes_from = 0}, *marks;

    if (!take_place(ledger->key, &mark) || mark_read(&mark.mark, &array))
        return error_set(error, -EBADMSG, "the mark %.*s cannot be read", (int)ledger->key.size, ledger->key.data);
    marks = reallocarray(market->marks, market->marks_count + 1, sizeof *marks);
    if (!marks)
        return -ENOMEM;
    market->marks = marks;
    market->marks[market->marks_count++] = mark;
    return 0;
}

/* What came of the hash whose last line was taken. */
static int complete(struct snapshot_ledger *ledger, struct error_text *error)
{
    struct reply *elements[REGISTRY_FIELDS_COUNT], array;
    int r = 0;

    if (ledger->key.data && is_mark(ledger->key)) {
        r = take_mark(ledger, error);
    } else if (ledger->key.data) {
        array = array_of(ledger, elements, REGISTRY_FIELDS_COUNT);
        ledger->registry = true;
        if (registry_read(&ledger->market->registry, &array))
            r = error_set(error, -EBADMSG, "the registry cannot be read: a field is missing or not as this release writes it");
    }
    forget(ledger);
    return r;
}

int snapshot_ledger_take(struct snapshot_ledger *ledger, const struct snapshot_value *value, struct error_text *error)
{
    bool mark = value->type == SNAPSHOT_HASH && is_mark(value->key);
    const char *const *names = mark ? mark_fields : registry_fields;
    size_t count = mark ? MARK_FIELDS_COUNT : REGISTRY_FIELDS_COUNT;
    int r = 0;

    if (ledger->key.data && !bytes_equal(ledger->key, value->key))
        r = complete(ledger, error);
    if (r || !(mark || (value->type == SNAPSHOT_HASH && bytes_equal_text(value->key, "orderd:meta"))))
        return r;
    if (!ledger->key.data)
        ledger->key = arena_copy(ledger->arena, value->key);
    for (size_t i = 0; ledger->key.data && i < count; i++)
        if (bytes_equal_text(value->member, names[i])) {
            ledger->values[i] = (struct reply){.type = REPLY_STRING, .text = arena_copy(ledger->arena, value->value)};
            return ledger->values[i].text.data ? 0 : -ENOMEM;
        }
    return ledger->key.data ? 0 : -ENOMEM;
}

int snapshot_ledger_end(struct snapshot_ledger *ledger, struct error_text *error)
{
    int r = complete(ledger, error);

    if (!r && !ledger->registry)
        r = error_set(error, -EBADMSG, "a market has no registry");
    return r;
}
