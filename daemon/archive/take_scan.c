/* The keys by SCAN, a few at a time; what they hold in chunks, large ones by cursors of their own. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/take.h"
#include "store/scan.h"

enum { CHUNK_KEYS = 64, SCAN_COUNT = 256, MEMBERS_COUNT = 256, CURSOR_SIZE = 24 };

/* How a key is read on. */
enum reading { READ_HASH, READ_SET, READ_ZSET, READ_STRING, READ_LIST, READ_TYPE /* it is not of the type that its name tells */ };

struct asked {
    struct bytes key;                    /* without the prefix; in the names that SCAN gave */
    enum take_class class;
    enum reading reading;
    char cursor[CURSOR_SIZE];            /* READ_LIST: the index */
};

struct market_scan {
    struct take *take;
    struct buffer names;                 /* of the last SCAN, sized */
    struct asked asked[CHUNK_KEYS];      /* the chunk's */
    size_t count;
};

/* What the moment reads by itself, the seen lists that have marks, and what a self-test is just writing. */
static bool is_read_elsewhere(const struct take *take, struct bytes key)
{
    size_t prefix = strlen(take->shard.prefix);

    if (bytes_equal_text(key, "orderd:meta") || bytes_equal_text(key, "orderd:outbox") || bytes_equal_text(key, "orderd:paused") ||
        bytes_begin(key, "orderd:selftest:"))
        return true;
    for (size_t i = 0; i < take->count; i++)
        if (bytes_equal_text(key, take->partitions[i].mark_key + prefix) || bytes_equal_text(key, take->partitions[i].seen_key + prefix))
            return true;
    return false;
}

/* Whether the key is one of those, and how it is read. */
static bool choose(const struct take *take, struct bytes key, struct asked *out)
{
    struct snapshot_value named = {.type = SNAPSHOT_STRING, .key = key};
    static const enum reading readings[] = {[VIEW_FUNDS] = READ_HASH, [VIEW_STOCK] = READ_STRING, [VIEW_INVENTORY] = READ_SET, [VIEW_MARKET] = READ_ZSET};
    struct snapshot_cell cell;

    *out = (struct asked){.key = key, .class = TAKE_LEDGER, .reading = bytes_begin(key, "orderd:seen:") ? READ_LIST : READ_HASH, .cursor = "0"};
    if (bytes_begin(key, "orderd:"))
        return !is_read_elsewhere(take, key);
    out->class = TAKE_MARKET;
    if (!snapshot_cell_of(&named, &cell))
        return false;
    out->reading = readings[cell.kind];
    return true;
}

static void put_read(struct take *take, const struct asked *asked)
{
    static const char *const verbs[] = {[READ_HASH] = "HSCAN", [READ_SET] = "SSCAN", [READ_ZSET] = "ZSCAN", [READ_STRING] = "GET", [READ_LIST] = "LRANGE",
                                        [READ_TYPE] = "TYPE"};
    struct commands *c = take->options->start.redis->commands;
    bool cursor = asked->reading <= READ_ZSET, list = asked->reading == READ_LIST;

    command_begin(c, cursor ? 5 : list ? 4 : 2);
    command_text(c, verbs[asked->reading]);
    command_joined(c, bytes_of(take->shard.prefix), asked->key, (struct bytes){"", 0});
    if (cursor || list)
        command_text(c, asked->cursor);
    if (cursor) {
        command_text(c, "COUNT");
        command_int(c, MEMBERS_COUNT);
    }
    if (list)
        command_int(c, strtoll(asked->cursor, NULL, 10) + MEMBERS_COUNT - 1);
}

static void leave_out(struct take *take, const struct asked *asked, struct bytes type)
{
    struct snapshot_taken *taken = take->taken;

    if (taken->left_out++ == 0)
        snprintf(taken->first_left_out, sizeof taken->first_left_out, "%s%.*s (%.*s)", take->shard.prefix, (int)asked->key.size, asked->key.data, (int)type.size,
                 type.data);
}

/* False: there is nothing more to read of it. */
static bool take_type(struct take *take, struct asked *asked, const struct reply *reply)
{
    static const struct {
        const char *name;
        enum reading reading;
    } types[] = {{"hash", READ_HASH}, {"set", READ_SET}, {"zset", READ_ZSET}, {"string", READ_STRING}, {"list", READ_LIST}};

    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (bytes_equal_text(reply->text, types[i].name)) {
            asked->reading = types[i].reading;
            memcpy(asked->cursor, "0", sizeof "0");
            return true;
        }
    if (!bytes_equal_text(reply->text, "none"))
        leave_out(take, asked, reply->text);
    return false;
}

static struct bytes some(struct bytes text)
{
    return text.data ? text : (struct bytes){"", 0};
}

static int put_members(struct take *take, const struct asked *asked, const struct reply *members)
{
    static const enum snapshot_type types[] = {[READ_HASH] = SNAPSHOT_HASH, [READ_SET] = SNAPSHOT_SET, [READ_ZSET] = SNAPSHOT_ZSET};
    size_t step = asked->reading == READ_SET ? 1 : 2;
    int r = 0;

    for (size_t i = 0; !r && i + step <= members->count; i += step) {
        struct snapshot_value value = {.type = types[asked->reading], .key = asked->key, .member = some(members->elements[i]->text)};

        if (step == 2)
            value.value = some(members->elements[i + 1]->text);
        r = take_value_put(take, asked->class, &value, 0);
    }
    return r;
}

/* 1: there is more of it. */
static int take_cursor(struct take *take, struct asked *asked, const struct reply *reply)
{
    const struct reply *cursor = reply->count == 2 ? reply->elements[0] : NULL;
    int r;

    if (!cursor || cursor->type != REPLY_STRING || cursor->text.size >= sizeof asked->cursor || reply->elements[1]->type != REPLY_ARRAY)
        return error_set(take->error, -EPROTO, "redis does not answer a scan of %.*s as it should", (int)asked->key.size, asked->key.data);
    memcpy(asked->cursor, cursor->text.data, cursor->text.size);
    asked->cursor[cursor->text.size] = '\0';
    r = put_members(take, asked, reply->elements[1]);
    return r ? r : strcmp(asked->cursor, "0") != 0;
}

static int take_elements(struct take *take, struct asked *asked, const struct reply *reply)
{
    int64_t index = strtoll(asked->cursor, NULL, 10);
    int r = 0;

    for (size_t i = 0; !r && i < reply->count; i++) {
        struct snapshot_value value = {.type = SNAPSHOT_LIST, .key = asked->key, .value = some(reply->elements[i]->text)};

        r = take_value_put(take, asked->class, &value, index + (int64_t)i);
    }
    snprintf(asked->cursor, sizeof asked->cursor, "%lld", (long long)index + (long long)reply->count);
    return r ? r : reply->count == MEMBERS_COUNT;
}

/* 1: there is more of the key to be read. */
static int take_reply(struct take *take, struct asked *asked, const struct reply *reply)
{
    struct snapshot_value value = {.type = SNAPSHOT_STRING, .key = asked->key, .value = some(reply->text)};

    if (reply->type == REPLY_ERROR) {
        asked->reading = READ_TYPE;
        return 1;
    }
    if (asked->reading == READ_TYPE)
        return take_type(take, asked, reply);
    if (asked->reading == READ_STRING)
        return reply->type == REPLY_STRING ? take_value_put(take, asked->class, &value, 0) : 0;
    if (reply->type != REPLY_ARRAY)
        return error_set(take->error, -EPROTO, "redis does not answer for %.*s as it should", (int)asked->key.size, asked->key.data);
    return asked->reading == READ_LIST ? take_elements(take, asked, reply) : take_cursor(take, asked, reply);
}

static int read_chunk(struct market_scan *scan)
{
    struct take *take = scan->take;
    struct reply **replies;
    size_t kept = 0;
    int r = take_go_on(take);

    if (r)
        return r;
    take_chunk_begin(take);
    for (size_t i = 0; i < scan->count; i++)
        put_read(take, &scan->asked[i]);
    r = take_chunk_end(take, scan->count, &replies);
    for (size_t i = 0; r >= 0 && i < scan->count; i++) {
        r = take_reply(take, &scan->asked[i], replies[i]);
        if (r == 1)
            scan->asked[kept++] = scan->asked[i];
    }
    scan->count = kept;
    if (take->options->progress)
        take->options->progress(take->options->context, "reading", take->read);
    return r < 0 ? r : 0;
}

/* All keys of `names`, chunk by chunk. Their names must stay where they are meanwhile. */
static int read_keys(struct market_scan *scan, struct reader names)
{
    int r = 0;

    while (!r && (names.at < names.end || scan->count)) {
        while (names.at < names.end && scan->count < CHUNK_KEYS)
            if (choose(scan->take, reader_sized(&names), &scan->asked[scan->count]))
                scan->count++;
        if (scan->count)
            r = read_chunk(scan);
    }
    return r;
}

/* One SCAN: its keys without the prefix, in memory of our own. */
static int ask_names(struct market_scan *market, struct scan *scan)
{
    struct take *take = market->take;
    size_t prefix = strlen(take->shard.prefix);
    struct reply **replies;
    const struct reply *keys;
    int r;

    asker_begin(take->options->start.redis);
    scan_put(scan, take->options->start.redis->commands, SCAN_COUNT);
    r = take_ask(take, &replies);
    if (r)
        return r;
    if (scan_take(scan, replies[0], &keys))
        return error_set(take->error, -EPROTO, "redis does not answer SCAN as it should");
    buffer_reset(&market->names);
    for (size_t i = 0; i < keys->count; i++)
        if (keys->elements[i]->text.size > prefix)
            buffer_put_sized(&market->names, (struct bytes){keys->elements[i]->text.data + prefix, keys->elements[i]->text.size - prefix});
    return buffer_error(&market->names);
}

int take_scan(struct take *take)
{
    struct market_scan market = {.take = take};
    struct scan scan;
    int r;

    scan_begin(&scan, take->shard.prefix, "[uiso][sntr][eovd]*");      /* "users:…", "inventory:…", "stock:…", "orderd:…" */
    buffer_init(&market.names, 64 << 20);
    buffer_put_sized(&market.names, bytes_of("market:"));
    r = read_keys(&market, reader_of(buffer_bytes(&market.names)));
    do {
        if (!r)
            r = ask_names(&market, &scan);
        if (!r)
            r = read_keys(&market, reader_of(buffer_bytes(&market.names)));
    } while (!r && !scan_is_over(&scan));
    buffer_deinit(&market.names);
    return r;
}
