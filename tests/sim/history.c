#include "sim/history.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fake/redis_trace.h"
#include "sim/fiber.h"
#include "sim/forgotten.h"
#include "sim/hands.h"
#include "sim/heeded.h"
#include "sim/keys.h"
#include "sim/owners.h"
#include "sim/written.h"

enum { SETTLE_MS = 180000, AFTER_REFUSAL_MS = 300, AFTER_ERROR_MS = 100, LOOK_MS = 20, EPOCH_MS = 1700000000,
       EVICTING = 24 /* one Redis in so many is set to evict keys, and has room enough */ };

struct history *history;

struct program *history_program(const struct node *node)
{
    for (int i = 0; i < history->plan->nodes; i++)
        if (history->programs[i].node == node)
            return &history->programs[i];
    return NULL;
}

/* SIGSTOP: whatever it does, it does it later. */
static void stand_still(struct node *node)
{
    while (!node->dead && node->frozen_until > world->now && !fibers_are_over())
        fiber_sleep(node->frozen_until - world->now);
}

static void wait(struct node *node, int64_t ms)
{
    fiber_sleep(ms);
    stand_still(node);
}

static void passes(struct node *node, enum arrow arrow)
{
    history->passings[arrow]++;
    if (arrow == ARROW_CONNECT)
        fiber_sleep(1);      /* even where nothing else takes a while: a limit may end every connection */
    mishap_arrow_passed(node, arrow);
    if (!node->dead && world_draw((uint32_t)history->plan->preemption) == 0)
        fiber_sleep(history->plan->latency_ms ? world_draw((uint32_t)history->plan->latency_ms + 1) : 0);
    stand_still(node);
}

/* Before there are registry and marks a first start may happen once more, and what was lost until then nobody knows of. */
static void note_registry(void)
{
    if (!history->first_position && keys_marks_are_there(history->plan))
        history->first_position = redis_server_position(&world->redis);
}

/* From its start to its end, whichever: SIGTERM, SIGKILL, a refusal, an error that it stops at. */
static void live(struct program *program)
{
    struct instance *instance;
    int r;

    program->node->dead = false;
    program->node->afterlife = program->node->frozen_until = 0;
    program->stop = false;
    trace(program->node, "starts", " ");
    instance = instance_new(program->name, &history->settings);
    hands_life_begins(program);
    r = instance_begin(instance);
    while (!r && !program->stop && !program->node->dead && !fibers_are_over()) {
        note_registry();
        hands_serve(program, instance);
        r = instance_step(instance);
    }
    if (!program->node->dead) {
        trace(program->node, "stops", "%s", r == -EPROTO ? "refused" : r ? "by an error" : "in order");
        instance_stop(instance);
        program->down_until = world->now + (r == -EPROTO ? AFTER_REFUSAL_MS : AFTER_ERROR_MS);
        program->node->dead = true;
    }
    coverage_note(history->coverage, r == -EPROTO ? COVERED_refused_at_start : r && r != -ECANCELED ? COVERED_stopped_by_error : COVERED_life_ended);
    owners_life_ends(program->node);
    if (history->torn == program->node)
        history->torn = NULL;      /* it may have died before it knew */
    instance_free(instance);
}

static void program_run(void *context)
{
    struct program *program = context;

    while (!fibers_are_over()) {
        if (program->down_until > world->now)
            fiber_sleep(program->down_until - world->now);
        else if (history->away_until > world->now)
            fiber_sleep(LOOK_MS);
        else
            live(program);
    }
}

/* Everything that was written upstream was decided, delivered and committed. */
static bool at_rest(void)
{
    for (size_t t = 0; t < history->plan->settings.topics_count; t++)
        for (int32_t p = 0; p < history->plan->settings.partitions[t]; p++)
            if (!witness_is_at_rest(history->witness, history->plan->settings.topics[t], p))
                return false;
    return true;
}

/* While an operator still holds something: what was decided is delivered and committed all the same. */
static bool at_rest_but_for_hands(void)
{
    for (size_t t = 0; t < history->plan->settings.topics_count; t++)
        for (int32_t p = 0; p < history->plan->settings.partitions[t]; p++)
            if (!witness_is_delivered(history->witness, history->plan->settings.topics[t], p))
                return false;
    return true;
}

static bool finished(void)
{
    static const int64_t look_every = LOOK_MS;

    witness_look(history->witness);
    if (witness_finding(history->witness)->kind[0])
        return true;
    if (!history->quiet || world->now % look_every)
        return false;
    if (hands_hold() && !history->let_go && at_rest_but_for_hands()) {
        history->let_go = true;
        history->quiet_at = world->now;
    }
    if (hands_hold() && history->let_go)
        hands_let_go();
    history->settled = at_rest() && world->now >= history->rests_from;
    return history->settled || world->now > history->quiet_at + SETTLE_MS;
}

int32_t history_outcome_partitions(void)
{
    const struct instance_settings *s = &history->plan->settings;
    int32_t most = 0;

    for (size_t i = 0; i < s->topics_count; i++)
        most = s->partitions[i] > most ? s->partitions[i] : most;
    return most;
}

static void make_topics(const struct plan *plan)
{
    for (size_t i = 0; i < plan->settings.topics_count; i++)
        kafka_log_topic(&world->kafka, plan->settings.topics[i], plan->settings.partitions[i]);
    kafka_log_topic(&world->kafka, "out", history_outcome_partitions());
    kafka_log_topic(&world->kafka, "dead", plan->settings.dead_letter_partitions);
}

static void spawn_all(struct plan *plan)
{
    fibers_begin();
    for (int i = 0; i < plan->nodes; i++) {
        struct program *program = &history->programs[i];

        snprintf(program->name, sizeof program->name, "%c", 'A' + i);
        program->node = world_node(program->name);
        program->node->dead = true;
        fiber_spawn(program->node, program_run, program);
    }
    fiber_spawn(NULL, upstream_run, NULL);
    fiber_spawn(NULL, calamity_run, NULL);
    fiber_spawn(world_node("op"), operator_run, NULL);
    fiber_spawn(world_node("other"), foreign_run, world_node("other")->name);
    fiber_spawn(world_node("others"), foreign_run, world_node("others")->name);
}

/* Whoever still works is killed, so that all memory is given back. */
static void end_all(void)
{
    for (size_t i = 0; i < world->nodes_count; i++)
        world->nodes[i].dead = true;
    fibers_end();
}

/* What is right when nothing is wrong: everything takes its time, and what is left unsaid is drawn. */
static void weather_settle(const struct plan *plan)
{
    struct kafka_range there = {0, plan->latency_ms};
    struct kafka_weather *w = &world->weather;

    *w = (struct kafka_weather){.prefetch = 200, .batch = 16, .fetch_ms = there, .produce_ms = {1, 1 + 3 * plan->latency_ms}, .report_ms = there,
                                .failed_lands = 500000, .orphans_land = 500000, .commit_ms = {0, 10 * plan->latency_ms}, .ask_ms = there,
                                .group = plan->cooperative ? GROUP_COOPERATIVE : GROUP_EAGER, .deal_drawn = true, .group_ms = {0, 20},
                                .session_timeout_ms = plan->session_timeout_ms, .rebalance_timeout_ms = 3000, .zombie_ms = {0, 2000},
                                .zombie_unaware = 500000, .leave_fails = 200000, .resume_skips = plan->cooperative,
                                .slow = plan->letters_slow ? "dead" : NULL, .slow_ms = {0, 300}};
}

/* A turn or a flush, not the claim of a take-over, which writes fresh epochs as often as it takes. */
static bool is_turn(const struct redis_client *client)
{
    struct bytes args[3];
    size_t count = redis_client_queued(client, 0, args, 3);

    return count > 2 && memmem(args[1].data, args[1].size, "orderd:mark:", strlen("orderd:mark:")) && !bytes_equal_text(args[2], "epoch") &&
           !bytes_equal_text(args[2], "server");
}

/* What an instance did is the witness's business by what comes out; what others did must be told when it happens. */
static void executed(struct node *node, struct redis_client *client, enum exec_answer answer, bool late)
{
    bool by_operator = node == world_node("op");

    if (foreign_is(node))
        foreign_executed(client, answer);
    else
        written_executed(client, answer, by_operator);
    if (!foreign_is(node))
        owners_executed(node, client, answer);
    if (hands_are_there())
        heeded_executed(node, client, answer, late);
    if (!foreign_is(node) && (answer == EXEC_ANSWER_APPLIED || answer == EXEC_ANSWER_TORN))
        witness_executed(history->witness, client, by_operator);
    if (!foreign_is(node) && answer == EXEC_ANSWER_APPLIED && (by_operator || !is_turn(client))) {
        history->registry_at = world->now;
        history->changed = ++history->moment;
        if (history_program(node))
            history_program(node)->looked = ++history->moment;
    }
    if (answer == EXEC_ANSWER_TORN)
        world->redis.trouble.conditions |= history->when_torn;
    if (answer == EXEC_ANSWER_TORN && is_turn(client) && history_program(node) && !redis_trace_is_selftest(client)) {
        witness_torn(history->witness, foreign_shard(client));
        history->torn = late || node->dead ? NULL : node;
    }
    world->redis.trouble.torn = false;
}

/* DESIGN 3: what a turn that was given up had watched of the market is watched no more, or the next one would fail for it. */
static void watched(void *context, struct redis_client *client, const struct bytes *keys, size_t count)
{
    struct node *node = redis_client_context(client);
    struct bytes key, former;

    if (node && node == world_node("op"))
        witness_operator_looks(history->witness);
    if (node && history_program(node))
        history_program(node)->looked = ++history->moment;
    if (world->redis.trouble.denied[0])      /* UNWATCH perhaps: its error ends the turn */
        node = NULL;
    for (size_t i = 0; node && history_program(node) && redis_client_watches(client, i + count, &key); i++)
        if (redis_client_watches(client, i, &former) && !memmem(former.data, former.size, "orderd:", strlen("orderd:")))
            witness_fault(history->witness, "WATCH_KEPT", "%s begins to watch and still watches %.*s of before", node->name, (int)former.size, former.data);
    if (history->watched)
        history->watched(context, client, keys, count);
}

static void ran(void *context, struct redis_client *client, const struct bytes *args, size_t count)
{
    (void)context;
    heeded_ran(redis_client_context(client), args, count);
}

static void world_settle(const struct plan *plan)
{
    world->random = plan->seed;
    world->jitter = true;
    world->wait = wait;
    world->passes = passes;
    world->passage = mishap_passage;
    world->wake = fiber_wake;
    world->redis.skew_ms = history->redis_skew_ms = EPOCH_MS * 1000ll;
    world->executed = executed;
    history->watched = world->redis.hooks.watched;
    world->redis.hooks.watched = watched;
    world->redis.hooks.ran = ran;
    weather_settle(plan);
    world->redis.replicas_count = plan->settings.durability == DURABILITY_NONE ? 1 : 2;
    for (size_t i = 0; i < world->redis.replicas_count; i++)
        world->redis.replicas[i].lag_ms = plan->latency_ms;
    if (plan->settings.durability == DURABILITY_AOF) {
        world->redis.config[1] = "yes";
        world->redis.config[2] = "always";
    }
    if (plan->seed % EVICTING == 0)
        world->redis.config[0] = "allkeys-lru";
    redis_server_keep_journal(&world->redis);
}

static void hears(void *name, const char *line)
{
    owners_hear(name, line);
    operator_hears(name, line);
}

void history_run(struct plan *plan, struct coverage *coverage, struct finding *finding, struct buffer *trace)
{
    struct history made = {.plan = plan, .coverage = coverage, .settings = plan->settings};

    history = &made;
    made.settings.say = hears;
    world_begin(&made.world);
    world->silent = trace == NULL;
    world_settle(plan);
    make_topics(plan);
    made.witness = witness_new(plan);
    owners_reset();
    forgotten_reset();
    hands_reset();
    heeded_reset();
    spawn_all(plan);
    fibers_run(finished);
    *finding = *witness_finding(made.witness);
    if (!finding->kind[0] && !made.settled)
        witness_unrest(made.witness, finding);
    if (!finding->kind[0] && made.torn)
        *finding = (struct finding){"TORN_UNSAID", "a transaction was applied in part, its reply arrived, and nobody was told"};
    if (!finding->kind[0])
        witness_audit(made.witness, finding);
    end_all();
    if (!finding->kind[0] && plan->beside && witness_look_beside(made.witness, finding))
        coverage_note(coverage, COVERED_audited_beside);
    if (made.redone)
        coverage_note(coverage, made.muddled ? COVERED_histories_muddled : COVERED_histories_redone);
    coverage_history(coverage, plan);
    if (trace)
        buffer_put_bytes(trace, buffer_bytes(&world->trace));
    witness_free(made.witness);
    world_end();
    history = NULL;
}
