#include "replay/target_load.h"

#include <string.h>

#include "store/exec.h"

enum { CHUNK = 500 };

/* The market and the seen lists; registry, marks and outbox are the replay's own. */
static bool wanted(const struct snapshot_value *value)
{
    if (value->type == SNAPSHOT_ENTRY)
        return false;
    return value->type == SNAPSHOT_LIST ? bytes_begin(value->key, "orderd:seen:") : !bytes_begin(value->key, "orderd:");
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

/* The registry's field by which the run that loads is known. */
static const char field[] = "loading";

static int failed(int r, struct error_text *error)
{
    return r && !error->text[0] ? error_set(error, r, "the snapshot cannot be loaded: %s", strerror(-r)) : r;
}

static int ask(struct target *t, struct reply ***replies, struct error_text *error)
{
    size_t count = t->options.redis->commands->count;
    int r = asker_ask(t->options.redis, replies);

    return failed(r ? r : store_replies_check(*replies, count, error), error);
}

static int end(struct target *t, struct error_text *error)
{
    struct exec_result result = {.class = EXEC_UNKNOWN};
    int r;

    command_texts(t->options.redis->commands, "EXEC", NULL);
    r = asker_exec(t->options.redis, t->options.redis->commands->count - 2, &result);
    if (!r && result.class != EXEC_APPLIED)
        r = result.class == EXEC_CONFLICT ? -ESTALE : result.class == EXEC_UNKNOWN ? -ECONNRESET : -EIO;
    return r ? error_set(error, r, "the snapshot cannot be loaded: %s", result.class == EXEC_REFUSED ? result.error.text : strerror(-r)) : 0;
}

/* MULTI, under WATCH of the registry, whose field must be `run`, or with NULL the marks must not be there yet. The caller puts commands behind it. */
static int begin(struct target *t, const char *run, struct error_text *error)
{
    struct commands *c = t->options.redis->commands;
    struct reply **replies;
    bool stands = false;
    int r;

    asker_begin(t->options.redis);
    command_texts(c, "UNWATCH", NULL);
    command_texts(c, "WATCH", t->shard.meta_key, NULL);
    command_texts(c, "HGET", t->shard.meta_key, field, NULL);
    command_texts(c, "EXISTS", t->partitions[0]->mark_key, NULL);
    r = ask(t, &replies, error);
    if (!r)
        stands = run ? replies[2]->type == REPLY_STRING && bytes_equal_text(replies[2]->text, run) : replies[3]->integer == 0;
    if (!r && !stands)
        r = error_set(error, -ESTALE, "another run of this replay loads the snapshot, or has loaded it");
    asker_begin(t->options.redis);
    command_texts(c, "MULTI", NULL);
    return r;
}

/* From now on this run loads, and no other that may still live. */
static int claim(struct target *t, const char *run, struct error_text *error)
{
    int r = begin(t, NULL, error);

    command_texts(t->options.redis->commands, "HSET", t->shard.meta_key, field, run, NULL);
    return r ? r : end(t, error);
}

static int put_values(struct target *t, const char *run, struct error_text *error)
{
    struct snapshot_value value;
    char list[PARTITION_KEY_MAX] = "";
    size_t market;
    int r = snapshot_rewind(t->options.state), more = 1;

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
        if (t->options.redis->commands->count < CHUNK)
            continue;
        r = end(t, error);
        if (!r)
            r = begin(t, run, error);
    }
    return r ? r : more < 0 ? failed(more, error) : 0;
}

int target_load(struct target *t, struct error_text *error)
{
    char run[CLOCK_UUID_SIZE];
    int r;

    clock_uuid(t->options.clock, run);
    r = claim(t, run, error);
    if (!r)
        r = begin(t, run, error);
    if (!r)
        r = put_values(t, run, error);
    if (r)
        return r;
    for (size_t i = 0; i < t->count; i++)
        target_put_mark(t, &t->ranges[i]);
    command_texts(t->options.redis->commands, "HDEL", t->shard.meta_key, field, NULL);
    return end(t, error);
}
