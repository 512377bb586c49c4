#include "archive/take.h"
#include "base/number.h"
#include "store/exec.h"

int take_go_on(const struct take *take)
{
    const struct snapshot_options *o = take->options;

    return o->stopped && o->stopped(o->context) ? error_set(take->error, -ECANCELED, "it was stopped") : 0;
}

int take_ask(struct take *take, struct reply ***replies)
{
    struct asker *redis = take->options->start.redis;
    size_t count = redis->commands->count;
    int64_t before = clock_monotonic_us(take->options->start.clock), took;
    int r = asker_ask(redis, replies);

    if (r)
        return error_set(take->error, r, "redis: %s", r == -ENOBUFS ? "an answer is larger than this command's memory" : "the connection was lost");
    took = clock_monotonic_us(take->options->start.clock) - before;
    if (took > take->taken->longest_us)
        take->taken->longest_us = took;
    return store_replies_check(*replies, count, take->error);
}

void take_chunk_begin(struct take *take)
{
    struct commands *c = take->options->start.redis->commands;

    asker_begin(take->options->start.redis);
    command_texts(c, "MULTI", NULL);
    command_texts(c, "HMGET", take->shard.meta_key, "incarnation", "era", NULL);
    for (size_t i = 0; i < take->count; i++)
        command_texts(c, "HGET", take->partitions[i].mark_key, "next", NULL);
}

static bool number_is(const struct reply *reply, int64_t expected)
{
    int64_t number;

    return reply->type == REPLY_STRING && number_parse(reply->text, &number) && number == expected;
}

/* The registry is the same, and no mark went back. */
static int take_marks(struct take *take, struct reply *const *replies)
{
    const struct registry *registry = &take->shard.registry;
    bool moved = take->chunk == 0;

    if (replies[0]->type != REPLY_ARRAY || replies[0]->count != 2 || !bytes_equal_text(replies[0]->elements[0]->text, registry->incarnation) ||
        !number_is(replies[0]->elements[1], registry->era))
        return error_set(take->error, -ESTALE, "another era of %s began meanwhile", take->shard.meta_key);
    for (size_t i = 0; i < take->count; i++) {
        struct take_partition *p = &take->partitions[i];
        const struct reply *reply = replies[1 + i];
        int64_t next;

        if (reply->type != REPLY_STRING || !number_parse(reply->text, &next))
            return error_set(take->error, -EPROTO, "the mark %s is missing or cannot be read; orderd check --connect says more", p->mark_key);
        if (next < p->next)
            return error_set(take->error, -ESTALE, "the mark %s went back meanwhile", p->mark_key);
        moved |= next != p->next;
        p->next = next;
    }
    return moved ? take_marks_put(take) : 0;
}

int take_chunk_end(struct take *take, size_t count, struct reply ***replies)
{
    struct commands *c = take->options->start.redis->commands;
    size_t queued = 1 + take->count + count;
    struct reply **all, *array;
    int r;

    command_texts(c, "EXEC", NULL);
    ASSERT(c->count == queued + 2);
    r = take_ask(take, &all);
    if (r)
        return r;
    array = all[queued + 1];
    if (array->type != REPLY_ARRAY || array->count != queued)
        return error_set(take->error, -EAGAIN, "redis does not answer EXEC with what was asked");
    r = store_replies_check(array->elements, queued, take->error);
    if (!r)
        r = take_marks(take, array->elements);
    *replies = array->elements + 1 + take->count;
    return r;
}
