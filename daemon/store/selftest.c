#include "store/selftest.h"

#include <stdio.h>
#include <string.h>

#include "store/exec.h"

enum { KEY_SIZE = 200, MEMORY = 1 << 20 };

/* Each key of its own type, so that every command meets what it expects. */
struct keys {
    char hash[KEY_SIZE], set[KEY_SIZE], zset[KEY_SIZE], number[KEY_SIZE], stream[KEY_SIZE], list[KEY_SIZE];
};

static void keys_make(struct keys *keys, const char *prefix, struct clock *clock)
{
    char id[CLOCK_UUID_SIZE];

    clock_uuid(clock, id);
    snprintf(keys->hash, KEY_SIZE, "%sorderd:selftest:%s:hash", prefix, id);
    snprintf(keys->set, KEY_SIZE, "%sorderd:selftest:%s:set", prefix, id);
    snprintf(keys->zset, KEY_SIZE, "%sorderd:selftest:%s:zset", prefix, id);
    snprintf(keys->number, KEY_SIZE, "%sorderd:selftest:%s:number", prefix, id);
    snprintf(keys->stream, KEY_SIZE, "%sorderd:selftest:%s:stream", prefix, id);
    snprintf(keys->list, KEY_SIZE, "%sorderd:selftest:%s:list", prefix, id);
}

static void put_reads(struct commands *c, const struct keys *k)
{
    command_texts(c, "UNWATCH", NULL);
    command_texts(c, "WATCH", k->hash, k->set, k->zset, k->number, NULL);
    command_texts(c, "TYPE", k->hash, NULL);
    command_texts(c, "HMGET", k->hash, "a", "b", NULL);
    command_texts(c, "HGET", k->hash, "a", NULL);
    command_texts(c, "GET", k->number, NULL);
    command_texts(c, "SMISMEMBER", k->set, "a", NULL);
    command_texts(c, "ZMSCORE", k->zset, "a", NULL);
    command_texts(c, "XRANGE", k->stream, "-", "+", "COUNT", "1", NULL);
    command_texts(c, "XLEN", k->stream, NULL);
    command_texts(c, "LRANGE", k->list, "0", "1", NULL);
    command_texts(c, "LLEN", k->list, NULL);
    command_texts(c, "EXISTS", k->hash, NULL);
}

/* Returns how many commands stand between MULTI and EXEC. */
static size_t put_writes(struct commands *c, const struct keys *k)
{
    size_t before;

    command_texts(c, "MULTI", NULL);
    before = c->count;
    command_texts(c, "HSET", k->hash, "a", "1", NULL);
    command_texts(c, "HDEL", k->hash, "b", NULL);
    command_texts(c, "HINCRBY", k->hash, "a", "1", NULL);
    command_texts(c, "INCRBY", k->number, "1", NULL);
    command_texts(c, "SADD", k->set, "a", NULL);
    command_texts(c, "SREM", k->set, "a", NULL);
    command_texts(c, "ZADD", k->zset, "1", "a", NULL);
    command_texts(c, "ZREM", k->zset, "a", NULL);
    command_texts(c, "XADD", k->stream, "0-1", "a", "1", NULL);
    command_texts(c, "XADD", k->stream, "*", "a", "1", NULL);
    command_texts(c, "XDEL", k->stream, "0-1", NULL);
    command_texts(c, "RPUSH", k->list, "a", "b", NULL);
    command_texts(c, "LSET", k->list, "-1", "c", NULL);
    command_texts(c, "LPOP", k->list, "1", NULL);
    command_texts(c, "DEL", k->hash, k->set, k->zset, k->number, k->stream, k->list, NULL);
    before = c->count - before;
    command_texts(c, "EXEC", NULL);
    return before;
}

/* What to tell of an error reply: waiting helps, or somebody must change the rights. */
static int error_of(const struct reply *reply, const char *what, struct error_text *error)
{
    int code = store_trouble_of(reply->text) == TROUBLE_STOP ? -EACCES : -EAGAIN;

    return error_set(error, code, "self-test: %s: %.*s%s", what, (int)(reply->text.size < 200 ? reply->text.size : 200),
                     reply->text.data, code == -EACCES ? " (the user needs this command on PREFIX* keys, see the README's ACL line)" : "");
}

static int run(struct session *session, const struct keys *keys, struct commands *commands, struct arena *arena,
               struct error_text *error)
{
    struct exec_result result;
    size_t reads, writes;
    int r;

    put_reads(commands, keys);
    reads = commands->count;
    writes = put_writes(commands, keys);
    r = commands_error(commands);
    if (!r)
        r = session_send(session, commands);
    for (size_t i = 0; !r && i < reads; i++) {
        struct reply *reply;

        r = session_receive(session, arena, &reply);
        if (!r && reply->type == REPLY_ERROR)
            return error_of(reply, "reading", error);
    }
    if (r)
        return error_set(error, r, "self-test: connection lost");
    exec_receive(session, writes, arena, &result);
    if (result.class == EXEC_APPLIED)
        return 0;
    if (result.class == EXEC_UNKNOWN || result.class == EXEC_CONFLICT)
        return error_set(error, -EAGAIN, "self-test: no answer to EXEC");
    return error_set(error, result.trouble == TROUBLE_STOP ? -EACCES : -EAGAIN, "self-test: %s", result.error.text);
}

/* NOPERM for the question itself is fine: then nothing is known, and a turn will say it. */
static int dryrun(struct session *session, const char *prefix, const char *user, struct commands *commands,
                  struct arena *arena, struct error_text *error)
{
    static const char *const shapes[][4] = {
        {"ZADD", "market:", "1", "a"}, {"SADD", "inventory:a", "b", NULL}, {"HINCRBY", "users:a", "funds", "1"},
        {"INCRBY", "stock:a", "1", NULL}, {"HSET", "orderd:mark:a:0", "next", "1"}, {"RPUSH", "orderd:seen:a:0", "b", NULL},
        {"XDEL", "orderd:outbox", "0-1", NULL}, {"HSET", "orderd:meta", "era", "1"},
    };
    struct reply **replies;
    char key[KEY_SIZE];
    int r;

    commands_reset(commands);
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        snprintf(key, sizeof key, "%s%s", prefix, shapes[i][1]);
        command_texts(commands, "ACL", "DRYRUN", user, shapes[i][0], key, shapes[i][2], shapes[i][3], NULL);
    }
    r = commands_error(commands);
    if (!r)
        r = session_ask(session, commands, arena, &replies);
    for (size_t i = 0; !r && i < sizeof shapes / sizeof *shapes; i++)
        if (replies[i]->type == REPLY_STRING)
            return error_set(error, -EACCES, "self-test: %.*s (%s on %s%s)", (int)replies[i]->text.size, replies[i]->text.data,
                             shapes[i][0], prefix, shapes[i][1]);
    return r ? error_set(error, r, "self-test: connection lost") : 0;
}

int selftest_run(struct session *session, const char *prefix, struct clock *clock, struct error_text *error)
{
    struct commands commands;
    struct arena *arena;
    struct reply **who;
    struct keys keys;
    char user[128] = "default";
    int r = arena_new(&arena, MEMORY);

    if (r)
        return r;
    commands_init(&commands, MEMORY);
    keys_make(&keys, prefix, clock);
    r = run(session, &keys, &commands, arena, error);
    if (!r) {
        commands_reset(&commands);
        command_texts(&commands, "ACL", "WHOAMI", NULL);
        r = session_ask(session, &commands, arena, &who);
        if (r)
            error_set(error, r, "self-test: connection lost");
        if (!r && who[0]->type == REPLY_STRING && who[0]->text.size < sizeof user)
            snprintf(user, sizeof user, "%.*s", (int)who[0]->text.size, who[0]->text.data);
        if (!r)
            r = dryrun(session, prefix, user, &commands, arena, error);
    }
    commands_deinit(&commands);
    arena_free(arena);
    return r;
}
