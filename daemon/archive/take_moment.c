/* The moment that the snapshot shows: registry, marks, pauses and outbox in one MULTI. What of the outbox was read before stays as it was, since entries never
 * change; it only leaves, a partition's entries from their beginning, and that is seen by `done`. */
#include <stdio.h>

#include "archive/take.h"
#include "base/number.h"

enum { CHUNK_ENTRIES = 4, CARRIED_MAX = 256 };

/* Entries of the width zero, which an adoption carried over: they leave without `done` telling it, so the moment asks for each. */
struct carried {
    struct stream_id ids[CARRIED_MAX];
    size_t count;
};

static void put_range(struct take *take, struct stream_id from, bool after, const char *to, int count)
{
    struct commands *c = take->options->start.redis->commands;
    char begin[STREAM_ID_TEXT_SIZE + 1] = "(", number[16];

    stream_id_text(begin + after, from);
    command_begin(c, count ? 6 : 4);
    command_text(c, "XRANGE");
    command_text(c, take->shard.outbox_key);
    command_text(c, begin);
    command_text(c, to ? to : begin + after);
    if (count) {
        snprintf(number, sizeof number, "%d", count);
        command_text(c, "COUNT");
        command_text(c, number);
    }
}

static int take_entries(struct take *take, const struct reply *reply)
{
    int r = 0;

    if (reply->type != REPLY_ARRAY)
        return error_set(take->error, -EPROTO, "the outbox %s cannot be read: it is no stream", take->shard.outbox_key);
    for (size_t i = 0; !r && i < reply->count; i++) {
        struct outbox_stored entry;

        if (outbox_read(&entry, reply->elements[i]))
            return error_set(take->error, -EPROTO, "the outbox %s holds an entry that cannot be read", take->shard.outbox_key);
        if (stream_id_compare(entry.id, take->last) > 0)
            take->last = entry.id;
        r = take_entry_put(take, &entry);
    }
    return r;
}

/* Up to its end as it is now. */
int take_outbox(struct take *take)
{
    size_t got = CHUNK_ENTRIES;
    int r = 0;

    while (!r && got == CHUNK_ENTRIES) {
        struct reply **replies;

        r = take_go_on(take);
        if (r)
            return r;
        take_chunk_begin(take);
        put_range(take, take->last, true, "+", CHUNK_ENTRIES);
        r = take_chunk_end(take, 1, &replies);
        if (!r)
            r = take_entries(take, replies[0]);
        got = r ? 0 : replies[0]->count;
    }
    return r;
}

static int count_carried(void *context, struct bytes key, struct bytes record)
{
    struct carried *carried = context;
    struct take_value value;

    if (!key.size || key.data[0] != TAKE_ENTRY)
        return 0;
    if (take_value_read(&value, record))
        return -EBADMSG;
    if (value.shown.entry.from != value.shown.entry.to)
        return 0;
    if (carried->count == CARRIED_MAX)
        return -EBUSY;
    carried->ids[carried->count++] = value.shown.entry.id;
    return 0;
}

/* The value of a field in HGETALL's reply. */
static struct reply *field_of(const struct reply *hash, const char *name, struct reply *nil)
{
    for (size_t i = 0; hash->type == REPLY_ARRAY && i + 1 < hash->count; i += 2)
        if (bytes_equal_text(hash->elements[i]->text, name))
            return hash->elements[i + 1];
    return nil;
}

static int take_hash(struct take *take, const char *key, const struct reply *hash)
{
    struct bytes name = bytes_of(key + strlen(take->shard.prefix));
    int r = 0;

    for (size_t i = 0; !r && hash->type == REPLY_ARRAY && i + 1 < hash->count; i += 2) {
        struct snapshot_value value = {.type = SNAPSHOT_HASH, .key = name, .member = hash->elements[i]->text, .value = hash->elements[i + 1]->text};

        if (!value.value.data)
            value.value = (struct bytes){"", 0};
        if (!value.member.data)
            value.member = (struct bytes){"", 0};
        r = take_value_put(take, TAKE_LEDGER, &value, 0);
    }
    return r;
}

static int take_mark(struct take *take, struct take_partition *p, const struct reply *hash)
{
    static const char *const names[] = {MARK_FIELDS};
    struct reply nil = {.type = REPLY_NIL}, *fields[MARK_FIELDS_COUNT];
    struct reply array = {.type = REPLY_ARRAY, .count = MARK_FIELDS_COUNT, .elements = fields};

    for (size_t i = 0; i < MARK_FIELDS_COUNT; i++)
        fields[i] = field_of(hash, names[i], &nil);
    if (mark_read(&p->end, &array) || p->end.next < p->next || p->end.done < p->begin.done)
        return error_set(take->error, -ESTALE, "the mark %s went back meanwhile", p->mark_key);
    return take_hash(take, p->mark_key, hash);
}

/* Those of an adoption that are no more there. */
static int remove_carried(struct take *take, const struct carried *carried, struct reply *const *ranges)
{
    int r = 0;

    for (size_t i = 0; !r && i < carried->count; i++)
        if (ranges[i]->type == REPLY_ARRAY && ranges[i]->count == 0)
            r = take_entry_remove(take, carried->ids[i]);
    return r;
}

bool take_entry_waits(const struct take *take, const struct outbox_stored *entry)
{
    for (size_t i = 0; i < take->count; i++)
        if (bytes_equal_text(entry->at, take->partitions[i].at))
            return entry->from == entry->to || entry->to > take->partitions[i].end.done;
    return true;
}

static void put_moment(struct take *take, const struct carried *carried)
{
    struct commands *c = take->options->start.redis->commands;

    take_chunk_begin(take);
    command_texts(c, "HGETALL", take->shard.meta_key, NULL);
    command_texts(c, "HGETALL", take->shard.paused_key, NULL);
    for (size_t i = 0; i < take->count; i++)
        command_texts(c, "HGETALL", take->partitions[i].mark_key, NULL);
    put_range(take, take->last, true, "+", 0);
    for (size_t i = 0; i < carried->count; i++)
        put_range(take, carried->ids[i], false, NULL, 0);
}

static void note_halt(struct take *take, const struct reply *meta)
{
    struct reply nil = {.type = REPLY_NIL}, *halt = field_of(meta, "halt", &nil);

    if (halt->type == REPLY_STRING)
        snprintf(take->taken->halt, sizeof take->taken->halt, "%.*s", (int)halt->text.size, halt->text.data);
}

int take_moment(struct take *take)
{
    struct carried carried = {.count = 0};
    struct reply **replies;
    int r = table_each(take->table, count_carried, &carried);

    if (r == -EBUSY)
        r = error_set(take->error, -EAGAIN, "more than %d entries of an adoption wait to be delivered; try again when they are", CARRIED_MAX);
    if (!r)
        r = take_go_on(take);
    if (r)
        return r;
    put_moment(take, &carried);
    r = take_chunk_end(take, 3 + take->count + carried.count, &replies);
    if (!r)
        r = take_hash(take, take->shard.meta_key, replies[0]);
    if (!r)
        r = take_hash(take, take->shard.paused_key, replies[1]);
    for (size_t i = 0; !r && i < take->count; i++)
        r = take_mark(take, &take->partitions[i], replies[2 + i]);
    if (!r)
        r = take_entries(take, replies[2 + take->count]);
    if (!r)
        note_halt(take, replies[0]);
    return r ? r : remove_carried(take, &carried, replies + 3 + take->count);
}
