/* Commands on keys of any type, and on whole databases. */
#include <stdlib.h>

#include "base/number.h"
#include "fake/keyspace_inside.h"

static void type(struct call *c)
{
    static const char *const names[] = {"none", "string", "hash", "set", "zset", "list", "stream"};

    resp_status(c->out, names[key_of(c, c->args[1])->type]);
}

static void del(struct call *c)
{
    int64_t gone = 0;

    for (size_t i = 1; i < c->count; i++) {
        struct key *key = key_of(c, c->args[i]);

        if (key->type == KEY_NONE)
            continue;
        key_clear(key);
        key_touch(c, key);
        gone++;
    }
    resp_int(c->out, gone);
}

static void exists(struct call *c)
{
    int64_t found = 0;

    for (size_t i = 1; i < c->count; i++)
        found += key_of(c, c->args[i])->type != KEY_NONE;
    resp_int(c->out, found);
}

static bool expire_options(struct call *c, unsigned *options)
{
    static const char *const names[] = {"NX", "XX", "GT", "LT"};

    for (size_t i = 3; i < c->count; i++) {
        unsigned option = 0;

        for (unsigned n = 0; n < 4; n++)
            option |= (unsigned)is_word(c->args[i], names[n]) << n;
        if (!option) {
            resp_error(c->out, "ERR Unsupported option");
            return false;
        }
        *options |= option;
    }
    if (((*options & 1) && (*options & 14)) || (*options & 12) == 12) {
        resp_error(c->out, "ERR NX and XX, GT or LT options at the same time are not compatible");
        return false;
    }
    return true;
}

static bool may_expire(unsigned options, int64_t before, int64_t after)
{
    return !((options & 1) && before) && !((options & 2) && !before) && !((options & 4) && (!before || after <= before)) &&
           !((options & 8) && before && after >= before);
}

static void expire_at(struct call *c, int64_t unit, int64_t base)
{
    unsigned options = 0;
    struct key *key;
    int64_t when;

    if (!expire_options(c, &options) || !call_integer(c, 2, &when))
        return;
    if (__builtin_mul_overflow(when, unit, &when) || __builtin_add_overflow(when, base, &when)) {
        resp_error(c->out, "ERR invalid expire time");
        return;
    }
    key = key_of(c, c->args[1]);
    if (key->type == KEY_NONE || !may_expire(options, key->expires, when)) {
        resp_int(c->out, 0);
        return;
    }
    if (when <= c->now_ms)
        key_clear(key);
    else
        key->expires = when;
    key_touch(c, key);
    resp_int(c->out, 1);
}

static void expire(struct call *c)
{
    expire_at(c, 1000, c->now_ms);
}

static void pexpire(struct call *c)
{
    expire_at(c, 1, c->now_ms);
}

static void expireat(struct call *c)
{
    expire_at(c, 1000, 0);
}

static void pexpireat(struct call *c)
{
    expire_at(c, 1, 0);
}

static void time_left(struct call *c, int64_t unit)
{
    const struct key *key = key_of(c, c->args[1]);

    resp_int(c->out, key->type == KEY_NONE ? -2 : !key->expires ? -1 : (key->expires - c->now_ms + unit / 2) / unit);
}

static void ttl(struct call *c)
{
    time_left(c, 1000);
}

static void pttl(struct call *c)
{
    time_left(c, 1);
}

static void expiretime(struct call *c)
{
    const struct key *key = key_of(c, c->args[1]);

    resp_int(c->out, key->type == KEY_NONE ? -2 : !key->expires ? -1 : key->expires);
}

static void persist(struct call *c)
{
    struct key *key = key_of(c, c->args[1]);
    bool had = key->expires != 0;

    if (had) {
        key->expires = 0;
        key_touch(c, key);
    }
    resp_int(c->out, had);
}

static void rename_to(struct call *c, bool over)
{
    struct key *from = key_of(c, c->args[1]), *to = key_of(c, c->args[2]);

    if (from->type == KEY_NONE) {
        resp_error(c->out, "ERR no such key");
        return;
    }
    if (from != to && (over || to->type == KEY_NONE)) {
        key_clear(to);
        key_move(to, from);
        key_touch(c, from);
        key_touch(c, to);
        over ? resp_status(c->out, "OK") : resp_int(c->out, 1);
        return;
    }
    over ? resp_status(c->out, "OK") : resp_int(c->out, 0);
}

static void rename_over(struct call *c)
{
    rename_to(c, true);
}

static void renamenx(struct call *c)
{
    rename_to(c, false);
}

static void dbsize(struct call *c)
{
    int64_t count = 0;

    TABLE_EACH (&c->keyspace->databases[c->database], entry)
        count += key_of(c, entry_bytes(entry))->type != KEY_NONE;
    resp_int(c->out, count);
}

static bool flush_mode(struct call *c)
{
    if (c->count == 1 || (c->count == 2 && (is_word(c->args[1], "ASYNC") || is_word(c->args[1], "SYNC"))))
        return true;
    resp_error(c->out, ERROR_SYNTAX);
    return false;
}

/* A key whose time is over is not there any more: whoever watches it since then is not touched. */
static void let_go(struct call *c, int database)
{
    TABLE_EACH (&c->keyspace->databases[database], entry)
        database_key(&c->keyspace->databases[database], entry_bytes(entry), c->now_ms);
}

static void flushdb(struct call *c)
{
    if (!flush_mode(c))
        return;
    let_go(c, c->database);
    keyspace_flush_database(&c->keyspace->databases[c->database]);
    c->dirty++;
    resp_status(c->out, "OK");
}

static void flushall(struct call *c)
{
    if (!flush_mode(c))
        return;
    for (int i = 0; i < DATABASES; i++)
        let_go(c, i);
    keyspace_flush(c->keyspace);
    c->dirty++;
    resp_status(c->out, "OK");
}

/* Names stay with their database, where WATCH has them, and the contents change sides. */
static void swap(struct call *c, int a, int b)
{
    struct table *here = &c->keyspace->databases[a], *there = &c->keyspace->databases[b];

    let_go(c, a);
    let_go(c, b);
    TABLE_EACH (here, entry)
        database_key(there, entry_bytes(entry), 0);
    TABLE_EACH (there, entry) {
        struct key *other = (struct key *)entry, *key = database_key(here, entry_bytes(entry), 0);
        struct key *between = calloc(1, sizeof *between);

        ASSERT(between);
        if (key->type != KEY_NONE || other->type != KEY_NONE) {
            key->version++;
            other->version++;
            key_move(between, key);
            key_move(key, other);
            key_move(other, between);
        }
        free(between);
    }
}

static void swapdb(struct call *c)
{
    int64_t a, b;

    if (!number_parse(c->args[1], &a) || !number_parse(c->args[2], &b)) {
        resp_error(c->out, "ERR invalid DB index");
        return;
    }
    if (a < 0 || b < 0 || a >= DATABASES || b >= DATABASES) {
        resp_error(c->out, "ERR DB index is out of range");
        return;
    }
    if (a != b)
        swap(c, (int)a, (int)b);
    c->dirty++;
    resp_status(c->out, "OK");
}

const struct command keyspace_generic[] = {
    {"TYPE", 2, 0, KEY_NONE, type},
    {"DEL", -2, COMMAND_WRITE, KEY_NONE, del},
    {"UNLINK", -2, COMMAND_WRITE, KEY_NONE, del},
    {"EXISTS", -2, 0, KEY_NONE, exists},
    {"EXPIRE", -3, COMMAND_WRITE, KEY_NONE, expire},
    {"PEXPIRE", -3, COMMAND_WRITE, KEY_NONE, pexpire},
    {"EXPIREAT", -3, COMMAND_WRITE, KEY_NONE, expireat},
    {"PEXPIREAT", -3, COMMAND_WRITE, KEY_NONE, pexpireat},
    {"PEXPIRETIME", 2, 0, KEY_NONE, expiretime},
    {"TTL", 2, 0, KEY_NONE, ttl},
    {"PTTL", 2, 0, KEY_NONE, pttl},
    {"PERSIST", 2, COMMAND_WRITE, KEY_NONE, persist},
    {"RENAME", 3, COMMAND_WRITE, KEY_NONE, rename_over},
    {"RENAMENX", 3, COMMAND_WRITE, KEY_NONE, renamenx},
    {"DBSIZE", 1, 0, KEY_NONE, dbsize},
    {"FLUSHDB", -1, COMMAND_WRITE, KEY_NONE, flushdb},
    {"FLUSHALL", -1, COMMAND_WRITE, KEY_NONE, flushall},
    {"SWAPDB", 3, COMMAND_WRITE, KEY_NONE, swapdb},
    {NULL, 0, 0, KEY_NONE, NULL},
};
