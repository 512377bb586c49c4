/* Lists. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "fake/keyspace_inside.h"

static struct text *element(const struct key *key, int64_t at)
{
    return (struct text *)key->elements + key->head + at;
}

static int64_t count_of(const struct key *key)
{
    return (int64_t)(key->end - key->head);
}

static void push(struct call *c, bool front)
{
    c->key->type = KEY_LIST;
    for (size_t i = 2; i < c->count; i++) {
        struct text *made = key_elements_room(c->key, sizeof *made, front);

        *made = (struct text){NULL, 0, 0};
        text_set(made, c->args[i]);
    }
    key_touch(c, c->key);
    resp_int(c->out, count_of(c->key));
}

static void rpush(struct call *c)
{
    push(c, false);
}

static void lpush(struct call *c)
{
    push(c, true);
}

static void pop(struct call *c, bool front)
{
    struct text *gone = element(c->key, front ? 0 : count_of(c->key) - 1);

    resp_bulk(c->out, text_bytes(gone));
    free(gone->data);
    if (front)
        c->key->head++;
    else
        c->key->end--;
}

static void pop_some(struct call *c, bool front)
{
    int64_t wanted = 1;

    if (c->count > 3) {
        resp_error(c->out, front ? "ERR wrong number of arguments for 'lpop' command" : "ERR wrong number of arguments for 'rpop' command");
        return;
    }
    if (c->count == 3 && (!number_parse(c->args[2], &wanted) || wanted < 0)) {
        resp_error(c->out, "ERR value is out of range, must be positive");
        return;
    }
    if (!call_key(c, KEY_LIST))
        return;
    if (c->key->type == KEY_NONE) {
        c->count == 3 ? resp_nil_array(c->out) : resp_bulk(c->out, (struct bytes){NULL, 0});
        return;
    }
    wanted = wanted < count_of(c->key) ? wanted : count_of(c->key);
    if (c->count == 3)
        resp_array(c->out, (size_t)wanted);
    if (!wanted)
        return;
    for (; wanted; wanted--)
        pop(c, front);
    key_clear_if_empty(c->key);
    key_touch(c, c->key);
}

static void lpop(struct call *c)
{
    pop_some(c, true);
}

static void rpop(struct call *c)
{
    pop_some(c, false);
}

/* The element that the argument names, from either end; NULL when there is none. */
static struct text *indexed(const struct key *key, int64_t at)
{
    int64_t count = count_of(key);

    at = at < 0 ? at + count : at;
    return at >= 0 && at < count ? element(key, at) : NULL;
}

static void lset(struct call *c)
{
    struct text *found;
    int64_t at;

    if (!call_key(c, KEY_LIST))
        return;
    if (c->key->type == KEY_NONE) {
        resp_error(c->out, "ERR no such key");
        return;
    }
    if (!call_integer(c, 2, &at))
        return;
    found = indexed(c->key, at);
    if (!found) {
        resp_error(c->out, "ERR index out of range");
        return;
    }
    text_set(found, c->args[3]);
    key_touch(c, c->key);
    resp_status(c->out, "OK");
}

static void lindex(struct call *c)
{
    const struct text *found;
    int64_t at;

    if (c->key->type == KEY_NONE) {
        resp_bulk(c->out, (struct bytes){NULL, 0});
        return;
    }
    if (!call_integer(c, 2, &at))
        return;
    found = indexed(c->key, at);
    resp_bulk(c->out, found ? text_bytes(found) : (struct bytes){NULL, 0});
}

static void lrange(struct call *c)
{
    int64_t from, to;

    if (!call_integer(c, 2, &from) || !call_integer(c, 3, &to) || !call_key(c, KEY_LIST))
        return;
    if (!call_range(&from, &to, key_count(c->key))) {
        resp_array(c->out, 0);
        return;
    }
    resp_array(c->out, (size_t)(to - from + 1));
    for (; from <= to; from++)
        resp_bulk(c->out, text_bytes(element(c->key, from)));
}

/* Touches the key even where it keeps everything. */
static void ltrim(struct call *c)
{
    int64_t from, to, count;

    if (!call_integer(c, 2, &from) || !call_integer(c, 3, &to) || !call_key(c, KEY_LIST))
        return;
    resp_status(c->out, "OK");
    count = count_of(c->key);
    if (c->key->type == KEY_NONE)
        return;
    if (!call_range(&from, &to, key_count(c->key))) {
        from = count;
        to = count - 1;
    }
    for (int64_t i = 0; i < count; i++)
        if (i < from || i > to)
            free(element(c->key, i)->data);
    c->key->end = c->key->head + (size_t)to + 1;
    c->key->head += (size_t)from;
    key_clear_if_empty(c->key);
    key_touch(c, c->key);
}

enum { WRITES = COMMAND_WRITE | COMMAND_DENYOOM };

const struct command keyspace_lists[] = {
    {"RPUSH", -3, WRITES, KEY_LIST, rpush},
    {"LPUSH", -3, WRITES, KEY_LIST, lpush},
    {"LPOP", -2, COMMAND_WRITE, KEY_NONE, lpop},
    {"RPOP", -2, COMMAND_WRITE, KEY_NONE, rpop},
    {"LSET", 4, WRITES, KEY_NONE, lset},
    {"LRANGE", 4, 0, KEY_NONE, lrange},
    {"LLEN", 2, 0, KEY_LIST, key_length},
    {"LINDEX", 3, 0, KEY_LIST, lindex},
    {"LTRIM", 4, COMMAND_WRITE, KEY_NONE, ltrim},
    {NULL, 0, 0, KEY_NONE, NULL},
};
