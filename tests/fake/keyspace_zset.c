/* Sorted sets. Order is made when somebody asks for it. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "fake/keyspace_inside.h"

#define ERROR_FLOAT "ERR value is not a valid float"

enum { DIGITS_MAX = 17, TEXT_MAX = 64 };

static bool score_parse(struct bytes bytes, double *score)
{
    char text[256], *end;

    if (!bytes.size || bytes.size >= sizeof text || strchr(" \t\n\v\f\r", bytes.data[0]))
        return false;
    memcpy(text, bytes.data, bytes.size);
    text[bytes.size] = '\0';
    errno = 0;
    *score = strtod(text, &end);
    return (size_t)(end - text) == bytes.size && !isnan(*score) && !(errno == ERANGE && (isinf(*score) || *score == 0));
}

/* 7.0 gives seventeen digits, later ones as few as are enough. */
static void score_reply(struct call *c, double score)
{
    bool shortest = c->keyspace->major > 7 || c->keyspace->minor >= 2;
    char text[TEXT_MAX];
    int digits = shortest ? 1 : DIGITS_MAX;

    if (score > -1e15 && score < 1e15 && score == (double)(int64_t)score && !(score == 0 && signbit(score))) {
        resp_bulk(c->out, (struct bytes){text, number_format(text, (int64_t)score)});
        return;
    }
    do
        snprintf(text, sizeof text, "%.*g", digits, score);
    while (++digits <= DIGITS_MAX && strtod(text, NULL) != score);
    if (shortest && fabs(score) < 1e21 && score == floor(score))
        snprintf(text, sizeof text, "%.0f", score);
    resp_bulk(c->out, bytes_of(text));
}

struct add_options {
    bool only_new, only_old, greater, less, changed, increase;
};

/* Returns where the scores begin. */
static size_t add_options(struct call *c, struct add_options *o)
{
    const struct { const char *word; bool *option; } words[] = {{"NX", &o->only_new}, {"XX", &o->only_old}, {"GT", &o->greater},
                                                               {"LT", &o->less},     {"CH", &o->changed},  {"INCR", &o->increase}};
    size_t at = 2, k;

    for (; at < c->count; at++) {
        for (k = 0; k < 6 && !is_word(c->args[at], words[k].word); k++)
            ;
        if (k == 6)
            break;
        *words[k].option = true;
    }
    return at;
}

static const char *add_refused(const struct add_options *o, size_t arguments)
{
    if (!arguments || arguments % 2)
        return ERROR_SYNTAX;
    if (o->only_new && o->only_old)
        return "ERR XX and NX options at the same time are not compatible";
    if ((o->greater && o->less) || ((o->greater || o->less) && o->only_new))
        return "ERR GT, LT, and/or NX options at the same time are not compatible";
    if (o->increase && arguments > 2)
        return "ERR INCR option supports a single increment-element pair";
    return NULL;
}

struct added {
    int64_t made, moved;
    bool done;           /* the last one was not held back by an option */
    double score;        /* of the last one */
};

/* False when the sum is no number. */
static bool add_one(struct call *c, const struct add_options *o, double score, struct bytes member, struct added *added)
{
    struct key_member *item = key_item(c->key, member);
    bool made;

    added->done = false;
    added->score = score;
    if (item ? o->only_new : o->only_old)
        return true;
    if (item && o->increase)
        added->score = score += item->score;
    if (isnan(score))
        return false;
    if (item && ((o->greater && score <= item->score) || (o->less && score >= item->score)))
        return true;
    added->done = true;
    if (item && item->score == score)
        return true;
    if (item)
        added->moved++;
    item = key_item_put(c->key, member, &made);
    added->made += made;
    item->score = score == 0 ? 0 : score;      /* a small set keeps integers as such, and they know no -0 */
    c->key->type = KEY_ZSET;
    return true;
}

static void add(struct call *c, size_t at, const struct add_options *o)
{
    const char *refused = add_refused(o, c->count - at);
    struct added added = {0, 0, false, 0};
    double score;

    if (refused) {
        resp_error(c->out, refused);
        return;
    }
    for (size_t i = at; i < c->count; i += 2)
        if (!score_parse(c->args[i], &score)) {
            resp_error(c->out, ERROR_FLOAT);
            return;
        }
    if (!call_key(c, KEY_ZSET))
        return;
    for (size_t i = at; i < c->count; i += 2)
        if (!score_parse(c->args[i], &score) || !add_one(c, o, score, c->args[i + 1], &added)) {
            resp_error(c->out, "ERR resulting score is not a number (NaN)");
            return;
        }
    if (added.made || added.moved)
        key_touch(c, c->key);
    if (!o->increase)
        resp_int(c->out, added.made + (o->changed ? added.moved : 0));
    else if (added.done)
        score_reply(c, added.score);
    else
        resp_bulk(c->out, (struct bytes){NULL, 0});
}

static void zadd(struct call *c)
{
    struct add_options o = {.changed = false};
    size_t at = add_options(c, &o);

    add(c, at, &o);
}

static void zincrby(struct call *c)
{
    static const struct add_options o = {.increase = true};

    add(c, 2, &o);
}

static void score_of(struct call *c, struct bytes member)
{
    const struct key_member *item = key_item(c->key, member);

    if (item)
        score_reply(c, item->score);
    else
        resp_bulk(c->out, (struct bytes){NULL, 0});
}

static void zscore(struct call *c)
{
    score_of(c, c->args[2]);
}

static void zmscore(struct call *c)
{
    resp_array(c->out, c->count - 2);
    for (size_t i = 2; i < c->count; i++)
        score_of(c, c->args[i]);
}

static int by_score(const void *a, const void *b)
{
    const struct key_member *x = *(const struct key_member *const *)a, *y = *(const struct key_member *const *)b;
    size_t size = x->entry.size < y->entry.size ? x->entry.size : y->entry.size;
    int order = x->score < y->score ? -1 : x->score > y->score ? 1 : memcmp(x->name, y->name, size);

    return order ? order : (x->entry.size > y->entry.size) - (x->entry.size < y->entry.size);
}

/* The caller's to free. */
static const struct key_member **in_order(const struct key *key)
{
    const struct key_member **items = malloc((key->items.count + 1) * sizeof *items);
    size_t count = 0;

    ASSERT(items);
    TABLE_EACH (&key->items, entry)
        items[count++] = (const struct key_member *)entry;
    qsort(items, count, sizeof *items, by_score);
    return items;
}

static void reply_items(struct call *c, const struct key_member **items, size_t count, bool scores)
{
    resp_array(c->out, count * (1 + (size_t)scores));
    for (size_t i = 0; i < count; i++) {
        resp_bulk(c->out, entry_bytes(&items[i]->entry));
        if (scores)
            score_reply(c, items[i]->score);
    }
}

static void zrange(struct call *c)
{
    bool scores = c->count == 5 && is_word(c->args[4], "WITHSCORES");
    const struct key_member **items;
    int64_t from, to;

    if (c->count > 4 && !scores) {
        resp_error(c->out, ERROR_SYNTAX);
        return;
    }
    if (!call_integer(c, 2, &from) || !call_integer(c, 3, &to) || !call_key(c, KEY_ZSET))
        return;
    if (!call_range(&from, &to, c->key->items.count)) {
        resp_array(c->out, 0);
        return;
    }
    items = in_order(c->key);
    reply_items(c, items + from, (size_t)(to - from + 1), scores);
    free(items);
}

struct bound {
    double score;
    bool out;          /* "(5": without the score itself */
};

static bool bounds(struct call *c, struct bound *low, struct bound *high)
{
    struct bound *both[] = {low, high};

    for (size_t i = 0; i < 2; i++) {
        struct bytes text = c->args[2 + i];

        both[i]->out = text.size && text.data[0] == '(';
        if (!score_parse((struct bytes){text.data + both[i]->out, text.size - both[i]->out}, &both[i]->score)) {
            resp_error(c->out, "ERR min or max is not a float");
            return false;
        }
    }
    return true;
}

/* The first of the items within the bounds; `*count` of them. */
static const struct key_member **within(const struct key_member **items, size_t all, struct bound low, struct bound high, size_t *count)
{
    size_t from = 0, to = all;

    while (from < to && (items[from]->score < low.score || (low.out && items[from]->score == low.score)))
        from++;
    while (to > from && (items[to - 1]->score > high.score || (high.out && items[to - 1]->score == high.score)))
        to--;
    *count = to - from;
    return items + from;
}

static void by_bounds(struct call *c, bool reply)
{
    bool scores = c->count == 5 && is_word(c->args[4], "WITHSCORES");
    const struct key_member **items, **found;
    struct bound low, high;
    size_t count;

    if (reply && c->count > 4 && !scores) {
        resp_error(c->out, ERROR_SYNTAX);
        return;
    }
    if (!bounds(c, &low, &high) || !call_key(c, KEY_ZSET))
        return;
    items = in_order(c->key);
    found = within(items, c->key->items.count, low, high, &count);
    if (reply)
        reply_items(c, found, count, scores);
    else
        resp_int(c->out, (int64_t)count);
    free(items);
}

static void zrangebyscore(struct call *c)
{
    by_bounds(c, true);
}

static void zcount(struct call *c)
{
    by_bounds(c, false);
}

static void zrank(struct call *c)
{
    struct key_member *item = key_item(c->key, c->args[2]);
    int64_t before = 0;

    if (!item) {
        resp_bulk(c->out, (struct bytes){NULL, 0});
        return;
    }
    TABLE_EACH (&c->key->items, entry)
        before += by_score(&(struct entry *){entry}, &(struct entry *){&item->entry}) < 0;
    resp_int(c->out, before);
}

enum { WRITES = COMMAND_WRITE | COMMAND_DENYOOM };

const struct command keyspace_zsets[] = {
    {"ZADD", -4, WRITES, KEY_NONE, zadd},
    {"ZREM", -3, COMMAND_WRITE, KEY_ZSET, key_forget},
    {"ZSCORE", 3, 0, KEY_ZSET, zscore},
    {"ZMSCORE", -3, 0, KEY_ZSET, zmscore},
    {"ZINCRBY", 4, WRITES, KEY_NONE, zincrby},
    {"ZCARD", 2, 0, KEY_ZSET, key_length},
    {"ZRANGE", -4, 0, KEY_NONE, zrange},
    {"ZRANGEBYSCORE", -4, 0, KEY_NONE, zrangebyscore},
    {"ZCOUNT", 4, 0, KEY_NONE, zcount},
    {"ZRANK", 3, 0, KEY_ZSET, zrank},
    {NULL, 0, 0, KEY_NONE, NULL},
};
