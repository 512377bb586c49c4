#include "fake/kafka_brokers.h"

#include "fake/world.h"

enum { SLICE_MS = 5, LONG_SLICE_MS = 50, MILLION = 1000000 };

void kafka_catch_up(void)
{
    kafka_commits_arrive();
    group_catch_up();
    kafka_records_arrive();
}

bool kafka_is_quiet(void)
{
    return kafka_producers_are_quiet() && !world->brokers.commits;
}

void kafka_brokers_deinit(void)
{
    kafka_producers_deinit();
    kafka_commits_deinit();
}

bool kafka_reachable(const struct node *node)
{
    return !world->weather.away && !node->kafka_away;
}

int64_t kafka_drawn_ms(const struct kafka_range *range)
{
    return range->max > range->min ? range->min + (int64_t)world_draw((uint32_t)(range->max - range->min + 1)) : range->min;
}

bool kafka_happens(kafka_chance chance)
{
    return chance && world_draw(MILLION) < chance;
}

void kafka_wait(struct node *node, int64_t until, int64_t next)
{
    int64_t ms = until - world->now, slice = world->wake && kafka_reachable(node) ? LONG_SLICE_MS : SLICE_MS;

    if (next - world->now < ms)
        ms = next > world->now ? next - world->now : 1;
    if (world->wait && ms > slice)      /* others work meanwhile */
        ms = slice;
    node->listens = true;
    world_wait(node, ms);
    node->listens = false;
}

void kafka_wake(void)
{
    for (size_t i = 0; world->wake && i < world->nodes_count; i++)
        if (world->nodes[i].listens)
            world->wake(&world->nodes[i]);
}

int kafka_question(struct node *node, int timeout_ms)
{
    int64_t until = world->now + timeout_ms, answered;
    bool fails;

    if (!world_arrow(node, ARROW_ASK))
        return -EAGAIN;
    fails = kafka_happens(world->weather.ask_fails);
    if (fails && world_draw(2))
        return -EAGAIN;
    answered = fails ? INT64_MAX : world->now + kafka_drawn_ms(&world->weather.ask_ms);
    while (!node->dead && world->now < until && (world->now < answered || !kafka_reachable(node)))
        kafka_wait(node, until, answered);
    if (node->dead)
        return -EAGAIN;
    kafka_catch_up();
    return world->now >= answered && kafka_reachable(node) ? 0 : -ETIMEDOUT;
}
