/* What was decided between a chunk and the moment: the outcome partitions from where they ended before the first mark was read, and the entries that wait in
 * the outbox. In which order they come does not matter, since each value knows which decision it shows. */
#include <stdio.h>

#include "archive/take.h"

enum { SILENCE_MS = 30000, POLL_MS = 200, HEADERS_MAX = RECORD_HEADERS_MAX + 1 };

/* The partition that a decision is of; false: it is another registry's, or does not lie between the beginning and the moment. */
static bool is_ours(const struct take *take, const struct decision_identity *identity, size_t *index)
{
    if (!bytes_equal_text(identity->incarnation, take->shard.registry.incarnation))
        return false;
    for (size_t i = 0; i < take->count; i++) {
        const struct take_partition *p = &take->partitions[i];

        if (p->number != identity->partition || !bytes_equal_text(identity->topic, p->topic))
            continue;
        *index = i;
        return identity->offset >= p->begin.next && identity->offset < p->end.next;
    }
    return false;
}

static int observe_value(struct take *take, size_t index, const struct decision_identity *identity, struct bytes value)
{
    struct observation seen[OBSERVATIONS_MAX];
    struct error_text why = {""};
    struct decision decision;
    int count = decision_read(&decision, value, &why);

    if (!count)
        count = observe(&decision, seen, &why);
    if (count < 0)
        return error_set(take->error, -EBADMSG, "the outcome of %s:%lld cannot be read: %.300s", take->partitions[index].at, (long long)identity->offset, why.text);
    take->taken->decisions++;
    for (int i = 0; i < count; i++) {
        int r = take_value_observe(take, index, identity, &seen[i]);

        if (r)
            return r;
    }
    return 0;
}

/* Records of other incarnations and topics, and what is no outcome at all, are none of this market's. */
static int take_message(struct take *take, const struct kafka_message *message)
{
    struct kafka_header headers[HEADERS_MAX];
    size_t count = kafka_message_headers(message, headers, HEADERS_MAX), index;
    struct decision_identity identity;
    struct error_text why;

    if (count > HEADERS_MAX || decision_identify(&identity, headers, count, &why) || !identity.sequenced || !is_ours(take, &identity, &index))
        return 0;
    if (stream_id_compare(identity.id, take->last) > 0)
        take->last = identity.id;
    return observe_value(take, index, &identity, message->value);
}

/* 1: it was the last. */
static int take_next(struct take *take, const struct kafka_message *message, int64_t end)
{
    const char *outcomes = take->options->start.evidence.outcomes;

    if (message->kind == KAFKA_FAILED && message->error == -ERANGE)
        return error_set(take->error, -ESTALE, "retention has eaten outcomes of %s:%d from %lld on meanwhile", outcomes, message->partition, (long long)message->offset);
    if (message->kind == KAFKA_FAILED)
        return error_set(take->error, -EIO, "%s:%d cannot be read: %s", outcomes, message->partition, message->reason);
    if (message->kind == KAFKA_MESSAGE && message->offset < end) {
        int r = take_message(take, message);

        if (r)
            return r;
    }
    return message->offset + (message->kind == KAFKA_MESSAGE) >= end;
}

/* Reads until the end is reached or nothing comes for long. */
static int read_open(struct take *take, int32_t partition, int64_t end)
{
    const struct snapshot_options *o = take->options;
    int64_t heard = clock_monotonic_ms(o->start.clock);
    struct kafka_message message;
    int r = 0;

    while (!r) {
        int got = kafka_reader_next(o->start.evidence.reader, POLL_MS, &message);

        if (got == 1) {
            heard = clock_monotonic_ms(o->start.clock);
            r = take_next(take, &message, end);
            kafka_message_free(&message);
        } else if (got < 0 && got != -EAGAIN) {
            r = error_set(take->error, got, "%s:%d cannot be read: %s", o->start.evidence.outcomes, partition, strerror(-got));
        } else if (clock_monotonic_ms(o->start.clock) - heard > SILENCE_MS) {
            r = error_set(take->error, -ETIMEDOUT, "%s:%d does not come to its end %lld", o->start.evidence.outcomes, partition, (long long)end);
        }
        if (!r)
            r = take_go_on(take);
        if (o->progress && got == 1)
            o->progress(o->context, "reading outcomes", take->taken->decisions);
    }
    return r == 1 ? 0 : r;
}

static int read_partition(struct take *take, const struct kafka_bounds *begin, const struct kafka_bounds *end)
{
    const struct evidence_source *kafka = &take->options->start.evidence;
    int r;

    if (end->start > begin->end)
        return error_set(take->error, -ESTALE, "retention has eaten outcomes of %s:%d from %lld on meanwhile", kafka->outcomes, begin->partition, (long long)begin->end);
    if (end->end <= begin->end)
        return 0;
    r = kafka_reader_open(kafka->reader, kafka->outcomes, begin->partition, begin->end);
    if (r)
        return error_set(take->error, r, "%s:%d cannot be read: %s", kafka->outcomes, begin->partition, strerror(-r));
    r = read_open(take, begin->partition, end->end);
    kafka_reader_close(kafka->reader);
    return r;
}

static int take_records(struct take *take, const struct outbox_stored *entry)
{
    struct decision_identity identity;
    struct error_text why = {""};
    struct record record;
    size_t index;
    struct reader reader = reader_of(entry->records);

    for (uint32_t place = 0; reader.at < reader.end; place++) {
        int r = record_next(&reader, &record);

        if (r)
            return error_set(take->error, -EBADMSG, "an entry of %s holds a record that cannot be read", take->shard.outbox_key);
        if (record.kind != RECORD_OUTCOME || decision_identify(&identity, record.headers, record.headers_count, &why) || !is_ours(take, &identity, &index))
            continue;
        identity.id = entry->sequence;
        identity.place = place;
        r = observe_value(take, index, &identity, record.value);
        if (r)
            return r;
    }
    return 0;
}

/* Their records, one entry after the other: nothing may be put while the table is walked. */
struct entries {
    struct buffer ids;
};

static int collect(void *context, struct bytes key, struct bytes record)
{
    struct entries *entries = context;

    (void)record;
    if (key.size && key.data[0] == TAKE_ENTRY)
        buffer_put_sized(&entries->ids, key);
    return buffer_error(&entries->ids);
}

static int take_waiting(struct take *take)
{
    struct entries entries;
    struct reader ids;
    int r;

    buffer_init(&entries.ids, 256 << 20);
    r = table_each(take->table, collect, &entries);
    ids = reader_of(buffer_bytes(&entries.ids));
    while (!r && ids.at < ids.end) {
        struct take_value value;
        struct bytes record;

        r = table_get(take->table, reader_sized(&ids), &record);
        buffer_reset(&take->entry);
        if (!r) {
            buffer_put_bytes(&take->entry, record);
            r = buffer_error(&take->entry);
        }
        if (!r)
            r = take_value_read(&value, buffer_bytes(&take->entry));
        if (!r)
            r = take_records(take, &value.shown.entry);
    }
    buffer_deinit(&entries.ids);
    return r;
}

int take_log(struct take *take)
{
    int r = 0;

    for (size_t i = 0; !r && i < take->outcomes_count; i++)
        r = read_partition(take, &take->begins[i], &take->ends[i]);
    return r ? r : take_waiting(take);
}
