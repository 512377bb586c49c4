/* How each mishap comes, and how it passes: knobs of the world are set and set back. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/fiber.h"
#include "sim/history.h"
#include "sim/keys.h"

enum { MILLION = 1000000, MOST_LOST = 30, CLOCK_JUMP_MS = 120000, HUSH_MS = 4000 };

static struct program *program_at(const struct node *node)
{
    for (int i = 0; i < history->plan->nodes; i++)
        if (history->programs[i].node == node)
            return &history->programs[i];
    return NULL;
}

static void kill(struct mishap *m, struct node *node)
{
    struct program *program = program_at(node);

    if (!program || node->dead)
        return;
    node->dead = true;
    program->down_until = world->now + m->ms;
}

static void freeze(struct mishap *m, struct node *node)
{
    struct program *program = program_at(node);

    if (program && !node->dead)
        node->frozen_until = world->now + m->ms;
}

static void stop(struct mishap *m, struct node *node)
{
    struct program *program = program_at(node);

    (void)m;
    if (program && !node->dead)
        program->stop = true;
}

static void conflict(struct mishap *m, struct node *node)
{
    (void)m;
    for (size_t i = 0; i < world->redis.clients_count; i++)
        if (redis_client_context(world->redis.clients[i]) == node)
            redis_client_disturb(world->redis.clients[i], "orderd:");
}

/* The next transaction that a node writes meets it. */
static void write_ill(struct mishap *m, struct node *node)
{
    (void)node;
    history->ill = m;
}

struct passage mishap_passage(struct node *node, bool has_exec)
{
    int latency = history->plan->latency_ms;
    struct passage passage = {.there_ms = latency ? world_draw((uint32_t)latency + 1) : 0, .back_ms = latency ? world_draw((uint32_t)latency + 1) : 0};
    struct mishap *ill = history->ill;

    if (!ill || !has_exec || !program_at(node))
        return passage;
    history->ill = NULL;
    trace(node, "meets", "%s", mishap_name(ill->kind));
    switch (ill->kind) {
    case MISHAP_exec_lost:
        passage.cut = true;
        passage.silent = ill->number % 2;
        break;
    case MISHAP_exec_cut:
        passage.cut = true;
        passage.cut_at = ill->number % 600;
        passage.silent = ill->number % 5 == 0;
        break;
    case MISHAP_reply_lost:
        passage.silent = ill->number % 2;
        passage.reset = !passage.silent;
        break;
    default:
        passage.there_ms = ill->ms;
        passage.silent = ill->number % 2;
        passage.reset = !passage.silent;
        break;
    }
    return passage;
}

static void rebalance(struct mishap *m, struct node *node)
{
    if (m->number % 3)
        group_rebalance();
    else
        group_expels(node->name);
}

static void clock_jumps(struct mishap *m, struct node *node)
{
    node->clock_skew += (int64_t)(m->number % (2 * CLOCK_JUMP_MS)) - CLOCK_JUMP_MS;
}

static void foreign(struct mishap *m, struct node *node)
{
    int64_t *until = m->kind == MISHAP_foreign_touch ? &history->foreign.touch_until
                   : m->kind == MISHAP_foreign_loop ? &history->foreign.loop_until : &history->foreign.types_until;

    (void)node;
    if (world->now + m->ms > *until)
        *until = world->now + m->ms;
}

static unsigned condition_of(enum mishap_kind kind)
{
    switch (kind) {
    case MISHAP_redis_full:
        return CONDITION_OOM;
    case MISHAP_redis_misconf:
        return CONDITION_MISCONF;
    case MISHAP_redis_readonly:
        return CONDITION_READONLY;
    case MISHAP_redis_noreplicas:
        return CONDITION_NOREPLICAS;
    case MISHAP_redis_loading:
        return CONDITION_LOADING;
    case MISHAP_redis_busy:
        return CONDITION_BUSY;
    default:
        return CONDITION_MASTERDOWN;
    }
}

static void condition(struct mishap *m, struct node *node)
{
    (void)node;
    world->redis.trouble.conditions |= condition_of(m->kind);
}

static void condition_passes(struct mishap *m)
{
    world->redis.trouble.conditions &= ~condition_of(m->kind);
}

static void redis_freezes(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->redis.frozen = true;
}

static void redis_thaws(struct mishap *m)
{
    (void)m;
    world->redis.frozen = false;
}

static void redis_goes(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->redis_away = true;
    redis_server_close_all(&world->redis);
}

static void redis_comes(struct mishap *m)
{
    (void)m;
    world->redis_away = false;
}

static void restore(int64_t position, bool same_process, bool close)
{
    /* Another process, on another machine perhaps: its clock is not behind that of the one before. */
    world->redis.skew_ms = ++history->redis_skew_ms;
    witness_restoring(history->witness);
    if (same_process)
        redis_server_resync(&world->redis, position);
    else
        redis_server_restore(&world->redis, position);
    if (close)
        redis_server_close_all(&world->redis);
    trace(world_node("fate"), "older", "Redis is as it was after change %lld", (long long)position);
    witness_restored(history->witness);
}

static void redis_restarts(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    restore(redis_server_position(&world->redis), false, true);
}

/* Every decision was delivered, and nothing is on its way. */
static bool all_is_delivered(void)
{
    const struct instance_settings *s = &history->plan->settings;

    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++)
            if (!keys_mark_is_done(history->plan, s->topics[t], p))
                return false;
    return kafka_is_quiet();
}

/* Without a durability gate nobody promises anything about what is published while Redis loses it (DESIGN 4.5). What is promised is that a
 * loss of what was published before is noticed: so nothing is ordered until all is delivered. False: it took too long. */
static bool hush(void)
{
    int64_t until = world->now + HUSH_MS;

    history->hush = true;
    while (!all_is_delivered() && world->now < until && !fibers_are_over())
        fiber_sleep(1);
    return all_is_delivered();
}

/* So much is lost at the most. With a gate: only what it did not confirm; a file that is synced always loses nothing. */
static void lose(int64_t position, bool same_process, bool close)
{
    int64_t now = redis_server_position(&world->redis);

    if (history->plan->settings.durability == DURABILITY_NONE) {
        bool quiet = hush();

        position = redis_server_position(&world->redis) - (quiet ? now - position : 0);
    }
    restore(position < history->first_position ? history->first_position : position, same_process, close);
    history->hush = false;
}

static void redis_older(struct mishap *m, struct node *node)
{
    int64_t position = redis_server_position(&world->redis) - (int64_t)(m->number % MOST_LOST), kept = redis_server_replica_position(&world->redis, 0);

    (void)node;
    if (history->plan->settings.durability == DURABILITY_REPLICAS && position < kept)
        position = kept;
    if (history->plan->settings.durability == DURABILITY_AOF)
        position = redis_server_position(&world->redis);
    lose(position, false, true);
}

static void redis_fails_over(struct mishap *m, struct node *node)
{
    (void)node;
    if (history->plan->settings.durability == DURABILITY_AOF)
        redis_restarts(m, node);
    else
        lose(redis_server_replica_position(&world->redis, 0), m->number % 4 == 0, m->number % 2);
}

static void replicas_lag(struct mishap *m, struct node *node)
{
    (void)node;
    for (size_t i = 0; i < world->redis.replicas_count; i++)
        world->redis.replicas[i].lag_ms = m->number % 2 ? -1 : m->ms;
}

static void replicas_follow(struct mishap *m)
{
    (void)m;
    for (size_t i = 0; i < world->redis.replicas_count; i++)
        world->redis.replicas[i].lag_ms = history->plan->latency_ms;
}

static void redis_clock(struct mishap *m, struct node *node)
{
    (void)node;
    world->redis.skew_ms = history->redis_skew_ms - (int64_t)(m->number % 5000);
}

static void redis_clock_right(struct mishap *m)
{
    (void)m;
    world->redis.skew_ms = history->redis_skew_ms;
}

static void torn(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->redis.at_exec.torn = true;
    world->redis.at_exec_waits = true;
}

static void kills_miss(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->redis.kill_misses = true;
}

static void kills_hit(struct mishap *m)
{
    (void)m;
    world->redis.kill_misses = false;
}

static void brokers_go(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.away = true;
}

static void brokers_come(struct mishap *m)
{
    (void)m;
    world->weather.away = false;
}

static void delivery_late(struct mishap *m, struct node *node)
{
    (void)node;
    world->held_partition = 1 + (int32_t)(m->number % PLAN_PARTITIONS_MAX);
}

static void delivery_on(struct mishap *m)
{
    (void)m;
    world->held_partition = 0;
}

static void delivery_fails(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->delivery_failures++;
}

static void producer_fatal(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.producer_failures++;
}

static void queue_full(struct mishap *m, struct node *node)
{
    (void)node;
    world->weather.queue = 1 + m->number % 8;
}

static void queue_free(struct mishap *m)
{
    (void)m;
    world->weather.queue = 0;
}

static void commits_fail(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.commit_fails = 8 * MILLION / 10;
}

static void commits_late(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.commit_ms = (struct kafka_range){50, 900};
    world->weather.commit_unheard = 3 * MILLION / 10;
}

static void commits_right(struct mishap *m)
{
    (void)m;
    world->weather.commit_fails = world->weather.commit_unheard = 0;
    world->weather.commit_ms = (struct kafka_range){0, history->plan->latency_ms};
}

/* Mostly up to what was committed; now and then further, so that an operator is needed. */
static void retention(struct mishap *m, struct node *node)
{
    const struct instance_settings *s = &history->plan->settings;
    size_t topic = m->number % s->topics_count;
    struct log_partition *partition = kafka_log_partition(&world->kafka, s->topics[topic], (int32_t)((m->number >> 8) % (uint64_t)s->partitions[topic]));
    int64_t start = partition->committed > partition->start ? partition->committed : partition->start;

    (void)node;
    if (!history->first_position)
        return;
    if ((m->number >> 16) % 2)
        start += (partition->end - start) / 2;
    kafka_log_trim(partition, start);
}

static const struct ways {
    void (*come)(struct mishap *, struct node *);
    void (*pass)(struct mishap *);
} ways[MISHAP_COUNT] = {
    [MISHAP_crash_connecting] = {kill, NULL},    [MISHAP_crash_sending] = {kill, NULL},      [MISHAP_crash_at_exec] = {kill, NULL},
    [MISHAP_crash_executed] = {kill, NULL},      [MISHAP_crash_receiving] = {kill, NULL},    [MISHAP_crash_taking] = {kill, NULL},
    [MISHAP_crash_assigning] = {kill, NULL},     [MISHAP_crash_producing] = {kill, NULL},    [MISHAP_crash_reporting] = {kill, NULL},
    [MISHAP_crash_committing] = {kill, NULL},    [MISHAP_crash_asking] = {kill, NULL},       [MISHAP_kill] = {kill, NULL},
    [MISHAP_freeze_sending] = {freeze, NULL},    [MISHAP_freeze_executed] = {freeze, NULL},  [MISHAP_freeze_producing] = {freeze, NULL},
    [MISHAP_freeze_committing] = {freeze, NULL}, [MISHAP_freeze] = {freeze, NULL},           [MISHAP_stop] = {stop, NULL},
    [MISHAP_exec_conflicts] = {conflict, NULL},  [MISHAP_exec_lost] = {write_ill, NULL},     [MISHAP_exec_cut] = {write_ill, NULL},
    [MISHAP_reply_lost] = {write_ill, NULL},     [MISHAP_exec_late] = {write_ill, NULL},     [MISHAP_rebalance] = {rebalance, NULL},
    [MISHAP_clock_jumps] = {clock_jumps, NULL},  [MISHAP_foreign_touch] = {foreign, NULL},   [MISHAP_foreign_loop] = {foreign, NULL},
    [MISHAP_foreign_types] = {foreign, NULL},
    [MISHAP_redis_full] = {condition, condition_passes},
    [MISHAP_redis_misconf] = {condition, condition_passes},
    [MISHAP_redis_readonly] = {condition, condition_passes},
    [MISHAP_redis_noreplicas] = {condition, condition_passes},
    [MISHAP_redis_loading] = {condition, condition_passes},
    [MISHAP_redis_busy] = {condition, condition_passes},
    [MISHAP_redis_masterdown] = {condition, condition_passes},
    [MISHAP_redis_frozen] = {redis_freezes, redis_thaws},
    [MISHAP_redis_away] = {redis_goes, redis_comes},
    [MISHAP_redis_restarts] = {redis_restarts, NULL},
    [MISHAP_redis_older] = {redis_older, NULL},
    [MISHAP_redis_failover] = {redis_fails_over, NULL},
    [MISHAP_redis_lags] = {replicas_lag, replicas_follow},
    [MISHAP_redis_clock] = {redis_clock, redis_clock_right},
    [MISHAP_redis_torn] = {torn, NULL},
    [MISHAP_kill_misses] = {kills_miss, kills_hit},
    [MISHAP_broker_away] = {brokers_go, brokers_come},
    [MISHAP_delivery_late] = {delivery_late, delivery_on},
    [MISHAP_delivery_fails] = {delivery_fails, NULL},
    [MISHAP_producer_fatal] = {producer_fatal, NULL},
    [MISHAP_queue_full] = {queue_full, queue_free},
    [MISHAP_commits_fail] = {commits_fail, commits_right},
    [MISHAP_commits_late] = {commits_late, commits_right},
    [MISHAP_retention] = {retention, NULL},
};

void mishap_come(struct mishap *m, struct node *node)
{
    m->came = true;
    trace(node, "mishap", "%s: %s%s", mishap_name(m->kind), mishap_sentence(m->kind), ways[m->kind].pass || m->ms ? "" : ", at once");
    ways[m->kind].come(m, node);
}

void mishap_pass(struct mishap *m, struct node *node)
{
    if (!ways[m->kind].pass)
        return;
    trace(node, "passes", "%s", mishap_name(m->kind));
    ways[m->kind].pass(m);
}
