#include "differ/words.h"

#include <string.h>

const char *const words_keys[KEYS] = {"h1", "h2", "s1", "s2", "z1", "z2", "l1", "l2", "x1", "x2", "t1", "t2", "n1", "n2"};

static const char *const fields[] = {"a", "b", "c"};
static const char *const values[] = {"1", "2", "x", "", "10", "017", "+5", " 5", "-0", "9223372036854775807", "-9223372036854775808", "5 ", "1.5",
                                     "9223372036854775808"};
static const char *const integers[] = {"1", "-1", "2", "0", "5", "9223372036854775807", "-9223372036854775808", "x", "017", "1.5", ""};
/* None that runs out while the test lasts: nobody can tell then which of two clocks was first. */
static const char *const waits[] = {"1000000", "0", "-1", "9223372036854775807", "-9223372036854775808", "x", "017", "1.5", ""};
static const char *const scores[] = {"1", "2", "3", "1", "2", "1.5", "-1", "0", "inf", "-inf", "nan", "x", "9007199254740993", "3.3", "-0"};
static const char *const bounds[] = {"-inf", "+inf", "1", "(1", "2", "(2", "x", "1.5"};
static const char *const indices[] = {"0", "1", "-1", "2", "-2", "5", "-100", "x", "-3"};
static const char *const counts[] = {"1", "2", "0", "-1", "x", "3"};
static const char *const ids[] = {"*", "*", "*", "0-1", "0-0", "5-*", "5-1", "7", "0-*", "9999999999999-5", "x", "9999999999999-*", "*-1"};
static const char *const ends[] = {"-", "+", "0-1", "5", "(5-1", "(0-1", "x", "5-0", "9999999999999"};

struct shape {
    const char *text;
    enum compare how;
};

static const struct shape shapes[] = {
    {"GET %t", 0}, {"SET %t %v", 0}, {"SET %k %v", 0}, {"SET %t %v NX", 0}, {"SET %t %v XX", 0}, {"SET %t %v GET", 0}, {"SET %t %v FOO", 0},
    {"SET %t %v KEEPTTL", 0}, {"SET %t %v EX 1000000", 0}, {"SET %t %v PX 0", 0}, {"SET %k %v PXAT 4000000000000", 0},
    {"SET %t %v NX GET", 0}, {"INCRBY %t %i", 0}, {"INCR %t", 0}, {"DECR %t", 0}, {"DECRBY %t %i", 0}, {"MGET %t %k %k", 0}, {"MSET %t %v %k %v", 0},
    {"MSET %t %v %k", 0}, {"SETNX %k %v", 0}, {"GETSET %t %v", 0}, {"GETDEL %t", 0}, {"APPEND %t %v", 0}, {"STRLEN %t", 0},
    {"HSET %h %f %v", 0}, {"HSET %h %f %v", 0}, {"HSET %h a 1", 0}, {"HSET %h %f %v %f %v", 0}, {"HSET %h %f %v %f", 0}, {"HMSET %h %f %v", 0},
    {"HSETNX %h %f %v", 0}, {"HGET %h %f", 0}, {"HMGET %h %f %f z", 0}, {"HDEL %h %f", 0}, {"HDEL %h %f %f", 0}, {"HINCRBY %h %f %i", 0},
    {"HINCRBY %h %f %i", 0}, {"HEXISTS %h %f", 0}, {"HLEN %h", 0}, {"HSTRLEN %h %f", 0}, {"HGETALL %h", COMPARE_PAIRS}, {"HKEYS %h", COMPARE_SET},
    {"HVALS %h", COMPARE_SET},
    {"SADD %s %f", 0}, {"SADD %s %f %v", 0}, {"SREM %s %f", 0}, {"SREM %s %f %v", 0}, {"SMISMEMBER %s %f %v", 0}, {"SISMEMBER %s %f", 0},
    {"SCARD %s", 0}, {"SMEMBERS %s", COMPARE_SET}, {"SMOVE %s %s %f", 0}, {"SMOVE %s %k %f", 0},
    {"ZADD %z %n %f", 0}, {"ZADD %z 1 a", 0}, {"ZADD %z %n %f %n %f", 0}, {"ZADD %z NX %n %f", 0}, {"ZADD %z XX CH %n %f", 0}, {"ZADD %z GT %n %f", 0},
    {"ZADD %z LT CH %n %f", 0}, {"ZADD %z INCR %n %f", 0}, {"ZADD %z NX XX %n %f", 0}, {"ZADD %z GT LT %n %f", 0}, {"ZADD %z %n", 0},
    {"ZADD %z XX INCR %n %f", 0}, {"ZADD %z INCR %n %f %n %f", 0}, {"ZINCRBY %z %n %f", 0}, {"ZREM %z %f", 0}, {"ZREM %z %f %f", 0}, {"ZSCORE %z %f", 0},
    {"ZMSCORE %z %f %f z", 0}, {"ZCARD %z", 0}, {"ZRANGE %z %r %r", 0}, {"ZRANGE %z %r %r WITHSCORES", 0}, {"ZRANGEBYSCORE %z %m %m", 0},
    {"ZRANGEBYSCORE %z %m %m WITHSCORES", 0}, {"ZCOUNT %z %m %m", 0}, {"ZRANK %z %f", 0},
    {"RPUSH %l %v", 0}, {"RPUSH %l %v %v", 0}, {"LPUSH %l %v %f", 0}, {"LPOP %l", 0}, {"LPOP %l %c", 0}, {"RPOP %l", 0}, {"RPOP %l %c", 0},
    {"LPOP %l 1 1", 0}, {"LSET %l %r %v", 0}, {"LRANGE %l %r %r", 0}, {"LRANGE %l 0 -1", 0}, {"LLEN %l", 0}, {"LINDEX %l %r", 0}, {"LTRIM %l %r %r", 0},
    {"LTRIM %l 0 -1", 0},
    {"XADD %x * %f %v", 0}, {"XADD %x %d %f %v", 0}, {"XADD %x %d %f %v %f %v", 0}, {"XADD %x %d %f %v %f", 0}, {"XADD %x NOMKSTREAM %d %f %v", 0},
    {"XADD %x MAXLEN 2 %d %f %v", 0}, {"XADD %x MAXLEN = 1 %d %f %v", 0}, {"XLEN %x", 0}, {"XDEL %x %d", 0}, {"XDEL %x 0-1 5-1", 0}, {"XDEL %x 5-1 x", 0},
    {"XRANGE %x - +", 0}, {"XRANGE %x %e %e", 0}, {"XRANGE %x %e + COUNT %c", 0}, {"XREVRANGE %x + - COUNT %c", 0}, {"XREVRANGE %x %e %e", 0},
    {"XTRIM %x MAXLEN %c", 0}, {"XTRIM %x MAXLEN = %c", 0},
    {"TYPE %k", 0}, {"DEL %k", 0}, {"DEL %k %k", 0}, {"DEL %h", 0}, {"DEL %z", 0}, {"UNLINK %k", 0}, {"EXISTS %k %k", 0}, {"EXPIRE %k 1000000", 0},
    {"EXPIRE %k %w", 0}, {"PEXPIRE %k 1000000000", 0}, {"EXPIREAT %k 4000000000 GT", 0}, {"EXPIREAT %k 3900000000 LT", 0}, {"EXPIRE %k 1000000 NX", 0},
    {"EXPIRE %k 1000000 XX", 0}, {"EXPIRE %k 1000000 FOO", 0}, {"EXPIRE %k 1000000 NX XX", 0}, {"EXPIREAT %k 4000000000", 0}, {"PEXPIREAT %k 1", 0},
    {"PEXPIREAT %k 4000000000000", 0}, {"TTL %k", COMPARE_TIME}, {"PTTL %k", COMPARE_TIME}, {"PEXPIRETIME %k", COMPARE_TIME}, {"PERSIST %k", 0},
    {"PERSIST %k", 0}, {"RENAME %k %k", 0}, {"RENAME %k %k", 0}, {"RENAMENX %k %k", 0}, {"SELECT 0", 0}, {"SELECT 1", 0}, {"SELECT 99", 0}, {"SELECT x", 0},
    {"PING", 0}, {"PING %v", 0}, {"ECHO %v", 0}, {"TIME", COMPARE_ANY}, {"WAIT 0 0", 0}, {"WAIT 0 x", 0}, {"WAIT 0 -1", 0}, {"CLIENT SETNAME n", 0},
    {"CLIENT NO-EVICT ON", 0}, {"CLIENT ID", COMPARE_ANY}, {"ACL WHOAMI", 0}, {"CONFIG GET maxmemory-policy", 0}, {"CONFIG GET save", COMPARE_ANY},
};

/* Seldom, for they end much of what is going on. */
static const struct shape sweeping[] = {{"FLUSHALL", 0}, {"FLUSHDB", 0}, {"FLUSHALL ASYNC", 0}, {"FLUSHDB FOO", 0}, {"SWAPDB 0 1", 0}, {"SWAPDB 1 0", 0},
                                        {"SWAPDB 0 0", 0}, {"SWAPDB 0 99", 0}, {"SWAPDB 0 x", 0}};

enum { SWEEPING_OF = 150, OWN_KEY_OF = 8 };

uint32_t dice_roll(struct dice *dice, uint32_t sides)
{
    dice->state = dice->state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(dice->state >> 33) % sides;
}

#define DRAW(dice, from) (from)[dice_roll(dice, sizeof(from) / sizeof *(from))]

/* A key that began as one of that letter's type, mostly; types wander by RENAME and SET. */
static const char *draw_key(struct dice *dice, char letter)
{
    static const char letters[] = "hszlxtn";
    const char *at = strchr(letters, letter);

    if (letter == 'k' || dice_roll(dice, OWN_KEY_OF) == 0)
        return words_keys[dice_roll(dice, KEYS)];
    return words_keys[2 * (at - letters) + dice_roll(dice, 2)];
}

static const char *draw(struct dice *dice, char letter)
{
    switch (letter) {
    case 'f':
        return DRAW(dice, fields);
    case 'v':
        return DRAW(dice, values);
    case 'i':
        return DRAW(dice, integers);
    case 'w':
        return DRAW(dice, waits);
    case 'n':
        return DRAW(dice, scores);
    case 'm':
        return DRAW(dice, bounds);
    case 'r':
        return DRAW(dice, indices);
    case 'c':
        return DRAW(dice, counts);
    case 'd':
        return DRAW(dice, ids);
    case 'e':
        return DRAW(dice, ends);
    default:
        return draw_key(dice, letter);
    }
}

static void put(struct words *words, const char *text, size_t size)
{
    ASSERT(words->count < WORDS_MAX && words->used + size < WORDS_TEXT_MAX);
    memcpy(words->text + words->used, text, size);
    words->args[words->count++] = (struct bytes){words->text + words->used, size};
    words->used += size;
}

void words_make(struct words *words, struct dice *dice, const char *shape, enum compare how)
{
    words->count = words->used = 0;
    words->how = how;
    for (const char *at = shape; *at; at += *at == ' ') {
        size_t size = strcspn(at, " ");
        const char *drawn = *at == '%' ? draw(dice, at[1]) : at;

        put(words, drawn, *at == '%' ? strlen(drawn) : size);
        at += size;
    }
}

void words_draw(struct words *words, struct dice *dice)
{
    const struct shape *shape = dice_roll(dice, SWEEPING_OF) ? &DRAW(dice, shapes) : &DRAW(dice, sweeping);

    words_make(words, dice, shape->text, shape->how);
}

void words_draw_watch(struct words *words, struct dice *dice)
{
    static const char *const watches[] = {"WATCH %k", "WATCH %k", "WATCH %h", "WATCH %z", "WATCH %s", "WATCH %k %k", "WATCH %h %z %s", "WATCH %x %l"};

    words_make(words, dice, DRAW(dice, watches), COMPARE_EXACT);
}

void words_draw_wrong(struct words *words, struct dice *dice)
{
    static const char *const wrong[] = {"NOSUCH %k", "HSET %h", "GET", "EXEC now", "MULTI 1", "WATCH", "ZADD %z", "DEL", "SET %k", "UNWATCH %k", "INCRBY %t"};

    words_make(words, dice, DRAW(dice, wrong), COMPARE_EXACT);
}
