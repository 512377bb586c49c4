/* Stories in which nothing breaks: a turn from the poll to the commit, and what other writers of the market do to it. */
#include "story/story.h"

#define BUY(id, buyer) "{\"id\":\"" id "\",\"type\":\"purchase\",\"buyer\":\"" buyer "\",\"seller\":\"s\",\"item\":\"lamp\",\"price\":97}"
#define RESERVE(id) "{\"id\":\"" id "\",\"type\":\"reserve\",\"sku\":\"k\",\"quantity\":1,\"buyer\":\"b\"}"
#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"

static const char *const one_lamp[] = {"HSET users:b funds 125", "HSET users:d funds 200", "HSET users:s funds 43", "ZADD market: 97 lamp.s", NULL};
static const char *const nine_in_stock[] = {"SET stock:k 9", NULL};
static const char *const nothing[] = {NULL};

static void a_happy_turn(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, one_lamp);

    produce(0, BUY("p1", "b"));
    daemon_run(a, 200);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 market: users:b users:s inventory:b\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ ZREM market: lamp.s HINCRBY users:b funds -97 HINCRBY users:s funds 97 SADD inventory:b lamp -> applied\n"
              "[  103] A publish orders/0/0 applied\n"
              "[  125] A commit  orders:0@1\n"
              "[  165] A watch   orders:0\n"
              "[  166] A exec    done=1 outbox-1 -> applied\n");
    expect_market(c, "inventory:b{lamp} users:b{funds=28} users:d{funds=200} users:s{funds=140}");
    daemon_stop(a);
    expect(c, "");
    story_end();
}

static void two_buyers_and_one_left(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, one_lamp);

    produce(0, BUY("p1", "d"));
    produce(0, BUY("p2", "b"));
    daemon_run(a, 20);
    daemon_stop(a);
    expect(c, "[  102] A poll    orders:0@0..1\n"
              "[  102] A watch   orders:0 market: users:d users:s inventory:d users:b inventory:b\n"
              "[  103] A exec    next=2 outbox+0..2 seen+ ZREM market: lamp.s HINCRBY users:d funds -97 HINCRBY users:s funds 97 SADD inventory:d lamp -> applied\n"
              "[  103] A publish orders/0/0 applied, orders/0/1 not_listed\n"
              "[  130] A watch   orders:0\n"
              "[  131] A exec    done=2 outbox-1 -> applied\n"
              "[  131] A commit  orders:0@2\n");
    expect_market(c, "inventory:d{lamp} users:b{funds=125} users:d{funds=103} users:s{funds=140}");
    story_end();
}

/* Four, then two, then one; then one and two again. */
static void conflicts_make_turns_smaller_and_success_larger(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nine_in_stock);

    world_plan(world->execs + 1, FAULT_CONFLICT);
    world_plan(world->execs + 2, FAULT_CONFLICT);
    for (int i = 0; i < 4; i++) {
        static const char *const events[] = {RESERVE("r1"), RESERVE("r2"), RESERVE("r3"), RESERVE("r4")};

        produce(0, events[i]);
    }
    daemon_run(a, 30);
    daemon_crash(a);
    expect(c, "[  102] A poll    orders:0@0..3\n"
              "[  102] A watch   orders:0 stock:k\n"
              "[  103] A exec    next=4 outbox+0..4 seen+ INCRBY stock:k -4 -> nil\n"
              "[  104] A watch   orders:0 stock:k\n"
              "[  105] A exec    next=2 outbox+0..2 seen+ INCRBY stock:k -2 -> nil\n"
              "[  107] A watch   orders:0 stock:k\n"
              "[  108] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> applied\n"
              "[  108] A publish orders/0/0 applied\n"
              "[  108] A watch   orders:0 stock:k\n"
              "[  109] A exec    next=3 outbox+1..3 seen+ INCRBY stock:k -2 -> applied\n"
              "[  109] A watch   orders:0 stock:k\n"
              "[  110] A exec    next=4 outbox+3..4 seen+ INCRBY stock:k -1 -> applied\n"
              "[  110] A publish orders/0/1 applied, orders/0/2 applied, orders/0/3 applied\n");
    expect_market(c, "stock:k=5");
    story_end();
}

static void what_is_malformed_goes_to_the_dead_letters_and_the_rest_goes_on(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    produce(0, DEPOSIT("d2", "1.5"));
    produce(0, "order!");
    produce(0, DEPOSIT("d3", "6"));
    daemon_run(a, 20);
    daemon_crash(a);
    expect(c, "[  102] A poll    orders:0@0..3\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=4 outbox+0..4 seen+ HINCRBY users:u funds 11 -> applied\n"
              "[  103] A publish orders/0/0 applied, orders/0/1 malformed\n"
              "[  103] A letter  0\n"
              "[  103] A publish orders/0/2 malformed\n"
              "[  103] A letter  0\n"
              "[  103] A publish orders/0/3 applied\n");
    CHECK(c, was_logged("<4>an event is malformed and goes to the dead letters topic=orders partition=0 offset=1 reason=wrong_type"));
    CHECK(c, was_logged("key=\"k\" id=\"d2\" trace=\"\""));
    CHECK(c, was_logged("<4>an event is malformed and goes to the dead letters topic=orders partition=0 offset=2 reason=not_json"));
    expect_market(c, "users:u{funds=11}");
    story_end();
}

static void a_second_delivery_has_no_second_effect(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    produce(0, DEPOSIT("d1", "5"));
    produce(0, DEPOSIT("d1", "5"));
    daemon_run(a, 20);
    produce(0, DEPOSIT("d1", "5"));
    produce(0, DEPOSIT("d1", "6"));
    daemon_run(a, 50);
    daemon_crash(a);
    expect_market(c, "users:u{funds=5}");
    expect_outcomes(c, "0 applied, 1 delivered_again, 2 delivered_again, 3 id_reused");
    story_end();
}

/* strtoll would take each of them; HINCRBY and INCRBY refuse them, and would tear the transaction. */
static void a_number_that_redis_would_refuse_is_invalid_state(struct checks *c)
{
    static const char *const bad[] = {"HSET users:u funds 017", "HSET users:u funds +5", "HSET users:u funds -0", "HSET users:u funds 5.0",
                                      "HSET users:u funds 9223372036854775808",
                                      "SET users:u 5", "RPUSH users:u 5"};

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        const char *const market[] = {bad[i], NULL};
        struct daemon *a = story_at_rest(NULL, market);

        produce(0, DEPOSIT("d1", "5"));
        daemon_run(a, 50);
        expect_outcomes(c, "0 state_invalid");
        expect_committed(c, 1);
        daemon_crash(a);
        story_end();
    }
}

static void the_next_watch_rides_behind_exec(struct checks *c)
{
    struct story_settings settings = {.turn_events = 1};
    struct daemon *a = story_at_rest(&settings, nothing);

    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "3"));
    daemon_run(a, 10);
    daemon_crash(a);
    expect(c, "[  102] A poll    orders:0@0..2\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 1 -> applied\n"
              "[  103] A watch   orders:0 users:u\n"
              "[  104] A exec    next=2 outbox+1..2 seen+ HINCRBY users:u funds 2 -> applied\n"
              "[  104] A watch   orders:0 users:u\n"
              "[  104] A publish orders/0/0 applied\n"
              "[  105] A exec    next=3 outbox+2..3 seen+ HINCRBY users:u funds 3 -> applied\n"
              "[  105] A publish orders/0/1 applied, orders/0/2 applied\n");
    story_end();
}

static void partitions_share_a_turn(struct checks *c)
{
    struct story_settings settings = {.partitions = 2};
    struct daemon *a = story_at_rest(&settings, nine_in_stock);

    group_gives("A", "orders", 1);
    daemon_run(a, 50);
    skip();
    produce(0, RESERVE("r1"));
    produce(1, RESERVE("r1"));
    daemon_run(a, 30);
    expect(c, "[  163] A poll    orders:0@0..0, orders:1@0..0\n"
              "[  163] A watch   orders:1 orders:0 stock:k\n"
              "[  164] A exec    next=1 outbox+0..1 seen+ next=1 outbox+0..1 seen+ INCRBY stock:k -2 -> applied\n"
              "[  164] A publish orders/0/0 applied, orders/1/0 applied\n"
              "[  186] A commit  orders:0@1, orders:1@1\n");
    daemon_stop(a);
    expect_market(c, "stock:k=7");
    story_end();
}

/* Nothing lies between `next` and the log's end: transaction markers, compaction. The next turn or flush moves `next` there. */
static void next_moves_over_what_holds_no_message(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);

    kafka_log_partition(&world->kafka, "orders", 0)->end = 3;
    daemon_run(a, 100);
    skip();
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 20);
    daemon_stop(a);
    expect(c, "[  202] A poll    orders:0@0..3\n"
              "[  202] A watch   orders:0 users:u\n"
              "[  203] A exec    next=4 outbox+0..4 seen+ HINCRBY users:u funds 1 -> applied\n"
              "[  203] A publish orders/0/3 applied\n"
              "[  230] A watch   orders:0\n"
              "[  231] A exec    done=4 outbox-1 -> applied\n"
              "[  231] A commit  orders:0@4\n");
    expect_committed(c, 4);
    story_end();
}

/* Every EXEC that watches the market is answered nil; the one that decides `expired` watches mark and registry only. */
static void an_event_in_conflict_expires_after_its_deadline(struct checks *c)
{
    struct story_settings settings = {.deadline_ms = 25};
    struct daemon *a = story_at_rest(&settings, nine_in_stock);

    for (unsigned i = 1; i < 60; i++)
        world_plan(world->execs + i, FAULT_CONFLICT);
    produce(0, RESERVE("r1"));
    produce(0, RESERVE("r2"));
    daemon_run(a, 58);
    expect(c, "[  102] A poll    orders:0@0..1\n"
              "[  102] A watch   orders:0 stock:k\n"
              "[  103] A exec    next=2 outbox+0..2 seen+ INCRBY stock:k -2 -> nil\n"
              "[  104] A watch   orders:0 stock:k\n"
              "[  105] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> nil\n"
              "[  107] A watch   orders:0 stock:k\n"
              "[  108] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> nil\n"
              "[  112] A watch   orders:0 stock:k\n"
              "[  113] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> nil\n"
              "[  121] A watch   orders:0 stock:k\n"
              "[  122] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> nil\n"
              "[  130] A watch   orders:0 stock:k\n"
              "[  131] A exec    next=1 outbox+0..1 seen+ INCRBY stock:k -1 -> nil\n"
              "[  131] A watch   orders:0\n"
              "[  132] A exec    next=1 outbox+0..1 seen+ -> applied\n"
              "[  132] A publish orders/0/0 expired\n"
              "[  132] A watch   orders:0 stock:k\n"
              "[  133] A exec    next=2 outbox+1..2 seen+ INCRBY stock:k -1 -> nil\n"
              "[  133] A watch   orders:0\n"
              "[  134] A exec    next=2 outbox+1..2 seen+ -> applied\n"
              "[  134] A publish orders/0/1 expired\n"
              "[  156] A commit  orders:0@2\n");
    CHECK(c, was_logged("<5>an event expired, others changed its keys up to its deadline topic=orders partition=0 offset=1 type=reserve attempts=2 "
                        "key=\"k\" id=\"r2\""));
    expect_market(c, "stock:k=9");
    daemon_crash(a);
    story_end();
}

static void a_closed_gate_lets_nothing_out(struct checks *c)
{
    struct story_settings settings = {.durability = DURABILITY_REPLICAS, .replicas = 1};
    struct daemon *a;

    story_begin(&settings);
    world->redis.replicas_count = 1;
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    skip();
    world->redis.replicas_count = 0;
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 1200);
    expect(c, "[  102] A poll    orders:0@0..0\n"
              "[  102] A watch   orders:0 users:u\n"
              "[  103] A exec    next=1 outbox+0..1 seen+ HINCRBY users:u funds 1 -> applied\n"
              "[  103] A wait    0\n"
              "[  603] A wait    0\n"
              "[ 1123] A wait    0\n");
    produce(0, DEPOSIT("d2", "2"));
    world->redis.replicas_count = 2;
    daemon_run(a, 60);
    expect(c, "[ 1643] A wait    2\n"
              "[ 1643] A publish orders/0/0 applied\n"
              "[ 1643] A poll    orders:0@1..1\n"
              "[ 1643] A watch   orders:0 users:u\n"
              "[ 1644] A exec    next=2 outbox+1..2 seen+ HINCRBY users:u funds 2 -> applied\n"
              "[ 1644] A wait    2\n"
              "[ 1644] A publish orders/0/1 applied\n"
              "[ 1666] A commit  orders:0@2\n");
    CHECK(c, !was_logged("connection dropped"));
    daemon_crash(a);
    story_end();
}

static void a_gate_that_is_closed_at_the_take_over_lets_nothing_out_either(struct checks *c)
{
    struct story_settings settings = {.durability = DURABILITY_REPLICAS, .replicas = 1};
    struct daemon *a, *b;

    story_begin(&settings);
    world->redis.replicas_count = 1;
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    produce(0, DEPOSIT("d1", "1"));
    world->redis.replicas_count = 0;
    daemon_run(a, 600);
    daemon_crash(a);
    skip();
    b = daemon_start("B");
    group_gives("B", "orders", 0);
    daemon_run(b, 6000);
    expect_outcomes(c, "");
    world->redis.replicas_count = 1;
    daemon_run(b, 1000);
    expect_outcomes(c, "0 applied");
    expect_market(c, "users:u{funds=1}");
    daemon_crash(b);
    story_end();
}

static void a_take_over_that_is_tried_again_says_what_it_waits_for(struct checks *c)
{
    struct story_settings settings = {.durability = DURABILITY_REPLICAS, .replicas = 1};
    struct daemon *a;

    story_begin(&settings);
    a = daemon_start("A");
    world->weather.ask_fails = 1000000;
    group_gives("A", "orders", 0);
    daemon_run(a, 1000);
    CHECK(c, was_logged("the take-over is tried again partitions=1 error=\"what was written is not yet as durable as configured"));
    world->redis.replicas_count = 1;
    daemon_run(a, 30000);
    CHECK(c, was_logged("the take-over is tried again partitions=1 error=\"kafka does not tell the bounds of orders:0: "));
    world->weather.ask_fails = 0;
    daemon_run(a, 1000);
    CHECK(c, was_logged("took over topic=orders partition=0"));
    daemon_crash(a);
    story_end();
}

/* Partition 1 is refused before anything is written, so its take-over asks Redis nothing about what partition 0 waits for. */
static void a_take_over_that_is_refused_opens_no_gate(struct checks *c)
{
    struct story_settings settings = {.durability = DURABILITY_REPLICAS, .replicas = 1, .partitions = 2};
    struct daemon *a;

    story_begin(&settings);
    world->redis.replicas_count = 1;
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    world->redis.replicas_count = 0;
    produce(0, DEPOSIT("d1", "1"));
    daemon_run(a, 600);
    redis("DEL orderd:mark:orders:1");
    group_gives("A", "orders", 1);
    daemon_run(a, 1000);
    CHECK(c, was_logged("the mark orderd:mark:orders:1 is missing"));
    expect_market(c, "users:u{funds=1}");
    expect_outcomes(c, "");
    world->redis.replicas_count = 1;
    daemon_run(a, 1000);
    expect_outcomes(c, "0 applied");
    daemon_crash(a);
    story_end();
}

/* T follows the messages' timestamps, but by a minute an event at most; the window is an hour long (DESIGN 4.8). */
static void one_wrong_clock_does_not_empty_the_window(struct checks *c)
{
    struct daemon *a = story_at_rest(NULL, nothing);
    int64_t begin = 1700000000000, wrong = begin + 36000000;
    char text[128];

    produce_at(0, DEPOSIT("d1", "1"), begin);
    for (int i = 0; i < 59; i++) {
        snprintf(text, sizeof text, "{\"id\":\"w%d\",\"type\":\"restock\",\"sku\":\"k\",\"quantity\":1}", i);
        produce_at(0, text, wrong);
    }
    produce_at(0, DEPOSIT("d1", "1"), begin);
    daemon_run(a, 100);
    expect_market(c, "stock:k=59 users:u{funds=1}");
    produce_at(0, "{\"id\":\"w59\",\"type\":\"restock\",\"sku\":\"k\",\"quantity\":1}", wrong);
    produce_at(0, DEPOSIT("d1", "1"), begin);
    daemon_run(a, 100);
    expect_market(c, "stock:k=60 users:u{funds=2}");
    daemon_crash(a);
    story_end();
}

static void at_its_bound_the_outbox_lets_no_more_events_in(struct checks *c)
{
    struct story_settings settings = {.turn_events = 1, .outbox_entries = 2};
    struct daemon *a = story_at_rest(&settings, nothing);

    world->deliveries_held = true;
    produce(0, DEPOSIT("d1", "1"));
    produce(0, DEPOSIT("d2", "2"));
    produce(0, DEPOSIT("d3", "4"));
    produce(0, DEPOSIT("d4", "8"));
    daemon_run(a, 1000);
    CHECK(c, key_count(keyspace_key(&world->redis.data, bytes_of("orderd:outbox"))) <= 2);
    world->deliveries_held = false;
    daemon_run(a, 200);
    expect_market(c, "users:u{funds=15}");
    expect_outcomes(c, "0 applied, 1 applied, 2 applied, 3 applied");
    expect_committed(c, 4);
    daemon_crash(a);
    story_end();
}

/* More events than are read ahead: without being parked, partition 0 would keep partition 1 from being read at all. */
static void a_partition_at_its_bound_does_not_hold_up_the_others(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .turn_events = 10, .outbox_entries = 2};
    struct daemon *a = story_at_rest(&settings, nothing);
    char event[128];

    group_gives("A", "orders", 1);
    daemon_run(a, 100);
    world->held_partition = 1;
    for (int i = 0; i < 2000; i++) {
        snprintf(event, sizeof event, "{\"id\":\"e%d\",\"type\":\"deposit\",\"user\":\"a\",\"amount\":1}", i);
        produce(0, event);
    }
    daemon_run(a, 3000);
    produce(1, "{\"id\":\"b\",\"type\":\"deposit\",\"user\":\"b\",\"amount\":7}");
    daemon_run(a, 3000);
    expect_market(c, "users:a{funds=20} users:b{funds=7}");
    CHECK(c, was_logged("the outbox is at its bound, the partition waits topic=orders partition=0"));

    world->held_partition = 0;
    daemon_run(a, 20000);
    expect_market(c, "users:a{funds=2000} users:b{funds=7}");
    daemon_crash(a);
    story_end();
}

static void with_shards_each_partition_number_is_a_market_of_its_own(struct checks *c)
{
    struct story_settings settings = {.partitions = 2, .sharded = true};
    struct daemon *a = story_at_rest(&settings, nothing);

    group_gives("A", "orders", 1);
    produce(0, DEPOSIT("d1", "1"));
    produce(1, DEPOSIT("d1", "2"));
    daemon_run(a, 300);
    expect_market(c, "{0}users:u{funds=1} {1}users:u{funds=2}");
    expect_committed(c, 1);
    daemon_stop(a);
    CHECK_INT(c, keyspace_key(&world->redis.data, bytes_of("orderd:meta"))->type, KEY_NONE);
    story_end();
}

TESTS({"a happy turn", a_happy_turn}, {"two buyers and one left", two_buyers_and_one_left},
      {"conflicts make turns smaller, and success larger", conflicts_make_turns_smaller_and_success_larger},
      {"what is malformed goes to the dead letters, and the rest goes on", what_is_malformed_goes_to_the_dead_letters_and_the_rest_goes_on},
      {"a second delivery has no second effect", a_second_delivery_has_no_second_effect},
      {"a number that Redis would refuse is invalid state", a_number_that_redis_would_refuse_is_invalid_state},
      {"the next WATCH rides behind EXEC", the_next_watch_rides_behind_exec}, {"partitions share a turn", partitions_share_a_turn},
      {"next moves over what holds no message", next_moves_over_what_holds_no_message},
      {"an event in conflict expires after its deadline", an_event_in_conflict_expires_after_its_deadline},
      {"one wrong clock does not empty the window", one_wrong_clock_does_not_empty_the_window},
      {"at its bound the outbox lets no more events in", at_its_bound_the_outbox_lets_no_more_events_in},
      {"a partition at its bound does not hold up the others", a_partition_at_its_bound_does_not_hold_up_the_others},
      {"with shards each partition number is a market of its own", with_shards_each_partition_number_is_a_market_of_its_own},
      {"a closed gate lets nothing out", a_closed_gate_lets_nothing_out},
      {"a take-over that is tried again says what it waits for", a_take_over_that_is_tried_again_says_what_it_waits_for},
      {"a take-over that is refused opens no gate", a_take_over_that_is_refused_opens_no_gate},
      {"a gate that is closed at the take-over lets nothing out either", a_gate_that_is_closed_at_the_take_over_lets_nothing_out_either})
