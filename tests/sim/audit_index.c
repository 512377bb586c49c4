#include "sim/audit_own.h"

#include "base/number.h"

enum { ERA_DIGITS = 10, HALF_DIGITS = 20, PLACE_DIGITS = 6, SEQUENCE_SIZE = ERA_DIGITS + 1 + HALF_DIGITS + 1 + HALF_DIGITS + 1 + PLACE_DIGITS };

bool audit_message_at(const struct audit_log *log, int64_t offset, size_t *index)
{
    size_t low = 0, high = log->count;

    if (!log->count || offset < log->messages[0].offset)
        return false;
    *index = (size_t)(offset - log->messages[0].offset);
    if (*index < log->count && log->messages[*index].offset == offset)
        return true;
    while (low < high) {
        size_t middle = (low + high) / 2;

        if (log->messages[middle].offset < offset)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return low < log->count && log->messages[low].offset == offset;
}

bool audit_in_range(const struct audit_source *source, enum audit_happening_kind kind, int64_t offset)
{
    for (const struct audit_range *range = source->ranges; range; range = range->next)
        if (range->kind == kind && offset >= range->from && offset < range->end)
            return true;
    return false;
}

bool audit_same_record(const struct audit_message *a, const struct audit_message *b)
{
    if (!bytes_equal(a->key, b->key) || !bytes_equal(a->value, b->value) || a->headers_count != b->headers_count)
        return false;
    for (size_t i = 0; i < a->headers_count; i++)
        if (!bytes_equal(a->headers[i].name, b->headers[i].name) || !bytes_equal(a->headers[i].value, b->headers[i].value))
            return false;
    return true;
}

static bool split_last(struct bytes *text, struct bytes *last)
{
    const char *slash = memrchr(text->data, '/', text->size);

    if (!slash)
        return false;
    *last = (struct bytes){slash + 1, text->size - (size_t)(slash + 1 - text->data)};
    text->size = (size_t)(slash - text->data);
    return true;
}

bool audit_parse_id(const struct audit_world *world, struct bytes id, size_t *source, int64_t *offset)
{
    struct bytes offset_text, partition_text;
    int64_t partition;

    if (!id.data || !split_last(&id, &offset_text) || !split_last(&id, &partition_text) || !number_parse(offset_text, offset) ||
        !number_parse(partition_text, &partition))
        return false;
    for (*source = 0; *source < world->sources_count; ++*source)
        if (world->sources[*source].partition == partition && bytes_equal_text(id, world->sources[*source].topic))
            return true;
    return false;
}

/* So many digits and nothing else. */
static bool take_digits(const char **at, size_t count, uint64_t *out)
{
    *out = 0;
    for (size_t i = 0; i < count; i++, ++*at) {
        if (**at < '0' || **at > '9' || __builtin_mul_overflow(*out, 10u, out) || __builtin_add_overflow(*out, (uint64_t)(**at - '0'), out))
            return false;
    }
    return true;
}

static bool parse_sequence(struct bytes text, struct audit_outcome *out)
{
    const char *at = text.data;
    uint64_t era, place;

    if (!at || text.size != SEQUENCE_SIZE || !take_digits(&at, ERA_DIGITS, &era) || *at++ != '-' || !take_digits(&at, HALF_DIGITS, &out->place.ms) ||
        *at++ != '-' || !take_digits(&at, HALF_DIGITS, &out->place.seq) || *at++ != '-' || !take_digits(&at, PLACE_DIGITS, &place))
        return false;
    out->place.era = (int64_t)era;
    out->in_entry = (uint32_t)place;
    return true;
}

/* Where it should stand, or wherever it does. */
static struct bytes header_near(const struct audit_message *record, size_t at, const char *name)
{
    if (at < record->headers_count && bytes_equal_text(record->headers[at].name, name))
        return record->headers[at].value;
    return audit_header_of(record, name);
}

static struct audit_incarnation *incarnation_of(struct audit *audit, struct bytes name, int32_t shard)
{
    struct audit_incarnation *found;
    size_t count = audit->world->sources_count;

    for (found = audit->incarnations; found; found = found->next)
        if (bytes_equal(found->name, name) && found->shard == shard)
            return found;
    found = arena_take(audit->arena, sizeof *found);
    ASSERT(found);
    *found = (struct audit_incarnation){audit->incarnations, name, audit->incarnations_count++, NULL, NULL, 0, shard};
    found->copied = arena_take(audit->arena, 2 * count * sizeof *found->copied);
    ASSERT(found->copied);
    found->decided = found->copied + count;
    for (size_t i = 0; i < 2 * count; i++)
        found->copied[i] = -1;
    audit->incarnations = found;
    return found;
}

static void keep(struct audit *audit, struct audit_outcome *outcome)
{
    struct audit_slot *slot = &audit->sources[outcome->source].slots[outcome->index];

    outcome->next = slot->outcomes;
    slot->outcomes = outcome;
    if (audit->order_count == audit->order_capacity) {
        audit->order_capacity = audit->order_capacity ? 2 * audit->order_capacity : 1024;
        audit->order = realloc(audit->order, audit->order_capacity * sizeof *audit->order);
        ASSERT(audit->order);
    }
    audit->order[audit->order_count++] = outcome;
}

/* A first copy stands above those of all lower offsets of its partition and incarnation. */
static void check_order(struct audit *audit, const struct audit_outcome *outcome, struct audit_incarnation *incarnation)
{
    const struct audit_source *source = &audit->sources[outcome->source];
    int64_t offset = source->log->messages[outcome->index].offset, *highest = &incarnation->copied[outcome->source];

    if (offset < *highest && !audit_in_range(source, AUDIT_LOST, offset))
        audit_found(audit->report, AUDIT_OUTCOME_ORDER, AUDIT_AT ": its first outcome lies at offset %lld of partition %d, behind that of offset %lld",
                    AUDIT_AT_ARGS(source->log, offset), (long long)outcome->record->offset, (int)outcome->partition, (long long)*highest);
    *highest = offset > *highest ? offset : *highest;
}

static bool is_copy(struct audit *audit, const struct audit_outcome *now, const struct audit_log *event_log)
{
    const struct audit_slot *slot = &audit->sources[now->source].slots[now->index];

    for (const struct audit_outcome *first = slot->outcomes; first; first = first->next) {
        if (first->incarnation != now->incarnation)
            continue;
        audit->report->copies++;
        if ((!audit_same_record(first->record, now->record) || first->partition != now->partition) &&
            !audit_in_range(&audit->sources[now->source], AUDIT_UNHEARD, event_log->messages[now->index].offset))
            audit_found(audit->report, AUDIT_COPY_DIFFERS, AUDIT_AT ": its outcome at offset %lld of partition %d is not byte for byte the one at %lld",
                        AUDIT_AT_ARGS(event_log, event_log->messages[now->index].offset), (long long)now->record->offset, (int)now->partition,
                        (long long)first->record->offset);
        return true;
    }
    return false;
}

static void index_outcome(struct audit *audit, const struct audit_message *record, const struct audit_log *log)
{
    struct audit_outcome now = {.record = record, .partition = log->partition}, *outcome;
    struct bytes id = header_near(record, 1, "ce_id"), name = header_near(record, 2, "ce_source");
    struct bytes sequence = header_near(record, record->headers_count - 1, "ce_sequence");
    struct audit_incarnation *incarnation;
    const struct audit_log *events;
    int64_t offset;

    if (!audit_parse_id(audit->world, id, &now.source, &offset) || !audit_message_at(&audit->world->sources[now.source], offset, &now.index)) {
        audit_found(audit->report, AUDIT_OUTCOME_UNREADABLE, "outcome " AUDIT_AT " has the ce_id \"%.*s\", and no source holds such an event",
                    AUDIT_AT_ARGS(log, record->offset), (int)id.size, id.data ? id.data : "");
        return;
    }
    events = &audit->world->sources[now.source];
    incarnation = incarnation_of(audit, name, audit->world->sharded ? events->partition : 0);
    now.incarnation = incarnation->number;
    if (is_copy(audit, &now, events))
        return;
    if (!parse_sequence(sequence, &now))
        audit_found(audit->report, AUDIT_SEQUENCE_FORM, AUDIT_AT ": its outcome's ce_sequence is \"%.*s\"", AUDIT_AT_ARGS(events, offset),
                    (int)sequence.size, sequence.data ? sequence.data : "");
    if (now.partition != events->partition)
        audit_found(audit->report, AUDIT_OUTCOME_PARTITION, AUDIT_AT ": its outcome lies in partition %d", AUDIT_AT_ARGS(events, offset),
                    (int)now.partition);
    if (!bytes_equal(record->key, events->messages[now.index].key))
        audit_found(audit->report, AUDIT_OUTCOME_KEY, AUDIT_AT ": its outcome has the key \"%.*s\", the event has \"%.*s\"",
                    AUDIT_AT_ARGS(events, offset), (int)record->key.size, record->key.data ? record->key.data : "(none)",
                    (int)events->messages[now.index].key.size, events->messages[now.index].key.data ? events->messages[now.index].key.data : "(none)");
    incarnation->era = now.place.era > incarnation->era ? now.place.era : incarnation->era;
    check_order(audit, &now, incarnation);
    outcome = arena_take(audit->arena, sizeof *outcome);
    ASSERT(outcome);
    *outcome = now;
    keep(audit, outcome);
}

static enum audit_malformed way_of(struct bytes reason)
{
    return bytes_equal_text(reason, "quarantined") ? AUDIT_BY_QUARANTINE : bytes_equal_text(reason, "skipped") ? AUDIT_BY_SKIP : AUDIT_BY_ITSELF;
}

static void index_letter(struct audit *audit, const struct audit_message *record, const struct audit_log *log)
{
    struct bytes topic = audit_header_of(record, "dlq.original.topic"), number = audit_header_of(record, "dlq.original.partition");
    struct bytes at = audit_header_of(record, "dlq.original.offset");
    struct audit_letter *letter;
    int64_t partition = -1, offset = -1;
    size_t source = 0, index;

    if (topic.data && number.data && at.data && number_parse(number, &partition) && number_parse(at, &offset))
        while (source < audit->world->sources_count &&
               (audit->world->sources[source].partition != partition || !bytes_equal_text(topic, audit->world->sources[source].topic)))
            source++;
    if (offset < 0 || source == audit->world->sources_count || !audit_message_at(&audit->world->sources[source], offset, &index)) {
        audit_found(audit->report, AUDIT_LETTER_STRANGER, "dead letter " AUDIT_AT " names no message of the sources", AUDIT_AT_ARGS(log, record->offset));
        return;
    }
    letter = &audit->sources[source].slots[index].letters[way_of(audit_header_of(record, "dlq.reason"))];
    if (letter->record && (!audit_same_record(letter->record, record) || letter->partition != log->partition))
        audit_found(audit->report, AUDIT_LETTER_COPY, AUDIT_AT ": its dead letter at offset %lld of partition %d is not the one at %lld of %d",
                    AUDIT_AT_ARGS(audit->sources[source].log, offset), (long long)record->offset, (int)log->partition,
                    (long long)letter->record->offset, (int)letter->partition);
    if (!letter->record) {
        letter->record = record;
        letter->partition = log->partition;
    }
}

void audit_index(struct audit *audit)
{
    const struct audit_world *world = audit->world;

    for (size_t p = 0; p < world->outcomes_count; p++)
        for (size_t i = 0; i < world->outcomes[p].count; i++)
            index_outcome(audit, &world->outcomes[p].messages[i], &world->outcomes[p]);
    for (size_t p = 0; p < world->letters_count; p++)
        for (size_t i = 0; i < world->letters[p].count; i++)
            index_letter(audit, &world->letters[p].messages[i], &world->letters[p]);
}
