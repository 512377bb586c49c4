/* A snapshot's values into Redis: first the registry, under its halt, then everything else in chunks. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/restore_inside.h"
#include "base/number.h"

enum { CHUNK_LINES = 500, CHUNK_BYTES = 1 << 20, FIELDS_LIMIT = 16 << 20 };

struct writing {
    struct restore *restore;
    struct shard shard;
    size_t market;                       /* index in the snapshot */
    int64_t lines, written;              /* taken so far; of them in Redis already, RESTORE_NONE: not even a registry */
    int64_t done;                        /* of all markets, for the progress */
    bool open;                           /* a chunk is begun */
    struct stream_id last;               /* of the entries so far */
};

static void put_key(const struct writing *w, struct commands *c, struct bytes key)
{
    command_joined(c, bytes_of(w->shard.prefix), key, (struct bytes){"", 0});
}

static void put_entry(struct writing *w, struct commands *c, const struct outbox_stored *entry)
{
    bool carried = stream_id_compare(entry->sequence, entry->id) != 0;
    char id[STREAM_ID_TEXT_SIZE];

    command_begin(c, 3 + 2 * (OUTBOX_FIELDS_COUNT + (size_t)entry->lost + carried));
    command_text(c, "XADD");
    command_text(c, w->shard.outbox_key);
    stream_id_text(id, entry->id);
    command_text(c, id);
    command_text(c, "at");
    command_bytes(c, entry->at);
    command_text(c, "from");
    command_int(c, entry->from);
    command_text(c, "to");
    command_int(c, entry->to);
    command_text(c, "era");
    command_int(c, entry->era);
    if (entry->lost) {
        command_text(c, "lost");
        command_text(c, "1");
    }
    if (carried) {
        stream_id_text(id, entry->sequence);
        command_text(c, "as");
        command_text(c, id);
    }
    command_text(c, "records");
    command_bytes(c, entry->records);
    w->last = entry->id;
}

/* A number by INCRBY, which the daemon's Redis user may do anyway; the key is not there yet. */
static void put_string(const struct writing *w, struct commands *c, const struct snapshot_value *value)
{
    int64_t number;
    bool is_number = number_parse(value->value, &number);

    command_begin(c, 3);
    command_text(c, is_number ? "INCRBY" : "SET");
    put_key(w, c, value->key);
    command_bytes(c, value->value);
}

static void put_value(struct writing *w, const struct snapshot_value *value)
{
    static const char *const verbs[] = {[SNAPSHOT_HASH] = "HSET", [SNAPSHOT_SET] = "SADD", [SNAPSHOT_ZSET] = "ZADD", [SNAPSHOT_LIST] = "RPUSH"};
    struct commands *c = w->restore->start.redis->commands;

    if (value->type == SNAPSHOT_ENTRY) {
        put_entry(w, c, &value->entry);
        return;
    }
    if (value->type == SNAPSHOT_STRING) {
        put_string(w, c, value);
        return;
    }
    command_begin(c, value->type == SNAPSHOT_HASH || value->type == SNAPSHOT_ZSET ? 4 : 3);
    command_text(c, verbs[value->type]);
    put_key(w, c, value->key);
    if (value->type == SNAPSHOT_ZSET)
        command_bytes(c, value->value);
    if (value->type != SNAPSHOT_LIST)
        command_bytes(c, value->member);
    if (value->type == SNAPSHOT_HASH || value->type == SNAPSHOT_LIST)
        command_bytes(c, value->value);
}

/* --- the registry */

/* What belongs to whoever worked on the market then, and not to the market. */
static bool is_left_out(struct bytes field)
{
    static const char *const names[] = {"halt", RESTORE_FIELD, "restored", "reapply", "replay"};

    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (bytes_equal_text(field, names[i]))
            return true;
    return false;
}

/* The fields of a market's registry, sized, name and value in turns. */
static int read_registry(struct restore *restore, size_t market, struct buffer *fields, struct error_text *error)
{
    struct snapshot_value value;
    size_t index;
    int r = snapshot_rewind(restore->snapshot);

    if (r)
        return r;
    while ((r = snapshot_next(restore->snapshot, &index, &value, error)) == 1)
        if (index == market && value.type == SNAPSHOT_HASH && bytes_equal_text(value.key, "orderd:meta") && !is_left_out(value.member)) {
            buffer_put_sized(fields, value.member);
            buffer_put_sized(fields, value.value);
        }
    return r ? r : buffer_error(fields);
}

/* The first thing of a market: from now on it is there, and stands still until it is whole. */
static int write_registry(struct writing *w, struct error_text *error)
{
    struct commands *c = w->restore->start.redis->commands;
    char halt[SHARD_TEXT_MAX];
    struct buffer fields;
    struct reader reader;
    int r;

    snprintf(halt, sizeof halt, RESTORE_HALT ": the snapshot %s of %s is being written", snapshot_digest(w->restore->snapshot),
             snapshot_header(w->restore->snapshot)->taken_at);
    buffer_init(&fields, FIELDS_LIMIT);
    r = read_registry(w->restore, w->market, &fields, error);
    if (!r)
        r = restore_chunk_begin(w->restore, &w->shard, RESTORE_NONE, error);
    reader = reader_of(buffer_bytes(&fields));
    while (!r && reader.at < reader.end) {
        command_begin(c, 4);
        command_text(c, "HSET");
        command_text(c, w->shard.meta_key);
        command_bytes(c, reader_sized(&reader));
        command_bytes(c, reader_sized(&reader));
    }
    if (!r) {
        command_texts(c, "HSET", w->shard.meta_key, "halt", halt, NULL);
        r = restore_chunk_end(w->restore, &w->shard, 0, error);
    }
    buffer_deinit(&fields);
    return r;
}

/* --- everything else */

static int end_chunk(struct writing *w, int64_t lines, struct error_text *error)
{
    int r = restore_chunk_end(w->restore, &w->shard, lines, error);

    w->written = lines;
    w->open = false;
    if (!r && w->restore->progress)
        w->restore->progress(w->restore->context, w->done, snapshot_values(w->restore->snapshot));
    return r;
}

static int begin_chunk(struct writing *w, struct error_text *error)
{
    int r = w->restore->stopped && w->restore->stopped(w->restore->context) ? error_set(error, -ECANCELED, "it was stopped") : 0;

    if (!r)
        r = restore_chunk_begin(w->restore, &w->shard, w->written, error);
    w->open = r == 0;
    return r;
}

/* How far source partitions were looked through for what was sent back is true of the server that said so, and of the records that it held with it
 * (PROTOCOL.md 11): here the next redrive looks anew. */
static bool is_looked(const struct snapshot_value *value)
{
    static const char field[] = "looked:";

    return value->type == SNAPSHOT_HASH && bytes_equal_text(value->key, "orderd:letters") && value->member.size >= sizeof field - 1 &&
           memcmp(value->member.data, field, sizeof field - 1) == 0;
}

/* What is written otherwise, or not at all. */
static bool is_passed_over(const struct snapshot_value *value)
{
    return (value->type == SNAPSHOT_HASH && bytes_equal_text(value->key, "orderd:meta")) || is_looked(value);
}

static int take_value(struct writing *w, const struct snapshot_value *value, struct error_text *error)
{
    const struct commands *c = w->restore->start.redis->commands;
    int r = 0;

    w->lines++;
    w->done++;
    if (value->type == SNAPSHOT_ENTRY)
        w->last = value->entry.id;
    if (w->lines <= w->written || is_passed_over(value))
        return 0;
    if (!w->open)
        r = begin_chunk(w, error);
    if (!r)
        put_value(w, value);
    return !r && (c->count > CHUNK_LINES || c->bytes.size > CHUNK_BYTES) ? end_chunk(w, w->lines, error) : r;
}

/* The outbox is a stream also where nothing waits, and its next id must lie above all that it ever gave. */
static int end_market(struct writing *w, struct error_text *error)
{
    const struct snapshot_market *market = snapshot_market(w->restore->snapshot, w->market);
    struct commands *c = w->restore->start.redis->commands;
    char id[STREAM_ID_TEXT_SIZE];
    int r = 0;

    if (w->written == RESTORE_WRITTEN)
        return 0;
    if (!w->open)
        r = begin_chunk(w, error);
    if (r)
        return r;
    stream_id_text(id, market->last);
    if (stream_id_compare(market->last, w->last) > 0) {
        command_texts(c, "XADD", w->shard.outbox_key, id, "made", "1", NULL);
        command_texts(c, "XDEL", w->shard.outbox_key, id, NULL);
    }
    command_texts(c, "HSET", w->shard.meta_key, "halt", RESTORE_HALT_WRITTEN, NULL);
    return end_chunk(w, RESTORE_WRITTEN, error);
}

static int begin_market(struct writing *w, size_t market, struct error_text *error)
{
    struct registry *found = calloc(1, sizeof *found);
    int r;

    w->market = market;
    w->lines = 0;
    w->last = (struct stream_id){0, 0};
    shard_init(&w->shard, w->restore->start.prefix, snapshot_market(w->restore->snapshot, market)->number);
    r = found ? restore_look(w->restore, &w->shard, &w->written, found, error) : -ENOMEM;
    free(found);
    return r == -EEXIST ? error_set(error, -ESTALE, "%s appeared meanwhile", w->shard.meta_key) : r;
}

/* The registries that are missing, before the values are gone through once. */
static int write_registries(struct restore *restore, struct error_text *error)
{
    int r = 0;

    for (size_t i = 0; !r && i < snapshot_markets(restore->snapshot); i++) {
        struct writing w = {.restore = restore};

        r = begin_market(&w, i, error);
        if (!r && w.written == RESTORE_NONE)
            r = write_registry(&w, error);
    }
    return r;
}

int restore_snapshot_write(struct restore *restore, struct error_text *error)
{
    struct writing w = {.restore = restore};
    struct snapshot_value value;
    size_t index;
    int r = write_registries(restore, error);

    if (!r)
        r = snapshot_rewind(restore->snapshot);
    if (!r)
        r = begin_market(&w, 0, error);
    while (!r && (r = snapshot_next(restore->snapshot, &index, &value, error)) == 1) {
        r = 0;
        if (index != w.market && !(r = end_market(&w, error)))
            r = begin_market(&w, index, error);
        if (!r)
            r = take_value(&w, &value, error);
    }
    return r ? r : end_market(&w, error);
}
