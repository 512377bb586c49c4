#include "replay/target_load.h"

#include <string.h>

enum { CHUNK = 500 };

static bool begins(struct bytes text, const char *start)
{
    return text.size >= strlen(start) && memcmp(text.data, start, strlen(start)) == 0;
}

/* The market and the seen lists; registry, marks and outbox are the replay's own. */
static bool wanted(const struct snapshot_value *value)
{
    if (value->type == SNAPSHOT_ENTRY)
        return false;
    return value->type == SNAPSHOT_LIST ? begins(value->key, "orderd:seen:") : !begins(value->key, "orderd:");
}

static void put(struct target *t, const struct snapshot_value *value, bool first)
{
    static const struct bytes none = {"", 0};
    static const char *const verbs[] = {
        [SNAPSHOT_HASH] = "HSET", [SNAPSHOT_SET] = "SADD", [SNAPSHOT_ZSET] = "ZADD", [SNAPSHOT_STRING] = "SET", [SNAPSHOT_LIST] = "RPUSH"};
    struct commands *c = t->options.redis->commands;
    struct bytes prefix = bytes_of(t->shard.prefix);

    if (value->type == SNAPSHOT_LIST && first) {      /* a load that was interrupted begins anew */
        command_begin(c, 2);
        command_text(c, "DEL");
        command_joined(c, prefix, value->key, none);
    }
    command_begin(c, value->type == SNAPSHOT_HASH || value->type == SNAPSHOT_ZSET ? 4 : 3);
    command_text(c, verbs[value->type]);
    command_joined(c, prefix, value->key, none);
    if (value->type == SNAPSHOT_ZSET)
        command_bytes(c, value->value);
    if (value->type == SNAPSHOT_HASH || value->type == SNAPSHOT_SET || value->type == SNAPSHOT_ZSET)
        command_bytes(c, value->member);
    if (value->type != SNAPSHOT_SET && value->type != SNAPSHOT_ZSET)
        command_bytes(c, value->value);
}

static int flush(struct target *t, struct error_text *error)
{
    size_t count = t->options.redis->commands->count;
    struct reply **replies;
    int r;

    if (!count)
        return 0;
    arena_reset(t->options.redis->arena);
    r = asker_ask(t->options.redis, &replies);
    if (!r)
        r = store_replies_check(replies, count, error);
    return r && !error->text[0] ? error_set(error, r, "the snapshot cannot be loaded: %s", strerror(-r)) : r;
}

int target_load(struct target *t, struct error_text *error)
{
    struct snapshot_value value;
    char list[PARTITION_KEY_MAX] = "";
    size_t market;
    int r = snapshot_rewind(t->options.state), more = 1;

    asker_begin(t->options.redis);
    while (!r && (more = snapshot_next(t->options.state, &market, &value, error)) > 0) {
        bool first;

        if (market != t->options.market || !wanted(&value))
            continue;
        first = !bytes_equal_text(value.key, list);
        if (value.key.size < sizeof list) {
            memcpy(list, value.key.data, value.key.size);
            list[value.key.size] = '\0';
        }
        put(t, &value, first);
        if (t->options.redis->commands->count >= CHUNK)
            r = flush(t, error);
    }
    if (!r && more < 0)
        r = more;
    return r ? r : flush(t, error);
}
