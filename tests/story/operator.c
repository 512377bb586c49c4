/* Stories of an operator at work: what is paused, slowed down or passed over, and what goes on all the same. */
#include "story/story.h"
#include "turn/operator.h"
#include "turn/picture.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"
#define RESERVE(id) "{\"id\":\"" id "\",\"type\":\"reserve\",\"sku\":\"k\",\"quantity\":1,\"buyer\":\"b\"}"

static const char *const nothing[] = {NULL};
static const char *const nine_in_stock[] = {"SET stock:k 9", NULL};
static const struct story_settings two_partitions = {.partitions = 2};
static struct operator_answer answer;

static void pause(struct daemon *daemon, const char *topic, int32_t partition)
{
    struct operator_place place = {topic, partition};

    operator_pause(daemon_pipeline(daemon), &place, "ann: the price feed is wrong", &answer);
}

static void resume(struct daemon *daemon, const char *topic, int32_t partition)
{
    struct operator_place place = {topic, partition};

    operator_resume(daemon_pipeline(daemon), &place, &answer);
}

static int skip_event(struct daemon *daemon, int64_t offset)
{
    struct operator_place place = {"orders", 0};

    operator_skip(daemon_pipeline(daemon), &place, offset, "ticket 7", &answer);
    return answer.error;
}

static struct picture *look(struct daemon *daemon)
{
    static struct picture picture;

    picture_deinit(&picture);
    picture_init(&picture);
    ASSERT(pipeline_look(daemon_pipeline(daemon), &picture) == 0);
    return &picture;
}

/* What is held is let go, what was decided is delivered and committed, and the other partition goes on. */
static void a_paused_partition_decides_nothing_and_is_flushed(struct checks *c)
{
    struct daemon *a = story_at_rest(&two_partitions, nothing);

    group_gives("A", "orders", 1);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    pause(a, "orders", 0);
    CHECK_INT(c, answer.error, 0);
    CHECK_TEXT(c, answer.text, "paused: 1 partition, 1 of them here");
    produce(0, DEPOSIT("d2", "2"));
    produce(1, DEPOSIT("d3", "4"));
    daemon_run(a, 1000);
    CHECK(c, look(a)->partitions[0].pause.set && !look(a)->partitions[1].pause.set);
    CHECK_TEXT(c, look(a)->partitions[0].pause.note, "ann: the price feed is wrong");
    CHECK_INT(c, (int64_t)look(a)->partitions[0].outbox_entries, 0);
    CHECK_INT(c, (int64_t)look(a)->partitions[1].next, 1);
    expect_outcomes(c, "0 applied");
    expect_committed(c, 1);
    resume(a, NULL, -1);
    daemon_run(a, 100);
    expect_outcomes(c, "0 applied, 1 applied");
    daemon_stop(a);
    story_end();
}

static void a_pause_outlives_the_daemon_and_goes_with_the_partition(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b;

    pause(a, NULL, -1);
    daemon_crash(a);
    produce(0, DEPOSIT("d1", "1"));
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(b, 5000);
    CHECK(c, was_logged("the operator has paused the partition topic=orders partition=0 next=0 why=\"ann: the price feed is wrong\""));
    expect_outcomes(c, "");
    resume(b, "orders", 0);
    daemon_run(b, 100);
    expect_outcomes(c, "0 applied");
    daemon_stop(b);
    story_end();
}

/* A is told; B, which owns the partition, reads it with its next look. */
static void a_partition_of_another_instance_is_paused_within_seconds(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b = daemon_start("B");

    pause(b, "orders", 0);
    CHECK_TEXT(c, answer.text, "paused: 1 partition, 0 of them here; their owners see it within seconds");
    daemon_run(a, 3500);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 1000);
    expect_outcomes(c, "");
    resume(b, "orders", -1);
    daemon_run(a, 3500);
    expect_outcomes(c, "0 applied");
    daemon_stop(b);
    daemon_stop(a);
    story_end();
}

static void what_is_no_partition_of_the_market_cannot_be_paused(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    pause(a, "order", -1);
    CHECK_INT(c, answer.error, -ENOENT);
    CHECK_TEXT(c, answer.text, "order is no topic of this market; its topics and their partition counts are orders=1");
    pause(a, "orders", 1);
    CHECK_INT(c, answer.error, -ENOENT);
    world->redis.trouble.conditions = CONDITION_OOM;
    pause(a, "orders", 0);
    CHECK_INT(c, answer.error, -EIO);
    world->redis.trouble.conditions = 0;
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    expect_outcomes(c, "0 applied");
    daemon_stop(a);
    story_end();
}

static void a_paused_partition_stays_paused_when_the_connection_is_lost(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    world_plan(world->execs + 2, FAULT_LOST_AFTER);      /* the flush */
    daemon_run(a, 10);
    pause(a, NULL, -1);
    produce(0, DEPOSIT("d2", "1"));
    daemon_run(a, 5000);
    CHECK(c, was_logged("redis connection dropped"));
    expect_outcomes(c, "0 applied");
    resume(a, NULL, -1);
    daemon_run(a, 5000);
    expect_outcomes(c, "0 applied, 1 applied");
    daemon_stop(a);
    story_end();
}

/* Somebody has written a key of another type in its place: that is no leave to go on. */
static void a_pause_that_cannot_be_read_is_not_taken_for_none(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    pause(a, NULL, -1);
    daemon_crash(a);
    redis("DEL orderd:paused");
    redis("SET orderd:paused x");
    produce(0, DEPOSIT("d1", "1"));
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 5000);
    CHECK(c, was_logged("what the operator has paused cannot be read: WRONGTYPE"));
    expect_outcomes(c, "");
    redis("DEL orderd:paused");
    daemon_run(a, 1000);
    expect_outcomes(c, "0 applied");
    daemon_stop(a);
    story_end();
}

static void with_shards_a_pause_is_kept_in_each_market(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .sharded = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    daemon_run(a, 200);
    pause(a, "orders", -1);
    CHECK_TEXT(c, answer.text, "paused: 2 partitions, 2 of them here");
    resume(a, "orders", 0);
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "2"));
    daemon_run(a, 4000);
    expect_market(c, "{0}users:u{funds=1}");
    daemon_stop(a);
    story_end();
}

static void a_quiet_daemon_takes_no_events_and_keeps_its_partitions(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 10);
    operator_quiet(daemon_pipeline(a), true);
    produce(0, DEPOSIT("d2", "1"));
    daemon_run(a, 10000);
    CHECK(c, look(a)->quiet);
    CHECK_INT(c, (int64_t)look(a)->partitions_count, 1);
    expect_outcomes(c, "0 applied");
    expect_committed(c, 1);
    operator_quiet(daemon_pipeline(a), false);
    daemon_run(a, 100);
    expect_outcomes(c, "0 applied, 1 applied");
    daemon_stop(a);
    story_end();
}

static void a_rate_is_kept_evenly_and_starves_no_flush(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    operator_rate(daemon_pipeline(a), 20, &answer);
    CHECK_INT(c, answer.error, 0);
    for (int i = 0; i < 100; i++) {
        char event[128];

        snprintf(event, sizeof event, DEPOSIT("d%d", "1"), i);
        produce(0, event);
    }
    for (int second = 1; second <= 3; second++) {
        daemon_run(a, 1000);
        CHECK(c, look(a)->partitions[0].next >= 20 * second - 2 && look(a)->partitions[0].next <= 20 * second);
        CHECK(c, look(a)->partitions[0].outbox_entries < 4);
    }
    operator_rate(daemon_pipeline(a), 0, &answer);
    daemon_run(a, 300);
    CHECK_INT(c, look(a)->partitions[0].next, 100);
    daemon_stop(a);
    story_end();
}

static void an_event_that_is_to_come_is_skipped(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    CHECK_INT(c, skip_event(a, 1), -EINPROGRESS);
    CHECK_TEXT(c, answer.text, "orders:0: offset 1 will be decided malformed, reason skipped, when its turn comes; the next offset is 0");
    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 100);
    CHECK_INT(c, skip_event(a, 1), 0);
    expect_outcomes(c, "0 applied, 1 skipped, 2 applied");
    expect_market(c, "users:u{funds=5}");
    CHECK_INT(c, (int64_t)kafka_log_partition(&world->kafka, "dead", 0)->count, 1);
    daemon_stop(a);
    story_end();
}

static void a_skip_can_be_taken_back(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);
    struct operator_place place = {"orders", 0};

    CHECK_INT(c, skip_event(a, 1), -EINPROGRESS);
    CHECK_INT(c, skip_event(a, 0), -EINPROGRESS);
    operator_skip_not(daemon_pipeline(a), &place, 1, &answer);
    CHECK_INT(c, answer.error, 0);
    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 2000);
    expect_outcomes(c, "0 skipped, 1 applied");
    operator_skip_not(daemon_pipeline(a), &place, 0, &answer);
    CHECK_INT(c, answer.error, -ENOENT);
    daemon_stop(a);
    story_end();
}

/* Its key is written by somebody else all the time; without it the turn is in no conflict any more. */
static void somebody_writes(unsigned exec)
{
    (void)exec;
    redis("INCRBY stock:k 1");
}

static void an_event_in_conflict_is_skipped(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);

    world->before_exec = somebody_writes;
    produce(0, RESERVE("r1"));
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    expect_outcomes(c, "");
    CHECK_INT(c, skip_event(a, 0), -EINPROGRESS);
    daemon_run(a, 200);
    CHECK_INT(c, skip_event(a, 0), 0);
    expect_outcomes(c, "0 skipped, 1 applied");
    daemon_stop(a);
    story_end();
}

/* It is held, and was condemned already. */
static void a_skip_of_what_is_held_can_be_taken_back(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);
    struct operator_place place = {"orders", 0};

    world->before_exec = somebody_writes;
    produce(0, RESERVE("r1"));
    daemon_run(a, 200);
    CHECK_INT(c, skip_event(a, 0), -EINPROGRESS);
    operator_skip_not(daemon_pipeline(a), &place, 0, &answer);
    world->before_exec = NULL;
    daemon_run(a, 3000);
    expect_outcomes(c, "0 applied");
    daemon_stop(a);
    story_end();
}

/* The connection is gone, and with it maybe an answer: whether the event was skipped is not known. */
static void a_skip_cannot_be_taken_back_while_redis_is_away(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);
    struct operator_place place = {"orders", 0};

    world->before_exec = somebody_writes;
    produce(0, RESERVE("r1"));
    daemon_run(a, 200);
    CHECK_INT(c, skip_event(a, 0), -EINPROGRESS);
    world->redis_away = true;
    redis_server_close_all(&world->redis);
    daemon_run(a, 100);
    operator_skip_not(daemon_pipeline(a), &place, 0, &answer);
    CHECK_TEXT(c, answer.text, "orders:0 is being taken over, and offset 0 may be skipped already: try again when it is worked");
    world->redis_away = false;
    daemon_run(a, 3000);
    expect_outcomes(c, "0 skipped");
    operator_skip_not(daemon_pipeline(a), &place, 0, &answer);
    CHECK_INT(c, answer.error, -ENOENT);
    daemon_stop(a);
    story_end();
}

static void what_is_decided_or_not_owned_here_cannot_be_skipped(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    struct operator_place elsewhere = {"orders", 7};

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    CHECK_INT(c, skip_event(a, 0), -EALREADY);
    CHECK_TEXT(c, answer.text, "offset 0 of orders:0 is decided already, the next one is 1");
    operator_skip(daemon_pipeline(a), &elsewhere, 0, "ticket 7", &answer);
    CHECK_INT(c, answer.error, -EREMOTE);
    elsewhere.partition = 0;
    operator_skip(daemon_pipeline(a), &elsewhere, 5, "a\nb", &answer);
    CHECK_INT(c, answer.error, -EINVAL);
    daemon_stop(a);
    story_end();
}

/* The list has an end, and what is over makes room. */
static void so_many_events_are_waited_for_and_no_more(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    int taken = 0;

    while (skip_event(a, taken) == -EINPROGRESS)
        taken++;
    CHECK_INT(c, answer.error, -ENOSPC);
    CHECK_INT(c, taken, 64);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    CHECK_INT(c, skip_event(a, 64), -EINPROGRESS);
    daemon_crash(a);
    story_end();
}

static void an_event_that_never_was_is_not_said_to_be_skipped(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    CHECK_INT(c, skip_event(a, 0), -EINPROGRESS);
    kafka_log_skip(kafka_log_partition(&world->kafka, "orders", 0), 1);
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 200);
    CHECK_INT(c, skip_event(a, 0), -EALREADY);
    expect_outcomes(c, "1 applied");
    daemon_stop(a);
    story_end();
}

static void a_dump_names_what_is_in_flight(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);

    world->before_exec = somebody_writes;
    produce(0, RESERVE("r1"));
    daemon_run(a, 100);
    operator_dump(daemon_pipeline(a));
    CHECK(c, was_logged("dump: partition topic=orders partition=0 state=owned next=0 done=0"));
    CHECK(c, was_logged("dump: event topic=orders partition=0 offset=0 key=\"k\" id=\"r1\" type=reserve attempts="));
    daemon_crash(a);
    story_end();
}

TESTS({"a paused partition decides nothing, and is flushed", a_paused_partition_decides_nothing_and_is_flushed},
      {"a pause outlives the daemon and goes with the partition", a_pause_outlives_the_daemon_and_goes_with_the_partition},
      {"a partition of another instance is paused within seconds", a_partition_of_another_instance_is_paused_within_seconds},
      {"what is no partition of the market cannot be paused", what_is_no_partition_of_the_market_cannot_be_paused},
      {"a paused partition stays paused when the connection is lost", a_paused_partition_stays_paused_when_the_connection_is_lost},
      {"a pause that cannot be read is not taken for none", a_pause_that_cannot_be_read_is_not_taken_for_none},
      {"with shards a pause is kept in each market", with_shards_a_pause_is_kept_in_each_market},
      {"a quiet daemon takes no events and keeps its partitions", a_quiet_daemon_takes_no_events_and_keeps_its_partitions},
      {"a rate is kept evenly, and starves no flush", a_rate_is_kept_evenly_and_starves_no_flush},
      {"an event that is to come is skipped", an_event_that_is_to_come_is_skipped},
      {"a skip can be taken back", a_skip_can_be_taken_back},
      {"a skip of what is held can be taken back", a_skip_of_what_is_held_can_be_taken_back},
      {"a skip cannot be taken back while redis is away", a_skip_cannot_be_taken_back_while_redis_is_away},
      {"an event in conflict is skipped", an_event_in_conflict_is_skipped},
      {"what is decided, or not owned here, cannot be skipped", what_is_decided_or_not_owned_here_cannot_be_skipped},
      {"so many events are waited for, and no more", so_many_events_are_waited_for_and_no_more},
      {"an event that never was is not said to be skipped", an_event_that_never_was_is_not_said_to_be_skipped},
      {"a dump names what is in flight", a_dump_names_what_is_in_flight})
