#include "ledger/opened.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ledger/compare.h"

enum { TRIES = 20, TRY_PAUSE_MS = 50, GATE_MS = 5000, WRITES_LIMIT = 256 << 20, TEXT_LIMIT = 1 << 22, LINE_MAX_SIZE = 1200 };

static void say_line(struct resolve *resolve, const char *line)
{
    resolve->say(resolve->context, line);
}

void opened_say(struct opened *opened, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    buffer_put_text(&opened->text, line);
    buffer_put_char(&opened->text, '\n');
}

int opened_refuse(struct resolve *resolve, const char *format, ...)
{
    char line[LINE_MAX_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (resolve->refuse)
        resolve->refuse(resolve->context, line);
    else
        say_line(resolve, line);
    return -EPROTO;
}

int opened_refuse_found(struct resolve *resolve, const struct refusal *refusal)
{
    if (!refusal->resolve[0])
        return opened_refuse(resolve, "refused: %s", refusal->found);
    return opened_refuse(resolve, "refused: %s; orderd init %s comes first", refusal->found, refusal->resolve);
}

static void end(struct resolve *resolve, struct opened *opened)
{
    struct gather gather = {*resolve->start.redis, resolve->start.clock, resolve->start.log, &opened->pool};

    if (opened->gathered)
        gathered_free(&gather, opened->gathered, opened->count);
    for (size_t i = 0; i < opened->count; i++)
        partition_free(opened->items[i].partition, &opened->pool);
    outbox_pool_deinit(&opened->pool);
    commands_deinit(&opened->writes);
    buffer_deinit(&opened->text);
    free(opened->items);
    free(opened->partitions);
    free(opened->gathered);
}

static int read_registry(struct resolve *resolve, struct opened *opened)
{
    struct error_text error;
    struct asker *redis = resolve->start.redis;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", opened->shard.meta_key, NULL);
    command_texts(redis->commands, "HMGET", opened->shard.meta_key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "TYPE", opened->shard.outbox_key, NULL);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, 4, &error);
    if (r)
        return r;
    opened->registry = registry_read(&opened->shard.registry, replies[2]);
    opened->shard.known = opened->registry == 0;
    opened->outbox = bytes_equal_text(replies[3]->text, "stream");
    opened->era = opened->registry == 0 ? opened->shard.registry.era : 0;
    return 0;
}

static bool in_scope(const struct opened *opened, const char *topic, int32_t number)
{
    return (!opened->scope.topic || strcmp(opened->scope.topic, topic) == 0) && (opened->scope.partition < 0 || opened->scope.partition == number);
}

static int add(struct opened *opened, const char *topic, int32_t number, bool configured)
{
    struct opened_partition *known = opened_find(opened, topic, number), *items;
    struct partition **partitions;
    int r;

    if (known || !shard_has(&opened->shard, number) || !in_scope(opened, topic, number)) {
        if (known)
            known->configured |= configured;
        return 0;
    }
    items = reallocarray(opened->items, opened->count + 1, sizeof *items);
    opened->items = items ? items : opened->items;
    partitions = reallocarray(opened->partitions, opened->count + 1, sizeof *partitions);
    opened->partitions = partitions ? partitions : opened->partitions;
    if (!items || !partitions)
        return -ENOMEM;
    items[opened->count] = (struct opened_partition){.mark = -ENOENT, .configured = configured};
    r = partition_new(&items[opened->count].partition, topic, number, &opened->shard);
    if (!r)
        partitions[opened->count] = items[opened->count].partition;
    opened->count += r == 0;
    return r;
}

/* The configuration's partitions, and those that the registry knows besides. */
static int list_partitions(struct resolve *resolve, struct opened *opened)
{
    const char *at = opened->registry == 0 ? opened->shard.registry.topics : "";
    char topic[KAFKA_TOPIC_MAX + 1];
    int r = 0;

    for (size_t i = 0; i < resolve->start.topics_count; i++)
        for (int32_t n = 0; !r && n < resolve->start.topics[i].partitions; n++)
            r = add(opened, resolve->start.topics[i].name, n, true);
    while (!r && registry_next_topic(&at, topic))
        for (int32_t n = 0; !r && n < registry_partitions(&opened->shard.registry, topic); n++)
            r = add(opened, topic, n, false);
    opened->gathered = calloc(opened->count + 1, sizeof *opened->gathered);
    return r ? r : opened->gathered ? 0 : -ENOMEM;
}

/* With `watched` each mark is WATCHed before it is read; a mark that is known to be there is read no more. */
static int look_at_marks(struct resolve *resolve, struct opened *opened, bool watched)
{
    struct asker *redis = resolve->start.redis;
    struct error_text error;
    struct reply **replies;
    size_t at = 0, asked;
    int r;

    asker_begin(redis);
    for (size_t i = 0; i < opened->count; i++) {
        if (opened->items[i].mark == 0)
            continue;
        if (watched)
            command_texts(redis->commands, "WATCH", opened->partitions[i]->mark_key, NULL);
        command_texts(redis->commands, "HMGET", opened->partitions[i]->mark_key, MARK_FIELDS, NULL);
    }
    asked = redis->commands->count;
    r = asked ? asker_ask(redis, &replies) : 0;
    if (!r && asked)
        r = store_replies_check(replies, asked, &error);
    for (size_t i = 0; !r && i < opened->count; i++) {
        if (opened->items[i].mark == 0)
            continue;
        at += watched;
        opened->items[i].mark = mark_read(&opened->partitions[i]->mark, replies[at++]);
    }
    return r;
}

static int read_marks(struct resolve *resolve, struct opened *opened)
{
    int r = opened->scope.missing ? look_at_marks(resolve, opened, false) : 0;

    return r ? r : look_at_marks(resolve, opened, true);
}

static int execute(struct resolve *resolve, struct opened *opened)
{
    struct asker redis = *resolve->start.redis;
    struct exec_result result;
    int r;

    redis.commands = &opened->writes;
    command_texts(&opened->writes, "EXEC", NULL);
    arena_reset(redis.arena);
    r = asker_exec(&redis, opened->writes.count - 2, &result);
    if (r)
        return r;
    if (result.class == EXEC_CONFLICT)
        return -EAGAIN;
    if (result.class != EXEC_APPLIED) {
        opened_refuse(resolve, "redis: %s", result.class == EXEC_UNKNOWN ? "the connection was lost, run the command again to see whether it was done"
                                                                         : result.error.text);
        return -EIO;
    }
    return 0;
}

/* It is done whatever comes of this, so what it is was said before. */
static void confirm(struct resolve *resolve)
{
    if (session_gate_wait(resolve->start.redis->session, resolve->start.redis->arena, GATE_MS))
        say_line(resolve, "(not yet confirmed by redis.durability; the daemon will wait for it)");
}

/* What was gathered, line by line. */
static void say_all(struct resolve *resolve, struct opened *opened)
{
    char *rest = (char *)(uintptr_t)buffer_text(&opened->text), *line;

    while ((line = strsep(&rest, "\n")))
        if (*line)
            say_line(resolve, line);
}

static int run_once(struct resolve *resolve, int32_t shard, struct opened_scope scope, resolve_plan plan, void *argument)
{
    struct opened opened = {.scope = scope, .registry = -ENOENT};
    bool written;
    int r;

    shard_init(&opened.shard, resolve->start.prefix, shard);
    commands_init(&opened.writes, WRITES_LIMIT);
    buffer_init(&opened.text, TEXT_LIMIT);
    r = read_registry(resolve, &opened);
    if (!r)
        r = list_partitions(resolve, &opened);
    if (!r)
        r = read_marks(resolve, &opened);
    command_texts(&opened.writes, "MULTI", NULL);
    if (!r)
        r = plan(resolve, &opened, argument);
    written = !r && !resolve->dry && opened.writes.count > 1;
    if (written)
        r = execute(resolve, &opened);
    if (!r)
        say_all(resolve, &opened);
    if (!r && written)
        confirm(resolve);
    end(resolve, &opened);
    return r;
}

int opened_run(struct resolve *resolve, int32_t shard, struct opened_scope scope, resolve_plan plan, void *argument)
{
    int r = -EAGAIN;

    for (int i = 0; r == -EAGAIN && i < TRIES && session_is_up(resolve->start.redis->session); i++) {
        if (i)
            clock_sleep_ms(resolve->start.clock, clock_random_between(resolve->start.clock, 1, TRY_PAUSE_MS));
        r = run_once(resolve, shard, scope, plan, argument);
    }
    return r;
}

int opened_run_all(struct resolve *resolve, struct opened_scope scope, resolve_plan plan, void *argument)
{
    int32_t markets = start_markets(resolve->start.topics, resolve->start.topics_count, resolve->start.sharded);
    bool resolved = false;

    for (int32_t n = 0; n < markets; n++) {
        int r = opened_run(resolve, start_market(resolve->start.sharded, n), scope, plan, argument);

        if (r && r != -EPROTO)
            return r;
        resolved |= r == 0;
    }
    return resolved ? 0 : -EPROTO;
}

struct opened_partition *opened_find(struct opened *opened, const char *topic, int32_t partition)
{
    for (size_t i = 0; i < opened->count; i++)
        if (opened->partitions[i]->number == partition && strcmp(opened->partitions[i]->topic, topic) == 0)
            return &opened->items[i];
    return NULL;
}

static int gather_some(struct resolve *resolve, struct opened *opened, size_t first, size_t count)
{
    struct gather gather = {*resolve->start.redis, resolve->start.clock, resolve->start.log, &opened->pool};
    int r = 0;

    asker_begin(&gather.redis);
    if (opened->outbox)
        r = gather_outbox(&gather, &opened->shard, opened->partitions + first, count, opened->gathered + first);
    for (size_t i = first; !r && i < first + count; i++)
        if (opened->items[i].mark == 0)
            r = gather_seen(&gather, opened->partitions[i], &opened->gathered[i]);
    return r;
}

int opened_gather(struct resolve *resolve, struct opened *opened)
{
    return gather_some(resolve, opened, 0, opened->count);
}

int opened_gather_one(struct resolve *resolve, struct opened *opened, const struct opened_partition *item)
{
    return gather_some(resolve, opened, (size_t)(item - opened->items), 1);
}

int opened_need(struct resolve *resolve, struct opened *opened, const struct resolve_place *place, struct opened_partition **out)
{
    *out = opened_find(opened, place->topic, place->partition);
    if (opened->registry)
        return opened_refuse(resolve, "refused: the registry %s is missing or cannot be read; --adopt would be right", opened->shard.meta_key);
    if (!*out)
        return opened_refuse(resolve, "refused: %s:%d is no partition of this market; its topics are %s", place->topic, place->partition,
                             opened->shard.registry.topics);
    if ((*out)->mark)
        return opened_refuse(resolve, "refused: the mark %s is missing or cannot be read; --adopt would be right", (*out)->partition->mark_key);
    return 0;
}

int opened_watch(struct resolve *resolve, struct opened_partition *item)
{
    struct asker *redis = resolve->start.redis;
    const char *key = item->partition->mark_key;
    struct error_text error;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "WATCH", key, NULL);
    command_texts(redis->commands, "HMGET", key, MARK_FIELDS, NULL);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, 2, &error);
    if (r)
        return r;
    item->mark = mark_read(&item->partition->mark, replies[1]);
    return item->mark ? -EAGAIN : 0;      /* it went just now: from the beginning */
}

int opened_evidence(struct resolve *resolve, struct opened *opened, const struct opened_partition *item, struct registry *collect,
                    struct evidence *out)
{
    struct evidence_source source = resolve->start.evidence;
    const struct partition *p = item->partition;
    bool fingerprint = item->mark == 0 && p->mark.fingerprint_offset >= 0;
    int r;

    source.collect = collect;
    r = evidence_read(out, &source, p->topic, p->number, opened->registry == 0 ? &opened->shard.registry : NULL,
                      fingerprint ? &p->mark : NULL);
    if (!r && out->note.era > opened->era)
        opened->era = out->note.era;
    return r;
}
