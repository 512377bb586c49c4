#include "fake/keyspace.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "codec/sequence.h"
#include "fake/resp.h"

/* One command while it is run. */
struct call {
    struct keyspace *keyspace;
    struct key *key;
    const struct bytes *args;
    size_t count;
    int64_t now_ms;
    struct buffer *out;
    bool changed;
};

static struct bytes keep(struct bytes bytes)
{
    char *copy = malloc(bytes.size + 1);

    ASSERT(copy);
    if (bytes.size)
        memcpy(copy, bytes.data, bytes.size);
    copy[bytes.size] = '\0';
    return (struct bytes){copy, bytes.size};
}

static void drop(struct bytes bytes)
{
    free((char *)(uintptr_t)bytes.data);
}

static void key_empty(struct key *key)
{
    for (size_t i = 0; i < key->count; i++) {
        drop(key->pairs[i].field);
        drop(key->pairs[i].value);
    }
    key->count = 0;
    key->type = KEY_NONE;
    key->last_ms = key->last_seq = 0;
}

void keyspace_deinit(struct keyspace *keyspace)
{
    for (size_t i = 0; i < keyspace->count; i++) {
        key_empty(keyspace->keys[i]);
        free(keyspace->keys[i]->pairs);
        drop(keyspace->keys[i]->name);
        free(keyspace->keys[i]);
    }
    free(keyspace->keys);
    *keyspace = (struct keyspace){NULL, 0, 0, 0};
}

struct key *keyspace_key(struct keyspace *keyspace, struct bytes name)
{
    struct key *key;

    for (size_t i = 0; i < keyspace->count; i++)
        if (bytes_equal(keyspace->keys[i]->name, name))
            return keyspace->keys[i];
    if (keyspace->count == keyspace->capacity) {
        keyspace->capacity = keyspace->capacity ? 2 * keyspace->capacity : 16;
        keyspace->keys = realloc(keyspace->keys, keyspace->capacity * sizeof *keyspace->keys);
    }
    key = calloc(1, sizeof *key);
    ASSERT(keyspace->keys && key);
    key->name = keep(name);
    return keyspace->keys[keyspace->count++] = key;
}

static struct pair *find(const struct key *key, struct bytes field)
{
    for (size_t i = 0; i < key->count; i++)
        if (bytes_equal(key->pairs[i].field, field))
            return &key->pairs[i];
    return NULL;
}

static void append(struct key *key, struct bytes field, struct bytes value)
{
    if (key->count == key->capacity) {
        key->capacity = key->capacity ? 2 * key->capacity : 4;
        key->pairs = realloc(key->pairs, key->capacity * sizeof *key->pairs);
        ASSERT(key->pairs);
    }
    key->pairs[key->count++] = (struct pair){keep(field), keep(value)};
}

static void take_out(struct key *key, size_t at)
{
    drop(key->pairs[at].field);
    drop(key->pairs[at].value);
    memmove(&key->pairs[at], &key->pairs[at + 1], (key->count - at - 1) * sizeof *key->pairs);
    key->count--;
}

static struct bytes value_of(const struct key *key, struct bytes field)
{
    const struct pair *pair = find(key, field);

    return pair ? pair->value : (struct bytes){NULL, 0};
}

static void set(struct call *c, struct bytes field, struct bytes value, int64_t *added)
{
    struct pair *pair = find(c->key, field);

    c->changed = true;
    if (pair) {
        drop(pair->value);
        pair->value = keep(value);
        return;
    }
    append(c->key, field, value);
    ++*added;
}

/* HSET, SADD, ZADD, SET: in steps of how many arguments one element has, and where its field stands. */
static void put(struct call *c, size_t step, size_t field_at, size_t value_at)
{
    static const struct bytes none = {"", 0};
    int64_t added = 0;

    for (size_t i = 2; i + step <= c->count; i += step)
        set(c, c->args[i + field_at], value_at < step ? c->args[i + value_at] : none, &added);
    resp_int(c->out, added);
}

static void hset(struct call *c)
{
    put(c, 2, 0, 1);
}

static void sadd(struct call *c)
{
    put(c, 1, 0, 1);
}

static void zadd(struct call *c)
{
    put(c, 2, 1, 0);
}

/* HDEL, SREM, ZREM, XDEL */
static void forget(struct call *c)
{
    int64_t gone = 0;

    for (size_t i = 2; i < c->count; i++) {
        const struct pair *pair = find(c->key, c->args[i]);

        if (pair) {
            take_out(c->key, (size_t)(pair - c->key->pairs));
            gone++;
        }
    }
    c->changed = gone > 0;
    resp_int(c->out, gone);
}

static void hget(struct call *c)
{
    resp_bulk(c->out, value_of(c->key, c->args[2]));
}

/* HMGET and ZMSCORE */
static void many(struct call *c)
{
    resp_array(c->out, c->count - 2);
    for (size_t i = 2; i < c->count; i++)
        resp_bulk(c->out, value_of(c->key, c->args[i]));
}

static void smismember(struct call *c)
{
    resp_array(c->out, c->count - 2);
    for (size_t i = 2; i < c->count; i++)
        resp_int(c->out, find(c->key, c->args[i]) != NULL);
}

static void get(struct call *c)
{
    resp_bulk(c->out, c->key->count ? c->key->pairs[0].value : (struct bytes){NULL, 0});
}

static void set_string(struct call *c)
{
    int64_t added = 0;

    set(c, (struct bytes){"", 0}, c->args[2], &added);
    resp_status(c->out, "OK");
}

static void increase(struct call *c, struct bytes field, struct bytes by, const char *error)
{
    struct bytes before = value_of(c->key, field);
    char digits[NUMBER_TEXT_MAX];
    int64_t value = 0, delta = 0, added = 0;

    if ((before.data && !number_parse(before, &value)) || !number_parse(by, &delta) || __builtin_add_overflow(value, delta, &value)) {
        resp_error(c->out, error);
        return;
    }
    set(c, field, (struct bytes){digits, number_format(digits, value)}, &added);
    resp_int(c->out, value);
}

static void hincrby(struct call *c)
{
    increase(c, c->args[2], c->args[3], "ERR hash value is not an integer");
}

static void incrby(struct call *c)
{
    increase(c, (struct bytes){"", 0}, c->args[2], "ERR value is not an integer or out of range");
}

static void rpush(struct call *c)
{
    for (size_t i = 2; i < c->count; i++)
        append(c->key, (struct bytes){"", 0}, c->args[i]);
    c->changed = true;
    resp_int(c->out, (int64_t)c->key->count);
}

static void lpop(struct call *c)
{
    int64_t count = 0;

    if (!number_parse(c->args[2], &count) || !c->key->count) {
        buffer_put_text(c->out, "*-1\r\n");
        return;
    }
    if ((size_t)count > c->key->count)
        count = (int64_t)c->key->count;
    resp_array(c->out, (size_t)count);
    for (; count; count--) {
        resp_bulk(c->out, c->key->pairs[0].value);
        take_out(c->key, 0);
        c->changed = true;
    }
}

static void lset(struct call *c)
{
    if (!c->key->count || !bytes_equal_text(c->args[2], "-1")) {
        resp_error(c->out, c->key->count ? "ERR index out of range" : "ERR no such key");
        return;
    }
    drop(c->key->pairs[c->key->count - 1].value);
    c->key->pairs[c->key->count - 1].value = keep(c->args[3]);
    c->changed = true;
    resp_status(c->out, "OK");
}

static void lrange(struct call *c)
{
    int64_t from = 0, to = 0, end = (int64_t)c->key->count;

    if (!number_parse(c->args[2], &from) || !number_parse(c->args[3], &to)) {
        resp_error(c->out, "ERR value is not an integer or out of range");
        return;
    }
    if (to >= end || to < 0)
        to = end - 1;
    resp_array(c->out, from <= to ? (size_t)(to - from + 1) : 0);
    for (; from <= to; from++)
        resp_bulk(c->out, c->key->pairs[from].value);
}

/* LLEN, XLEN */
static void length(struct call *c)
{
    resp_int(c->out, (int64_t)c->key->count);
}

static void xadd(struct call *c)
{
    struct stream_id id = {(uint64_t)c->now_ms, 0}, last = {c->key->last_ms, c->key->last_seq};
    struct buffer fields;
    char text[STREAM_ID_TEXT_SIZE];
    bool given = !bytes_equal_text(c->args[2], "*");

    if (!given && stream_id_compare(id, last) <= 0)
        id = (struct stream_id){last.ms, last.seq + 1};
    if (given && (!stream_id_parse(c->args[2], &id) || stream_id_compare(id, last) <= 0)) {
        resp_error(c->out, "ERR The ID specified in XADD is equal or smaller than the target stream top item");
        return;
    }
    buffer_init(&fields, 64 << 20);
    resp_array(&fields, c->count - 3);
    for (size_t i = 3; i < c->count; i++)
        resp_bulk(&fields, c->args[i]);
    stream_id_text(text, id);
    append(c->key, bytes_of(text), buffer_bytes(&fields));
    buffer_deinit(&fields);
    c->key->last_ms = id.ms;
    c->key->last_seq = id.seq;
    c->changed = true;
    resp_bulk(c->out, bytes_of(text));
}

/* XRANGE key from + COUNT n; from: "-", an id, or "(id". */
static void xrange(struct call *c)
{
    struct stream_id from = {0, 0}, id;
    bool behind = c->args[2].data[0] == '(';
    int64_t most = 0;
    size_t first = 0, count;

    if (!number_parse(c->args[5], &most) || (!bytes_equal_text(c->args[2], "-") &&
        !stream_id_parse((struct bytes){c->args[2].data + behind, c->args[2].size - behind}, &from))) {
        resp_error(c->out, "ERR Invalid stream ID specified as stream command argument");
        return;
    }
    for (; first < c->key->count && stream_id_parse(c->key->pairs[first].field, &id); first++)
        if (stream_id_compare(id, from) >= behind)
            break;
    count = c->key->count - first < (size_t)most ? c->key->count - first : (size_t)most;
    resp_array(c->out, count);
    for (size_t i = first; i < first + count; i++) {
        resp_array(c->out, 2);
        resp_bulk(c->out, c->key->pairs[i].field);
        buffer_put_bytes(c->out, c->key->pairs[i].value);
    }
}

static void type(struct call *c)
{
    static const char *const names[] = {"none", "string", "hash", "set", "zset", "list", "stream"};

    resp_status(c->out, names[c->key->type]);
}

/* DEL and EXISTS take several keys. */
static void each_key(struct call *c, bool gone)
{
    int64_t found = 0;

    for (size_t i = 1; i < c->count; i++) {
        struct key *key = keyspace_key(c->keyspace, c->args[i]);

        found += key->type != KEY_NONE;
        if (gone && key->type != KEY_NONE) {
            key_empty(key);
            key->version = ++c->keyspace->version;
        }
    }
    resp_int(c->out, found);
}

static void del(struct call *c)
{
    each_key(c, true);
}

static void exists(struct call *c)
{
    each_key(c, false);
}

static const struct command {
    const char *name;
    size_t arguments;      /* at least, the name among them */
    enum key_type type;    /* KEY_NONE: any */
    void (*run)(struct call *c);
} table[] = {
    {"HSET", 4, KEY_HASH, hset},       {"HDEL", 3, KEY_HASH, forget},   {"HGET", 3, KEY_HASH, hget},     {"HMGET", 3, KEY_HASH, many},
    {"HINCRBY", 4, KEY_HASH, hincrby}, {"GET", 2, KEY_STRING, get},     {"SET", 3, KEY_STRING, set_string}, {"INCRBY", 3, KEY_STRING, incrby},
    {"SADD", 3, KEY_SET, sadd},        {"SREM", 3, KEY_SET, forget},    {"SMISMEMBER", 3, KEY_SET, smismember}, {"ZADD", 4, KEY_ZSET, zadd},
    {"ZREM", 3, KEY_ZSET, forget},     {"ZMSCORE", 3, KEY_ZSET, many},  {"RPUSH", 3, KEY_LIST, rpush},   {"LPOP", 3, KEY_LIST, lpop},
    {"LSET", 4, KEY_LIST, lset},       {"LRANGE", 4, KEY_LIST, lrange}, {"LLEN", 2, KEY_LIST, length},   {"XADD", 5, KEY_STREAM, xadd},
    {"XDEL", 3, KEY_STREAM, forget},   {"XRANGE", 6, KEY_STREAM, xrange}, {"XLEN", 2, KEY_STREAM, length}, {"TYPE", 2, KEY_NONE, type},
    {"DEL", 2, KEY_NONE, del},         {"EXISTS", 2, KEY_NONE, exists},
};

void keyspace_run(struct keyspace *keyspace, const struct bytes *args, size_t count, int64_t now_ms, struct buffer *out)
{
    struct call c = {keyspace, count > 1 ? keyspace_key(keyspace, args[1]) : NULL, args, count, now_ms, out, false};

    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        if (!bytes_equal_text(args[0], table[i].name) || count < table[i].arguments)
            continue;
        if (table[i].type != KEY_NONE && c.key->type != KEY_NONE && c.key->type != table[i].type) {
            resp_error(out, "WRONGTYPE Operation against a key holding the wrong kind of value");
            return;
        }
        table[i].run(&c);
        if (c.changed) {
            c.key->version = ++keyspace->version;
            c.key->type = c.key->count || table[i].type == KEY_STREAM ? table[i].type : KEY_NONE;
        }
        return;
    }
    resp_error(out, "ERR unknown command, or wrong number of arguments");
}

void keyspace_do(struct keyspace *keyspace, const char *command)
{
    char copy[512], *rest = copy, *word;
    struct bytes args[32];
    struct buffer out;
    size_t count = 0;

    snprintf(copy, sizeof copy, "%s", command);
    while ((word = strsep(&rest, " ")))
        args[count++] = bytes_of(word);
    buffer_init(&out, 1 << 20);
    keyspace_run(keyspace, args, count, 0, &out);
    ASSERT(out.data[0] != '-');
    buffer_deinit(&out);
}

static int by_name(const void *a, const void *b)
{
    const struct key *const *x = a, *const *y = b;

    return strcmp((*x)->name.data, (*y)->name.data);
}

static int by_field(const void *a, const void *b)
{
    const struct pair *x = a, *y = b;

    return strcmp(x->field.data, y->field.data);
}

void keyspace_text(const struct keyspace *keyspace, struct buffer *out)
{
    qsort(keyspace->keys, keyspace->count, sizeof *keyspace->keys, by_name);
    for (size_t i = 0; i < keyspace->count; i++) {
        const struct key *key = keyspace->keys[i];

        if (key->type == KEY_NONE || strstr(key->name.data, "orderd:"))
            continue;
        buffer_put_format(out, "%s%s", out->size ? " " : "", key->name.data);
        if (key->type == KEY_STRING) {
            buffer_put_format(out, "=%s", key->pairs[0].value.data);
            continue;
        }
        qsort(key->pairs, key->count, sizeof *key->pairs, by_field);
        for (size_t k = 0; k < key->count; k++)
            buffer_put_format(out, "%c%s%s%s", k ? ' ' : '{', key->pairs[k].field.data, key->type == KEY_SET ? "" : "=", key->pairs[k].value.data);
        buffer_put_char(out, '}');
    }
}

void keyspace_flush(struct keyspace *keyspace)
{
    for (size_t i = 0; i < keyspace->count; i++) {
        key_empty(keyspace->keys[i]);
        keyspace->keys[i]->version = ++keyspace->version;
    }
}

void keyspace_copy(struct keyspace *to, const struct keyspace *from)
{
    for (size_t i = 0; i < from->count; i++) {
        const struct key *key = from->keys[i];
        struct key *copy = keyspace_key(to, key->name);

        for (size_t k = 0; k < key->count; k++)
            append(copy, key->pairs[k].field, key->pairs[k].value);
        copy->type = key->type;
        copy->last_ms = key->last_ms;
        copy->last_seq = key->last_seq;
        copy->version = ++to->version;
    }
}
