/* Other programs of the same market: one that writes blindly, one that trades by the loop of *Redis in Action* (WATCH, read, MULTI … EXEC),
 * one that leaves wrong types and odd numbers behind. Every transaction of theirs is told to the witness at the moment it is executed. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/number.h"
#include "sim/fiber.h"
#include "sim/history.h"

enum { USERS = 6, ITEMS = 10, SKUS = 4, ARGS_MAX = 16, TEXT_MAX = 256, PATIENCE_MS = 300, IDLE_MS = 25 };

struct foreigner {
    const char *name;
    struct redis_client *client;
    char prefix[16];                 /* of the market that it is in at present */
};

static int draw(int bound)
{
    return (int)world_draw((uint32_t)bound);
}

/* The market that a key is in: "{3}users:u1". What was sent long ago may be executed only now. */
static int32_t shard_of(struct bytes key)
{
    return key.data[0] == '{' ? (int32_t)strtol(key.data + 1, NULL, 10) : 0;
}

int32_t foreign_shard(const struct redis_client *client)
{
    struct bytes args[2];

    return redis_client_queued(client, 0, args, 2) > 1 ? shard_of(args[1]) : 0;
}

bool foreign_is(const struct node *node)
{
    return strncmp(node->name, "other", strlen("other")) == 0;
}

void foreign_executed(struct redis_client *client, enum exec_answer answer)
{
    struct bytes args[ARGS_MAX], behind[1];
    size_t count;

    if (answer != EXEC_ANSWER_APPLIED && answer != EXEC_ANSWER_TORN)
        return;
    for (size_t i = 0; (count = redis_client_queued(client, i, args, ARGS_MAX)); i++)
        if (answer == EXEC_ANSWER_APPLIED || !world->redis.trouble.torn || redis_client_queued(client, i + 1, behind, 1))      /* the last one was refused when it is torn */
            witness_foreign(history->witness, shard_of(args[1]), args, count);
}

/* A command by words; "@" at a word's begin is the market's prefix. */
static void put(struct foreigner *f, struct buffer *out, const char *format, ...) PRINTF_LIKE(3, 4);

static void put(struct foreigner *f, struct buffer *out, const char *format, ...)
{
    char text[TEXT_MAX], *at = text;
    struct buffer words;
    size_t count = 0;
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    buffer_init(&words, 4 * TEXT_MAX);
    for (char *word; (word = strsep(&at, " ")); count++) {
        size_t prefix = word[0] == '@' ? strlen(f->prefix) : 0;

        word += word[0] == '@';
        buffer_put_format(&words, "$%zu\r\n%s%s\r\n", prefix + strlen(word), prefix ? f->prefix : "", word);
    }
    buffer_put_format(out, "*%zu\r\n", count);
    buffer_put_bytes(out, buffer_bytes(&words));
    buffer_deinit(&words);
}

static void hang_up(struct foreigner *f)
{
    if (f->client)
        redis_client_hangup(f->client);
    f->client = NULL;
}

/* The last of the replies to so many commands, as text; "" when Redis does not answer, and then the connection is gone. */
static const char *last_reply(struct foreigner *f, int replies, char *out, size_t size)
{
    int64_t until = world->now + PATIENCE_MS, at;
    struct bytes reply;

    out[0] = '\0';
    while (replies) {
        redis_server_serve(&world->redis, world->now);
        while (replies && redis_client_reply(f->client, &reply, &at)) {
            if (--replies == 0)
                snprintf(out, size, "%.*s", (int)(reply.size < size ? reply.size : size - 1), reply.data);
            redis_client_take(f->client);
        }
        if (!replies)
            break;
        if (!redis_client_is_open(f->client) || world->now >= until || fibers_are_over()) {
            hang_up(f);
            return out;
        }
        fiber_sleep(1);
    }
    return out;
}

static const char *ask(struct foreigner *f, struct buffer *commands, int replies, char *out, size_t size)
{
    if (!f->client)
        f->client = redis_server_connect(&world->redis, world_node(f->name));
    redis_client_write(f->client, buffer_bytes(commands), world->now);
    buffer_reset(commands);
    return last_reply(f, replies, out, size);
}

/* The number in "$2\r\n97\r\n"; false when it is none. */
static bool bulk_number(const char *reply, int64_t *out)
{
    const char *begin = strchr(reply, '\n');

    return reply[0] == '$' && begin && number_parse((struct bytes){begin + 1, strcspn(begin + 1, "\r")}, out);
}

/* One draw a statement: within a call the compiler chooses the order, and a seed would be another history with each. */
static void touch(struct foreigner *f, struct buffer *c)
{
    char reply[TEXT_MAX];
    int last;

    put(f, c, "MULTI");
    switch (draw(5)) {
    case 0:
        last = 1 + draw(9);
        put(f, c, "HINCRBY @users:u%d funds %d", draw(USERS), last);
        break;
    case 1:
        last = 1 + draw(5);
        put(f, c, "INCRBY @stock:k%d %d", draw(SKUS), last);
        break;
    case 2:
        last = draw(100);
        put(f, c, "HSET @users:u%d name n%d", draw(USERS), last);
        break;
    case 3:
        last = draw(4);
        put(f, c, "ZADD @market: %d other%d.shop", 1 + draw(40), last);
        break;
    default:
        last = draw(4);
        put(f, c, "SADD @inventory:u%d other%d", draw(USERS), last);
        break;
    }
    put(f, c, "EXEC");
    ask(f, c, 3, reply, sizeof reply);
}

/* Buys what is listed, as chapter 4.4.3 of the book does. */
static void buy(struct foreigner *f, struct buffer *c)
{
    int item = draw(ITEMS), seller = draw(USERS), buyer = draw(USERS);
    int64_t price, funds;
    char reply[TEXT_MAX];

    put(f, c, "WATCH @market: @users:u%d", buyer);
    put(f, c, "ZSCORE @market: i%d.u%d", item, seller);
    if (!bulk_number(ask(f, c, 2, reply, sizeof reply), &price) || !f->client)
        return;
    put(f, c, "HGET @users:u%d funds", buyer);
    if (!bulk_number(ask(f, c, 1, reply, sizeof reply), &funds) || funds < price || !f->client)
        return;
    fiber_sleep(draw(3));
    put(f, c, "MULTI");
    put(f, c, "HINCRBY @users:u%d funds %lld", seller, (long long)price);
    put(f, c, "HINCRBY @users:u%d funds -%lld", buyer, (long long)price);
    put(f, c, "SADD @inventory:u%d i%d", buyer, item);
    put(f, c, "ZREM @market: i%d.u%d", item, seller);
    put(f, c, "EXEC");
    ask(f, c, 6, reply, sizeof reply);
}

/* Lists what it holds, as chapter 4.4.2 does. */
static void list(struct foreigner *f, struct buffer *c)
{
    int item = draw(ITEMS), seller = draw(USERS);
    char reply[TEXT_MAX];

    put(f, c, "WATCH @inventory:u%d", seller);
    put(f, c, "SISMEMBER @inventory:u%d i%d", seller, item);
    if (strcmp(ask(f, c, 2, reply, sizeof reply), ":1\r\n") != 0 || !f->client)
        return;
    fiber_sleep(draw(3));
    put(f, c, "MULTI");
    put(f, c, "ZADD @market: %d i%d.u%d", 1 + draw(40), item, seller);
    put(f, c, "SREM @inventory:u%d i%d", seller, item);
    put(f, c, "EXEC");
    ask(f, c, 4, reply, sizeof reply);
}

static void trade(struct foreigner *f, struct buffer *c)
{
    char reply[TEXT_MAX];

    if (draw(2))
        buy(f, c);
    else
        list(f, c);
    if (f->client) {
        put(f, c, "UNWATCH");
        ask(f, c, 1, reply, sizeof reply);
    }
}

static void spoil(struct foreigner *f, struct buffer *c)
{
    static const char *const numbers[] = {"017", "+5", "-0", "1.5", "", "9223372036854775807", "abc", "-9223372036854775808"};
    char reply[TEXT_MAX];
    int last;

    put(f, c, "MULTI");
    switch (draw(6)) {
    case 0:
        last = draw(8);
        put(f, c, "HSET @users:u%d funds %s", draw(USERS), numbers[last]);
        break;
    case 1:
        last = draw(8);
        put(f, c, "SET @stock:k%d %s", draw(SKUS), numbers[last]);
        break;
    case 2:
        put(f, c, "SET @inventory:u%d x", draw(USERS));
        break;
    case 3:
        put(f, c, "SET @users:u%d x", draw(USERS));
        break;
    case 4:
        last = draw(USERS);
        put(f, c, "ZADD @market: 1.5 i%d.u%d", draw(ITEMS), last);
        break;
    default:
        last = draw(USERS);
        put(f, c, "DEL @%s%d", draw(2) ? "users:u" : "inventory:u", last);
        break;
    }
    put(f, c, "EXEC");
    ask(f, c, 3, reply, sizeof reply);
}

static void work(struct foreigner *f, struct buffer *commands)
{
    const struct instance_settings *settings = &history->plan->settings;

    if (settings->sharded)
        snprintf(f->prefix, sizeof f->prefix, "{%d}", draw(settings->partitions[0]));
    if (history->foreign.touch_until > world->now)
        touch(f, commands);
    if (history->foreign.loop_until > world->now)
        trade(f, commands);
    if (history->foreign.types_until > world->now)
        spoil(f, commands);
}

void foreign_run(void *name)
{
    struct foreigner f = {.name = name};
    struct buffer commands;

    buffer_init(&commands, 1 << 16);
    while (!fibers_are_over()) {
        bool busy = history->foreign.touch_until > world->now || history->foreign.loop_until > world->now || history->foreign.types_until > world->now;

        fiber_sleep(busy ? 1 + draw(4) : IDLE_MS);
        if (busy && !fibers_are_over())
            work(&f, &commands);
    }
    hang_up(&f);
    buffer_deinit(&commands);
}
