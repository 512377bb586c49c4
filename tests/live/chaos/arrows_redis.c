/* The conversations with Redis on the daemon's one connection: what a write is for is read from its commands, and its replies come in
 * the order of the writes. */
#include <hiredis/hiredis.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "arrows.h"

enum { BATCHES_MAX = 64 };

struct batch {
    enum talk talk;
    size_t replies, taken;
};

static struct {
    int fd;
    size_t unsent;         /* of a write that the kernel took in part */
    struct batch batches[BATCHES_MAX];
    size_t first, count;
} redis = {.fd = -1};

/* What the commands of one write say about its purpose. */
struct traits {
    size_t commands;
    bool watch, multi, xadd, xdel, xrange, lrange, wait, exists, mark, meta, seen, schema, epoch, torn, halt, selftest, other;
};

struct text {
    const char *data;
    size_t size;
};

static bool is(struct text text, const char *word)
{
    return text.size == strlen(word) && memcmp(text.data, word, text.size) == 0;
}

static bool holds(struct text text, const char *word)
{
    return memmem(text.data, text.size, word, strlen(word)) != NULL;
}

static size_t head(const char **at, const char *end)
{
    char *stop = NULL;
    size_t number = *at < end ? strtoul(*at + 1, &stop, 10) : 0;

    *at = stop ? stop + 2 : end;
    return number;
}

static void note_command(struct traits *t, const struct text *words, size_t count)
{
    struct text name = words[0], key = count > 1 ? words[1] : (struct text){"", 0}, field = count > 2 ? words[2] : (struct text){"", 0};

    t->commands++;
    t->watch |= is(name, "WATCH");
    t->multi |= is(name, "MULTI");
    t->xadd |= is(name, "XADD");
    t->xdel |= is(name, "XDEL");
    t->xrange |= is(name, "XRANGE");
    t->lrange |= is(name, "LRANGE");
    t->exists |= is(name, "EXISTS");
    t->wait |= is(name, "WAIT") || is(name, "WAITAOF");
    t->mark |= is(name, "HMGET") && holds(key, "orderd:mark:");
    t->meta |= is(name, "HMGET") && holds(key, "orderd:meta");
    t->seen |= is(name, "TYPE") && holds(key, "orderd:seen:");
    t->schema |= is(name, "HSET") && is(field, "schema");
    t->epoch |= is(name, "HSET") && is(field, "epoch");
    t->torn |= is(name, "HSET") && is(field, "torn");
    t->halt |= is(name, "HSET") && is(field, "halt");
    t->selftest |= holds(key, "orderd:selftest:");
    t->other |= is(name, "INFO") || is(name, "CLIENT") || is(name, "CONFIG") || is(name, "ACL") || is(name, "SELECT") || is(name, "AUTH");
}

static struct traits traits_of(const char *at, size_t size)
{
    const char *end = at + size;
    struct traits t = {0};

    while (at < end) {
        struct text words[4] = {{"", 0}};
        size_t count = head(&at, end);

        for (size_t i = 0; i < count && at < end; i++) {
            struct text word = {.size = head(&at, end)};

            word.data = at;
            at += word.size + 2;
            if (i < 4)
                words[i] = word;
        }
        note_command(&t, words, count < 4 ? count : 4);
    }
    return t;
}

static enum talk talk_of(const struct traits *t)
{
    if (t->other || t->selftest)
        return HELLO;
    if (t->multi)
        return t->schema ? FIRST : t->epoch ? EPOCH : t->halt ? HALT : t->xadd ? EXEC : FLUSH;
    if (t->torn || t->exists)
        return t->torn ? TORN : START;
    if (t->watch)
        return t->seen ? LOAD : t->mark ? LOOK : HALT;
    return t->xrange ? OUTBOX : t->lrange ? SEEN : t->wait ? GATE : t->mark && !t->meta ? MARKS : REST;
}

static void batch_add(enum talk talk, size_t replies)
{
    if (redis.count == BATCHES_MAX)
        abort();
    redis.batches[(redis.first + redis.count++) % BATCHES_MAX] = (struct batch){talk, replies, 0};
}

static enum talk note_write(const char *data, size_t size)
{
    struct traits t = traits_of(data, size);
    enum talk talk = talk_of(&t);
    bool gated = t.multi && t.wait;

    batch_add(talk, t.commands - gated);
    if (gated)
        batch_add(GATE, 1);
    return talk;
}

static void pass_send(enum talk talk, bool gated, enum side side)
{
    pass(2 * (int)talk, side);
    if (gated)
        pass(2 * GATE, side);
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    static enum talk talk;
    static bool gated;
    ssize_t sent;

    if (fd != redis.fd)
        return REAL(send)(fd, data, size, flags);
    if (!redis.unsent) {
        size_t before = redis.count;

        talk = note_write(data, size);
        gated = redis.count > before + 1;
        redis.unsent = size;
        pass_send(talk, gated, BEFORE);
    }
    sent = REAL(send)(fd, data, size, flags);
    if (sent > 0)
        redis.unsent -= (size_t)sent;
    if (!redis.unsent)
        pass_send(talk, gated, AFTER);
    return sent;
}

int redisGetReply(redisContext *context, void **reply)
{
    struct batch *batch = redis.count ? &redis.batches[redis.first] : NULL;
    int r;

    if (batch && !batch->taken)
        pass(2 * (int)batch->talk + 1, BEFORE);
    r = REAL(redisGetReply)(context, reply);
    if (batch && ++batch->taken == batch->replies) {
        redis.first = (redis.first + 1) % BATCHES_MAX;
        redis.count--;
        pass(2 * (int)batch->talk + 1, AFTER);
    }
    return r;
}

static redisContext *connected(redisContext *context)
{
    redis.fd = context ? context->fd : -1;
    redis.count = redis.unsent = 0;
    return context;
}

redisContext *redisConnectWithTimeout(const char *host, int port, const struct timeval timeout)
{
    return connected(REAL(redisConnectWithTimeout)(host, port, timeout));
}

redisContext *redisConnectUnixWithTimeout(const char *path, const struct timeval timeout)
{
    return connected(REAL(redisConnectUnixWithTimeout)(path, timeout));
}

void redisFree(redisContext *context)
{
    redis.fd = -1;
    REAL(redisFree)(context);
}
