/* Stories of what is refused, and of an operator who resolves it while daemons live. */
#include "story/story.h"
#include "turn/operator.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

enum { LONG_MS = 5000 };   /* longer than a daemon at rest waits until it looks at marks and registry */

static const char *const nothing[] = {NULL};

/* A has two markets; only that of partition 1 has gone on since what comes back was kept. */
static struct daemon *one_of_two_markets_went_back(void)
{
    struct story_settings settings = {.partitions = 2, .sharded = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    keep_redis();
    produce(1, DEPOSIT("d2", "2"));
    daemon_run(a, 100);
    redis_comes_back();
    daemon_run(a, LONG_MS);
    return a;
}

static void end(struct daemon *a)
{
    daemon_crash(a);
    story_end();
}

/* Redis has forgotten that the event was skipped, and this daemon has not. */
static void what_was_skipped_is_skipped_again_behind_a_rollback(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    struct operator_place place = {"orders", 0};
    struct operator_answer answer;

    keep_redis();
    operator_skip(daemon_pipeline(a), &place, 0, "ticket 7", &answer);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    operator_skip(daemon_pipeline(a), &place, 0, "ticket 7", &answer);
    CHECK_INT(c, answer.error, 0);
    redis_comes_back();
    daemon_run(a, LONG_MS);
    operator_skip(daemon_pipeline(a), &place, 0, "ticket 7", &answer);
    CHECK_INT(c, answer.error, -EBUSY);
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    daemon_run(a, LONG_MS);
    operator_skip(daemon_pipeline(a), &place, 0, "ticket 7", &answer);
    CHECK_INT(c, answer.error, 0);
    expect_outcomes(c, "0 skipped, 0 skipped");
    expect_market(c, "");
    end(a);
}

static void a_rollback_is_accepted_in_the_markets_that_went_back_and_the_others_are_left_alone(struct checks *c)
{
    struct daemon *a = one_of_two_markets_went_back();

    CHECK(c, was_logged("the market is halted: rollback"));
    expect_market(c, "{0}users:u{funds=1} {1}users:u{funds=1}");
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    CHECK(c, was_logged("there is no rollback to accept under {0}orderd:meta"));
    CHECK(c, was_logged("orders:1: offset 1 was published and will be decided a second time"));
    daemon_run(a, LONG_MS);
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 100);
    expect_market(c, "{0}users:u{funds=5} {1}users:u{funds=3}");
    end(a);
}

static void a_resolution_that_broke_off_between_two_markets_is_run_once_more(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .sharded = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    keep_redis();
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    redis_comes_back();
    daemon_run(a, LONG_MS);
    world_plan(world->execs + 2, FAULT_LOST_BEFORE);
    CHECK(c, operator_runs("--accept-rollback") != 0);
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    daemon_run(a, LONG_MS);
    expect_market(c, "{0}users:u{funds=1} {1}users:u{funds=1}");
    end(a);
}

/* Two partitions of one market at rest in A. */
static struct daemon *two_partitions(void)
{
    struct story_settings settings = {.partitions = 2};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    return a;
}

static struct daemon *working;

/* Whenever the operator is about to EXEC, A decides one more event of partition 1, so that its mark moves. */
static void another_event_of_partition_1(unsigned exec)
{
    struct node *at_work = world->at_work;

    (void)exec;
    if (at_work != world_node("op"))
        return;
    world->before_exec = NULL;
    produce(1, "{\"id\":\"x\"}");
    daemon_run(working, 10);
    world->before_exec = another_event_of_partition_1;
    world->at_work = at_work;
}

/* The operator runs it while A works partition 1 all the time. */
static int operator_runs_under_load(struct daemon *a, const char *words)
{
    int r;

    working = a;
    world->before_exec = another_event_of_partition_1;
    r = operator_runs(words);
    world->before_exec = NULL;
    return r;
}

static void a_gap_is_accepted_while_another_partition_is_worked_all_the_time(struct checks *c)
{
    struct daemon *a = two_partitions();

    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    kafka_log_trim(kafka_log_partition(&world->kafka, "orders", 0), 1);
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    CHECK(c, was_logged("--accept-gap orders:0"));
    CHECK_INT(c, operator_runs_under_load(a, "--accept-gap orders:0"), 0);
    daemon_run(a, LONG_MS);
    expect_outcomes(c, "1 applied");
    expect_market(c, "users:u{funds=2}");
    expect_committed(c, 2);
    end(a);
}

/* A had partition 0, which nobody has any more; so many deposits of 1, 2, 4 … lie behind its mark. */
static struct daemon *nobody_has_it(int deposits)
{
    static const char *const events[] = {DEPOSIT("d1", "1"), DEPOSIT("d2", "2"), DEPOSIT("d3", "4")};
    struct daemon *a = two_partitions();

    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    for (int i = 0; i < deposits; i++)
        produce(0, events[i]);
    return a;
}

static void a_mark_moved_forward_passes_over_what_lies_between(struct checks *c)
{
    struct daemon *a = nobody_has_it(3);

    CHECK_INT(c, operator_runs_under_load(a, "--move orders:0:2"), 0);
    CHECK(c, was_logged("orders:0: offsets 0 to 1 are passed over and never decided"));
    group_gives("A", "orders", 0);
    daemon_run(a, LONG_MS);
    expect_outcomes(c, "2 applied");
    expect_market(c, "users:u{funds=4}");
    expect_committed(c, 3);
    end(a);
}

/* Its commit in Kafka is that of a former incarnation, and no sign of a rollback. */
static void a_mark_moved_backward_has_it_decided_again(struct checks *c)
{
    struct daemon *a = nobody_has_it(2);

    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    expect_committed(c, 2);
    CHECK_INT(c, operator_runs_under_load(a, "--move orders:0:1"), 0);
    CHECK(c, was_logged("orders:0: offset 1 will be decided a second time"));
    group_gives("A", "orders", 0);
    daemon_run(a, LONG_MS);
    expect_outcomes(c, "0 applied, 1 applied, 1 applied");
    expect_market(c, "users:u{funds=5}");
    expect_committed(c, 2);
    CHECK(c, !was_logged("came back older"));
    end(a);
}

/* The group has nobody any more who has it, but one works it all the same, and decides an event just before the EXEC. */
static void one_event_of_partition_0(unsigned exec)
{
    struct node *at_work = world->at_work;

    (void)exec;
    if (at_work != world_node("op"))
        return;
    world->before_exec = NULL;
    produce(0, DEPOSIT("late", "8"));
    for (int i = 0; i < 4; i++)      /* decided, and not yet delivered */
        daemon_step(working);
    world->at_work = at_work;
}

static void what_a_daemon_decides_meanwhile_is_not_passed_over(struct checks *c)
{
    struct daemon *a = working = two_partitions();

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    world->before_exec = one_event_of_partition_0;
    CHECK_INT(c, operator_runs("--move orders:0:0"), -EPROTO);
    CHECK(c, was_logged("are not known to be delivered"));
    world->before_exec = NULL;
    daemon_run(a, LONG_MS);
    expect_outcomes(c, "0 applied, 1 applied");
    expect_market(c, "users:u{funds=9}");
    end(a);
}

static void an_event_is_quarantined_while_another_partition_is_worked_all_the_time(struct checks *c)
{
    struct daemon *a = two_partitions();

    CHECK_INT(c, operator_runs_under_load(a, "--quarantine orders:0:0"), 0);
    daemon_run(a, LONG_MS);
    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 100);
    expect_outcomes(c, "0 quarantined, 1 applied");
    expect_market(c, "users:u{funds=2}");
    end(a);
}

/* At rest, with one event decided that Redis then knows nothing of. */
static struct daemon *halted(struct keyspace *newer)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    keep_redis();
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    if (newer)
        keyspace_copy(newer, &world->redis.data);
    redis_comes_back();
    daemon_run(a, LONG_MS);
    return a;
}

/* The remedy that the refusal names besides: a newer state of Redis. It is of the same era. */
static void a_halted_daemon_goes_on_by_itself_when_newer_data_were_restored(struct checks *c)
{
    struct keyspace newer = {.major = 0};
    struct daemon *a = halted(&newer);

    CHECK(c, was_logged("the market is halted: rollback"));
    redis_comes_back_as(&newer);
    daemon_run(a, LONG_MS);
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 100);
    expect_outcomes(c, "0 applied, 1 applied");
    expect_market(c, "users:u{funds=3}");
    keyspace_deinit(&newer);
    end(a);
}

/* The operator resolves it, and before a daemon has looked, a replica that did not get it takes over. */
static void a_resolution_that_a_failover_lost_is_asked_for_again(struct checks *c)
{
    struct daemon *a = halted(NULL);
    const char *refusal = "resolve=\"orderd init -c orderd.conf --reapply\"";
    int before = times_logged(refusal);

    CHECK(c, before > 0);
    keep_redis();
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    redis_comes_back();
    daemon_run(a, LONG_MS);
    CHECK(c, times_logged(refusal) > before);
    CHECK_INT(c, operator_runs("--accept-rollback"), 0);
    daemon_run(a, LONG_MS);
    expect_market(c, "users:u{funds=1}");
    end(a);
}

struct loss {
    const char *command, *resolve;
};

/* What Redis lost while Kafka remembers: refused at the next take-over, with the command that resolves it. */
static void what_is_lost_is_refused_with_what_resolves_it(struct checks *c)
{
    static const struct loss losses[] = {{"DEL orderd:outbox", "--accept-loss orders:0"}, {"DEL orderd:seen:orders:0", "--accept-loss orders:0"},
                                         {"DEL orderd:mark:orders:0", "--adopt"}, {"HDEL orderd:mark:orders:0 next", "--adopt"},
                                         {"SET orderd:seen:orders:0 x", "--accept-loss orders:0"}};

    for (size_t i = 0; i < sizeof losses / sizeof *losses; i++) {
        struct daemon *a = story_at_rest(NULL, nothing), *b;

        produce(0, DEPOSIT("d1", "1"));
        daemon_run(a, 30);
        daemon_crash(a);
        if (strncmp(losses[i].command, "SET", 3) == 0)
            redis("DEL orderd:seen:orders:0");
        redis(losses[i].command);
        b = daemon_start("B");
        group_gives("B", "orders", 0);
        CHECK_INT(c, daemon_run(b, 1000), -EPROTO);
        CHECK(c, was_logged(losses[i].resolve));
        daemon_crash(b);
        story_end();
    }
}

static void an_empty_redis_behind_kafkas_offsets_is_no_first_start(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b;

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    daemon_crash(a);
    keyspace_flush(&world->redis.data);
    b = daemon_start("B");
    CHECK_INT(c, daemon_run(b, 100), -EPROTO);
    CHECK(c, was_logged("the registry orderd:meta is missing while kafka has"));
    CHECK_INT(c, keyspace_key(&world->redis.data, bytes_of("orderd:meta"))->type, KEY_NONE);
    daemon_crash(b);
    story_end();
}

/* What LRANGE does not tell is not known; it is no hole that an operator should accept. */
static void a_list_that_may_not_be_read_is_no_loss(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    world->redis.trouble.denied[0] = "LRANGE";
    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    group_gives("A", "orders", 0);
    CHECK_INT(c, daemon_run(a, 1000), -EACCES);
    CHECK(c, was_logged("redis refuses to be read error=\"NOPERM"));
    CHECK(c, !was_logged("--accept-loss"));
    end(a);
}

/* The outbox was deleted and made anew, and the server's clock went back: the sequence would fall (DESIGN 2.3). */
static void a_sequence_that_would_fall_is_not_published(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    redis("DEL orderd:outbox");
    redis("XADD orderd:outbox 0-1 made 1");
    redis("XDEL orderd:outbox 0-1");
    world->redis.skew_ms = -250;
    produce(0, DEPOSIT("d2", "2"));
    CHECK_INT(c, daemon_run(a, 200), -EBADMSG);
    expect_outcomes(c, "0 applied");
    CHECK(c, was_logged("nothing further is published"));
    daemon_crash(a);
    story_end();
}

static void redis_comes_back_once(struct node *node, enum arrow arrow)
{
    (void)node;
    if (arrow != ARROW_ASK)
        return;
    world->passes = NULL;
    redis_comes_back();
}

/* Between the two looks another instance has made it, or as here, a state that has it has come back: and the connection broke. */
static void a_registry_that_cannot_be_looked_for_again_is_not_missing(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b;

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    daemon_crash(a);
    keep_redis();
    keyspace_flush(&world->redis.data);
    world->passes = redis_comes_back_once;
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    produce(0, DEPOSIT("d2", "2"));
    CHECK_INT(c, daemon_run(b, 1000), 0);
    expect_outcomes(c, "0 applied, 1 applied");
    end(b);
}

/* Nothing is dropped in silence, also when two things are lost at once. */
static void an_adoption_says_what_was_deleted_before_it_was_decided(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    daemon_crash(a);
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "4"));
    kafka_log_trim(kafka_log_partition(&world->kafka, "orders", 0), 2);
    redis("DEL orderd:mark:orders:0");
    CHECK_INT(c, operator_runs("--adopt"), 0);
    CHECK(c, was_logged("orders:0: goes on at offset 2: the start of its log, what was before it is deleted"));
    CHECK(c, was_logged("orders:0: offset 1 was deleted before it was decided and is passed over"));
    story_end();
}

/* It belongs to no range of the new mark: neither `done` nor the frontier moves when it is delivered. */
static void an_outcome_that_an_adoption_carried_over_is_delivered_before_the_commit(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b;

    world->deliveries_held = true;
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 30);
    daemon_crash(a);
    redis("DEL orderd:mark:orders:0");
    CHECK_INT(c, operator_runs("--adopt"), 0);
    CHECK(c, was_logged("orders:0: 1 entry of outcomes that waits is published unaltered"));
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    CHECK_INT(c, daemon_run(b, 1000), 0);
    expect_committed(c, 0);
    world->deliveries_held = false;
    CHECK_INT(c, daemon_run(b, 1000), 0);
    expect_committed(c, 1);
    CHECK_INT(c, (int64_t)key_count(keyspace_key(&world->redis.data, bytes_of("orderd:outbox"))), 0);
    expect_outcomes(c, "0 applied");
    end(b);
}

TESTS({"what was skipped is skipped again behind a rollback", what_was_skipped_is_skipped_again_behind_a_rollback},
      {"a rollback is accepted in the markets that went back, and the others are left alone",
       a_rollback_is_accepted_in_the_markets_that_went_back_and_the_others_are_left_alone},
      {"a resolution that broke off between two markets is run once more", a_resolution_that_broke_off_between_two_markets_is_run_once_more},
      {"a mark moved forward passes over what lies between", a_mark_moved_forward_passes_over_what_lies_between},
      {"a mark moved backward has it decided again", a_mark_moved_backward_has_it_decided_again},
      {"what a daemon decides meanwhile is not passed over", what_a_daemon_decides_meanwhile_is_not_passed_over},
      {"a gap is accepted while another partition is worked all the time", a_gap_is_accepted_while_another_partition_is_worked_all_the_time},
      {"an event is quarantined while another partition is worked all the time", an_event_is_quarantined_while_another_partition_is_worked_all_the_time},
      {"a halted daemon goes on by itself when newer data were restored", a_halted_daemon_goes_on_by_itself_when_newer_data_were_restored},
      {"a resolution that a failover lost is asked for again", a_resolution_that_a_failover_lost_is_asked_for_again},
      {"what is lost is refused with what resolves it", what_is_lost_is_refused_with_what_resolves_it},
      {"an empty Redis behind Kafka's offsets is no first start", an_empty_redis_behind_kafkas_offsets_is_no_first_start},
      {"a list that may not be read is no loss", a_list_that_may_not_be_read_is_no_loss},
      {"a sequence that would fall is not published", a_sequence_that_would_fall_is_not_published},
      {"a registry that cannot be looked for again is not missing", a_registry_that_cannot_be_looked_for_again_is_not_missing},
      {"an adoption says what was deleted before it was decided", an_adoption_says_what_was_deleted_before_it_was_decided},
      {"an outcome that an adoption carried over is delivered before the commit, and leaves the outbox",
       an_outcome_that_an_adoption_carried_over_is_delivered_before_the_commit})
