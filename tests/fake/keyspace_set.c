/* Sets. */
#include "fake/keyspace_inside.h"

static void sadd(struct call *c)
{
    int64_t added = 0;
    bool made;

    for (size_t i = 2; i < c->count; i++) {
        key_item_put(c->key, c->args[i], &made);
        added += made;
    }
    if (added) {
        c->key->type = KEY_SET;
        key_touch(c, c->key);
    }
    resp_int(c->out, added);
}

static void smismember(struct call *c)
{
    resp_array(c->out, c->count - 2);
    for (size_t i = 2; i < c->count; i++)
        resp_int(c->out, key_item(c->key, c->args[i]) != NULL);
}

static void sismember(struct call *c)
{
    resp_int(c->out, key_item(c->key, c->args[2]) != NULL);
}

static void smembers(struct call *c)
{
    resp_array(c->out, c->key->items.count);
    TABLE_EACH (&c->key->items, entry)
        resp_bulk(c->out, entry_bytes(entry));
}

static void smove(struct call *c)
{
    struct key *from, *to;
    struct key_member *item;
    bool made;

    if (!call_key(c, KEY_SET))
        return;
    from = c->key;
    to = key_of(c, c->args[2]);
    if (from->type != KEY_NONE && to->type != KEY_NONE && to->type != KEY_SET) {
        resp_error(c->out, ERROR_TYPE);
        return;
    }
    item = key_item(from, c->args[3]);
    if (item && from != to) {
        key_item_take(from, item);
        key_clear_if_empty(from);
        key_touch(c, from);
        key_item_put(to, c->args[3], &made);
        to->type = KEY_SET;
        if (made)
            key_touch(c, to);
    }
    resp_int(c->out, item != NULL);
}

const struct command keyspace_sets[] = {
    {"SADD", -3, COMMAND_WRITE | COMMAND_DENYOOM, KEY_SET, sadd},
    {"SREM", -3, COMMAND_WRITE, KEY_SET, key_forget},
    {"SMISMEMBER", -3, 0, KEY_SET, smismember},
    {"SISMEMBER", 3, 0, KEY_SET, sismember},
    {"SCARD", 2, 0, KEY_SET, key_length},
    {"SMEMBERS", 2, 0, KEY_SET, smembers},
    {"SMOVE", 4, COMMAND_WRITE, KEY_NONE, smove},
    {NULL, 0, 0, KEY_NONE, NULL},
};
