#include "sim/keys.h"

#include <stdio.h>

#include "base/number.h"

const struct keyspace *keys_data(void)
{
    return &world->redis.data;
}

int64_t keys_journal_position(void)
{
    return redis_server_position(&world->redis);
}

static struct bytes kept(struct arena *arena, struct bytes bytes)
{
    struct bytes copy = arena_copy(arena, bytes);

    ASSERT(copy.data);
    return copy;
}

static struct bytes text_bytes(const struct text *text)
{
    return (struct bytes){text->data ? text->data : "", text->size};
}

struct pairs {
    struct arena *arena;
    struct audit_pair *items;
    size_t count;
};

static void put_pair(void *context, struct bytes name, struct bytes value)
{
    struct pairs *pairs = context;

    pairs->items[pairs->count++] = (struct audit_pair){kept(pairs->arena, name), kept(pairs->arena, value)};
}

static void put_key(struct arena *arena, const struct key *key, struct audit_key *out)
{
    static const enum audit_type types[] = {[KEY_STRING] = AUDIT_STRING, [KEY_HASH] = AUDIT_HASH, [KEY_SET] = AUDIT_SET,
                                            [KEY_ZSET] = AUDIT_ZSET, [KEY_LIST] = AUDIT_LIST, [KEY_STREAM] = AUDIT_STREAM};
    struct pairs pairs = {.arena = arena, .items = arena_take(arena, (key_count(key) + 1) * sizeof *pairs.items)};

    ASSERT(pairs.items);
    key_each(key, put_pair, &pairs);
    *out = (struct audit_key){.name = kept(arena, (struct bytes){key->entry.name, key->entry.size}), .type = types[key->type], .pairs = pairs.items,
                              .count = pairs.count};
}

struct audit_keys keys_of_redis(struct arena *arena)
{
    const struct table *table = &keys_data()->databases[0];
    struct audit_key *items = arena_take(arena, (table->count + 1) * sizeof *items);
    size_t count = 0;

    ASSERT(items);
    TABLE_EACH(table, entry) {
        const struct key *key = (const struct key *)(const void *)entry;

        if (key->type != KEY_NONE)
            put_key(arena, key, &items[count++]);
    }
    return (struct audit_keys){items, count};
}

/* The key of that name under the shard's prefix; NULL when it is not there. */
static const struct key *find(const struct plan *plan, int32_t shard, const char *name)
{
    char full[128];
    int size = plan->settings.sharded ? snprintf(full, sizeof full, "{%d}%s", (int)shard, name) : snprintf(full, sizeof full, "%s", name);
    struct bytes bytes = {full, (size_t)size};
    const struct key *key = (const struct key *)(const void *)table_find(&keys_data()->databases[0], bytes, table_hash(bytes));

    return key && key->type != KEY_NONE ? key : NULL;
}

static struct bytes field(const struct key *key, const char *name)
{
    const struct key_member *item = key && key->type == KEY_HASH
        ? (const struct key_member *)(const void *)table_find(&key->items, bytes_of(name), table_hash(bytes_of(name))) : NULL;

    return item ? text_bytes(&item->value) : (struct bytes){NULL, 0};
}

struct bytes keys_hash_field(const char *name, const char *of)
{
    struct bytes bytes = bytes_of(name);

    return field((const struct key *)(const void *)table_find(&keys_data()->databases[0], bytes, table_hash(bytes)), of);
}

bool keys_number_at(int64_t position, const char *name, const char *of, int64_t *out)
{
    struct keyspace data = {.major = 0};
    const struct key *key;
    struct bytes text;
    bool is_none;

    redis_server_look_back(&world->redis, position, &data);
    key = keyspace_key(&data, bytes_of(name));
    text = of ? field(key, of) : key->type == KEY_STRING ? text_bytes(&key->string) : (struct bytes){NULL, 0};
    is_none = key->type == KEY_NONE || (key->type == KEY_HASH && of && !text.data);
    *out = 0;
    is_none = is_none || (text.data && number_parse(text, out));
    keyspace_deinit(&data);
    return is_none;
}

struct audit_place keys_place(const struct plan *plan, int32_t shard)
{
    const struct key *outbox = find(plan, shard, "orderd:outbox");
    struct audit_place place = {.era = 0};

    if (outbox && outbox->type == KEY_STREAM) {
        place.ms = outbox->last_ms;
        place.seq = outbox->last_seq;
    }
    if (!number_parse(field(find(plan, shard, "orderd:meta"), "era"), &place.era))
        place.era = 1;      /* before the registry was made */
    return place;
}

size_t keys_outbox_entries(const struct plan *plan, int32_t shard)
{
    const struct key *outbox = find(plan, shard, "orderd:outbox");

    return outbox && outbox->type == KEY_STREAM ? outbox->end - outbox->head : 0;
}

bool keys_outbox_holds(const struct plan *plan, int32_t shard, const struct audit_place *place)
{
    const struct key *outbox = find(plan, shard, "orderd:outbox");
    const struct stream_entry *entries = outbox && outbox->type == KEY_STREAM ? outbox->elements : NULL;
    char id[48], as[80];

    snprintf(id, sizeof id, "%llu-%llu", (unsigned long long)place->ms, (unsigned long long)place->seq);
    snprintf(as, sizeof as, "$2\r\nas\r\n$%zu\r\n%s\r\n", strlen(id), id);
    for (size_t i = entries ? outbox->head : 0; entries && i < outbox->end; i++) {
        struct bytes fields = text_bytes(&entries[i].fields);

        if ((entries[i].ms == place->ms && entries[i].seq == place->seq) || memmem(fields.data, fields.size, as, strlen(as)))
            return true;
    }
    return false;
}

static const struct key *mark_of(const struct plan *plan, const char *topic, int32_t partition)
{
    char name[96];

    snprintf(name, sizeof name, "orderd:mark:%s:%d", topic, (int)partition);
    return find(plan, partition, name);
}

struct bytes keys_mark_field(const struct plan *plan, const char *topic, int32_t partition, const char *of)
{
    return field(mark_of(plan, topic, partition), of);
}

bool keys_marks_are_there(const struct plan *plan)
{
    for (size_t t = 0; t < plan->settings.topics_count; t++)
        for (int32_t p = 0; p < plan->settings.partitions[t]; p++)
            if (!mark_of(plan, plan->settings.topics[t], p))
                return false;
    return true;
}

/* False when there is no readable mark. */
static bool mark_numbers(const struct key *mark, int64_t *next, int64_t *done)
{
    return number_parse(field(mark, "next"), next) && number_parse(field(mark, "done"), done);
}

struct bytes keys_incarnation(const struct plan *plan, int32_t shard)
{
    return field(find(plan, shard, "orderd:meta"), "incarnation");
}

int64_t keys_reapplied(const struct plan *plan, int32_t shard)
{
    int64_t era;

    return number_parse(field(find(plan, shard, "orderd:meta"), "reapplied"), &era) ? era : 0;
}

bool keys_is_halted(const struct plan *plan, int32_t shard)
{
    return field(find(plan, shard, "orderd:meta"), "halt").data != NULL;
}

struct keys_mark keys_mark(const struct plan *plan, const char *topic, int32_t partition)
{
    const struct key *key = mark_of(plan, topic, partition);
    struct keys_mark mark = {.torn = field(key, "torn").data != NULL};

    mark.there = mark_numbers(key, &mark.next, &mark.done);
    return mark;
}

bool keys_is_paused(const struct plan *plan, const char *topic, int32_t partition)
{
    char at[96];

    snprintf(at, sizeof at, "%s:%d", topic, (int)partition);
    return field(find(plan, partition, "orderd:paused"), at).data != NULL;
}

bool keys_mark_is_at(const struct plan *plan, const char *topic, int32_t partition, int64_t end)
{
    const struct key *mark = mark_of(plan, topic, partition);
    int64_t next, done;

    return mark_numbers(mark, &next, &done) && next == end && done == end &&
           !field(mark, "torn").data && !field(find(plan, partition, "orderd:meta"), "halt").data;
}

bool keys_mark_is_done(const struct plan *plan, const char *topic, int32_t partition)
{
    int64_t next, done;

    return mark_numbers(mark_of(plan, topic, partition), &next, &done) && next == done;
}

bool keys_are_whole(const struct plan *plan)
{
    for (size_t t = 0; t < plan->settings.topics_count; t++)
        for (int32_t p = 0; p < plan->settings.partitions[t]; p++)
            if (!mark_of(plan, plan->settings.topics[t], p) || !find(plan, p, "orderd:meta") || !find(plan, p, "orderd:outbox"))
                return false;
    return true;
}

void keys_mark_text(const struct plan *plan, const char *topic, int32_t partition, struct buffer *out)
{
    static const char *const names[] = {"next", "done", "torn"};
    const struct key *mark = mark_of(plan, topic, partition);
    struct bytes halt = field(find(plan, partition, "orderd:meta"), "halt");

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        struct bytes value = field(mark, names[i]);

        buffer_put_format(out, "%s%s=%.*s", i ? " " : "", names[i], (int)value.size, value.data ? value.data : "");
    }
    buffer_put_format(out, ", halt: %.*s", (int)halt.size, halt.data ? halt.data : "none");
}

void keys_deadlines(int64_t out[AUDIT_KINDS], const int64_t *deadline_ms)
{
    static const enum audit_event_kind kinds[EVENT_KIND_COUNT] = {
        [EVENT_LIST] = AUDIT_KIND_LIST, [EVENT_UNLIST] = AUDIT_KIND_UNLIST, [EVENT_PURCHASE] = AUDIT_KIND_PURCHASE,
        [EVENT_RESERVE] = AUDIT_KIND_RESERVE, [EVENT_RESTOCK] = AUDIT_KIND_RESTOCK, [EVENT_DEPOSIT] = AUDIT_KIND_DEPOSIT,
        [EVENT_GRANT] = AUDIT_KIND_GRANT};

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        out[kinds[kind]] = deadline_ms[kind];
}
