/* Stories of what an owner must forget, remember or wait for when a partition, a connection or its luck is lost. */
#include <stdlib.h>

#include "fake/keyspace_table.h"
#include "story/story.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

static const char *const nothing[] = {NULL};
static int sends;

static bool is_torn(const char *mark)
{
    return table_find(&keyspace_key(&world->redis.data, bytes_of(mark))->items, bytes_of("torn"), table_hash(bytes_of("torn"))) != NULL;
}

/* An operator has begun another incarnation, and partition 2 is the first to see its registry. */
static void nothing_is_committed_under_an_incarnation_that_the_partition_was_not_taken_over_in(struct checks *c)
{
    static const struct story_settings settings = {.partitions = 3};
    struct daemon *a = story_at_rest(&settings, nothing);
    const struct log_partition *committed = kafka_log_partition(&world->kafka, "orders", 1);
    char note[sizeof committed->metadata];

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    produce(1, DEPOSIT("d1", "5"));
    daemon_run(a, 200);
    CHECK_INT(c, committed->committed, 1);
    memcpy(note, committed->metadata, sizeof note);
    redis("DEL orderd:mark:orders:2");
    CHECK_INT(c, operator_runs("--adopt"), 0);
    group_gives("A", "orders", 2);
    for (int64_t until = world->now + 5000; world->now < until && strcmp(committed->metadata, note) == 0;)
        daemon_step(a);
    CHECK(c, strcmp(committed->metadata, note) != 0);
    CHECK_INT(c, times_logged("took over topic=orders partition=1"), 2);
    daemon_crash(a);
    story_end();
}

/* It was tried a moment ago, but there is no later any more. */
static void what_is_torn_is_tried_once_more_when_the_partition_is_lost(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    world->executed = story_full_once_torn;
    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    while (!was_logged("cannot be marked"))
        daemon_step(a);
    world->redis.trouble.conditions = 0;
    group_takes("A", "orders", 0, true);
    daemon_step(a);
    CHECK(c, is_torn("orderd:mark:orders:0"));
    daemon_crash(a);
    story_end();
}

static void room_again(struct node *node, enum arrow arrow)
{
    (void)node;
    if (arrow == ARROW_SEND && sends++ == 1)
        world->redis.trouble.conditions = 0;
}

/* Nor does anything else come before it while there is time left: partition 1 has something to flush. */
static void nothing_is_flushed_before_what_is_torn_is_marked(struct checks *c)
{
    static const struct story_settings settings = {.partitions = 2};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    produce(1, DEPOSIT("d1", "5"));
    daemon_run(a, 20);
    world->executed = story_full_once_torn;
    produce(0, DEPOSIT("d2", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    while (!was_logged("cannot be marked"))
        daemon_step(a);
    skip();
    sends = 0;
    world->passes = room_again;
    group_takes("A", "orders", 0, false);
    daemon_step(a);
    CHECK(c, is_torn("orderd:mark:orders:0"));
    expect(c, "[  247] A taken   orders:0\n"
              "[  447] A watch   orderd:meta\n"
              "[  448] A exec    halt -> applied\n"
              "[  453] A watch   orders:1, orders:1\n");
    daemon_crash(a);
    story_end();
}

/* An operator who has looked at the one has not looked at the other. */
static void every_partition_of_a_torn_transaction_is_marked(struct checks *c)
{
    static const struct story_settings settings = {.partitions = 2};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    produce(0, DEPOSIT("d1", "5"));
    produce(1, DEPOSIT("d2", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    daemon_run(a, 1000);
    CHECK(c, is_torn("orderd:mark:orders:0"));
    CHECK(c, is_torn("orderd:mark:orders:1"));
    CHECK_INT(c, operator_runs("--accept-loss orders:1"), 0);
    daemon_run(a, 5000);
    CHECK(c, was_logged("the mark orderd:mark:orders:0 is torn"));
    daemon_crash(a);
    story_end();
}

static unsigned first_exec;

/* First somebody's purchase and a deadline that passes; then a former owner's write to the mark, as a take-over makes it. */
static void late_then_moved(unsigned exec)
{
    if (exec == first_exec)
        world->now += 50;
    if (exec == first_exec + 1)
        redis("HSET orderd:mark:orders:0 epoch another");
}

static void a_mark_that_was_moved_is_no_conflict_to_expire_for(struct checks *c)
{
    static const struct story_settings settings = {.deadline_ms = 20};
    struct daemon *a = story_at_rest(&settings, nothing);

    first_exec = world->execs + 1;
    world->before_exec = late_then_moved;
    world_plan(first_exec, FAULT_CONFLICT);
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 1000);
    CHECK(c, was_logged("taking over again why=\"the mark is not as this process wrote it\""));
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

/* A failover behind one address: this connection leads to the former master for ever, a new one to the next. */
static void a_server_that_became_a_replica_is_left(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    world->redis.trouble.conditions = CONDITION_READONLY;
    while (!was_logged("redis refused the transaction"))
        daemon_step(a);
    CHECK(c, was_logged("redis connection dropped address=A why=\"this server cannot be written to\""));
    world->redis.trouble.conditions = 0;
    daemon_run(a, 5000);
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

/* With a market for each number they are taken over one after the other; the first one waits for the last. */
static void after_a_lost_connection_no_turn_comes_before_all_were_taken_over(struct checks *c)
{
    static const struct story_settings settings = {.partitions = 2, .sharded = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    skip();
    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_LOST_BEFORE);
    daemon_run(a, 60);
    expect(c, "[  204] A poll    orders:0@0..0\n"
              "[  204] A watch   orders:0 {0}users:u\n"
              "[  205] A exec    -> lost on its way\n"
              "[  205] A watch   orders:0\n"
              "[  206] A exec    epoch(orders:0) -> applied\n"
              "[  226] A watch   orders:1\n"
              "[  227] A exec    epoch(orders:1) -> applied\n"
              "[  227] A watch   orders:0 {0}users:u\n"
              "[  228] A exec    next=1 outbox+0..1 seen+ HINCRBY {0}users:u funds 5 -> applied\n"
              "[  228] A publish orders/0/0 applied\n"
              "[  250] A commit  orders:0@1\n");
    daemon_crash(a);
    story_end();
}

static void count_sends(struct node *node, enum arrow arrow)
{
    (void)node;
    if (arrow == ARROW_SEND && ++sends > 500)
        world->redis.trouble.denied[0] = NULL;      /* else who asks without end would never come back */
}

/* An error comes at once, unlike the answer of a WAIT that waits. */
static void a_gate_that_answers_with_an_error_is_not_asked_over_and_over(struct checks *c)
{
    static const struct story_settings settings = {.durability = DURABILITY_REPLICAS, .replicas = 1};
    struct daemon *a, *b;

    story_begin(&settings);
    world->redis.replicas_count = 1;
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    daemon_crash(a);
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    sends = 0;
    world->passes = count_sends;
    world->redis.trouble.denied[0] = "WAIT";
    daemon_run(b, 1000);
    CHECK(c, was_logged("the take-over is tried again"));
    CHECK(c, sends < 100);
    world->redis.trouble.denied[0] = NULL;
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(b, 1000);
    expect_outcomes(c, "0 applied");
    daemon_crash(b);
    story_end();
}

/* Neither a commit nor the outcome partition shows it yet; the process itself remembers what it gave to its producer. */
static void what_this_process_handed_over_is_evidence_before_it_arrives(struct checks *c)
{
    struct daemon *a;

    story_begin(NULL);
    redis_server_keep_journal(&world->redis);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    world->deliveries_held = true;
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 100);
    redis_server_restore(&world->redis, redis_server_position(&world->redis) - 1);
    redis_server_close_all(&world->redis);
    daemon_run(a, 5000);
    CHECK(c, was_logged("rollback: redis came back older, the next offset of orders:0 is 0 there, but outcomes were published up to offset 0"));
    daemon_crash(a);
    story_end();
}

/* Each new connection ends with its first turn: were it made anew at once, the outbox would be published without end. */
static void connections_that_end_as_soon_as_they_are_used_are_made_more_and_more_seldom(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    world->redis.trouble.query_limit = 500;
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 10000);
    CHECK(c, times_logged("redis connection dropped") > 3);
    CHECK(c, times_logged("redis connection dropped") < 200);
    world->redis.trouble.query_limit = 0;
    daemon_run(a, 5000);
    expect_market(c, "users:u{funds=5}");
    expect_committed(c, 1);
    daemon_crash(a);
    story_end();
}

TESTS({"nothing is committed under an incarnation that the partition was not taken over in",
       nothing_is_committed_under_an_incarnation_that_the_partition_was_not_taken_over_in},
      {"what is torn is tried once more when the partition is lost", what_is_torn_is_tried_once_more_when_the_partition_is_lost},
      {"nothing is flushed before what is torn is marked", nothing_is_flushed_before_what_is_torn_is_marked},
      {"every partition of a torn transaction is marked", every_partition_of_a_torn_transaction_is_marked},
      {"a mark that was moved is no conflict to expire for", a_mark_that_was_moved_is_no_conflict_to_expire_for},
      {"a server that became a replica is left", a_server_that_became_a_replica_is_left},
      {"after a lost connection no turn comes before all were taken over", after_a_lost_connection_no_turn_comes_before_all_were_taken_over},
      {"a gate that answers with an error is not asked over and over", a_gate_that_answers_with_an_error_is_not_asked_over_and_over},
      {"connections that end as soon as they are used are made more and more seldom",
       connections_that_end_as_soon_as_they_are_used_are_made_more_and_more_seldom},
      {"what this process handed over is evidence before it arrives", what_this_process_handed_over_is_evidence_before_it_arrives})
