/* Other programs' commands to the market, as redis.io has them: one that Redis answers with an error changes nothing. */
#include <strings.h>

#include "base/number.h"
#include "sim/audit_market.h"

static const struct bytes itself = {NULL, 0};

struct command {
    struct audit_market *market;
    struct audit_own_key *key;
    const struct bytes *args;
    size_t count;
};

static bool of_type(const struct command *c, enum audit_type type)
{
    return c->key->type == AUDIT_NONE || c->key->type == type;
}

static void set(const struct command *c)
{
    audit_market_wipe(c->market, c->key);
    audit_market_put_text(c->market, c->key, AUDIT_STRING, itself, c->args[2]);
}

static void add_to(const struct command *c, enum audit_type type, struct bytes member, struct bytes by, int sign)
{
    struct audit_cell *cell = audit_market_find(c->market, c->key, member);
    int64_t value = cell && cell->present ? cell->value : 0, step, sum;
    char text[NUMBER_TEXT_MAX];

    if (!of_type(c, type) || !number_parse(by, &step) || (cell && cell->present && !cell->integer) ||
        __builtin_mul_overflow(step, sign, &step) || __builtin_add_overflow(value, step, &sum))
        return;
    audit_market_put_text(c->market, c->key, type, member, (struct bytes){text, number_format(text, sum)});
}

static void incr(const struct command *c)
{
    add_to(c, AUDIT_STRING, itself, bytes_of("1"), 1);
}

static void decr(const struct command *c)
{
    add_to(c, AUDIT_STRING, itself, bytes_of("1"), -1);
}

static void incrby(const struct command *c)
{
    add_to(c, AUDIT_STRING, itself, c->args[2], 1);
}

static void decrby(const struct command *c)
{
    add_to(c, AUDIT_STRING, itself, c->args[2], -1);
}

static void hincrby(const struct command *c)
{
    add_to(c, AUDIT_HASH, c->args[2], c->args[3], 1);
}

static void hset(const struct command *c)
{
    for (size_t i = 2; i + 1 < c->count && of_type(c, AUDIT_HASH); i += 2)
        audit_market_put_text(c->market, c->key, AUDIT_HASH, c->args[i], c->args[i + 1]);
}

static void remove_from(const struct command *c, enum audit_type type)
{
    for (size_t i = 2; i < c->count && of_type(c, type); i++)
        audit_market_drop(c->market, audit_market_find(c->market, c->key, c->args[i]));
}

static void hdel(const struct command *c)
{
    remove_from(c, AUDIT_HASH);
}

static void srem(const struct command *c)
{
    remove_from(c, AUDIT_SET);
}

static void zrem(const struct command *c)
{
    remove_from(c, AUDIT_ZSET);
}

static void sadd(const struct command *c)
{
    for (size_t i = 2; i < c->count && of_type(c, AUDIT_SET); i++)
        audit_market_put(c->market, c->key, c->args[i], 0);
}

static void zadd(const struct command *c)
{
    double score;

    for (size_t i = 2; i + 1 < c->count; i += 2)
        if (!of_type(c, AUDIT_ZSET) || !audit_score_of(c->args[i], &score))
            return;
    for (size_t i = 2; i + 1 < c->count; i += 2)
        if (audit_score_of(c->args[i], &score))
            audit_market_put_score(c->market, c->key, c->args[i + 1], score);
}

static void zincrby(const struct command *c)
{
    const struct audit_cell *cell = audit_market_find(c->market, c->key, c->args[3]);
    double step;

    if (of_type(c, AUDIT_ZSET) && audit_score_of(c->args[2], &step))
        audit_market_put_score(c->market, c->key, c->args[3], (cell && cell->present ? cell->score : 0) + step);
}

/* A list is the wrong type everywhere, so that it is one is all that counts. */
static void push(const struct command *c)
{
    for (size_t i = 2; i < c->count && of_type(c, AUDIT_LIST); i++)
        audit_market_put_text(c->market, c->key, AUDIT_LIST, c->args[i], c->args[i]);
}

static void del(const struct command *c)
{
    for (size_t i = 1; i < c->count; i++) {
        struct audit_own_key *key = audit_market_named(c->market, c->args[i]);

        if (key)
            audit_market_wipe(c->market, key);
    }
}

static void smove(const struct command *c)
{
    struct audit_own_key *to = audit_market_named(c->market, c->args[2]);
    struct audit_cell *cell = audit_market_find(c->market, c->key, c->args[3]);

    if (!of_type(c, AUDIT_SET) || !cell || !cell->present || !to || (to->type != AUDIT_NONE && to->type != AUDIT_SET))
        return;
    audit_market_drop(c->market, cell);
    audit_market_put(c->market, to, c->args[3], 0);
}

static const struct {
    const char *name;
    size_t least;       /* arguments, its own name counted */
    void (*run)(const struct command *);
} known[] = {{"SET", 3, set}, {"INCR", 2, incr}, {"DECR", 2, decr}, {"INCRBY", 3, incrby}, {"DECRBY", 3, decrby}, {"HINCRBY", 4, hincrby},
             {"HSET", 4, hset}, {"HMSET", 4, hset}, {"HDEL", 3, hdel}, {"SADD", 3, sadd}, {"SREM", 3, srem}, {"ZADD", 4, zadd},
             {"ZINCRBY", 4, zincrby}, {"ZREM", 3, zrem}, {"LPUSH", 3, push}, {"RPUSH", 3, push}, {"DEL", 2, del}, {"UNLINK", 2, del},
             {"SMOVE", 4, smove}};

bool audit_market_foreign(struct audit_market *market, const struct bytes *args, size_t count)
{
    struct command c = {market, count > 1 ? audit_market_named(market, args[1]) : NULL, args, count};

    for (size_t i = 0; i < sizeof known / sizeof *known && count; i++)
        if (args[0].size == strlen(known[i].name) && strncasecmp(args[0].data, known[i].name, args[0].size) == 0 && count >= known[i].least) {
            if (c.key || known[i].run == del)
                known[i].run(&c);
            return true;
        }
    return !c.key;
}
