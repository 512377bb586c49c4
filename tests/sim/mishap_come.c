/* How mishaps come and pass: here those of processes and of what they send; what is Redis's and Kafka's has its own file. */
#include <stdio.h>

#include "sim/fiber.h"
#include "sim/history.h"
#include "sim/keys.h"
#include "sim/written.h"

enum { CLOCK_JUMP_MS = 120000, HUSH_MS = 4000, AWAY_MS = 1500, BACK = 4 };

static void kill(struct mishap *m, struct node *node)
{
    struct program *program = history_program(node);

    if (!program || node->dead)
        return;
    node->dead = true;
    program->down_until = world->now + m->ms;
}

void mishap_kill_all(int64_t down_ms)
{
    for (int i = 0; i < history->plan->nodes; i++) {
        history->programs[i].node->dead = true;
        history->programs[i].down_until = world->now + down_ms;
    }
}

static void freeze(struct mishap *m, struct node *node)
{
    struct program *program = history_program(node);

    if (program && !node->dead)
        node->frozen_until = world->now + m->ms;
}

static void stop(struct mishap *m, struct node *node)
{
    struct program *program = history_program(node);

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

    if (!ill || !has_exec || !history_program(node))
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

bool mishap_all_is_committed(void)
{
    const struct instance_settings *s = &history->plan->settings;

    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++)
            if (!keys_mark_is_at(history->plan, s->topics[t], p, kafka_log_partition(&world->kafka, s->topics[t], p)->committed))
                return false;
    return true;
}

static void silence(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    history->silent = true;
}

static void silence_over(struct mishap *m)
{
    (void)m;
    history->silent = false;
}

/* It need not be there ever. */
static void quarantine(struct mishap *m, struct node *node)
{
    const struct instance_settings *s = &history->plan->settings;
    size_t topic = m->number % s->topics_count;
    int32_t number = (int32_t)((m->number >> 8) % (uint64_t)s->partitions[topic]);
    int64_t end = kafka_log_partition(&world->kafka, s->topics[topic], number)->end;
    char command[256];

    (void)node;
    snprintf(command, sizeof command, "--quarantine %s:%d:%lld", s->topics[topic], (int)number, (long long)end + (long long)((m->number >> 16) % 30));
    operator_wants(command, strlen(command));
}

/* Over what comes while nobody works, perhaps, or back behind what was decided: what is not in the log by then is refused. */
static void moved(struct mishap *m, struct node *node)
{
    const struct instance_settings *s = &history->plan->settings;
    size_t topic = m->number % s->topics_count;
    int32_t number = (int32_t)((m->number >> 8) % (uint64_t)s->partitions[topic]);
    int64_t next = keys_mark(history->plan, s->topics[topic], number).next, by = 1 + (int64_t)((m->number >> 16) % 6);
    char command[256];

    (void)node;
    if (!history->first_position)
        return;
    for (int i = 0; i < history->plan->nodes; i++)
        if (!history->programs[i].node->dead)
            history->programs[i].stop = true;
    history->away_until = world->now + AWAY_MS + m->ms;
    by = (m->number >> 32) % 2 ? by : next < BACK * by ? -next : -BACK * by;
    snprintf(command, sizeof command, "--move %s:%d:%lld", s->topics[topic], (int)number, (long long)(next + by));
    operator_wants(command, strlen(command));
}

static void dedupe_differs(struct mishap *m, struct node *node)
{
    (void)node;
    if (!history->first_position)
        return;
    history->settings.window_s = 1 + (int64_t)(m->number % 3);
    history->settings.ids = 8 + (int64_t)((m->number >> 8) % 60);
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

/* Delivered, whether or not the marks say so already. */
static bool all_has_arrived(void)
{
    return written_all_arrived() && kafka_is_quiet();
}

static bool hush_until(bool (*quiet)(void))
{
    int64_t until = world->now + HUSH_MS;

    history->hush = true;
    while (!quiet() && world->now < until && !fibers_are_over())
        fiber_sleep(1);
    return quiet();
}

bool mishap_hush(void)
{
    return hush_until(all_is_delivered);
}

/* All that was ordered is decided, too. */
static bool all_is_out(void)
{
    const struct instance_settings *s = &history->plan->settings;

    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++)
            if (keys_mark(history->plan, s->topics[t], p).next != kafka_log_partition(&world->kafka, s->topics[t], p)->end)
                return false;
    return all_has_arrived();
}

bool mishap_hush_out(void)
{
    return hush_until(all_is_out);
}

bool mishap_hush_delivered(void)
{
    return hush_until(all_has_arrived);
}

static const struct mishap_ways here[MISHAP_COUNT] = {
    [MISHAP_crash_connecting] = {kill, NULL},
    [MISHAP_crash_sending] = {kill, NULL},
    [MISHAP_crash_at_exec] = {kill, NULL},
    [MISHAP_crash_executed] = {kill, NULL},
    [MISHAP_crash_receiving] = {kill, NULL},
    [MISHAP_crash_taking] = {kill, NULL},
    [MISHAP_crash_assigning] = {kill, NULL},
    [MISHAP_crash_producing] = {kill, NULL},
    [MISHAP_crash_reporting] = {kill, NULL},
    [MISHAP_crash_committing] = {kill, NULL},
    [MISHAP_crash_asking] = {kill, NULL},
    [MISHAP_kill] = {kill, NULL},
    [MISHAP_freeze_sending] = {freeze, NULL},
    [MISHAP_freeze_executed] = {freeze, NULL},
    [MISHAP_freeze_producing] = {freeze, NULL},
    [MISHAP_freeze_committing] = {freeze, NULL},
    [MISHAP_freeze] = {freeze, NULL},
    [MISHAP_stop] = {stop, NULL},
    [MISHAP_exec_conflicts] = {conflict, NULL},
    [MISHAP_exec_lost] = {write_ill, NULL},
    [MISHAP_exec_cut] = {write_ill, NULL},
    [MISHAP_reply_lost] = {write_ill, NULL},
    [MISHAP_exec_late] = {write_ill, NULL},
    [MISHAP_rebalance] = {rebalance, NULL},
    [MISHAP_clock_jumps] = {clock_jumps, NULL},
    [MISHAP_foreign_touch] = {foreign, NULL},
    [MISHAP_foreign_loop] = {foreign, NULL},
    [MISHAP_foreign_types] = {foreign, NULL},
    [MISHAP_silence] = {silence, silence_over},
    [MISHAP_quarantine] = {quarantine, NULL},
    [MISHAP_moved] = {moved, NULL},
    [MISHAP_dedupe_differs] = {dedupe_differs, NULL},
};

static const struct mishap_ways *ways_of(enum mishap_kind kind)
{
    return here[kind].come ? &here[kind] : mishap_ways_of_redis[kind].come ? &mishap_ways_of_redis[kind]
         : mishap_ways_of_hands[kind].come ? &mishap_ways_of_hands[kind] : &mishap_ways_of_kafka[kind];
}

void mishap_come(struct mishap *m, struct node *node)
{
    m->came = true;
    m->came_at = world->now;
    trace(node, "mishap", "%s: %s%s", mishap_name(m->kind), mishap_sentence(m->kind), ways_of(m->kind)->pass || m->ms ? "" : ", at once");
    ways_of(m->kind)->come(m, node);
}

void mishap_pass(struct mishap *m, struct node *node)
{
    if (!ways_of(m->kind)->pass)
        return;
    trace(node, "passes", "%s", mishap_name(m->kind));
    ways_of(m->kind)->pass(m);
}
