/* Who applies published decisions again: the registry's field `reapply`, "UUID COUNT", and the first and last EXEC under it (PROTOCOL.md 5). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "ledger/compare.h"
#include "turn/reapply_inside.h"

/* DEAD_MS: of one's own clock, with neither lock nor marks changing. */
enum { DEAD_MS = 10000, LOOK_MS = 1000, BEAT_MS = 2000, CONFLICT_MS = 50, PARTS_MAX = 8192 };

static int64_t monotonic(const struct reapply *r)
{
    return clock_monotonic_ms(r->options.start.clock);
}

static bool is_ours(const struct reapply *r, const char *lock)
{
    return strncmp(lock, r->uuid, sizeof r->uuid - 1) == 0;
}

static void lock_text(const struct reapply *r, char out[REAPPLY_LOCK_SIZE])
{
    snprintf(out, REAPPLY_LOCK_SIZE, "%s %lld", r->uuid, (long long)r->beats);
}

static int ask(struct reapply *r, struct reply ***replies, size_t count)
{
    int result = asker_ask(r->options.start.redis, replies);

    return result ? result : store_replies_check(*replies, count, &r->error);
}

/* --- the registry's partitions */

static void forget_parts(struct reapply *r)
{
    for (size_t i = 0; i < r->count; i++)
        partition_free(r->partitions[i], &r->pool);
    r->count = 0;
}

static int add_part(struct reapply *r, const char *topic, int32_t number)
{
    struct reapply_part *parts = reallocarray(r->parts, r->count + 1, sizeof *parts);
    struct partition **partitions = reallocarray(r->partitions, r->count + 1, sizeof(*partitions));
    int result = -ENOMEM;

    r->parts = parts ? parts : r->parts;
    r->partitions = partitions ? partitions : r->partitions;
    if (parts && partitions && r->count < PARTS_MAX)
        result = partition_new(&r->partitions[r->count], topic, number, &r->shard);
    if (result)
        return result;
    r->parts[r->count] = (struct reapply_part){.partition = r->partitions[r->count]};
    r->count++;
    return 0;
}

/* Of all topics that the registry has, configured here or not. */
static int list_parts(struct reapply *r)
{
    const struct registry *registry = &r->shard.registry;
    const char *at = registry->topics;
    char topic[KAFKA_TOPIC_MAX + 1];
    int result = 0;

    forget_parts(r);
    while (!result && registry_next_topic(&at, topic))
        for (int32_t n = 0; !result && n < registry_partitions(registry, topic); n++)
            if (shard_has(&r->shard, n))
                result = add_part(r, topic, n);
    return result;
}

/* --- looking */

static int read_registry(struct reapply *r, struct refusal *refusal)
{
    struct asker *redis = r->options.start.redis;
    struct registry found;
    struct reply **replies;
    bool same;
    int result;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", r->shard.meta_key, NULL);
    command_texts(redis->commands, "HMGET", r->shard.meta_key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "HGET", r->shard.meta_key, "reapply", NULL);
    command_texts(redis->commands, "TYPE", r->shard.outbox_key, NULL);
    result = ask(r, &replies, 5);
    if (result)
        return result;
    if (registry_read(&found, replies[2])) {
        refusal_say(refusal, "the registry %s is missing or cannot be read", r->shard.meta_key);
        refusal_resolve(refusal, "--adopt");
        return -EPROTO;
    }
    same = r->shard.known && strcmp(found.topics, r->shard.registry.topics) == 0;
    if (!r->shard.known || found.era != r->shard.registry.era)
        r->shard.last = (struct stream_id){0, 0};
    r->shard.registry = found;
    r->shard.known = true;
    if (strncmp(found.halt, r->options.unhalt, strlen(r->options.unhalt)) != 0)
        return 1;
    if (!bytes_equal_text(replies[4]->text, "stream")) {
        refusal_say(refusal, "the outbox %s is missing or no stream: undelivered outcomes are lost", r->shard.outbox_key);
        return -EPROTO;
    }
    snprintf(r->lock, sizeof r->lock, "%.*s", replies[3]->type == REPLY_STRING ? (int)replies[3]->text.size : 0,
             replies[3]->type == REPLY_STRING ? replies[3]->text.data : "");
    return same ? 0 : list_parts(r);
}

/* One mark; whether it moved since it was read last. */
static int take_mark(struct reapply *r, struct partition *p, const struct reply *reply, bool *moved, struct refusal *refusal)
{
    struct mark before = p->mark;
    int result = mark_read(&p->mark, reply);

    if (result) {
        refusal_say(refusal, "the mark %s is missing or cannot be read", p->mark_key);
        refusal_resolve(refusal, "--adopt");
    } else if (p->mark.torn) {
        refusal_say(refusal, "the mark %s is torn: a transaction was applied in part", p->mark_key);
        refusal_resolve(refusal, "--accept-loss %s", p->at);
    }
    *moved |= !r->looked || before.next != p->mark.next || strcmp(before.epoch, p->mark.epoch) != 0;
    return refusal->set ? -EPROTO : 0;
}

static int read_marks(struct reapply *r, bool *moved, struct refusal *refusal)
{
    struct asker *redis = r->options.start.redis;
    struct reply **replies;
    int result;

    asker_begin(redis);
    for (size_t i = 0; i < r->count; i++) {
        command_texts(redis->commands, "WATCH", r->partitions[i]->mark_key, NULL);
        command_texts(redis->commands, "HMGET", r->partitions[i]->mark_key, MARK_FIELDS, NULL);
    }
    result = ask(r, &replies, 2 * r->count);
    for (size_t i = 0; !result && i < r->count; i++)
        result = take_mark(r, r->partitions[i], replies[2 * i + 1], moved, refusal);
    return result;
}

/* --- taking the lock */

static int refused(struct reapply *r, const struct exec_result *result)
{
    r->error = result->error;
    if (result->class == EXEC_REFUSED && result->trouble == TROUBLE_STOP)
        return -EACCES;
    if (result->class == EXEC_REFUSED && result->trouble == TROUBLE_SERVER)
        session_drop(r->options.start.redis->session, "this server cannot be written to");
    return -EBUSY;
}

static int take_lock(struct reapply *r)
{
    struct asker *redis = r->options.start.redis;
    struct exec_result result;
    char text[REAPPLY_LOCK_SIZE];
    int code;

    r->beats++;
    lock_text(r, text);
    asker_begin(redis);
    command_texts(redis->commands, "MULTI", NULL);
    command_texts(redis->commands, "HSET", r->shard.meta_key, "reapply", text, NULL);
    for (size_t i = 0; i < r->count; i++) {
        clock_uuid(r->options.start.clock, r->partitions[i]->mark.epoch);
        command_texts(redis->commands, "HSET", r->partitions[i]->mark_key, "epoch", r->partitions[i]->mark.epoch, NULL);
    }
    command_texts(redis->commands, "EXEC", NULL);
    code = asker_exec(redis, 1 + r->count, &result);
    if (code)
        return code;
    if (result.class == EXEC_CONFLICT) {
        r->wake_at = monotonic(r) + CONFLICT_MS;
        return 0;
    }
    if (result.class != EXEC_APPLIED)
        return refused(r, &result);
    memcpy(r->lock, text, sizeof text);
    r->held = true;
    r->beat_at = r->stirred_at = monotonic(r);
    r->work = WORK_LOAD;
    r->at = 0;
    return 0;
}

/* Whether somebody else has it, and lives. */
static bool is_taken(struct reapply *r, bool moved)
{
    int64_t now = monotonic(r);

    if (moved)
        r->changed_at = now;
    return r->lock[0] && !is_ours(r, r->lock) && now - r->changed_at < DEAD_MS;
}

int reapply_watch(struct reapply *r, struct refusal *refusal)
{
    char before[REAPPLY_LOCK_SIZE];
    bool moved = false;
    int result;

    memcpy(before, r->lock, sizeof before);
    r->held = false;
    r->progress.phase = REAPPLY_WAITING;
    result = read_registry(r, refusal);
    if (result)
        return result;
    result = read_marks(r, &moved, refusal);
    r->looked = true;
    if (result)
        return result;
    moved |= strcmp(before, r->lock) != 0;
    if (r->options.dry) {
        r->work = WORK_EVIDENCE;
        return 0;
    }
    if (!is_taken(r, moved))
        return take_lock(r);
    r->wake_at = monotonic(r) + LOOK_MS;
    return 0;
}

/* --- while it is held */

/* Registry and lock under WATCH: 0, or -ESTALE when they are not as we left them. */
static int confirm(struct reapply *r, bool marks)
{
    struct asker *redis = r->options.start.redis;
    struct registry found;
    struct reply **replies;
    size_t count = marks ? 2 * r->count : 0;
    int result;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", r->shard.meta_key, NULL);
    command_texts(redis->commands, "HMGET", r->shard.meta_key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "HGET", r->shard.meta_key, "reapply", NULL);
    for (size_t i = 0; marks && i < r->count; i++) {
        command_texts(redis->commands, "WATCH", r->partitions[i]->mark_key, NULL);
        command_texts(redis->commands, "HMGET", r->partitions[i]->mark_key, MARK_TURN_FIELDS, NULL);
    }
    result = ask(r, &replies, 4 + count);
    if (result)
        return result;
    if (registry_read(&found, replies[2]) || found.era != r->shard.registry.era || strcmp(found.halt, r->shard.registry.halt) != 0 ||
        !bytes_equal_text(replies[3]->text, r->lock))
        return -ESTALE;
    for (size_t i = 0; marks && i < r->count; i++)
        if (!mark_is_ours(&r->partitions[i]->mark, replies[5 + 2 * i]))
            return -ESTALE;
    return 0;
}

/* What was put after MULTI; a conflict means that somebody else was here. */
static int execute(struct reapply *r, size_t queued)
{
    struct exec_result result;
    int code;

    command_texts(r->options.start.redis->commands, "EXEC", NULL);
    code = asker_exec(r->options.start.redis, queued, &result);
    if (code)
        return code;
    if (result.class == EXEC_CONFLICT)
        return -ESTALE;
    return result.class == EXEC_APPLIED ? 0 : refused(r, &result);
}

/* The same behind an UNWATCH, whose reply comes first. */
static int execute_unwatched(struct reapply *r, size_t queued)
{
    struct reply *reply;
    struct exec_result result;
    int code;

    command_texts(r->options.start.redis->commands, "EXEC", NULL);
    code = commands_error(r->options.start.redis->commands);
    if (!code)
        code = session_send(r->options.start.redis->session, r->options.start.redis->commands);
    commands_reset(r->options.start.redis->commands);
    if (!code)
        code = session_receive(r->options.start.redis->session, r->options.start.redis->arena, &reply);
    if (code)
        return code;
    exec_receive(r->options.start.redis->session, queued, r->options.start.redis->arena, &result);
    return result.class == EXEC_APPLIED ? 0 : refused(r, &result);
}

int reapply_confirm(struct reapply *r)
{
    return confirm(r, true);
}

bool reapply_beat_is_due(const struct reapply *r)
{
    return monotonic(r) - r->beat_at >= BEAT_MS;
}

int reapply_beat(struct reapply *r)
{
    struct commands *commands = r->options.start.redis->commands;
    char text[REAPPLY_LOCK_SIZE];
    int result;

    result = confirm(r, false);
    if (result)
        return result;
    r->beats++;
    lock_text(r, text);
    command_texts(commands, "MULTI", NULL);
    command_texts(commands, "HSET", r->shard.meta_key, "reapply", text, NULL);
    result = execute(r, 1);
    if (result)
        return result;
    memcpy(r->lock, text, sizeof text);
    r->beat_at = monotonic(r);
    return 0;
}

int reapply_torn(struct reapply *r)
{
    struct commands *commands = r->options.start.redis->commands;
    char halt[SHARD_TEXT_MAX];
    int result;

    snprintf(halt, sizeof halt, "torn %s: a transaction that applied published decisions again was applied in part; every partition of the market is marked",
             r->partitions[0]->at);
    asker_begin(r->options.start.redis);
    command_texts(commands, "UNWATCH", NULL);
    command_texts(commands, "MULTI", NULL);
    for (size_t i = 0; i < r->count; i++)
        command_texts(commands, "HSET", r->partitions[i]->mark_key, "torn", "1", NULL);
    command_texts(commands, "HSET", r->shard.meta_key, "halt", halt, NULL);
    command_texts(commands, "HDEL", r->shard.meta_key, "reapply", NULL);
    result = execute_unwatched(r, r->count + 2);
    if (result)
        return result;
    r->torn = r->held = false;
    log_error(r->log, "the market is halted: %s", halt);
    return 0;
}

void reapply_unlock(struct reapply *r)
{
    struct commands *commands = r->options.start.redis->commands;

    if (!r->held || !session_is_up(r->options.start.redis->session))
        return;
    r->held = false;
    if (confirm(r, false))
        return;
    command_texts(commands, "MULTI", NULL);
    command_texts(commands, "HDEL", r->shard.meta_key, "reapply", NULL);
    (void)!execute(r, 1);
}

/* --- the end */

/* Control records between the last message and the commit: an entry and an element over them, as every move of `next` has. */
static int put_rise(struct reapply *r, const struct partition *p, int64_t to)
{
    struct commands *commands = r->options.start.redis->commands;
    char begin[24], end[24], era[24];
    struct buffer element;
    int result;

    snprintf(begin, sizeof begin, "%lld", (long long)p->mark.next);
    snprintf(end, sizeof end, "%lld", (long long)to);
    snprintf(era, sizeof era, "%lld", (long long)r->era + 1);
    command_texts(commands, "HSET", p->mark_key, "next", end, NULL);
    command_texts(commands, "XADD", r->shard.outbox_key, "*", "at", p->at, "from", begin, "to", end, "era", era, "records", "", NULL);
    buffer_init(&element, 64);
    seen_element_begin(&element, p->mark.next, to);
    result = buffer_error(&element);
    command_begin(commands, 3);
    command_text(commands, "RPUSH");
    command_text(commands, p->seen_key);
    command_bytes(commands, buffer_bytes(&element));
    buffer_deinit(&element);
    return result;
}

/* What a producer was given and Kafka never got is decided anew; the marks rose over what was committed. */
static void say_undelivered(struct reapply *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct partition *p = r->partitions[i];
        int64_t next = r->parts[i].committed > p->mark.next ? r->parts[i].committed : p->mark.next;

        if (r->parts[i].handed > next)
            reapply_say(r, "%s: %s %s decided anew; an instance that stands still may still publish %s", p->at,
                        number_offsets(next, r->parts[i].handed - 1).text,
                        number_words(r->parts[i].handed - next, "was handed to a producer and never arrived: it is", "were handed to a producer and never arrived: they are"),
                        number_words(r->parts[i].handed - next, "it", "them"));
    }
}

int reapply_finish(struct reapply *r)
{
    struct commands *commands = r->options.start.redis->commands;
    char era[24];
    size_t queued = 2;
    int result = confirm(r, true);

    if (result)
        return result;
    snprintf(era, sizeof era, "%lld", (long long)r->era + 1);
    command_texts(commands, "MULTI", NULL);
    command_texts(commands, "HDEL", r->shard.meta_key, "halt", "reapply", NULL);
    command_texts(commands, "HSET", r->shard.meta_key, "era", era, "reapplied", era, NULL);
    for (size_t i = 0; !result && i < r->count; i++)
        if (r->parts[i].committed > r->partitions[i]->mark.next) {
            result = put_rise(r, r->partitions[i], r->parts[i].committed);
            queued += 3;
        }
    if (result) {
        commands_reset(commands);
        return result;
    }
    result = execute(r, queued);
    if (result)
        return result;
    r->held = false;
    say_undelivered(r);
    return 0;
}
