/* What the Redis user may do, asked by ACL DRYRUN: every command that the daemon and `orderd init` send, on every kind of key that they
 * send it for. The self-test at start tries the same on keys of its own, which here would be writing. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "commands/check.h"
#include "store/server.h"

enum key { MARKET = 1, INVENTORY = 2, USERS = 4, STOCK = 8, META = 16, OUTBOX = 32, MARK = 64, SEEN = 128, PAUSED = 256, TEST = 512, LETTERS = 1024, KEYS = 11, NO_KEY = 0 };
enum { USER_SIZE = 128, LIST_SIZE = 512, ARGUMENTS_MAX = 4 };

/* What comes behind PREFIX, in the order of enum key. */
static const char *const key_names[KEYS] = {"market:",       "inventory:a",     "users:a",         "stock:a",       "orderd:meta",
                                            "orderd:outbox", "orderd:mark:a:0", "orderd:seen:a:0", "orderd:paused", "orderd:selftest:a",
                                            "orderd:letters"};

/* When lacking a command is a failure; else it is a warning. */
enum need { ALWAYS, REPLICAS, AOF, BETTER };

static const struct {
    const char *name, *sub;              /* "client", "id" */
    int keys;
    enum need need;
    const char *arguments[ARGUMENTS_MAX];
} commands[] = {
    {"watch", NULL, MARKET | INVENTORY | USERS | STOCK | META | OUTBOX | MARK | TEST, ALWAYS, {NULL}},
    {"type", NULL, MARKET | INVENTORY | USERS | STOCK | OUTBOX | SEEN | TEST, ALWAYS, {NULL}},
    {"exists", NULL, META | OUTBOX | MARK | SEEN | TEST, ALWAYS, {NULL}},
    {"get", NULL, STOCK | TEST, ALWAYS, {NULL}},
    {"hget", NULL, USERS | PAUSED | TEST, ALWAYS, {"a"}},
    {"hmget", NULL, META | MARK | TEST, ALWAYS, {"a"}},
    {"smismember", NULL, INVENTORY | TEST, ALWAYS, {"a"}},
    {"zmscore", NULL, MARKET | TEST, ALWAYS, {"a"}},
    {"lrange", NULL, SEEN | TEST, ALWAYS, {"0", "1"}},
    {"llen", NULL, SEEN | TEST, ALWAYS, {NULL}},
    {"xrange", NULL, OUTBOX | TEST, ALWAYS, {"-", "+"}},
    {"xlen", NULL, OUTBOX | TEST, ALWAYS, {NULL}},
    {"hset", NULL, META | MARK | PAUSED | TEST, ALWAYS, {"a", "1"}},
    {"hdel", NULL, META | MARK | PAUSED | TEST, ALWAYS, {"a"}},
    {"hincrby", NULL, USERS | TEST, ALWAYS, {"a", "1"}},
    {"incrby", NULL, STOCK | TEST, ALWAYS, {"1"}},
    {"sadd", NULL, INVENTORY | TEST, ALWAYS, {"a"}},
    {"srem", NULL, INVENTORY | TEST, ALWAYS, {"a"}},
    {"zadd", NULL, MARKET | TEST, ALWAYS, {"1", "a"}},
    {"zrem", NULL, MARKET | TEST, ALWAYS, {"a"}},
    {"xadd", NULL, OUTBOX | TEST, ALWAYS, {"*", "a", "1"}},
    {"xdel", NULL, OUTBOX | TEST, ALWAYS, {"0-1"}},
    {"rpush", NULL, SEEN | TEST, ALWAYS, {"a"}},
    {"lset", NULL, SEEN | TEST, ALWAYS, {"0", "a"}},
    {"lpop", NULL, SEEN | TEST, ALWAYS, {"1"}},
    {"del", NULL, META | OUTBOX | MARK | SEEN | TEST, ALWAYS, {NULL}},
    {"unwatch", NULL, NO_KEY, ALWAYS, {NULL}},
    {"multi", NULL, NO_KEY, ALWAYS, {NULL}},
    {"exec", NULL, NO_KEY, ALWAYS, {NULL}},
    {"select", NULL, NO_KEY, ALWAYS, {"0"}},
    {"info", NULL, NO_KEY, ALWAYS, {NULL}},
    {"client", "id", NO_KEY, ALWAYS, {NULL}},
    {"wait", NULL, NO_KEY, REPLICAS, {"1", "1"}},
    {"waitaof", NULL, NO_KEY, AOF, {"1", "0", "1"}},
    {"hlen", NULL, LETTERS, BETTER, {NULL}},
    {"hscan", NULL, LETTERS, BETTER, {"0"}},
    {"client", "setname", NO_KEY, BETTER, {"a"}},
    {"client", "no-evict", NO_KEY, BETTER, {"on"}},
    {"client", "kill", NO_KEY, BETTER, {"id", "1"}},
    {"config", "get", NO_KEY, BETTER, {"save"}},
    {"acl", "whoami", NO_KEY, BETTER, {NULL}},
};
enum { COMMANDS = sizeof commands / sizeof *commands };

/* A list of words that grows to its bound, each once. */
struct words {
    char text[LIST_SIZE];
    size_t count;
};

static bool has_word(const struct words *words, const char *word)
{
    size_t size = strlen(word);

    for (const char *at = words->text; *at; at += strcspn(at, " "), at += *at == ' ')
        if (strcspn(at, " ") == size && memcmp(at, word, size) == 0)
            return true;
    return false;
}

static void add_word(struct words *words, const char *a, const char *b, const char *c)
{
    char word[CHECK_ABOUT_MAX];
    size_t size = strlen(words->text);

    snprintf(word, sizeof word, "%s%s%s", a, b, c);
    if (has_word(words, word) || size + strlen(word) + 2 > sizeof words->text)
        return;
    snprintf(words->text + size, sizeof words->text - size, "%s%s", size ? " " : "", word);
    words->count++;
}

static bool is_wanted(const struct check *check, enum need need, const char *version)
{
    const char *durability = check->site.config->redis.durability;

    return need == ALWAYS || need == BETTER || (need == REPLICAS && strncmp(durability, "replicas:", 9) == 0) ||
           (need == AOF && strcmp(durability, "aof") == 0 && server_version_at_least(version, 7, 2));
}

static void put_dryrun(struct commands *out, const char *user, size_t at, const char *key)
{
    size_t count = 0;

    while (count < ARGUMENTS_MAX && commands[at].arguments[count])
        count++;
    command_begin(out, 4 + (size_t)(commands[at].sub != NULL) + (size_t)(key != NULL) + count);
    command_text(out, "ACL");
    command_text(out, "DRYRUN");
    command_text(out, user);
    command_text(out, commands[at].name);
    if (commands[at].sub)
        command_text(out, commands[at].sub);
    if (key)
        command_text(out, key);
    for (size_t i = 0; i < count; i++)
        command_text(out, commands[at].arguments[i]);
}

/* Each question: which command, on which key (-1: none). */
struct asked {
    size_t command;
    int key;
};

static size_t put_questions(struct check *check, const char *user, const char *version, const char *prefix, struct asked asked[COMMANDS * KEYS])
{
    struct commands *out = check->site.redis.commands;
    char key[CHECK_ABOUT_MAX];
    size_t count = 0;

    for (size_t i = 0; i < COMMANDS; i++) {
        if (!is_wanted(check, commands[i].need, version))
            continue;
        if (commands[i].keys == NO_KEY) {
            put_dryrun(out, user, i, NULL);
            asked[count++] = (struct asked){i, -1};
        }
        for (int k = 0; k < KEYS; k++)
            if (commands[i].keys & (1 << k)) {
                snprintf(key, sizeof key, "%s%s", prefix, key_names[k]);
                put_dryrun(out, user, i, key);
                asked[count++] = (struct asked){i, k};
            }
    }
    return count;
}

struct lacks {
    struct words commands, better, keys, unknown;
};

/* DRYRUN's answer: OK, a sentence about a key or about the command, or an error for a command that the server does not know. */
static void judge(struct lacks *lacks, const struct reply *reply, const struct asked *asked, const char *prefix)
{
    const char *name = commands[asked->command].name, *sub = commands[asked->command].sub;
    char whole[64];

    snprintf(whole, sizeof whole, "%s%s%s", name, sub ? "|" : "", sub ? sub : "");
    if (reply->type == REPLY_ERROR)
        add_word(&lacks->unknown, whole, "", "");
    else if (reply->type == REPLY_STRING && memmem(reply->text.data, reply->text.size, "access the", 10) && asked->key >= 0)
        add_word(&lacks->keys, prefix, key_names[asked->key], "");
    else if (reply->type == REPLY_STRING)
        add_word(commands[asked->command].need == BETTER ? &lacks->better : &lacks->commands, "+", whole, "");
}

static void report(struct check *check, const struct lacks *lacks, const char *user, size_t asked)
{
    check_about(check, "redis user %s", user);
    if (lacks->commands.count)
        check_fail(check, CAUSE_RIGHTS, "%zu %s not allowed that orderd needs -> ACL SETUSER %s %s", lacks->commands.count,
                   number_words((int64_t)lacks->commands.count, "command is", "commands are"), user, lacks->commands.text);
    if (lacks->keys.count)
        check_fail(check, CAUSE_RIGHTS, "these keys are not allowed: %s -> ACL SETUSER %s '~%s*'", lacks->keys.text, user, check->site.config->redis.prefix);
    if (lacks->unknown.count)
        check_fail(check, CAUSE_MISTAKE, "the server does not know these commands: %s -> undo rename-command, or use a later release", lacks->unknown.text);
    if (lacks->better.count)
        check_warn(check, "works without these commands, but less well -> ACL SETUSER %s %s", user, lacks->better.text);
    if (!lacks->commands.count && !lacks->keys.count && !lacks->unknown.count)
        check_ok(check, "may do all that orderd does on %s* (%zu questions by ACL DRYRUN)", check->site.config->redis.prefix, asked);
}

/* Who we are and whether DRYRUN may be asked at all; false with a line otherwise. */
static bool may_ask(struct check *check, char user[USER_SIZE], char version[USER_SIZE])
{
    struct asker *redis = &check->site.redis;
    struct reply **replies;

    snprintf(user, USER_SIZE, "%s", check->site.config->redis.user[0] ? check->site.config->redis.user : "default");
    asker_begin(redis);
    command_texts(redis->commands, "ACL", "WHOAMI", NULL);
    command_texts(redis->commands, "ACL", "DRYRUN", user, "unwatch", NULL);
    command_texts(redis->commands, "INFO", "server", NULL);
    if (asker_ask(redis, &replies)) {
        check_fail(check, CAUSE_AWAY, "the connection was lost -> look at the server's log");
        check->redis_up = false;
        return false;
    }
    if (replies[0]->type == REPLY_STRING && replies[0]->text.size < USER_SIZE)
        snprintf(user, USER_SIZE, "%.*s", (int)replies[0]->text.size, replies[0]->text.data);
    server_info(replies[2]->text, "redis_version", version, USER_SIZE);
    if (replies[1]->type != REPLY_ERROR)
        return true;
    check_pass_over(check, "rights of user %s: %.*s -> give it +acl|dryrun (Redis 7.0); the daemon tries them at start, on keys of its own", user,
                    (int)replies[1]->text.size, replies[1]->text.data);
    return false;
}

void check_acl(struct check *check)
{
    char user[USER_SIZE], version[USER_SIZE] = "";
    struct asked asked[COMMANDS * KEYS];
    struct lacks lacks = {0};
    struct reply **replies;
    struct shard shard;
    size_t count;

    check_about(check, "redis user");
    if (!check->redis_up)
        return;
    if (!may_ask(check, user, version))
        return;
    shard_init(&shard, check->site.config->redis.prefix, strcmp(check->site.config->shard, "partition") == 0 ? 0 : SHARD_NONE);
    asker_begin(&check->site.redis);
    count = put_questions(check, user, version, shard.prefix, asked);
    if (asker_ask(&check->site.redis, &replies)) {
        check_fail(check, CAUSE_AWAY, "the connection was lost -> look at the server's log");
        check->redis_up = false;
        return;
    }
    for (size_t i = 0; i < count; i++)
        judge(&lacks, replies[i], &asked[i], shard.prefix);
    report(check, &lacks, user, count);
}
