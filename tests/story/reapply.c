/* Stories of a Redis that came back older, and of instances that apply again what was published. */
#include "story/story.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

/* Longer than the lock, the settling, and a look at the registry take; and than a dead holder's lock lives besides. */
enum { DONE_MS = 15000, DEAD_MS = 30000 };

static const char *const nothing[] = {NULL};

static void end(struct daemon *a)
{
    if (a)
        daemon_crash(a);
    story_end();
}

/* A has decided three events that Redis then forgets: a deposit, one that is malformed, and one that is refused. */
static struct daemon *went_back(bool reapply)
{
    struct story_settings settings = {.reapply = reapply};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    produce(0, "no order");
    produce(0, "{\"id\":\"p1\",\"type\":\"purchase\",\"buyer\":\"u\",\"seller\":\"s\",\"item\":\"i\",\"price\":3}");
    daemon_run(a, 200);
    redis_comes_back();
    return a;
}

static void what_was_published_is_applied_again_and_nothing_is_decided_anew(struct checks *c)
{
    struct daemon *a = went_back(true);

    CHECK_INT(c, daemon_run(a, DONE_MS), 0);
    CHECK(c, was_logged("orders:0: offsets 1 to 3 were published, their decisions are applied again"));
    CHECK(c, was_logged("era 2 begins, the market is no longer halted: 3 decisions were applied again, 0 values were not as recorded"));
    expect_market(c, "users:u{funds=3}");
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed");
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed, 4 delivered_again, 5 applied");
    expect_market(c, "users:u{funds=7}");
    expect_committed(c, 6);
    end(a);
}

static void without_the_setting_the_market_stays_halted(struct checks *c)
{
    struct daemon *a = went_back(false);

    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("the market is halted: rollback"));
    CHECK(c, !was_logged("applied again"));
    expect_market(c, "users:u{funds=1}");
    CHECK_INT(c, operator_runs("--reapply"), 0);
    daemon_run(a, DONE_MS);
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    expect_market(c, "users:u{funds=7}");
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed, 4 applied");
    end(a);
}

static void nothing_is_decided_before_it_is_done(struct checks *c)
{
    struct daemon *a = went_back(true);

    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 5000);
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed");
    daemon_run(a, DONE_MS);
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed, 4 applied");
    expect_market(c, "users:u{funds=7}");
    end(a);
}

static void when_the_one_that_does_it_dies_another_goes_on(struct checks *c)
{
    struct daemon *a = went_back(true), *b;

    while (!was_logged("are applied again: rollback"))
        daemon_step(a);
    daemon_crash(a);
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(b, 5000);
    CHECK(c, was_logged("another instance applies published decisions again"));
    CHECK(c, !was_logged("no longer halted"));
    daemon_run(b, DEAD_MS);
    CHECK_INT(c, times_logged("no longer halted"), 1);
    expect_market(c, "users:u{funds=3}");
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed");
    end(b);
}

static void redis_may_come_back_older_once_more(struct checks *c)
{
    struct daemon *a = went_back(true);

    daemon_run(a, DONE_MS);
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    redis_comes_back();
    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("era 3 begins, the market is no longer halted: 4 decisions were applied again"));
    produce(0, DEPOSIT("d4", "8"));
    daemon_run(a, 200);
    expect_market(c, "users:u{funds=15}");
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed, 4 applied, 5 applied");
    end(a);
}

static void a_decision_whose_outcome_is_gone_is_refused_with_its_place(struct checks *c)
{
    struct daemon *a = went_back(true);

    kafka_log_compact(kafka_log_partition(&world->kafka, "out", 0), 2, 3);
    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("the outcome of orders:0, offset 2, is not in the outcome topic"));
    CHECK(c, was_logged("orderd init -c orderd.conf --accept-rollback"));
    expect_market(c, "users:u{funds=1}");
    end(a);
}

static void source_messages_that_retention_has_taken_are_refused(struct checks *c)
{
    struct daemon *a = went_back(true);

    kafka_log_trim(kafka_log_partition(&world->kafka, "orders", 0), 2);
    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("the source messages of orders:0, offset 1, are deleted"));
    expect_market(c, "users:u{funds=1}");
    end(a);
}

/* What is there stays: the deposit is added to it. */
static void a_write_of_another_program_is_left_and_named(struct checks *c)
{
    struct daemon *a = went_back(true);

    daemon_run(a, 1000);
    redis("HSET users:u funds 100");
    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("orders:0@1: users:u was 1 when it was decided and is 100 now"));
    expect_market(c, "users:u{funds=102}");
    end(a);
}

static void a_daemon_that_starts_behind_a_rollback_does_it_and_lives(struct checks *c)
{
    struct daemon *a = went_back(true);

    daemon_crash(a);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    CHECK_INT(c, daemon_run(a, DONE_MS), 0);
    expect_market(c, "users:u{funds=3}");
    end(a);
}

static void a_daemon_that_starts_where_it_cannot_be_done_ends(struct checks *c)
{
    struct daemon *a = went_back(true);

    daemon_crash(a);
    kafka_log_trim(kafka_log_partition(&world->kafka, "orders", 0), 2);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    CHECK_INT(c, daemon_run(a, DONE_MS), -EPROTO);
    end(a);
}

/* What the producer had and Kafka never got is nobody's decision: it is made anew, and the note that it was handed over does not halt the market again. */
static void what_was_handed_over_and_never_arrived_is_decided_anew(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    world->weather.commit_fails = 1000000;
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 200);
    world->deliveries_held = true;
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    world->weather.commit_fails = 0;
    daemon_run(a, 200);
    daemon_crash(a);
    world->deliveries_held = false;
    redis_comes_back();
    a = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(a, DONE_MS);
    CHECK(c, was_logged("orders:0: offset 2 was handed to a producer and never arrived: it is decided anew"));
    CHECK_INT(c, times_logged("the market is halted: rollback"), 1);
    expect_outcomes(c, "0 applied, 1 applied, 2 applied");
    expect_market(c, "users:u{funds=7}");
    end(a);
}

static void a_commit_above_control_records_is_no_second_rollback(struct checks *c)
{
    struct daemon *a = went_back(true);

    kafka_log_skip(kafka_log_partition(&world->kafka, "orders", 0), 3);
    kafka_log_partition(&world->kafka, "orders", 0)->committed = 7;
    daemon_run(a, DONE_MS);
    CHECK_INT(c, times_logged("the market is halted: rollback"), 1);
    CHECK(c, !was_logged("never arrived"));
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed, 7 applied");
    expect_market(c, "users:u{funds=7}");
    expect_committed(c, 8);
    end(a);
}

static void what_comes_from_before_a_resolution_is_refused(struct checks *c)
{
    struct daemon *a = went_back(false);

    daemon_run(a, DONE_MS);
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    daemon_run(a, DONE_MS);
    redis_comes_back();
    daemon_run(a, DONE_MS);
    CHECK_INT(c, operator_runs("--reapply"), -EPROTO);
    CHECK(c, was_logged("redis came back from before a resolution"));
    end(a);
}

static void the_dead_letter_that_had_not_arrived_is_sent(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    keep_redis();
    world->weather.slow = "dead";
    world->weather.slow_ms = (struct kafka_range){60000, 60000};
    produce(0, "no order");
    daemon_run(a, 200);
    daemon_crash(a);
    world->weather.slow = NULL;
    redis_comes_back();
    CHECK_INT(c, (int)kafka_log_partition(&world->kafka, "dead", 0)->count, 0);
    a = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(a, DONE_MS);
    CHECK_INT(c, (int)kafka_log_partition(&world->kafka, "dead", 0)->count, 1);
    expect_outcomes(c, "0 not_json");
    end(a);
}

/* Entries that wait in the outbox. */
static int waiting(void)
{
    struct key *key = keyspace_key(&world->redis.data, bytes_of("orderd:outbox"));

    return key ? (int)(key->end - key->head) : -1;
}

static void a_dead_letter_below_the_commit_is_not_sent_again(struct checks *c)
{
    struct daemon *a = went_back(true);

    expect_committed(c, 4);
    daemon_run(a, DONE_MS);
    expect_outcomes(c, "0 applied, 1 applied, 2 not_json, 3 not_listed");
    CHECK_INT(c, (int)kafka_log_partition(&world->kafka, "dead", 0)->count, 1);
    end(a);
}

/* Nobody delivers meanwhile, however many turns it takes. */
static void what_is_applied_again_leaves_one_entry_a_partition(struct checks *c)
{
    struct story_settings settings = {.partitions = 2};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 200);
    keep_redis();
    for (int i = 0; i < 20; i++) {
        produce(i % 2, i < 18 ? DEPOSIT("d", "1") : DEPOSIT("e", "1"));
        daemon_run(a, 20);
    }
    daemon_run(a, 200);
    redis_comes_back();
    daemon_run(a, 5000);
    daemon_crash(a);
    CHECK(c, was_logged("the market is halted: rollback"));
    CHECK_INT(c, waiting(), 0);
    CHECK_INT(c, operator_runs("--reapply"), 0);
    CHECK_INT(c, waiting(), 2);
    a = daemon_start("B");
    group_gives("B", "orders", 0);
    group_gives("B", "orders", 1);
    daemon_run(a, DONE_MS);
    CHECK_INT(c, waiting(), 0);
    expect_market(c, "users:u{funds=4}");
    end(a);
}

static void only_the_market_that_went_back_is_brought_forward(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .sharded = true, .reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    produce(1, DEPOSIT("d2", "2"));
    daemon_run(a, 200);
    redis_comes_back();
    daemon_run(a, 3000);
    produce(0, DEPOSIT("d3", "4"));      /* while the other stands still */
    daemon_run(a, 200);
    expect_market(c, "{0}users:u{funds=5} {1}users:u{funds=1}");
    daemon_run(a, DONE_MS);
    CHECK_INT(c, times_logged("no longer halted"), 1);
    expect_market(c, "{0}users:u{funds=5} {1}users:u{funds=3}");
    end(a);
}

static void of_two_instances_one_does_it(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing), *b = daemon_start("B");

    group_gives("B", "orders", 1);
    daemon_run(b, 100);
    keep_redis();
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d2", "2"));
    for (int i = 0; i < 50; i++, daemon_run(a, 5))
        daemon_run(b, 5);
    redis_comes_back();
    for (int i = 0; i < 2000; i++, daemon_run(a, 5))
        daemon_run(b, 5);
    CHECK_INT(c, times_logged("no longer halted"), 1);
    CHECK_INT(c, times_logged("another instance applies published decisions again"), 1);
    expect_market(c, "users:u{funds=3}");
    daemon_crash(b);
    end(a);
}

/* Another program writes with every EXEC, for a long time: the group is answered all the same, and what was applied is applied once. */
static void a_busy_foreign_writer_holds_up_no_step(struct checks *c)
{
    struct daemon *a = went_back(true);
    int64_t longest = 0;

    while (!was_logged("until every instance has seen the halt"))
        daemon_step(a);
    daemon_run(a, 6500);
    for (unsigned i = 1; i <= 100; i++)
        world_plan(world->execs + i, FAULT_CONFLICT);
    while (!was_logged("no longer halted") && world->now < 300000) {
        int64_t before = world->now;

        daemon_step(a);
        longest = world->now - before > longest ? world->now - before : longest;
    }
    CHECK(c, longest < 2000);
    CHECK(c, was_logged("era 2 begins, the market is no longer halted: 3 decisions were applied again"));
    expect_market(c, "users:u{funds=3}");
    end(a);
}

/* Copies of what was decided before lie in front of what was lost, so many that a minute passes before any event of the journal comes. */
static void much_that_is_passed_over_is_no_standstill(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);
    struct log_partition *outcomes;
    struct logged first;

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    outcomes = kafka_log_partition(&world->kafka, "out", 0);
    first = kafka_log_keep(&world->kafka, kafka_log_at(outcomes, 0));
    for (int i = 0; i < 300000; i++)
        kafka_log_append_kept(outcomes, &first);
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 2000);
    redis_comes_back();
    while (!was_logged("until every instance has seen the halt"))
        daemon_step(a);
    world->weather.ask_ms = (struct kafka_range){15, 15};
    world->weather.ask_fails = 20000;
    daemon_run(a, 600000);
    CHECK(c, !was_logged("another may try"));
    CHECK(c, was_logged("era 2 begins, the market is no longer halted: 1 decision was applied again"));
    expect_market(c, "users:u{funds=3}");
    end(a);
}

/* The rights change between queueing and EXEC: what was applied of it nobody knows, and an operator must look. */
static void what_is_torn_while_it_is_applied_again_is_marked(struct checks *c)
{
    struct daemon *a = went_back(true);

    while (!was_logged("are applied again: rollback"))
        daemon_step(a);
    daemon_run(a, 6500);      /* behind the last beat of the lock before it is settled */
    world_plan(world->execs + 1, FAULT_TORN);
    daemon_run(a, 2000);
    CHECK(c, was_logged("the market is halted: torn orders:0: a transaction that applied published decisions again was applied in part"));
    CHECK(c, was_logged("orderd init -c orderd.conf --accept-loss orders:0"));
    end(a);
}

TESTS({"what was published is applied again and nothing is decided anew", what_was_published_is_applied_again_and_nothing_is_decided_anew},
      {"without the setting the market stays halted", without_the_setting_the_market_stays_halted},
      {"nothing is decided before it is done", nothing_is_decided_before_it_is_done},
      {"when the one that does it dies another goes on", when_the_one_that_does_it_dies_another_goes_on},
      {"redis may come back older once more", redis_may_come_back_older_once_more},
      {"a decision whose outcome is gone is refused with its place", a_decision_whose_outcome_is_gone_is_refused_with_its_place},
      {"source messages that retention has taken are refused", source_messages_that_retention_has_taken_are_refused},
      {"a write of another program is left and named", a_write_of_another_program_is_left_and_named},
      {"a daemon that starts behind a rollback does it and lives", a_daemon_that_starts_behind_a_rollback_does_it_and_lives},
      {"what was handed over and never arrived is decided anew", what_was_handed_over_and_never_arrived_is_decided_anew},
      {"a commit above control records is no second rollback", a_commit_above_control_records_is_no_second_rollback},
      {"what comes from before a resolution is refused", what_comes_from_before_a_resolution_is_refused},
      {"the dead letter that had not arrived is sent", the_dead_letter_that_had_not_arrived_is_sent},
      {"a dead letter below the commit is not sent again", a_dead_letter_below_the_commit_is_not_sent_again},
      {"what is applied again leaves one entry a partition", what_is_applied_again_leaves_one_entry_a_partition},
      {"only the market that went back is brought forward", only_the_market_that_went_back_is_brought_forward},
      {"of two instances one does it", of_two_instances_one_does_it},
      {"a busy foreign writer holds up no step", a_busy_foreign_writer_holds_up_no_step},
      {"much that is passed over is no standstill", much_that_is_passed_over_is_no_standstill},
      {"what is torn while it is applied again is marked", what_is_torn_while_it_is_applied_again_is_marked},
      {"a daemon that starts where it cannot be done ends", a_daemon_that_starts_where_it_cannot_be_done_ends})
