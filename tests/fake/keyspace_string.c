/* Strings. */
#include "base/number.h"
#include "fake/keyspace_inside.h"

static struct bytes value_of(const struct key *key)
{
    return key->type == KEY_STRING ? text_bytes(&key->string) : (struct bytes){NULL, 0};
}

/* Whatever was there before, and its time to live, is gone. */
static void store(struct call *c, struct key *key, struct bytes value)
{
    if (key->type != KEY_STRING)
        key_clear(key);
    key->type = KEY_STRING;
    key->expires = 0;
    text_set(&key->string, value);
    key_touch(c, key);
}

static void get(struct call *c)
{
    resp_bulk(c->out, value_of(c->key));
}

static void mget(struct call *c)
{
    resp_array(c->out, c->count - 1);
    for (size_t i = 1; i < c->count; i++)
        resp_bulk(c->out, value_of(key_of(c, c->args[i])));
}

struct set_options {
    bool only_new, only_old, get, keep;
    size_t expire_at;       /* the argument that says when; 0: none */
    int64_t unit, base;
};

static bool set_expire_option(struct call *c, size_t at, struct set_options *o)
{
    static const struct { const char *word; int64_t unit; bool from_now; } kinds[] = {
        {"EX", 1000, true}, {"PX", 1, true}, {"EXAT", 1000, false}, {"PXAT", 1, false}};

    for (size_t k = 0; k < 4; k++)
        if (is_word(c->args[at], kinds[k].word) && at + 1 < c->count && !o->expire_at && !o->keep) {
            o->expire_at = at + 1;
            o->unit = kinds[k].unit;
            o->base = kinds[k].from_now ? c->now_ms : 0;
            return true;
        }
    return false;
}

static bool set_options(struct call *c, struct set_options *o)
{
    for (size_t i = 3; i < c->count; i++) {
        if (is_word(c->args[i], "NX") && !o->only_old)
            o->only_new = true;
        else if (is_word(c->args[i], "XX") && !o->only_new)
            o->only_old = true;
        else if (is_word(c->args[i], "GET"))
            o->get = true;
        else if (is_word(c->args[i], "KEEPTTL") && !o->expire_at)
            o->keep = true;
        else if (set_expire_option(c, i, o))
            i++;
        else {
            resp_error(c->out, ERROR_SYNTAX);
            return false;
        }
    }
    return true;
}

static bool set_when(struct call *c, const struct set_options *o, int64_t *when)
{
    *when = 0;
    if (!o->expire_at)
        return true;
    if (!call_integer(c, o->expire_at, when))
        return false;
    if (*when <= 0 || __builtin_mul_overflow(*when, o->unit, when) || __builtin_add_overflow(*when, o->base, when)) {
        resp_error(c->out, "ERR invalid expire time in 'set' command");
        return false;
    }
    return true;
}

static void set(struct call *c)
{
    struct set_options o = {.get = false};
    int64_t when, before;
    struct key *key;

    if (!set_options(c, &o) || !set_when(c, &o, &when) || (o.get && !call_key(c, KEY_STRING)))
        return;
    key = key_of(c, c->args[1]);
    if (o.get)
        resp_bulk(c->out, value_of(key));
    if ((o.only_new && key->type != KEY_NONE) || (o.only_old && key->type == KEY_NONE)) {
        if (!o.get)
            resp_bulk(c->out, (struct bytes){NULL, 0});
        return;
    }
    before = key->expires;
    store(c, key, c->args[2]);
    key->expires = o.keep ? before : when;
    if (!o.get)
        resp_status(c->out, "OK");
}

static void setnx(struct call *c)
{
    struct key *key = key_of(c, c->args[1]);
    bool made = key->type == KEY_NONE;

    if (made)
        store(c, key, c->args[2]);
    resp_int(c->out, made);
}

static void getset(struct call *c)
{
    resp_bulk(c->out, value_of(c->key));
    store(c, c->key, c->args[2]);
}

static void getdel(struct call *c)
{
    resp_bulk(c->out, value_of(c->key));
    if (c->key->type == KEY_NONE)
        return;
    key_clear(c->key);
    key_touch(c, c->key);
}

static void mset(struct call *c)
{
    if (c->count % 2 == 0) {
        resp_error(c->out, "ERR wrong number of arguments for 'mset' command");
        return;
    }
    for (size_t i = 1; i < c->count; i += 2)
        store(c, key_of(c, c->args[i]), c->args[i + 1]);
    resp_status(c->out, "OK");
}

static void append(struct call *c)
{
    struct key *key = c->key;
    size_t size = key->string.size;

    if (key->type == KEY_NONE) {
        store(c, key, c->args[2]);
    } else {
        /* Longer for a moment, so that there is room. */
        struct buffer whole;

        buffer_init(&whole, 64 << 20);
        buffer_put(&whole, key->string.data, size);
        buffer_put_bytes(&whole, c->args[2]);
        text_set(&key->string, buffer_bytes(&whole));
        buffer_deinit(&whole);
        key_touch(c, key);
    }
    resp_int(c->out, (int64_t)key->string.size);
}

static void length(struct call *c)
{
    resp_int(c->out, (int64_t)value_of(c->key).size);
}

/* Keeps the time to live. */
static void increase(struct call *c, int64_t by)
{
    char digits[NUMBER_TEXT_MAX];
    int64_t value = 0;

    if (!call_key(c, KEY_STRING))
        return;
    if (c->key->type == KEY_STRING && !number_parse(text_bytes(&c->key->string), &value)) {
        resp_error(c->out, ERROR_INTEGER);
        return;
    }
    if (__builtin_add_overflow(value, by, &value)) {
        resp_error(c->out, "ERR increment or decrement would overflow");
        return;
    }
    c->key->type = KEY_STRING;
    text_set(&c->key->string, (struct bytes){digits, number_format(digits, value)});
    key_touch(c, c->key);
    resp_int(c->out, value);
}

static void incr(struct call *c)
{
    increase(c, 1);
}

static void decr(struct call *c)
{
    increase(c, -1);
}

static void incrby(struct call *c)
{
    int64_t by;

    if (call_integer(c, 2, &by))
        increase(c, by);
}

static void decrby(struct call *c)
{
    int64_t by;

    if (!call_integer(c, 2, &by))
        return;
    if (by == INT64_MIN)
        resp_error(c->out, "ERR decrement would overflow");
    else
        increase(c, -by);
}

enum { WRITES = COMMAND_WRITE | COMMAND_DENYOOM };

const struct command keyspace_strings[] = {
    {"GET", 2, 0, KEY_STRING, get},
    {"SET", -3, WRITES, KEY_NONE, set},
    {"INCRBY", 3, WRITES, KEY_NONE, incrby},
    {"INCR", 2, WRITES, KEY_NONE, incr},
    {"DECR", 2, WRITES, KEY_NONE, decr},
    {"DECRBY", 3, WRITES, KEY_NONE, decrby},
    {"MGET", -2, 0, KEY_NONE, mget},
    {"MSET", -3, WRITES, KEY_NONE, mset},
    {"SETNX", 3, WRITES, KEY_NONE, setnx},
    {"GETSET", 3, WRITES, KEY_STRING, getset},
    {"GETDEL", 2, COMMAND_WRITE, KEY_STRING, getdel},
    {"APPEND", 3, WRITES, KEY_STRING, append},
    {"STRLEN", 2, 0, KEY_STRING, length},
    {NULL, 0, 0, KEY_NONE, NULL},
};
