#include "sim/plan.h"

#include <math.h>
#include <stdlib.h>

enum { TEXT_LIMIT = 64 << 20, FEW = 6, BURST_MS = 200, JUST_MS = 30,
       LETTERS_SLOW = 12, IN_HURRY = 6, HURRY_MS = 150,      /* one in so many; the deadlines of one in a hurry */
       WITH_HANDS = 3,
       FORGETTING = 2, FORGETTING_MOST = 24,                 /* one in so many of those that can; so many other mishaps at the most */
       ODD_TIME = 12, FORWARD_MS = 60000,
       BESIDE = 10,                                          /* one in so many is looked at by orderd's own audit, too, which costs */
       SPOKEN_OUT = 16 /* one in so many says all that it has to say, which costs */ };

uint64_t dice_next(struct dice *dice)
{
    uint64_t x = dice->state += 0x9e3779b97f4a7c15u;      /* splitmix64: any seed is a good one */

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

int64_t dice_between(struct dice *dice, int64_t low, int64_t high)
{
    ASSERT(low <= high);
    return low + (int64_t)(dice_next(dice) % (uint64_t)(high - low + 1));
}

bool dice_one_in(struct dice *dice, int64_t n)
{
    return dice_between(dice, 1, n) == 1;
}

/* Between the two, each order of magnitude as likely as the others; with a `lean` above 1 the small ones are likelier. */
static int64_t leaning(struct dice *dice, int64_t low, int64_t high, double lean)
{
    double u = (double)(dice_next(dice) >> 11) / (double)(1ull << 53);

    return (int64_t)((double)low * pow((double)high / (double)low, pow(u, lean)));
}

static int64_t log_distributed(struct dice *dice, int64_t low, int64_t high)
{
    return leaning(dice, low, high, 1);
}

static enum durability_kind draw_durability(struct dice *dice)
{
    return dice_one_in(dice, 3) ? DURABILITY_REPLICAS : dice_one_in(dice, 5) ? DURABILITY_AOF : DURABILITY_NONE;
}

static void draw_settings(struct plan *plan, struct dice *dice)
{
    static const char *const topics[] = {"orders", "refunds"};
    struct instance_settings *s = &plan->settings;
    struct pipeline_settings *p = &s->pipeline;

    *s = (struct instance_settings){.durability = draw_durability(dice), .replicas = 1, .sharded = dice_one_in(dice, 5),
                                    .topics_count = dice_one_in(dice, 4) ? 2 : 1,
                                    .dead_letter_partitions = (int32_t)dice_between(dice, 1, 3), .log_level = LOG_LEVEL_WARNING};
    for (size_t i = 0; i < s->topics_count; i++) {
        s->topics[i] = topics[i];
        s->partitions[i] = (int32_t)dice_between(dice, 1, PLAN_PARTITIONS_MAX);
    }
    s->window_s = dice_one_in(dice, 3) ? dice_between(dice, 1, 3) : 3600;
    s->ids = dice_one_in(dice, 3) ? dice_between(dice, 8, 60) : 10000;
    p->turn = (struct turn_bounds){(size_t)log_distributed(dice, 1, 200), (size_t)log_distributed(dice, 8, 200), 1 << 20};
    p->outbox_entries = (size_t)log_distributed(dice, 3, 200);
    p->outbox_bytes = dice_one_in(dice, 4) ? (size_t)dice_between(dice, 2000, 20000) : 1 << 24;
    p->outbox_idle_ms = 50;
    p->prefetch_events = (size_t)log_distributed(dice, 20, 1000);
    p->prefetch_bytes = 1 << 24;
    p->commit_interval_ms = dice_between(dice, 5, 200);
    p->conflict_backoff_min_ms = 1;
    p->conflict_backoff_max_ms = 16;
    p->revoke_ms = (int)dice_between(dice, 50, 1500);
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        p->deadline_ms[kind] = dice_one_in(dice, 2) ? dice_between(dice, 5, 3000) : 0;
}

/* One of [from, end) by its weight. */
static enum mishap_kind draw_kind(struct dice *dice, int from, int end)
{
    int64_t sum = 0;

    for (int kind = from; kind < end; kind++)
        sum += mishap_weight((enum mishap_kind)kind);
    sum = dice_between(dice, 1, sum);
    for (int kind = from; kind < end; kind++) {
        sum -= mishap_weight((enum mishap_kind)kind);
        if (sum <= 0)
            return (enum mishap_kind)kind;
    }
    return MISHAP_crash_sending;
}

static enum mishap_kind draw_calamity(struct dice *dice)
{
    return draw_kind(dice, 0, MISHAP_op_pauses);
}

/* How often an arrow is passed depends on the history; most counts of these are reached. */
static int64_t draw_passing(struct dice *dice, enum arrow arrow, size_t events)
{
    static const int per_event[ARROW_COUNT] = {[ARROW_RECEIVE] = 3, [ARROW_PRODUCE] = 1, [ARROW_REPORT] = 1};
    int64_t often = (int64_t)events * (per_event[arrow] ? per_event[arrow] : 1) / (per_event[arrow] ? 1 : 4);

    if (arrow == ARROW_CONNECT || arrow == ARROW_ASSIGN)
        often = 8;
    return log_distributed(dice, 1, often > 2 ? often : 2);
}

/* Mostly short. A process that stands still must also be able to do so until its partitions have another owner. */
static int64_t draw_duration(struct dice *dice, int64_t longest)
{
    if (!longest)
        return 0;
    return dice_one_in(dice, 2) ? log_distributed(dice, 1, longest) : dice_between(dice, longest / 4, longest);
}

/* Half of the histories are about few kinds of mishaps, which then meet each other often; and what has its time often comes close behind another. */
static void draw_mishaps(struct plan *plan, struct dice *dice)
{
    enum mishap_kind few[FEW];
    bool of_few = dice_one_in(dice, 2);
    int64_t last = -1;

    for (int i = 0; i < FEW; i++)
        few[i] = draw_calamity(dice);
    plan->mishaps_count = dice_one_in(dice, 20) ? 0 : (size_t)leaning(dice, 2, PLAN_MISHAPS_MAX, 1.5);
    for (size_t i = 0; i < plan->mishaps_count; i++) {
        struct mishap *m = &plan->mishaps[i];

        *m = (struct mishap){.kind = of_few ? few[dice_between(dice, 0, FEW - 1)] : draw_calamity(dice), .node = (int)dice_between(dice, 0, plan->nodes - 1),
                             .number = dice_next(dice)};
        if (mishap_arrow(m->kind) != ARROW_COUNT)
            m->at = draw_passing(dice, mishap_arrow(m->kind), plan->events_count);
        else
            last = m->at = last >= 0 && dice_one_in(dice, 2) ? last + dice_between(dice, 0, BURST_MS) : dice_between(dice, 0, plan->busy_ms);
        m->ms = draw_duration(dice, mishap_longest_ms(m->kind));
    }
}

/* Among the first `others`; what a skip meets is best a Redis that forgets it. NULL: it has no time of its own. */
static const struct mishap *draw_near(const struct plan *plan, struct dice *dice, size_t others, enum mishap_kind kind)
{
    const struct mishap *near = others ? &plan->mishaps[dice_between(dice, 0, (int64_t)others - 1)] : NULL;

    for (size_t i = 0; kind == MISHAP_op_skips && i < others; i++)
        if (plan->mishaps[i].kind == MISHAP_redis_older || plan->mishaps[i].kind == MISHAP_redis_failover)
            near = &plan->mishaps[i];
    return near && mishap_arrow(near->kind) == ARROW_COUNT ? near : NULL;
}

/* An operator's hands, often close before or behind something else that comes at a time. */
static void draw_hands(struct plan *plan, struct dice *dice)
{
    size_t others = plan->mishaps_count, count = (size_t)dice_between(dice, 1, PLAN_HANDS_MAX);

    for (size_t i = 0; i < count; i++) {
        struct mishap *m = &plan->mishaps[plan->mishaps_count++];
        const struct mishap *near;

        *m = (struct mishap){.kind = draw_kind(dice, MISHAP_op_pauses, MISHAP_COUNT), .node = (int)dice_between(dice, 0, plan->nodes - 1),
                             .number = dice_next(dice)};
        m->at = dice_between(dice, 0, plan->busy_ms);
        near = draw_near(plan, dice, others, m->kind);
        if (near && !dice_one_in(dice, 3))
            m->at = near->at + (m->kind == MISHAP_op_skips ? dice_between(dice, -JUST_MS, 0) : dice_between(dice, -BURST_MS, BURST_MS));
        m->at = m->at < 0 ? 0 : m->at;
        m->ms = draw_duration(dice, mishap_longest_ms(m->kind));
    }
}

/* What another program wrote and Redis forgot leaves facts that nothing else explains: a story. */
static bool has_foreign(const struct plan *plan)
{
    for (size_t i = 0; i < plan->mishaps_count; i++)
        if (plan->mishaps[i].kind == MISHAP_foreign_touch || plan->mishaps[i].kind == MISHAP_foreign_loop || plan->mishaps[i].kind == MISHAP_foreign_types)
            return true;
    return false;
}

/* Whoever stands still publishes later what it had handed over before (PROTOCOL.md 5), and nobody can know of it. Nor can the next owner where no commit,
 * whose note would tell, gets through while the outcomes are on their way: without a durability gate that is not promised. */
static bool is_unheard(enum mishap_kind kind)
{
    return kind == MISHAP_commits_fail || kind == MISHAP_freeze || kind == MISHAP_freeze_sending || kind == MISHAP_freeze_executed || kind == MISHAP_freeze_producing ||
           kind == MISHAP_freeze_committing;
}

/* Wrong clocks and a short window: T is to be where it was. */
static void draw_odd_times(struct plan *plan, struct dice *dice)
{
    plan->settings.window_s = dice_between(dice, 1, 3);
    for (size_t i = 0; i < plan->events_count; i++)
        if (dice_one_in(dice, ODD_TIME))
            plan->events[i].timestamp_shift = dice_between(dice, 1000, FORWARD_MS);
}

static struct mishap *add_mishap(struct plan *plan, struct dice *dice, enum mishap_kind kind, int64_t at)
{
    struct mishap *m = &plan->mishaps[plan->mishaps_count++];

    *m = (struct mishap){.kind = kind, .node = (int)dice_between(dice, 0, plan->nodes - 1), .number = dice_next(dice), .at = at};
    m->ms = draw_duration(dice, mishap_longest_ms(kind));
    return m;
}

/* What is handed over last is long on its way, and nobody has anything to do when Redis forgets it: they notice it one after the other. */
static void draw_late_delivery(struct plan *plan, struct dice *dice)
{
    int64_t at = plan->busy_ms > JUST_MS ? plan->busy_ms - dice_between(dice, 0, JUST_MS) : 0;
    struct mishap *m = add_mishap(plan, dice, MISHAP_delivery_late, at);

    m->number = (uint64_t)dice_between(dice, 0, plan->settings.partitions[0] - 1);      /* a partition that there is */
    m->ms = dice_between(dice, mishap_longest_ms(m->kind) / 2, mishap_longest_ms(m->kind));
    m = add_mishap(plan, dice, MISHAP_redis_forgets, plan->busy_ms + dice_between(dice, JUST_MS, 2 * BURST_MS));
    m->number |= FORGETS_BENEATH;
}

/* At any moment or when all is at rest, behind something that shows what must be remembered. */
static void draw_loss(struct plan *plan, struct dice *dice)
{
    static const enum mishap_kind before[] = {MISHAP_delivery_late, MISHAP_broker_away, MISHAP_delivery_fails, MISHAP_log_gap,
                                              MISHAP_outcomes_trimmed, MISHAP_rebalance};
    int64_t at = dice_one_in(dice, 2) ? dice_between(dice, 0, plan->busy_ms) : plan->busy_ms + dice_between(dice, 0, BURST_MS);
    struct mishap *m = add_mishap(plan, dice, before[dice_between(dice, 0, (int64_t)(sizeof before / sizeof *before) - 1)], at);

    m->ms = dice_between(dice, mishap_longest_ms(m->kind) / 2, mishap_longest_ms(m->kind));
    add_mishap(plan, dice, MISHAP_redis_forgets, at + dice_between(dice, 0, 2 * BURST_MS));
}

/* Redis comes back older once or twice. In place of what was drawn last. */
static void draw_forgetting(struct plan *plan, struct dice *dice)
{
    size_t count = 0;

    for (size_t i = 0; i < plan->mishaps_count; i++)
        if (!is_unheard(plan->mishaps[i].kind))
            plan->mishaps[count++] = plan->mishaps[i];
    plan->mishaps_count = count < FORGETTING_MOST ? count : FORGETTING_MOST;
    plan->nodes = plan->nodes < 2 ? 2 : plan->nodes;
    if (dice_one_in(dice, 2))
        draw_odd_times(plan, dice);
    for (int64_t times = dice_between(dice, 1, 2); times > 1; times--)
        draw_loss(plan, dice);
    if (dice_one_in(dice, 4))
        draw_loss(plan, dice);
    else
        draw_late_delivery(plan, dice);
}

void plan_draw(struct plan *plan, uint64_t seed)
{
    static const int pace[] = {5, 10, 20, 60};      /* tenths of a ms from one event to the next */
    struct dice dice = {seed};

    *plan = (struct plan){.seed = seed};
    ASSERT(arena_new(&plan->text, TEXT_LIMIT) == 0);
    draw_settings(plan, &dice);
    if (seed % SPOKEN_OUT == 0)
        plan->settings.log_level = LOG_LEVEL_DEBUG;
    plan->beside = seed % BESIDE == 0;
    plan->nodes = (int)dice_between(&dice, 1, PLAN_NODES_MAX);
    plan->cooperative = dice_one_in(&dice, 2);
    plan->session_timeout_ms = (int)log_distributed(&dice, 200, 4000);
    plan->latency_ms = dice_one_in(&dice, 2) ? 0 : (int)dice_between(&dice, 1, 4);
    plan->preemption = (int)log_distributed(&dice, 3, 200);
    plan->events_count = (size_t)leaning(&dice, PLAN_EVENTS_MIN, PLAN_EVENTS_MAX, 3.7);
    plan->busy_ms = (int64_t)plan->events_count * pace[dice_between(&dice, 0, 3)] / 10;
    plan->events = calloc(plan->events_count, sizeof *plan->events);
    ASSERT(plan->events);
    traffic_draw(plan, &dice);
    draw_mishaps(plan, &dice);
    plan->letters_slow = dice_one_in(&dice, LETTERS_SLOW);
    if (dice_one_in(&dice, IN_HURRY))
        for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
            plan->settings.pipeline.deadline_ms[kind] = dice_between(&dice, 1, HURRY_MS);
    if (dice_one_in(&dice, WITH_HANDS))
        draw_hands(plan, &dice);
    plan->settings.pipeline.reapply = !has_foreign(plan) && dice_one_in(&dice, 2);
    if (plan->settings.pipeline.reapply && plan->settings.durability == DURABILITY_NONE && dice_one_in(&dice, FORGETTING))
        draw_forgetting(plan, &dice);
}

void plan_free(struct plan *plan)
{
    free(plan->events);
    arena_free(plan->text);
}

void plan_say(const struct plan *plan, struct buffer *out)
{
    static const char *const durabilities[] = {"none", "replicas", "aof"};
    const struct instance_settings *s = &plan->settings;
    size_t events = 0, mishaps = 0;

    for (size_t i = 0; i < plan->events_count; i++)
        events += !plan->events[i].off;
    for (size_t i = 0; i < plan->mishaps_count; i++)
        mishaps += !plan->mishaps[i].off;
    buffer_put_format(out, "seed %llu: %d instances, %s group, durability %s, %s", (unsigned long long)plan->seed, plan->nodes,
                      plan->cooperative ? "cooperative" : "eager", durabilities[s->durability], s->sharded ? "a market per partition" : "one market");
    for (size_t i = 0; i < s->topics_count; i++)
        buffer_put_format(out, ", %s of %d partitions", s->topics[i], (int)s->partitions[i]);
    buffer_put_format(out, ", turns of %zu events and %zu keys, outbox of %zu entries, dedupe %lld s or %lld ids, %zu events, %zu mishaps",
                      s->pipeline.turn.events, s->pipeline.turn.keys, s->pipeline.outbox_entries, (long long)s->window_s, (long long)s->ids, events,
                      mishaps);
}
