/* How what goes wrong with Redis comes, and how it passes. */
#include <stdio.h>
#include <string.h>

#include "sim/fiber.h"
#include "sim/forgotten.h"
#include "sim/history.h"
#include "sim/owners.h"
#include "sim/written.h"

enum { PATIENCE_MS = 1000, MOST_LOST = 30, MOST_FORGOTTEN = 100, FEW_LOST = 5, FEWEST_LOST = 3, NOTE_MS = 6000, LATE_MS = 1500, MILLION = 1000000 };

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

static unsigned mood_of(const struct mishap *m)
{
    static const unsigned moods[] = {CONDITION_LOADING, CONDITION_BUSY, CONDITION_MASTERDOWN};

    return moods[m->number % 3];
}

static void mood_comes(struct mishap *m, struct node *node)
{
    (void)node;
    world->redis.trouble.conditions |= mood_of(m);
}

/* So that what an instance reads at its start is what meets it. */
static void moody(struct mishap *m, struct node *node)
{
    mishap_soon(m, node, 1 + (int)(m->number / 3 % 10), mood_comes);
}

static void mood_passes(struct mishap *m)
{
    world->redis.trouble.conditions &= ~mood_of(m);
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

/* What a resolution says must not be about a state that is gone meanwhile. False: it waits itself for what passes only behind this mishap. */
static bool operator_rests(void)
{
    for (int ms = 0; history->resolving && ms < PATIENCE_MS && !fibers_are_over(); ms++)
        fiber_sleep(1);
    return !history->resolving;
}

static void restore(int64_t position, bool same_process, bool close)
{
    /* Another process, on another machine perhaps: its clock is not behind that of the one before. */
    world->redis.skew_ms = ++history->redis_skew_ms;
    history->older_before = true;
    history->wanted[0] = '\0';      /* what was named before was about another state; an instance says anew what it refuses */
    witness_restoring(history->witness);
    if (same_process)
        redis_server_resync(&world->redis, position);
    else
        redis_server_restore(&world->redis, position);
    if (close)
        redis_server_close_all(&world->redis);
    trace(world_node("fate"), "older", "Redis is as it was after change %lld", (long long)position);
    witness_restored(history->witness, close);
    owners_restored();
}

static void redis_restarts(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    if (operator_rests())
        restore(redis_server_position(&world->redis), false, true);
}

/* Only the last turn is lost, everybody has something to decide, and one comes to what it owned later than the others to what is theirs. */
static void lose_one_turn(const struct mishap *m, bool same_process)
{
    const struct instance_settings *s = &history->plan->settings;
    struct node *late = history->programs[m->number / 1024 % (uint64_t)history->plan->nodes].node;
    int64_t position = written_last() - 1;

    restore(position < history->first_position ? history->first_position : position, same_process, true);
    if (!late->dead)
        late->frozen_until = world->now + 1 + (int64_t)(m->number / 8192 % LATE_MS);
    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++)
            upstream_writes(&(struct plan_event){.topic = (int)t, .partition = p, .value = bytes_of("one more")});
}

/* So much is lost at the most. With a gate: only what it did not confirm; a file that is synced always loses nothing. */
static void lose(const struct mishap *m, int64_t position, bool same_process, bool close)
{
    int64_t now = redis_server_position(&world->redis);
    bool quiet = false;

    if (history->plan->settings.durability == DURABILITY_NONE) {
        quiet = m->number / 3 % 2 ? mishap_hush() : mishap_hush_delivered();

        if (!operator_rests()) {
            history->hush = false;
            return;
        }
        position = redis_server_position(&world->redis) - (quiet ? now - position : 0);
    }
    if (quiet && close && m->number / 512 % 2)
        lose_one_turn(m, same_process);
    else
        restore(position < history->first_position ? history->first_position : position, same_process, close);
    history->hush = false;
}

static void redis_older(struct mishap *m, struct node *node)
{
    bool beneath = m->number / 64 % 3 == 0;      /* then an owner goes on with its next turn, and only what it compares can tell it */
    int64_t position, kept;

    (void)node;
    if (!operator_rests())
        return;
    position = redis_server_position(&world->redis) - (beneath ? 1 + (int64_t)(m->number % FEWEST_LOST) : (int64_t)(m->number % MOST_LOST));
    kept = redis_server_replica_position(&world->redis, 0);
    if (history->plan->settings.durability == DURABILITY_REPLICAS && position < kept)
        position = kept;
    if (history->plan->settings.durability == DURABILITY_AOF)
        position = redis_server_position(&world->redis);
    lose(m, position, beneath, !beneath);
}

/* What is on its way arrives, or never does, while the market is brought forward again: each event has one outcome all the same, since every instance
 * lives. But what its facts rest on may never arrive, and then there is no order of decisions that could be replayed. */
static void redis_forgets(struct mishap *m, struct node *node)
{
    bool beneath = m->number & FORGETS_BENEATH;      /* then some notice it later than others */
    int64_t position;
    bool lost;

    (void)node;
    if (!history->first_position || !operator_rests())
        return;
    position = redis_server_position(&world->redis) - 1 - (int64_t)(m->number / 128 % MOST_FORGOTTEN);
    position = position < history->first_position ? history->first_position : position;
    lost = written_would_lose(position);
    written_forget(position);
    owners_remember();
    restore(position, beneath, !beneath);
    forgotten_restored();
    if (owners_return())      /* it would go on at once, and look at no commit before it has probed the server: not covered (PROTOCOL 5) */
        redis_server_close_all(&world->redis);
    if (lost)
        witness_muddled(history->witness, -1);
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

/* First the replicas receive nothing more, then one of them is the master. */
static void replicas_stop(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    for (size_t i = 0; i < world->redis.replicas_count; i++) {
        redis_server_replica_position(&world->redis, i);
        world->redis.replicas[i].lag_ms = -1;
    }
}

static void closes(struct mishap *m, struct node *node)
{
    (void)m;
    for (size_t i = world->redis.clients_count; i > 0; i--)
        if (redis_client_context(world->redis.clients[i - 1]) == node && redis_client_is_open(world->redis.clients[i - 1]))
            redis_server_close(&world->redis, world->redis.clients[i - 1]);
}

/* So what it wrote last is on no replica when it, or another, takes over. */
static void killed_in_lag(struct mishap *m, struct node *node)
{
    struct program *program = history_program(node);

    if (!program || node->dead)
        return;
    replicas_stop(m, node);
    if (m->number % 4 == 1) {
        closes(m, node);
    } else if (m->number % 4 == 3) {
        mishap_soon(m, node, 1 + (int)(m->number / 4 % 3), closes);      /* when it has heard that it must wait */
    } else {
        node->dead = true;
        program->down_until = world->now + (int64_t)(m->number % 50);
    }
}

/* The next owners read the outcomes, note that, and are killed with all that they publish once more. */
static void note_and_die(const struct mishap *m)
{
    int64_t until = world->now + NOTE_MS;
    size_t queue = world->weather.queue;

    world->deliveries_held = true;
    if (m->number / 28 % 2)
        world->weather.queue = 1;
    while (!mishap_all_is_noted() && world->now < until && !fibers_are_over())
        fiber_sleep(1);
    trace(world_node("fate"), "kills", "all, who have %s every outcome", mishap_all_is_noted() ? "noted" : "not noted");
    mishap_kill_all(1 + m->ms);
    fiber_sleep(1 + m->ms);
    world->weather.queue = queue;
    world->deliveries_held = false;
}

/* No commit knows of the last outcomes and nobody who lives: only the outcome partition does, or even the notes alone. */
static void uncommitted_lost(const struct mishap *m)
{
    int64_t position;

    world->weather.commit_fails = MILLION;
    if (mishap_hush_out() && operator_rests()) {
        position = redis_server_position(&world->redis) - 1 - (int64_t)(m->number / 56 % FEW_LOST);
        trace(world_node("fate"), "kills", "all, before they can commit");
        mishap_kill_all(1 + m->ms / 8);
        world->weather.commit_fails = 0;
        if (m->number / 14 % 2)
            note_and_die(m);
        restore(position < history->first_position ? history->first_position : position, false, true);
    }
    world->weather.commit_fails = 0;
    history->hush = false;
}

/* Nobody remembers what it had handed to a producer, and perhaps the outcomes do not show it: then the commit's note must. */
static void all_lost(struct mishap *m, struct node *node)
{
    if (history->first_position && history->plan->settings.durability == DURABILITY_NONE && m->number % 3) {
        uncommitted_lost(m);
        return;
    }
    if (!history->first_position || !mishap_hush() || !mishap_all_is_committed()) {
        history->hush = false;
        return;
    }
    if (m->number / 7 % 2)
        mishap_trim_outcomes();
    for (int i = 0; i < history->plan->nodes; i++) {
        history->programs[i].node->dead = true;
        history->programs[i].down_until = world->now + m->ms;
    }
    redis_older(m, node);
}

/* Often beneath connections that outlive it, and often only the last few writes are lost. */
static void redis_fails_over(struct mishap *m)
{
    bool rests = operator_rests();
    int64_t position = redis_server_replica_position(&world->redis, 0), now = redis_server_position(&world->redis);

    if (history->plan->settings.durability == DURABILITY_NONE && (position == now || m->number / 16 % 2))
        position = now - 1 - (int64_t)(m->number / 32 % FEW_LOST);
    if (history->plan->settings.durability == DURABILITY_AOF)
        redis_restarts(m, NULL);
    else if (rests)
        lose(m, position, m->number % 2 == 0, m->number % 8 >= 5);
    replicas_follow(m);
}

static void redis_clock(struct mishap *m, struct node *node)
{
    (void)node;
    if (history->older_before)
        return;      /* the ids of what was lost would be given again, and nobody could tell the two apart */
    world->redis.skew_ms = history->redis_skew_ms - (int64_t)(m->number % 5000);
}

static void redis_clock_right(struct mishap *m)
{
    (void)m;
    world->redis.skew_ms = history->redis_skew_ms;
}

/* What tears a transaction may also keep its traces from being written (history.c: executed). */
static void torn(struct mishap *m, struct node *node)
{
    world->redis.trouble.torn = true;
    history->when_torn = m->number % 4 == 1 ? CONDITION_OOM : m->number % 4 == 2 ? CONDITION_READONLY : 0;
    if (m->number % 4 == 3)
        mishap_soon(m, node, 1 + (int)(m->number / 4 % 2), closes);
}

static void torn_no_more(struct mishap *m)
{
    (void)m;
    world->redis.trouble.torn = false;
    world->redis.trouble.conditions &= ~(unsigned)(CONDITION_OOM | CONDITION_READONLY);
    history->when_torn = 0;
}

/* None that other programs use: what of theirs is taken is told command by command. */
static void deny(struct mishap *m, struct node *node)
{
    static const char *const commands[] = {"EXEC", "HMGET", "XADD", "RPUSH", "XDEL", "XRANGE", "LRANGE", "TYPE", "SMISMEMBER", "ZMSCORE", "MGET", "UNWATCH"};

    (void)node;
    world->redis.trouble.denied[0] = commands[m->number % (sizeof commands / sizeof *commands)];
}

static void allow(struct mishap *m)
{
    (void)m;
    world->redis.trouble.denied[0] = NULL;
}

static void cluster(struct mishap *m, struct node *node)
{
    static const char *const replies[] = {"MOVED 1 b:1", "ASK 1 b:1", "CLUSTERDOWN The cluster is down", "TRYAGAIN Multiple keys request during rehashing of slot",
                                          "ERR nobody knows this one"};

    (void)node;
    world->redis.trouble.exec_reply = replies[m->number % (sizeof replies / sizeof *replies)];
}

static void cluster_no_more(struct mishap *m)
{
    (void)m;
    world->redis.trouble.exec_reply = NULL;
}

static void limits(struct mishap *m, struct node *node)
{
    (void)node;
    if (m->number % 2)
        world->redis.trouble.output_limit = 200 + m->number % 3000;
    else
        world->redis.trouble.query_limit = 500 + m->number % 5000;
}

static void limits_no_more(struct mishap *m)
{
    (void)m;
    world->redis.trouble.output_limit = world->redis.trouble.query_limit = 0;
}

static void pauses(struct mishap *m, struct node *node)
{
    (void)node;
    world->redis.pause_until = world->now + m->ms;
}

static void reloads(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    redis_server_reload(&world->redis);
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

/* "{1}orderd:mark:orders:1". The outbox and the registry are not deleted: what others do meanwhile would have no place in the order of decisions. */
static void put_own_key(const struct mishap *m, const char *topic, int partition, char *out, size_t size)
{
    int used = history->plan->settings.sharded ? snprintf(out, size, "{%d}", partition) : 0;

    snprintf(out + used, size - (size_t)used, "orderd:%s:%s:%d", m->number % 2 ? "seen" : "mark", topic, partition);
}

/* When something is on its way more is lost than anybody could know of. A partition at rest does not look at its seen list, so
 * one more message comes. */
static void keys_deleted(struct mishap *m, struct node *node)
{
    const struct instance_settings *s = &history->plan->settings;
    struct plan_event next = {.topic = (int)((m->number >> 4) % s->topics_count), .value = bytes_of("one more")};
    struct redis_client *client;
    struct buffer command;
    char key[96];

    (void)node;
    next.partition = (int32_t)((m->number >> 8) % (uint64_t)s->partitions[next.topic]);
    if (history->first_position && !history->older_before && mishap_hush() && !history->older_before && mishap_all_is_committed()) {      /* one loss at a time */
        put_own_key(m, s->topics[next.topic], next.partition, key, sizeof key);
        trace(world_node("fate"), "deletes", "%s", key);
        client = redis_server_connect(&world->redis, world_node("fate"));
        buffer_init(&command, 256);
        buffer_put_format(&command, "*2\r\n$3\r\nDEL\r\n$%zu\r\n%s\r\n", strlen(key), key);
        redis_client_write(client, buffer_bytes(&command), world->now);
        redis_server_serve(&world->redis, world->now);
        redis_client_hangup(client);
        buffer_deinit(&command);
        upstream_writes(&next);
    }
    history->hush = false;
}

const struct mishap_ways mishap_ways_of_redis[MISHAP_COUNT] = {
    [MISHAP_redis_full] = {condition, condition_passes},
    [MISHAP_redis_misconf] = {condition, condition_passes},
    [MISHAP_redis_readonly] = {condition, condition_passes},
    [MISHAP_redis_noreplicas] = {condition, condition_passes},
    [MISHAP_redis_loading] = {condition, condition_passes},
    [MISHAP_redis_busy] = {condition, condition_passes},
    [MISHAP_redis_masterdown] = {condition, condition_passes},
    [MISHAP_redis_moody] = {moody, mood_passes},
    [MISHAP_redis_frozen] = {redis_freezes, redis_thaws},
    [MISHAP_redis_away] = {redis_goes, redis_comes},
    [MISHAP_redis_restarts] = {redis_restarts, NULL},
    [MISHAP_redis_older] = {redis_older, NULL},
    [MISHAP_redis_forgets] = {redis_forgets, NULL},
    [MISHAP_killed_in_lag] = {killed_in_lag, replicas_follow},
    [MISHAP_all_lost] = {all_lost, NULL},
    [MISHAP_redis_failover] = {replicas_stop, redis_fails_over},
    [MISHAP_redis_lags] = {replicas_lag, replicas_follow},
    [MISHAP_redis_clock] = {redis_clock, redis_clock_right},
    [MISHAP_redis_torn] = {torn, torn_no_more},
    [MISHAP_keys_deleted] = {keys_deleted, NULL},
    [MISHAP_redis_denied] = {deny, allow},
    [MISHAP_redis_cluster] = {cluster, cluster_no_more},
    [MISHAP_redis_closes] = {closes, NULL},
    [MISHAP_redis_limits] = {limits, limits_no_more},
    [MISHAP_redis_paused] = {pauses, NULL},
    [MISHAP_redis_reloads] = {reloads, NULL},
    [MISHAP_kill_misses] = {kills_miss, kills_hit},
};
