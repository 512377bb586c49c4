/* Stories in which something breaks between two arrows, or somebody else takes over. */
#include <stdlib.h>

#include "story/story.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

static const char *const nothing[] = {NULL};

static void a_reply_lost_after_exec_is_read_back_and_published_once(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_LOST_AFTER);
    daemon_run(a, 60);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> applied, reply lost\n"
              "[  103] A watch   orders:0\n"
              "[  104] A exec    epoch(orders:0) -> applied\n"
              "[  104] A publish orders/0/0 applied\n"
              "[  106] A watch   orders:0\n"
              "[  107] A exec    done=1 outbox-1 -> applied\n"
              "[  127] A commit  orders:0@1\n");
    expect_market(c, "users:u{funds=5}");
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

static void a_transaction_that_never_arrived_is_decided_again(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_LOST_BEFORE);
    daemon_run(a, 60);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    -> lost on its way\n"
              "[  103] A watch   orders:0\n"
              "[  104] A exec    epoch(orders:0) -> applied\n"
              "[  104] A watch   orders:0 users:u\n"
              "[  105] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> applied\n"
              "[  105] A publish orders/0/0 applied\n"
              "[  127] A commit  orders:0@1\n");
    expect_market(c, "users:u{funds=5}");
    daemon_crash(a);
    story_end();
}

/* CLIENT KILL missed it; the epoch that the take-over wrote fences it all the same. */
static void a_transaction_that_arrives_late_changes_nothing(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    world->redis.kill_misses = true;
    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_LATE);
    daemon_run(a, 60);
    CHECK_TEXT(c, world_late(), "nil");
    expect_market(c, "users:u{funds=5}");
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

static void a_transaction_that_is_late_is_killed_with_its_connection(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_LATE);
    daemon_run(a, 60);
    CHECK_TEXT(c, world_late(), "killed");
    expect_market(c, "users:u{funds=5}");
    daemon_crash(a);
    story_end();
}

static void a_full_memory_makes_events_wait(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_REFUSED);
    world_plan(world->execs + 2, FAULT_REFUSED);
    daemon_run(a, 400);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> refused\n"
              "[  203] A watch   orders:0 users:u\n"
              "[  204] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> refused\n"
              "[  404] A watch   orders:0 users:u\n"
              "[  405] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> applied\n"
              "[  405] A publish orders/0/0 applied\n"
              "[  427] A commit  orders:0@1\n"
              "[  467] A watch   orders:0\n"
              "[  468] A exec    done=1 outbox-1 -> applied\n");
    CHECK(c, was_logged("nothing was applied topic=orders partition=0 offset=0 key=\"k\" id=\"d1\" trace=\"\" error=\"OOM"));
    expect_market(c, "users:u{funds=5}");
    daemon_crash(a);
    story_end();
}

/* A limit on the way that closes the connection: sent as it was, it would be closed for ever. */
static void a_turn_that_is_too_large_for_the_way_is_sent_smaller(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    world->redis.trouble.query_limit = 900;
    for (int i = 0; i < 8; i++)
        produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 5000);
    expect_market(c, "users:u{funds=5}");
    expect_committed(c, 8);
    daemon_crash(a);
    story_end();
}

static void a_torn_transaction_halts_the_market(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b;

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    daemon_run(a, 1000);
    produce(0, DEPOSIT("d2", "5"));
    daemon_run(a, 5000);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> torn\n"
              "[  103] A watch   orderd:meta\n"
              "[  104] A exec    halt -> applied\n"
              "[  384] A watch   orders:0\n");
    expect_outcomes(c, "");
    CHECK(c, was_logged("a transaction was applied in part topic=orders partition=0 from=0 to=1"));
    CHECK(c, was_logged("the market is halted: torn orders:0"));
    CHECK(c, was_logged("--accept-loss orders:0"));
    b = daemon_start("B");
    group_takes("A", "orders", 0, false);
    daemon_run(a, 100);
    group_gives("B", "orders", 0);
    CHECK_INT(c, daemon_run(b, 1000), -EPROTO);
    expect_outcomes(c, "");
    daemon_crash(a);
    daemon_crash(b);
    story_end();
}

/* The same memory that is full for the mark is full for the halt; neither may be forgotten for it. */
static void what_is_torn_is_remembered_until_redis_takes_the_halt(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    world->executed = story_full_once_torn;
    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    daemon_run(a, 3000);
    CHECK(c, was_logged("cannot be marked, nothing else is done before error=\"OOM"));
    world->redis.trouble.conditions = 0;
    produce(0, DEPOSIT("d2", "5"));
    daemon_run(a, 3000);
    CHECK(c, was_logged("the market is halted: torn orders:0"));
    expect_outcomes(c, "");
    daemon_crash(a);
    story_end();
}

/* Once it is given back, nobody knows which marks it was about. */
static void what_is_torn_is_marked_before_the_partition_is_given_back(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b = daemon_start("B");

    produce(0, DEPOSIT("d1", "5"));
    world_plan(world->execs + 1, FAULT_TORN);
    while (!was_logged("a transaction was applied in part"))
        daemon_step(a);
    group_takes("A", "orders", 0, false);
    daemon_step(a);
    CHECK(c, table_find(&keyspace_key(&world->redis.data, bytes_of("orderd:mark:orders:0"))->items, bytes_of("torn"), table_hash(bytes_of("torn"))));
    group_gives("B", "orders", 0);
    CHECK_INT(c, daemon_run(b, 1000), -EPROTO);
    expect_outcomes(c, "");
    daemon_crash(a);
    daemon_crash(b);
    story_end();
}

static void a_failed_delivery_is_published_again_by_a_new_producer(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    world->delivery_failures = 1;
    daemon_run(a, 100);
    expect(c, "[  102] A poll    orders:0@0..1\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=2 outbox+0..2 seen+ HINCRBY users:u funds 3 -> applied\n"
              "[  103] A publish orders/0/0 applied, orders/0/1 applied\n"
              "[  105] A fails   out:0\n"
              "[  125] A watch   orders:0\n"
              "[  126] A exec    epoch(orders:0) -> applied\n"
              "[  126] A publish orders/0/0 applied, orders/0/1 applied\n"
              "[  148] A commit  orders:0@2\n"
              "[  168] A watch   orders:0\n"
              "[  169] A exec    done=2 outbox-1 -> applied\n");
    CHECK(c, was_logged("everything republished topic=orders partition=0 from=0 to=2 into=out into_partition=0 error="));
    expect_outcomes(c, "0 applied, 1 applied");
    expect_market(c, "users:u{funds=3}");
    daemon_crash(a);
    story_end();
}

/* The second of three is lost in flight; nothing behind it may count as delivered before it. */
static void what_is_behind_a_failed_delivery_waits_for_it(struct checks *c)
{
    struct story_settings settings = {.turn_events = 1};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 4);
    world->delivery_failures = 1;
    daemon_run(a, 100);
    expect_outcomes(c, "0 applied, 1 applied, 2 applied");
    expect_market(c, "users:u{funds=7}");
    expect_committed(c, 3);
    daemon_crash(a);
    story_end();
}

static struct daemon *other;

/* In the middle of A's turn, between its WATCH and its EXEC, B is given the partition and works it. */
static void other_takes_over(unsigned exec)
{
    (void)exec;
    world->before_exec = NULL;
    group_gives("B", "orders", 0);
    daemon_run(other, 40);
}

static void a_rebalance_in_the_middle_of_a_turn_leaves_one_decision(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    other = daemon_start("B");
    produce(0, DEPOSIT("d1", "5"));
    world->before_exec = other_takes_over;
    daemon_run(a, 10);
    group_takes("A", "orders", 0, true);
    daemon_run(a, 30);
    expect(c, "[  102] B watch   orders:0\n"
              "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  102] B given   orders:0\n"
              "[  102] B watch   orders:0\n"
              "[  103] B exec    epoch(orders:0) -> applied\n"
              "[  103] B poll    orders:0@0..0\n"
              "[  103] B watch   orders:0 users:u\n"
              "[  104] B exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> applied\n"
              "[  104] B publish orders/0/0 applied\n"
              "[  126] B commit  orders:0@1\n"
              "[  147] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> nil\n"
              "[  148] A lost    orders:0\n");
    expect_outcomes(c, "0 applied");
    expect_market(c, "users:u{funds=5}");
    daemon_crash(a);
    daemon_crash(other);
    story_end();
}

static void a_revoked_partition_is_flushed_and_committed_first(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    daemon_step(a);
    daemon_step(a);
    group_takes("A", "orders", 0, false);
    daemon_run(a, 30);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 5 -> applied\n"
              "[  103] A publish orders/0/0 applied\n"
              "[  103] A taken   orders:0\n"
              "[  108] A watch   orders:0\n"
              "[  109] A exec    done=1 outbox-1 -> applied\n"
              "[  109] A commit  orders:0@1\n");
    expect_committed(c, 1);
    daemon_crash(a);
    story_end();
}

/* Stopped by SIGSTOP past its session, then continued: the group has given its partition away, and it does not know yet. */
static void a_zombie_drops_what_is_not_its_own_any_more(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b = daemon_start("B");

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 30);
    skip();
    group_gives("B", "orders", 0);
    daemon_run(b, 30);
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(b, 30);
    produce(0, DEPOSIT("d3", "4"));
    daemon_step(a);
    daemon_step(a);
    daemon_step(a);
    group_takes("A", "orders", 0, true);
    daemon_run(a, 20);
    daemon_run(b, 1000);
    expect_outcomes(c, "0 applied, 1 applied, 2 applied");
    expect_market(c, "users:u{funds=7}");
    expect_committed(c, 3);
    CHECK(c, was_logged("taking over again"));
    daemon_crash(a);
    daemon_crash(b);
    story_end();
}

/* Nothing was decided meanwhile, so `next` and `done` are as A wrote them; the epoch alone says that the partition is not its own. */
static void a_zombie_is_known_by_the_epoch_alone(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing), *b = daemon_start("B");

    group_gives("B", "orders", 0);
    daemon_run(b, 30);
    skip();
    produce(0, DEPOSIT("d1", "5"));
    daemon_step(a);
    daemon_step(a);
    expect(c, "[  143] A poll    orders:0@0..0\n"
              "[  143] A watch   orders:0 users:u\n");
    CHECK(c, was_logged("taking over again why=\"the mark is not as this process wrote it\" topic=orders partition=0"));
    expect_market(c, "");
    daemon_crash(a);
    daemon_crash(b);
    story_end();
}

/* What the note of the last commit says was reached in the outcome partition. */
static long long reached(void)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, "orders", 0);
    const char *last = strrchr(partition->metadata, ' ');

    return last ? atoll(last + 1) : -1;
}

/* Another owner may have published below the place that a report names, before A knows that it is one no more (PROTOCOL.md 5). */
static void a_report_moves_the_note_only_when_the_mark_was_found_its_own_after_it(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 30);
    expect_committed(c, 1);
    CHECK_INT(c, reached(), 0);
    daemon_run(a, 100);      /* the flush watches the mark */
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 30);
    expect_committed(c, 2);
    CHECK_INT(c, reached(), 1);
    daemon_crash(a);
    story_end();
}

static void events_wait_while_redis_is_away_and_do_not_expire(struct checks *c)
{
    struct story_settings settings = {.deadline_ms = 200};
    struct daemon *a = story_at_rest(&settings, nothing);

    world->redis_away = true;
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 5000);
    expect_outcomes(c, "");
    world->redis_away = false;
    daemon_run(a, 500);
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

/* A snapshot from before the second event comes back under another run_id. */
static void redis_come_back_older_halts_and_names_the_offsets(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 100);
    daemon_crash(a);
    redis_comes_back();
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    CHECK_INT(c, daemon_run(a, 1000), -EPROTO);
    CHECK(c, was_logged("redis came back older") && was_logged("offset 1 would be decided twice") && was_logged("--reapply"));
    CHECK(c, key_count(keyspace_key(&world->redis.data, bytes_of("orderd:meta"))) > 9);
    expect_outcomes(c, "0 applied, 1 applied");
    daemon_crash(a);
    story_end();
}

/* Nothing was committed since: what lies in the outcome partition is evidence enough. */
static void an_outcome_that_was_seen_is_evidence_without_a_commit(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    keep_redis();
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 8);
    expect_outcomes(c, "0 applied");
    expect_committed(c, 0);
    daemon_crash(a);
    redis_is_as(NULL);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    CHECK_INT(c, daemon_run(a, 1000), -EPROTO);
    CHECK(c, was_logged("outcomes were published up to offset 0: offset 0 would be decided twice"));
    daemon_crash(a);
    story_end();
}

/* The same while the daemon lives on: its connection breaks, and what answers then is older than what it published. */
static void redis_come_back_older_is_found_by_a_daemon_that_lives(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 100);
    keep_redis();
    produce(0, DEPOSIT("d2", "2"));
    daemon_run(a, 100);
    redis_comes_back();
    produce(0, DEPOSIT("d3", "4"));
    daemon_run(a, 5000);
    CHECK(c, was_logged("the market is halted: rollback"));
    expect_outcomes(c, "0 applied, 1 applied");
    daemon_crash(a);
    story_end();
}

TESTS({"a reply lost after EXEC is read back and published once", a_reply_lost_after_exec_is_read_back_and_published_once},
      {"a transaction that never arrived is decided again", a_transaction_that_never_arrived_is_decided_again},
      {"a transaction that arrives late changes nothing", a_transaction_that_arrives_late_changes_nothing},
      {"a transaction that is late is killed with its connection", a_transaction_that_is_late_is_killed_with_its_connection},
      {"a full memory makes events wait", a_full_memory_makes_events_wait},
      {"a turn that is too large for the way is sent smaller", a_turn_that_is_too_large_for_the_way_is_sent_smaller},
      {"a torn transaction halts the market", a_torn_transaction_halts_the_market},
      {"what is torn is remembered until Redis takes the halt", what_is_torn_is_remembered_until_redis_takes_the_halt},
      {"what is torn is marked before the partition is given back", what_is_torn_is_marked_before_the_partition_is_given_back},
      {"a failed delivery is published again by a new producer", a_failed_delivery_is_published_again_by_a_new_producer},
      {"what is behind a failed delivery waits for it", what_is_behind_a_failed_delivery_waits_for_it},
      {"a rebalance in the middle of a turn leaves one decision", a_rebalance_in_the_middle_of_a_turn_leaves_one_decision},
      {"a revoked partition is flushed and committed first", a_revoked_partition_is_flushed_and_committed_first},
      {"a zombie drops what is not its own any more", a_zombie_drops_what_is_not_its_own_any_more},
      {"a zombie is known by the epoch alone", a_zombie_is_known_by_the_epoch_alone},
      {"a report moves the note only when the mark was found its own after it", a_report_moves_the_note_only_when_the_mark_was_found_its_own_after_it},
      {"events wait while Redis is away, and do not expire", events_wait_while_redis_is_away_and_do_not_expire},
      {"Redis come back older halts, and names the offsets", redis_come_back_older_halts_and_names_the_offsets},
      {"an outcome that was seen is evidence without a commit", an_outcome_that_was_seen_is_evidence_without_a_commit},
      {"Redis come back older is found by a daemon that lives", redis_come_back_older_is_found_by_a_daemon_that_lives})
