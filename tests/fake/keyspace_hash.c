/* Hashes. */
#include "base/number.h"
#include "fake/keyspace_inside.h"

static struct bytes value_of(const struct key *key, struct bytes field)
{
    const struct key_member *item = key_item(key, field);

    return item ? text_bytes(&item->value) : (struct bytes){NULL, 0};
}

static bool put(struct call *c, struct bytes field, struct bytes value)
{
    bool made;

    c->key->type = KEY_HASH;
    text_set(&key_item_put(c->key, field, &made)->value, value);
    return made;
}

/* Touches the key whether or not a value changed. */
static bool put_all(struct call *c, int64_t *added)
{
    if (c->count % 2) {
        resp_error(c->out, "ERR wrong number of arguments for 'hset' command");
        return false;
    }
    if (!call_key(c, KEY_HASH))
        return false;
    for (size_t i = 2; i < c->count; i += 2)
        *added += put(c, c->args[i], c->args[i + 1]);
    key_touch(c, c->key);
    return true;
}

static void hset(struct call *c)
{
    int64_t added = 0;

    if (put_all(c, &added))
        resp_int(c->out, added);
}

static void hmset(struct call *c)
{
    int64_t added = 0;

    if (put_all(c, &added))
        resp_status(c->out, "OK");
}

static void hsetnx(struct call *c)
{
    bool there = key_item(c->key, c->args[2]) != NULL;

    if (!there) {
        put(c, c->args[2], c->args[3]);
        key_touch(c, c->key);
    }
    resp_int(c->out, !there);
}

static void hincrby(struct call *c)
{
    char digits[NUMBER_TEXT_MAX];
    int64_t by, value = 0;
    struct bytes before;

    if (!call_integer(c, 3, &by) || !call_key(c, KEY_HASH))
        return;
    before = value_of(c->key, c->args[2]);
    if (before.data && !number_parse(before, &value)) {
        resp_error(c->out, "ERR hash value is not an integer");
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        resp_error(c->out, "ERR increment or decrement would overflow");
        return;
    }
    put(c, c->args[2], (struct bytes){digits, number_format(digits, value)});
    key_touch(c, c->key);
    resp_int(c->out, value);
}

static void hget(struct call *c)
{
    resp_bulk(c->out, value_of(c->key, c->args[2]));
}

static void hmget(struct call *c)
{
    resp_array(c->out, c->count - 2);
    for (size_t i = 2; i < c->count; i++)
        resp_bulk(c->out, value_of(c->key, c->args[i]));
}

static void hexists(struct call *c)
{
    resp_int(c->out, key_item(c->key, c->args[2]) != NULL);
}

static void hstrlen(struct call *c)
{
    resp_int(c->out, (int64_t)value_of(c->key, c->args[2]).size);
}

static void all(struct call *c, bool names, bool values)
{
    resp_array(c->out, (names + values) * (size_t)c->key->items.count);
    TABLE_EACH (&c->key->items, entry) {
        if (names)
            resp_bulk(c->out, entry_bytes(entry));
        if (values)
            resp_bulk(c->out, text_bytes(&((const struct key_member *)entry)->value));
    }
}

static void hgetall(struct call *c)
{
    all(c, true, true);
}

static void hkeys(struct call *c)
{
    all(c, true, false);
}

static void hvals(struct call *c)
{
    all(c, false, true);
}

enum { WRITES = COMMAND_WRITE | COMMAND_DENYOOM };

const struct command keyspace_hashes[] = {
    {"HSET", -4, WRITES, KEY_NONE, hset},
    {"HMGET", -3, 0, KEY_HASH, hmget},
    {"HGET", 3, 0, KEY_HASH, hget},
    {"HINCRBY", 4, WRITES, KEY_NONE, hincrby},
    {"HDEL", -3, COMMAND_WRITE, KEY_HASH, key_forget},
    {"HMSET", -4, WRITES, KEY_NONE, hmset},
    {"HSETNX", 4, WRITES, KEY_HASH, hsetnx},
    {"HEXISTS", 3, 0, KEY_HASH, hexists},
    {"HSTRLEN", 3, 0, KEY_HASH, hstrlen},
    {"HLEN", 2, 0, KEY_HASH, key_length},
    {"HGETALL", 2, 0, KEY_HASH, hgetall},
    {"HKEYS", 2, 0, KEY_HASH, hkeys},
    {"HVALS", 2, 0, KEY_HASH, hvals},
    {NULL, 0, 0, KEY_NONE, NULL},
};
