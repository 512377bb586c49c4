/* Stories of what is remembered, and what is not, where a market came back older: eras, notes, and a state that goes while it is looked at. */
#include "ledger/vouch.h"
#include "story/story.h"
#include "turn/operator.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

/* Longer than the lock, the settling, and a look at the registry take. */
enum { DONE_MS = 15000 };
/* Longer than other owners are waited for. */
enum { SETTLED_MS = 5000 };

static const char *const nothing[] = {NULL};
static struct keyspace older;

static void end(struct daemon *a)
{
    daemon_crash(a);
    keyspace_deinit(&older);
    story_end();
}

static void check_sequences(struct checks *c)
{
    const struct log_partition *out = kafka_log_partition(&world->kafka, "out", 0);

    for (size_t i = 1; i < out->count; i++) {
        struct bytes before = kafka_log_header(&out->messages[i - 1], "ce_sequence"), sequence = kafka_log_header(&out->messages[i], "ce_sequence");

        CHECK(c, before.size == sequence.size && memcmp(before.data, sequence.data, sequence.size) < 0);
    }
}

/* And each time with another clock, so that its ids begin below those that were published: only the era tells them apart. */
static void sequences_rise_over_what_was_published_though_redis_is_late(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 200);
    redis_comes_back();
    world->redis.skew_ms = -100000;
    daemon_run(a, DONE_MS);
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    redis_comes_back();
    world->redis.skew_ms = -200000;
    daemon_run(a, DONE_MS);
    produce(0, DEPOSIT("d4", "8"));
    daemon_run(a, 200);
    expect_outcomes(c, "0 applied, 1 applied, 2 applied, 3 applied");
    check_sequences(c);
    end(a);
}

static void goes_back_once_marks_are_read(struct node *node, enum arrow arrow)
{
    (void)node;
    if (arrow != ARROW_SEND || !was_logged("are applied again: rollback"))
        return;
    redis_is_as(&older);
    world->passes = NULL;
}

/* Beneath the connection, between the marks and what lies beside them: what is held against a state that is gone is no refusal. */
static void redis_may_come_back_older_while_it_is_looked_at(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    keyspace_copy(&older, &world->redis.data);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 200);
    redis_comes_back();
    world->passes = goes_back_once_marks_are_read;
    daemon_run(a, 2 * DONE_MS);
    CHECK(c, !world->passes);
    CHECK(c, !was_logged("--accept-loss"));
    expect_market(c, "users:u{funds=3}");
    expect_outcomes(c, "0 applied, 1 applied");
    end(a);
}

/* Its dead letter is late, so that it is not committed; the note shows it, and the outcome may have been deleted. */
static void what_was_handed_over_and_may_have_been_deleted_is_refused(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    world->weather.slow = "dead";
    world->weather.slow_ms = (struct kafka_range){60000, 60000};
    produce(0, "no order");
    daemon_run(a, 200);
    daemon_crash(a);
    a = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(a, 200);
    daemon_crash(a);
    kafka_log_trim(kafka_log_partition(&world->kafka, "out", 0), kafka_log_partition(&world->kafka, "out", 0)->end);
    redis_comes_back();
    a = daemon_start("C");
    group_gives("C", "orders", 0);
    CHECK_INT(c, daemon_run(a, DONE_MS), -EPROTO);
    CHECK(c, was_logged("outcomes of orders:0, offset 1, were handed to a producer, and the outcome topic does not go back far enough"));
    end(a);
}

static struct logged late;

static void the_last_outcome_arrives_at_last(struct node *node, enum arrow arrow)
{
    (void)node;
    (void)arrow;
    if (!was_logged("offset 1 was published, its decision is applied again"))
        return;
    kafka_log_append_kept(kafka_log_partition(&world->kafka, "out", 0), &late);
    world->passes = NULL;
}

/* It was on its way when its producer died, and nobody could know of it when they looked. */
static void what_arrives_while_decisions_are_applied_again_is_applied_too(struct checks *c)
{
    struct story_settings settings = {.reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);
    struct log_partition *out;

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 200);
    world->weather.commit_fails = 1000000;
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 200);
    daemon_crash(a);
    world->weather.commit_fails = 0;
    out = kafka_log_partition(&world->kafka, "out", 0);
    late = kafka_log_keep(&world->kafka, &out->messages[2]);
    kafka_log_truncate(out, 2);
    redis_comes_back();
    a = daemon_start("B");
    group_gives("B", "orders", 0);
    world->passes = the_last_outcome_arrives_at_last;
    daemon_run(a, 2 * DONE_MS);
    CHECK(c, was_logged("the market is no longer halted: 2 decisions were applied again"));
    expect_outcomes(c, "0 applied, 1 applied, 2 applied");
    expect_market(c, "users:u{funds=7}");
    end(a);
}

static int asked_to_skip(struct daemon *a)
{
    const struct operator_place place = {"orders", 0};
    struct operator_answer answer;

    operator_skip(daemon_pipeline(a), &place, 0, "ticket 7", &answer);
    return answer.error;
}

/* One partition of the market finds the rollback, and the other has not been looked at since: what it holds may be forgotten, too. */
static void no_skip_is_vouched_for_while_the_market_is_halted(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .reapply = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 200);
    keep_redis();
    CHECK_INT(c, asked_to_skip(a), -EINPROGRESS);
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "2"));
    daemon_run(a, 200);
    CHECK_INT(c, asked_to_skip(a), 0);
    redis_is_as(NULL);
    produce(1, DEPOSIT("d2", "4"));
    while (!was_logged("the market is halted: rollback"))
        daemon_step(a);
    CHECK_INT(c, asked_to_skip(a), -EBUSY);
    daemon_run(a, DONE_MS);
    CHECK_INT(c, asked_to_skip(a), -EALREADY);
    expect_outcomes(c, "0 skipped");
    expect_market(c, "users:u{funds=6}");
    end(a);
}

/* A has decided of partition 0 what Redis then lost, and is gone. B owns partition 1, whose mark is as it was. */
static struct daemon *of_another_partition(const struct story_settings *settings)
{
    struct daemon *a = story_at_rest(settings, nothing), *b = daemon_start("B");

    group_gives("B", "orders", 1);
    daemon_run(b, 200);
    keep_redis();
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    daemon_crash(a);
    return b;
}

static void nothing_is_decided_where_decisions_of_another_partition_were_lost(struct checks *c)
{
    struct daemon *b = of_another_partition(&(struct story_settings){.partitions = 2});

    redis_comes_back();
    produce(1, DEPOSIT("d2", "2"));
    CHECK_INT(c, daemon_run(b, SETTLED_MS), 0);
    CHECK(c, was_logged("the market is halted: rollback: redis came back older, the next offset of orders:0 is 0 there"));
    expect_market(c, "");
    end(b);
}

static void what_another_partition_lost_is_applied_again_first(struct checks *c)
{
    struct daemon *b = of_another_partition(&(struct story_settings){.partitions = 2, .reapply = true});

    redis_comes_back();
    produce(1, "{\"id\":\"l\",\"type\":\"list\",\"user\":\"u\",\"item\":\"a\",\"price\":5}");
    produce(1, DEPOSIT("d2", "2"));
    daemon_run(b, DONE_MS);
    CHECK(c, was_logged("1 decision was applied again, 0 values were not as recorded"));
    expect_market(c, "users:u{funds=3}");
    end(b);
}

/* Its outcome is on its way and long; nobody but A can know of it, and A is slower to be connected again than B. */
static void an_owner_that_knows_more_than_kafka_is_waited_for(struct checks *c)
{
    struct daemon *a = story_at_rest(&(struct story_settings){.partitions = 2}, nothing), *b = daemon_start("B");

    group_gives("B", "orders", 1);
    daemon_run(b, 200);
    keep_redis();
    world->weather.slow = "out";
    world->weather.slow_ms = (struct kafka_range){60000, 60000};
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    redis_comes_back();
    produce(1, DEPOSIT("d2", "2"));
    daemon_run(b, VOUCH_SETTLE_MS / 2);
    daemon_run(a, 200);
    CHECK(c, was_logged("the market is halted: rollback: redis came back older, the next offset of orders:0 is 0 there"));
    daemon_run(b, SETTLED_MS);
    expect_market(c, "");
    daemon_crash(b);
    end(a);
}

static void a_server_that_lost_nothing_is_looked_at_once(struct checks *c)
{
    struct daemon *b = of_another_partition(&(struct story_settings){.partitions = 2}), *another;

    redis_server_close_all(&world->redis);
    snprintf(world->redis.run_id, sizeof world->redis.run_id, "another");
    daemon_run(b, SETTLED_MS);
    another = daemon_start("C");
    group_gives("C", "orders", 0);
    daemon_run(another, 200);
    CHECK_INT(c, times_logged("redis is another server than before, and nothing that was published is lacking there"), 1);
    daemon_crash(another);
    end(b);
}

TESTS({"sequences rise over what was published though redis is late", sequences_rise_over_what_was_published_though_redis_is_late},
      {"redis may come back older while it is looked at", redis_may_come_back_older_while_it_is_looked_at},
      {"what was handed over and may have been deleted is refused", what_was_handed_over_and_may_have_been_deleted_is_refused},
      {"what arrives while decisions are applied again is applied, too", what_arrives_while_decisions_are_applied_again_is_applied_too},
      {"no skip is vouched for while the market is halted", no_skip_is_vouched_for_while_the_market_is_halted},
      {"nothing is decided where decisions of another partition were lost", nothing_is_decided_where_decisions_of_another_partition_were_lost},
      {"what another partition lost is applied again first", what_another_partition_lost_is_applied_again_first},
      {"an owner that knows more than kafka is waited for", an_owner_that_knows_more_than_kafka_is_waited_for},
      {"a server that lost nothing is looked at once", a_server_that_lost_nothing_is_looked_at_once})
