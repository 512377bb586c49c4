/* One story, broken at every place where it can break: whatever happens, each effect is there once, each decision is told once (all its
 * copies equal byte for byte), in the order of the offsets, and the commit comes to stand behind the last. */
#include "story/story.h"

#include <stdlib.h>

#define EVENTS 8

/* A market in which every event's outcome depends on those before it: doubled, dropped or reordered effects show. */
static const char *const events[EVENTS] = {
    "{\"id\":\"e0\",\"type\":\"deposit\",\"user\":\"b\",\"amount\":100}",
    "{\"id\":\"e1\",\"type\":\"grant\",\"user\":\"s\",\"item\":\"lamp\"}",
    "{\"id\":\"e2\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
    "{\"id\":\"e3\",\"type\":\"purchase\",\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
    "{\"id\":\"e3\",\"type\":\"purchase\",\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
    "{\"id\":\"e5\",\"type\":\"purchase\",\"buyer\":\"b\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":60}",
    "no event",
    "{\"id\":\"e7\",\"type\":\"restock\",\"sku\":\"k\",\"quantity\":3}",
};
#define MARKET_AFTER "inventory:b{lamp} stock:k=3 users:b{funds=40} users:s{funds=60}"
#define OUTCOMES_AFTER "0 applied, 1 applied, 2 applied, 3 applied, 4 delivered_again, 5 not_listed, 6 not_json, 7 applied"

enum { SETTLE_MS = 20000 };

static void produce_some(int from, int to)
{
    for (int i = from; i < to; i++)
        produce(0, events[i]);
}

/* First copies of a source partition come in the order of its offsets (DESIGN 1). */
static bool in_order(void)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, "out", 0);
    long long highest = -1;

    for (size_t i = 0; i < partition->count; i++) {
        long long offset = strtoll(strrchr(kafka_log_header(&partition->messages[i], "ce_id").data, '/') + 1, NULL, 10);

        if (offset > highest + 1)
            return false;
        highest = offset > highest ? offset : highest;
    }
    return true;
}

/* The order of sequences is the order of offsets, within one source partition. */
static bool sequences_rise(void)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, "out", 0);
    const char *last[EVENTS] = {NULL};

    for (size_t i = 0; i < partition->count; i++) {
        const struct logged *record = &partition->messages[i];

        last[strtoll(strrchr(kafka_log_header(record, "ce_id").data, '/') + 1, NULL, 10)] = kafka_log_header(record, "ce_sequence").data;
    }
    for (int i = 1; i < EVENTS; i++)
        if (!last[i - 1] || !last[i] || strcmp(last[i - 1], last[i]) >= 0)
            return false;
    return true;
}

/* Behind the commit there is nothing that was not delivered: checked while the world still burns. */
static void expect_honest_commit(struct checks *c)
{
    const struct log_partition *orders = kafka_log_partition(&world->kafka, "orders", 0), *out = kafka_log_partition(&world->kafka, "out", 0);
    bool told[EVENTS + 1] = {false};
    int64_t delivered = 0;

    for (size_t i = 0; i < out->count; i++)
        told[strtoll(strrchr(kafka_log_header(&out->messages[i], "ce_id").data, '/') + 1, NULL, 10)] = true;
    while (told[delivered])
        delivered++;
    CHECK(c, orders->committed <= delivered);
}

static bool all_letters_arrived(void)
{
    return kafka_log_partition(&world->kafka, "dead", 0)->count > 0;
}

static void expect_all(struct checks *c)
{
    expect_market(c, MARKET_AFTER);
    expect_outcomes(c, OUTCOMES_AFTER);
    expect_committed(c, EVENTS);
    CHECK(c, in_order());
    CHECK(c, sequences_rise());
    CHECK(c, all_letters_arrived());
    CHECK_INT(c, key_count(keyspace_key(&world->redis.data, bytes_of("orderd:outbox"))), 0);
}

/* Two turns with a pause between; A dies before its n-th call that has an effect, if it has so many, and B goes on. */
static bool crash_before(struct checks *c, unsigned arrow)
{
    struct story_settings settings = {.turn_events = 3};
    struct daemon *a, *b;
    bool crashed;

    story_begin(&settings);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    world->crash_at = world->arrows + arrow;
    produce_some(0, 5);
    daemon_run(a, 120);
    produce_some(5, EVENTS);
    daemon_run(a, 300);
    crashed = world_node("A")->dead;
    daemon_crash(a);
    expect_honest_commit(c);
    world->now += 50;
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(b, 500);
    expect_all(c);
    if (c->failed)
        fprintf(stderr, "crashed before arrow %u\n%s", arrow, buffer_text(&world->trace));
    daemon_crash(b);
    story_end();
    return crashed;
}

static void a_crash_at_every_arrow_leaves_one_decision_each(struct checks *c)
{
    unsigned arrow = 1;

    while (!c->failed && crash_before(c, arrow))
        arrow++;
    CHECK(c, arrow > 30);
}

/* As above, but the process that comes next dies at the same place of its own life, and so on, until one comes through. */
static void crashes_one_after_the_other_leave_one_decision_each(struct checks *c)
{
    for (unsigned arrow = 4; arrow < 40 && !c->failed; arrow++) {
        struct story_settings settings = {.turn_events = 2};

        story_begin(&settings);
        produce_some(0, EVENTS);
        for (int life = 0; life < 6; life++) {
            struct daemon *d = daemon_start("A");

            group_gives("A", "orders", 0);
            world->crash_at = life < 5 ? world->arrows + arrow + (unsigned)life : 0;
            daemon_run(d, life < 5 ? 200 : 1000);
            daemon_crash(d);
            expect_honest_commit(c);
        }
        expect_all(c);
        if (c->failed)
            fprintf(stderr, "arrow %u\n%s", arrow, buffer_text(&world->trace));
        story_end();
    }
}

static unsigned drawn(uint64_t *random, unsigned bound)
{
    *random = *random * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*random >> 33) % bound;
}

/* Half of all EXECs meet something. */
static void plan_faults(uint64_t *random)
{
    static const enum fault faults[] = {FAULT_CONFLICT, FAULT_REFUSED, FAULT_LOST_BEFORE, FAULT_LOST_AFTER, FAULT_CONFLICT, FAULT_LATE};

    for (unsigned i = 1; i <= 60; i++)
        if (drawn(random, 2))
            world_plan(world->execs + i, faults[drawn(random, 6)]);
}

static const char *const names[] = {"A", "B"};

/* One of the two dies and is started again; what was its own is its own again. */
static void replace(struct daemon **daemons, int which, int owner)
{
    daemon_crash(daemons[which]);
    daemons[which] = daemon_start(names[which]);
    if (which == owner)
        group_gives(names[which], "orders", 0);
}

/* Something of what may happen between two events. */
static void meddle(struct daemon **daemons, int *owner, uint64_t *random)
{
    world->delivery_failures += drawn(random, 6) == 0;
    if (drawn(random, 4) == 0) {
        group_takes(names[*owner], "orders", 0, drawn(random, 2));
        *owner = !*owner;
        group_gives(names[*owner], "orders", 0);
    }
    if (drawn(random, 8) == 0)
        replace(daemons, (int)drawn(random, 2), *owner);
    if (drawn(random, 2))
        world_late();
}

/* Two instances hand the partition to and fro while EXECs and deliveries fail; then everything is quiet, and the world must come right. */
static void wander(struct checks *c, uint64_t seed)
{
    struct story_settings settings = {.turn_events = 1 + (size_t)seed % 4};
    struct daemon *daemons[2];
    uint64_t random = seed;
    int owner = 0;

    story_begin(&settings);
    daemons[0] = daemon_start("A");
    daemons[1] = daemon_start("B");
    world->redis.kill_misses = seed % 2;
    group_gives("A", "orders", 0);
    plan_faults(&random);
    for (int i = 0; i < EVENTS; i++) {
        produce_some(i, i + 1);
        for (unsigned k = drawn(&random, 12); k; k--)
            daemon_step(daemons[drawn(&random, 2)]);
        expect_honest_commit(c);
        meddle(daemons, &owner, &random);
    }
    for (int i = 0; i < 400; i++) {
        daemon_step(daemons[0]);
        daemon_step(daemons[1]);
    }
    world->faults_count = 0;
    world->delivery_failures = 0;
    world_late();
    for (int64_t until = world->now + SETTLE_MS; world->now < until;) {
        daemon_step(daemons[0]);
        daemon_step(daemons[1]);
    }
    expect_all(c);
    if (c->failed)
        fprintf(stderr, "seed %llu\n%s", (unsigned long long)seed, buffer_text(&world->trace));
    daemon_crash(daemons[0]);
    daemon_crash(daemons[1]);
    story_end();
}

static void random_faults_and_rebalances_leave_one_decision_each(struct checks *c)
{
    for (uint64_t seed = 1; seed <= 200 && !c->failed; seed++)
        wander(c, seed);
}

TESTS({"a crash at every arrow leaves one decision each", a_crash_at_every_arrow_leaves_one_decision_each},
      {"crashes one after the other leave one decision each", crashes_one_after_the_other_leave_one_decision_each},
      {"random faults and rebalances leave one decision each", random_faults_and_rebalances_leave_one_decision_each})
