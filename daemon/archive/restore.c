#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "archive/restore_inside.h"
#include "base/number.h"
#include "store/exec.h"

enum { LINE_SIZE = 1200 };

void restore_say(const struct restore *restore, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    restore->say(restore->context, line);
}

int restore_ask(const struct restore *restore, struct reply ***replies, struct error_text *error)
{
    struct asker *redis = restore->start.redis;
    size_t count = redis->commands->count;
    int r = asker_ask(redis, replies);

    return r ? error_set(error, r, "redis: the connection was lost") : store_replies_check(*replies, count, error);
}

/* Which restore it is: the snapshot's digest, or the log. */
static const char *name_of(const struct restore *restore)
{
    return restore->snapshot ? snapshot_digest(restore->snapshot) : "log";
}

/* "NAME LINES", "NAME written". */
static void put_progress(const struct restore *restore, int64_t lines, char out[RESTORE_VALUE_MAX])
{
    if (lines == RESTORE_WRITTEN)
        snprintf(out, RESTORE_VALUE_MAX, "%s written", name_of(restore));
    else
        snprintf(out, RESTORE_VALUE_MAX, "%s %lld", name_of(restore), (long long)lines);
}

static int take_progress(const struct restore *restore, struct bytes text, int64_t *lines)
{
    const char *name = name_of(restore);
    size_t size = strlen(name);
    struct bytes rest;

    if (text.size <= size + 1 || memcmp(text.data, name, size) != 0 || text.data[size] != ' ')
        return -EEXIST;
    rest = (struct bytes){text.data + size + 1, text.size - size - 1};
    if (bytes_equal_text(rest, "written"))
        *lines = RESTORE_WRITTEN;
    else if (!number_parse(rest, lines) || *lines < 0)
        return -EEXIST;
    return 0;
}

int restore_look(const struct restore *restore, const struct shard *shard, int64_t *lines, struct registry *found, struct error_text *error)
{
    struct commands *c = restore->start.redis->commands;
    struct reply **replies;
    int r;

    *lines = RESTORE_NONE;
    asker_begin(restore->start.redis);
    command_texts(c, "EXISTS", shard->meta_key, NULL);
    command_texts(c, "HGET", shard->meta_key, RESTORE_FIELD, NULL);
    command_texts(c, "HMGET", shard->meta_key, REGISTRY_FIELDS, NULL);
    r = restore_ask(restore, &replies, error);
    if (r || replies[0]->integer == 0)
        return r;
    r = registry_read(found, replies[2]);
    if (r)
        found->halt[0] = '\0';
    return replies[1]->type == REPLY_STRING ? take_progress(restore, replies[1]->text, lines) : -EEXIST;
}

int restore_chunk_begin(const struct restore *restore, const struct shard *shard, int64_t lines, struct error_text *error)
{
    struct commands *c = restore->start.redis->commands;
    char expected[RESTORE_VALUE_MAX];
    struct reply **replies;
    bool as_left;
    int r;

    put_progress(restore, lines, expected);
    asker_begin(restore->start.redis);
    command_texts(c, "UNWATCH", NULL);
    command_texts(c, "WATCH", shard->meta_key, NULL);
    command_texts(c, "EXISTS", shard->meta_key, NULL);
    command_texts(c, "HGET", shard->meta_key, RESTORE_FIELD, NULL);
    r = restore_ask(restore, &replies, error);
    if (r)
        return r;
    as_left = lines == RESTORE_NONE ? replies[2]->integer == 0 : replies[3]->type == REPLY_STRING && bytes_equal_text(replies[3]->text, expected);
    if (!as_left)
        return error_set(error, -ESTALE, "%s changed meanwhile: somebody else writes here", shard->meta_key);
    asker_begin(restore->start.redis);
    command_texts(c, "MULTI", NULL);
    return 0;
}

int restore_chunk_end(const struct restore *restore, const struct shard *shard, int64_t lines, struct error_text *error)
{
    struct commands *c = restore->start.redis->commands;
    char value[RESTORE_VALUE_MAX];
    struct exec_result result;
    int r;

    put_progress(restore, lines, value);
    command_texts(c, "HSET", shard->meta_key, RESTORE_FIELD, value, NULL);
    command_texts(c, "EXEC", NULL);
    r = asker_exec(restore->start.redis, c->count - 2, &result);
    if (r)
        return error_set(error, r, "redis: %s", r == -ENOBUFS ? "a line of the snapshot is larger than this command's memory" : "the connection was lost");
    if (result.class == EXEC_CONFLICT)
        return error_set(error, -ESTALE, "%s changed meanwhile: somebody else writes here", shard->meta_key);
    if (result.class == EXEC_UNKNOWN)
        return error_set(error, -ECONNRESET, "redis: the connection was lost");
    return result.class == EXEC_APPLIED ? 0 : error_set(error, -EIO, "redis refuses what is written: %.400s", result.error.text);
}

void restore_deinit(struct restore *restore)
{
    free(restore->incarnations);
    restore->incarnations = NULL;
}

int restore_check(struct restore *restore, struct refusal *refusal, struct error_text *error)
{
    int r = start_other_form(&restore->start, refusal);

    if (!r && !refusal->set)
        r = restore->snapshot ? restore_snapshot_check(restore, refusal, error) : restore_log_check(restore, refusal, error);
    return refusal->set ? -EPROTO : r;
}

int restore_write(struct restore *restore, struct error_text *error)
{
    return restore->snapshot ? restore_snapshot_write(restore, error) : restore_log_write(restore, error);
}

int restore_finish(struct restore *restore, struct error_text *error)
{
    char now[TEXT_TIME_SIZE], value[RESTORE_VALUE_MAX];
    struct reply **replies;
    int r = 0;

    text_time(now, clock_realtime_ms(restore->start.clock));
    snprintf(value, sizeof value, "%s %s", now, name_of(restore));
    for (int32_t i = 0; !r && i < start_markets(restore->start.topics, restore->start.topics_count, restore->start.sharded); i++) {
        struct shard shard;

        shard_init(&shard, restore->start.prefix, start_market(restore->start.sharded, i));
        asker_begin(restore->start.redis);
        command_texts(restore->start.redis->commands, "HDEL", shard.meta_key, RESTORE_FIELD, NULL);
        command_texts(restore->start.redis->commands, "HSET", shard.meta_key, "restored", value, NULL);
        r = restore_ask(restore, &replies, error);
    }
    return r;
}
