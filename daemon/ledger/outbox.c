#include "ledger/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"

enum { SPARE_MAX = 4096, SPARE_BYTES_MAX = 1 << 20, RECORDS_LIMIT = 256 << 20, AGES_LIMIT = 1 << 16 };

struct outbox_entry *outbox_entry_new(struct outbox_pool *pool)
{
    struct outbox_entry *entry = pool->spare;

    if (entry) {
        struct buffer records = entry->records, ages = entry->ages;

        pool->spare = entry->next;
        pool->spare_count--;
        *entry = (struct outbox_entry){.records = records, .ages = ages};
        buffer_reset(&entry->records);
        buffer_reset(&entry->ages);
        return entry;
    }
    entry = calloc(1, sizeof *entry);
    if (entry) {
        buffer_init(&entry->records, RECORDS_LIMIT);
        buffer_init(&entry->ages, AGES_LIMIT);
    }
    return entry;
}

static void entry_destroy(struct outbox_entry *entry)
{
    buffer_deinit(&entry->records);
    buffer_deinit(&entry->ages);
    free(entry);
}

static void entry_recycle(struct outbox_pool *pool, struct outbox_entry *entry)
{
    if (pool->spare_count < SPARE_MAX && entry->records.capacity <= SPARE_BYTES_MAX) {
        entry->next = pool->spare;
        pool->spare = entry;
        pool->spare_count++;
        return;
    }
    entry_destroy(entry);
}

void outbox_entry_free(struct outbox_pool *pool, struct outbox_entry *entry)
{
    if (!entry)
        return;
    entry->outbox = NULL;
    if (entry->due == 0)
        entry_recycle(pool, entry);
}

void outbox_pool_deinit(struct outbox_pool *pool)
{
    while (pool->spare) {
        struct outbox_entry *entry = pool->spare;

        pool->spare = entry->next;
        entry_destroy(entry);
    }
    pool->spare_count = 0;
}

void outbox_reset(struct outbox *outbox, struct outbox_pool *pool, int64_t done)
{
    while (outbox->head) {
        struct outbox_entry *entry = outbox->head;

        outbox->head = entry->next;
        outbox_entry_free(pool, entry);
    }
    *outbox = (struct outbox){.frontier = done};
}

static bool entry_finished(const struct outbox_entry *entry)
{
    return entry->whole && entry->due == 0;
}

static struct outbox_entry *first_unfinished(const struct outbox *outbox)
{
    struct outbox_entry *entry = outbox->head;

    for (size_t i = 0; i < outbox->finished; i++)
        entry = entry->next;
    return entry;
}

/* The frontier moves over every finished entry that follows it. */
static void frontier_move(struct outbox *outbox)
{
    struct outbox_entry *entry = first_unfinished(outbox);

    for (; entry && entry_finished(entry); entry = entry->next) {
        outbox->frontier = entry->to;
        outbox->finished++;
    }
}

bool outbox_owes(const struct outbox *outbox)
{
    const struct outbox_entry *entry = first_unfinished(outbox);

    return entry && entry->from == entry->to;
}

void outbox_append(struct outbox *outbox, struct outbox_entry *entry)
{
    entry->outbox = outbox;
    entry->next = NULL;
    entry->size = entry->records.size;
    if (outbox->tail)
        outbox->tail->next = entry;
    else
        outbox->head = entry;
    outbox->tail = entry;
    if (!outbox->unpublished)
        outbox->unpublished = entry;
    outbox->entries++;
    outbox->bytes += entry->size;
}

/* Hands over the records of one entry, beginning where the last call stopped. */
static int entry_publish(struct outbox_entry *entry, struct sink *sink)
{
    struct reader reader = reader_of((struct bytes){entry->records.data + entry->handed, entry->records.size - entry->handed});
    char sequence[SEQUENCE_TEXT_SIZE];
    struct record record;

    while (reader.at < reader.end) {
        int r = record_next(&reader, &record);

        if (r)
            return r;
        sequence_text(sequence, entry->era, entry->sequence, entry->place);
        r = sink_send(sink, &record, entry->lost ? (struct bytes){NULL, 0} : bytes_of(sequence), entry);
        if (r)
            return r;
        entry->due++;
        entry->place++;
        entry->handed = (size_t)(reader.at - entry->records.data);
    }
    entry->whole = true;
    buffer_reset(&entry->records);
    return 0;
}

int outbox_publish(struct outbox *outbox, struct sink *sink, int64_t *handed)
{
    while (outbox->unpublished) {
        struct outbox_entry *entry = outbox->unpublished;
        int r = entry_publish(entry, sink);

        if (r)
            return r;
        if (entry->to > *handed)
            *handed = entry->to;
        outbox->unpublished = entry->next;
    }
    frontier_move(outbox);
    return 0;
}

void outbox_delivered(struct outbox_pool *pool, struct outbox_entry *entry, int64_t offset)
{
    ASSERT(entry->due > 0);
    entry->due--;
    if (entry->outbox && offset >= entry->outbox->reached)
        entry->outbox->reached = offset + 1;
    if (!entry->outbox) {
        if (entry->due == 0)
            entry_recycle(pool, entry);
    } else if (entry_finished(entry)) {
        frontier_move(entry->outbox);
    }
}

void outbox_abandoned(struct outbox_pool *pool, struct outbox_entry *entry)
{
    ASSERT(entry->due > 0);
    entry->due--;
    if (entry->outbox)
        entry->whole = false;     /* never finished: its partition is taken over again before anything else */
    else if (entry->due == 0)
        entry_recycle(pool, entry);
}

void outbox_settle(struct outbox *outbox, struct stream_id to)
{
    for (struct outbox_entry *entry = first_unfinished(outbox); entry && stream_id_compare(entry->id, to) <= 0; entry = entry->next) {
        entry->whole = true;
        outbox->unpublished = entry->next;
    }
    frontier_move(outbox);
}

void outbox_removed(struct outbox *outbox, struct outbox_pool *pool, size_t count)
{
    ASSERT(count <= outbox->finished);
    for (size_t i = 0; i < count; i++) {
        struct outbox_entry *entry = outbox->head;

        outbox->head = entry->next;
        outbox->entries--;
        outbox->bytes -= entry->size;
        outbox_entry_free(pool, entry);
    }
    if (!outbox->head)
        outbox->tail = NULL;
    outbox->finished -= count;
}

static bool field_number(const struct reply *value, int64_t *out)
{
    return value->type == REPLY_STRING && number_parse(value->text, out);
}

static bool take_field(struct outbox_stored *out, struct bytes name, const struct reply *value)
{
    int64_t flag;

    if (value->type != REPLY_STRING)
        return false;
    if (bytes_equal_text(name, "at"))
        out->at = value->text;
    else if (bytes_equal_text(name, "from"))
        return field_number(value, &out->from);
    else if (bytes_equal_text(name, "to"))
        return field_number(value, &out->to);
    else if (bytes_equal_text(name, "era"))
        return field_number(value, &out->era);
    else if (bytes_equal_text(name, "lost"))
        return field_number(value, &flag) && (out->lost = true);
    else if (bytes_equal_text(name, "as"))
        return stream_id_parse(value->text, &out->sequence);
    else if (bytes_equal_text(name, "records"))
        out->records = value->text;
    return true;
}

int outbox_read(struct outbox_stored *out, const struct reply *reply)
{
    const struct reply *fields;

    *out = (struct outbox_stored){.from = -1, .to = -1, .era = -1};
    if (reply->type != REPLY_ARRAY || reply->count != 2 || reply->elements[1]->type != REPLY_ARRAY ||
        stream_id_parse(reply->elements[0]->text, &out->id) == false)
        return -EBADMSG;
    out->sequence = out->id;
    fields = reply->elements[1];
    for (size_t i = 0; i + 1 < fields->count; i += 2)
        if (!take_field(out, fields->elements[i]->text, fields->elements[i + 1]))
            return -EBADMSG;
    return out->at.data && out->from >= 0 && out->to >= out->from && out->era >= 1 && out->records.data ? 0 : -EBADMSG;
}
