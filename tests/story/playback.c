/* Stories of a log that is played back: a daemon decides, Redis comes back as it was before, and somebody plays what was recorded. */
#include "turn/playback.h"

#include <stdio.h>
#include <stdlib.h>

#include "fake/instance.h"
#include "replay/target.h"
#include "story/story.h"

#define DEPOSIT(id, amount) "{\"id\":\"" id "\",\"type\":\"deposit\",\"user\":\"u\",\"amount\":" amount "}"
#define RESTOCK(id, quantity) "{\"id\":\"" id "\",\"type\":\"restock\",\"sku\":\"k\",\"quantity\":" quantity "}"
#define RESERVE(id, quantity) "{\"id\":\"" id "\",\"type\":\"reserve\",\"sku\":\"k\",\"quantity\":" quantity ",\"buyer\":\"u\"}"
#define GRANT(id) "{\"id\":\"" id "\",\"type\":\"grant\",\"user\":\"s\",\"item\":\"i\"}"
#define LIST(id) "{\"id\":\"" id "\",\"type\":\"list\",\"seller\":\"s\",\"item\":\"i\",\"price\":9}"
#define PURCHASE(id) "{\"id\":\"" id "\",\"type\":\"purchase\",\"buyer\":\"u\",\"seller\":\"s\",\"item\":\"i\",\"price\":9}"

enum { RANGES_MAX = 2, SIZE = 4096, ROUNDS_MAX = 10000 };

static const char *const nothing[] = {NULL};

/* Redis is kept as it is before the first event. */
static struct daemon *at_rest(const struct story_settings *settings, const char *const *market)
{
    struct daemon *a = story_at_rest(settings, market);

    if (settings && settings->partitions > 1) {
        group_gives("A", "orders", 1);
        daemon_run(a, 100);
    }
    keep_redis();
    return a;
}

static void redis_comes_back_older(struct daemon *a)
{
    daemon_run(a, 200);
    daemon_crash(a);
    redis_comes_back();
    skip();
}

/* Whoever plays: its connection, the market that it took over, and what it was told. */
struct player {
    struct instance_settings settings;
    struct ends ends;
    struct target target;
    struct journal *journal;
    struct playback *playback;
    enum playback_mode mode;
    char told[SIZE];          /* "0:3 applied, 0:4 not_listed (recorded)" */
    int64_t differences;
};

static void ignore(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static int tell(void *context, const struct playback_done *done)
{
    struct player *p = context;
    size_t used = strlen(p->told);

    p->differences += (int64_t)done->differences_count;
    snprintf(p->told + used, SIZE - used, "%s%d:%lld %s%s", used ? ", " : "", done->partition->number, (long long)done->event->offset,
             done->reason ? reason_name(done->reason) : status_name(done->status), done->taken ? " as recorded" : "");
    return 0;
}

static void player_open(struct player *p, enum playback_mode mode, int32_t partitions)
{
    *p = (struct player){.mode = mode};
    p->settings = (struct instance_settings){.topics = {"orders"}, .partitions = {partitions}, .topics_count = 1, .dead_letter_partitions = 1, .window_s = 3600,
                                             .ids = 1000, .log_level = LOG_LEVEL_ERROR, .say = ignore};
    ends_open(&p->ends, "P", &p->settings);
    p->target.options = (struct target_options){.redis = &p->ends.asker, .clock = p->ends.clock, .log = &p->ends.log};
    shard_init(&p->target.shard, "", SHARD_NONE);
    p->target.count = (size_t)partitions;
    p->target.partitions = calloc(RANGES_MAX, sizeof *p->target.partitions);
    p->target.ranges = calloc(RANGES_MAX, sizeof *p->target.ranges);
    p->target.begins = calloc(RANGES_MAX, sizeof *p->target.begins);
    ASSERT(p->target.partitions && p->target.ranges && p->target.begins);
    for (int32_t n = 0; n < partitions; n++) {
        struct journal_range *range = &p->target.ranges[n];

        snprintf(range->topic, sizeof range->topic, "orders");
        range->partition = n;
        range->to = kafka_log_partition(&world->kafka, "orders", n)->end;
        range->outcomes_to = kafka_log_partition(&world->kafka, "out", n)->end;
        ASSERT(partition_new(&p->target.partitions[n], "orders", n, &p->target.shard) == 0);
    }
}

static void player_stop(struct player *p)
{
    p->playback = playback_free(p->playback);
    p->journal = journal_free(p->journal);
}

static void player_close(struct player *p)
{
    player_stop(p);
    target_close(&p->target);
    ends_close(&p->ends);
}

/* Takes the market over, and reads on from its marks. */
static int player_begin(struct player *p)
{
    static const struct sink_limits limits = {1 << 20, 1 << 20, 1};
    struct error_text error = {""};
    struct journal_options journal = {.kafka = {.brokers = "P", .log = &p->ends.log, .clock = p->ends.clock}, .outcomes = "out", .sources = true,
                                      .ranges = p->target.ranges, .ranges_count = p->target.count, .kbytes = 1024};
    struct playback_options playback = {.mode = p->mode, .bounds = {3, 128, 1 << 20}, .events_max = 8, .bytes_max = 1 << 20, .session = p->ends.session,
                                        .clock = p->ends.clock, .log = &p->ends.log, .pool = &p->target.pool, .limits = &limits, .shard = &p->target.shard,
                                        .partitions = p->target.partitions, .partitions_count = p->target.count, .done = tell, .context = p};
    int r = ends_connect(&p->ends) ? target_take_over(&p->target, &error) : -EIO;

    if (r)
        return r;
    journal.incarnation = p->target.shard.registry.incarnation;
    r = journal_new(&p->journal, &journal, &error);
    return r ? r : playback_new(&p->playback, &playback);
}

/* To the log's end, or the first error. */
static int player_run(struct player *p)
{
    struct journal_event event;
    struct error_text error;
    bool over = false;
    int r = 0;

    while (!r && !(over && playback_is_idle(p->playback))) {
        int got = over ? -EAGAIN : journal_next(p->journal, 10, &event, &error);

        over |= got == 0;
        while (!r && got == 1 && !playback_push(p->playback, &event))
            r = playback_run(p->playback, false);
        if (!r)
            r = playback_run(p->playback, got != 1);
        if (r == -EBUSY) {
            clock_sleep_ms(p->ends.clock, 10);
            r = 0;
        }
    }
    if (!r)
        r = playback_flush(p->playback);
    while (r == -EBUSY) {
        clock_sleep_ms(p->ends.clock, 10);
        r = playback_flush(p->playback);
    }
    return r;
}

/* As its callers do: what ends a playback ends it, and it begins again at the marks. */
static int play(struct player *p)
{
    int r = -EAGAIN;

    for (int i = 0; i < ROUNDS_MAX && r; i++) {
        r = player_begin(p);
        if (!r)
            r = player_run(p);
        if (r && r != -EAGAIN && session_is_up(p->ends.session))
            break;
        if (r)
            player_stop(p);
    }
    return r;
}

/* Plays partition 0 to its end, and looks at the market, at what was told, and at how many values were not as recorded. */
static void expect_play(struct checks *c, enum playback_mode mode, const char *market, const char *told, int64_t differences)
{
    struct player p;

    player_open(&p, mode, 1);
    CHECK_INT(c, play(&p), 0);
    expect_market(c, market);
    CHECK_TEXT(c, p.told, told);
    CHECK_INT(c, p.differences, differences);
    CHECK_INT(c, p.target.partitions[0]->mark.next, p.target.partitions[0]->mark.done);
    player_close(&p);
    story_end();
}

/* A sale, and what others did to the user's funds before and after it was decided. */
static void a_sale(const char *before, const char *after)
{
    struct daemon *a = at_rest(NULL, nothing);

    produce(0, DEPOSIT("d", "20"));
    produce(0, GRANT("g"));
    daemon_run(a, 100);
    if (before)
        redis(before);
    produce(0, LIST("l"));
    produce(0, PURCHASE("p"));
    produce(0, RESTOCK("r", "5"));
    produce(0, RESERVE("v", "6"));
    redis_comes_back_older(a);
    if (after)
        redis(after);
}

static void the_rules_decide_once_more(struct checks *c)
{
    a_sale(NULL, NULL);
    expect_play(c, PLAYBACK_DECIDE, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=11}",
                "0:0 applied, 0:1 applied, 0:2 applied, 0:3 applied, 0:4 applied, 0:5 out_of_stock", 0);
}

static void what_was_decided_is_changed_by_as_much(struct checks *c)
{
    a_sale(NULL, NULL);
    expect_play(c, PLAYBACK_CHANGE, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=11}",
                "0:0 applied as recorded, 0:1 applied as recorded, 0:2 applied as recorded, 0:3 applied as recorded, 0:4 applied as recorded, "
                "0:5 out_of_stock as recorded", 0);
}

/* Somebody gave the user 100 that Redis has lost, and then 7 that it has. */
static void a_change_leaves_what_others_wrote(struct checks *c)
{
    a_sale("HINCRBY users:u funds 100", "HSET users:u funds 7");
    expect_play(c, PLAYBACK_CHANGE, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=18}",
                "0:0 applied as recorded, 0:1 applied as recorded, 0:2 applied as recorded, 0:3 applied as recorded, 0:4 applied as recorded, "
                "0:5 out_of_stock as recorded", 2);
}

static void who_follows_takes_from_the_record_what_others_wrote(struct checks *c)
{
    a_sale("HINCRBY users:u funds 100", "HSET users:u funds 7");
    expect_play(c, PLAYBACK_FOLLOW, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=111}",
                "0:0 applied as recorded, 0:1 applied as recorded, 0:2 applied as recorded, 0:3 applied as recorded, 0:4 applied as recorded, "
                "0:5 out_of_stock as recorded", 2);
}

/* From one end of all numbers to the other, and back. */
static void a_leap_that_no_increment_holds_is_made_in_steps(struct checks *c)
{
    struct daemon *a = at_rest(NULL, nothing);

    redis("HSET users:u funds -9223372036854775808");
    redis("SET stock:k 9223372036854775800");
    produce(0, DEPOSIT("d", "1"));
    produce(0, RESTOCK("r", "7"));
    redis_comes_back_older(a);
    redis("HSET users:u funds 9223372036854775807");
    redis("SET stock:k -9223372036854775808");
    expect_play(c, PLAYBACK_FOLLOW, "stock:k=9223372036854775807 users:u{funds=-9223372036854775807}", "0:0 applied as recorded, 0:1 applied as recorded", 2);
}

/* Another program listed the item; it was sold, and the seller still had one. Members come and go, whatever is there. */
static void a_listing_that_is_gone_may_be_sold_as_recorded(struct checks *c)
{
    a_sale("ZADD market: 9 i.s", NULL);
    expect_play(c, PLAYBACK_CHANGE, "inventory:s{i} inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=11}",
                "0:0 applied as recorded, 0:1 applied as recorded, 0:2 already_listed as recorded, 0:3 applied as recorded, 0:4 applied as recorded, "
                "0:5 out_of_stock as recorded", 2);
}

static void a_number_that_would_leave_its_range_ends_it(struct checks *c)
{
    struct player p;

    a_sale(NULL, "HSET users:u funds 9223372036854775807");
    player_open(&p, PLAYBACK_CHANGE, 1);
    CHECK_INT(c, play(&p), -EPROTO);
    CHECK_TEXT(c, p.told, "");
    expect_market(c, "users:u{funds=9223372036854775807}");
    player_close(&p);
    story_end();
}

static void a_key_that_holds_what_it_cannot_ends_it(struct checks *c)
{
    struct player p;

    a_sale(NULL, "SET users:u text");
    player_open(&p, PLAYBACK_FOLLOW, 1);
    CHECK_INT(c, play(&p), -EPROTO);
    expect_market(c, "users:u=text");
    player_close(&p);
    story_end();
}

/* Every EXEC that watches the market is answered nil until the deadline is over. */
static void what_expired_is_taken_as_recorded(struct checks *c)
{
    struct story_settings settings = {.deadline_ms = 25};
    struct daemon *a = at_rest(&settings, nothing);

    for (unsigned i = 1; i < 16; i++)
        world_plan(world->execs + i, FAULT_CONFLICT);
    produce(0, DEPOSIT("d", "20"));
    daemon_run(a, 300);
    world->faults_count = 0;
    produce(0, DEPOSIT("e", "1"));
    redis_comes_back_older(a);
    expect_play(c, PLAYBACK_DECIDE, "users:u{funds=1}", "0:0 deadline as recorded, 0:1 applied", 0);
}

/* Its id is remembered as of what was applied. */
static void a_message_that_was_compacted_away_is_taken_as_recorded(struct checks *c)
{
    struct daemon *a = at_rest(NULL, nothing);

    produce(0, DEPOSIT("d", "20"));
    produce(0, DEPOSIT("e", "1"));
    produce(0, DEPOSIT("d", "20"));
    produce(0, DEPOSIT("d", "21"));
    redis_comes_back_older(a);
    kafka_log_compact(kafka_log_partition(&world->kafka, "orders", 0), 0, 1);
    expect_play(c, PLAYBACK_DECIDE, "users:u{funds=21}", "0:0 applied as recorded, 0:1 applied, 0:2 delivered_again, 0:3 id_reused", 0);
}

static void what_is_malformed_moves_the_mark_only(struct checks *c)
{
    struct daemon *a = at_rest(NULL, nothing);

    produce(0, "{");
    produce(0, DEPOSIT("d", "20"));
    redis_comes_back_older(a);
    expect_play(c, PLAYBACK_CHANGE, "users:u{funds=20}", "0:0 not_json as recorded, 0:1 applied as recorded", 0);
}

/* Turns of three events: the order over both partitions is that of the ids. */
static void two_partitions_are_played_in_the_recorded_order(struct checks *c)
{
    struct story_settings settings = {.partitions = 2};
    struct daemon *a = at_rest(&settings, nothing);
    struct player p;

    produce(0, RESTOCK("r", "1"));
    daemon_run(a, 50);
    produce(1, RESERVE("v", "1"));
    daemon_run(a, 50);
    produce(0, RESERVE("w", "1"));
    produce(1, RESTOCK("s", "1"));
    daemon_run(a, 50);
    produce(0, RESERVE("x", "1"));
    redis_comes_back_older(a);
    player_open(&p, PLAYBACK_DECIDE, 2);
    CHECK_INT(c, play(&p), 0);
    CHECK_TEXT(c, p.told, "0:0 applied, 1:0 applied, 1:1 applied, 0:1 applied, 0:2 out_of_stock");
    expect_market(c, "stock:k=0");
    player_close(&p);
    story_end();
}

/* As the market shows it; a conflict brings keys of others. */
static const char *funds_of_u(void)
{
    static char out[32];
    struct buffer text;
    const char *at;

    buffer_init(&text, 1 << 20);
    keyspace_text(&world->redis.data, &text);
    at = strstr(buffer_text(&text), "users:u{");
    snprintf(out, sizeof out, "%.*s", at ? (int)strcspn(at + 7, " ") : 0, at ? at + 7 : "");
    buffer_deinit(&text);
    return out;
}

/* The same end by every way. */
static void whatever_becomes_of_an_exec_everything_is_applied_once(struct checks *c)
{
    static const enum fault faults[] = {FAULT_CONFLICT, FAULT_REFUSED, FAULT_LOST_BEFORE, FAULT_LOST_AFTER};

    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        for (unsigned at = 1; at < 5; at++) {
            struct player p;

            a_sale(NULL, NULL);
            world_plan(world->execs + at, faults[i]);
            player_open(&p, PLAYBACK_CHANGE, 1);
            CHECK_INT(c, play(&p), 0);
            CHECK_TEXT(c, funds_of_u(), "{funds=11}");
            CHECK_INT(c, p.target.partitions[0]->mark.next, 6);
            player_close(&p);
            story_end();
        }
}

static void somebody_else_who_takes_over_ends_it(struct checks *c)
{
    struct player p, other;

    a_sale(NULL, NULL);
    player_open(&p, PLAYBACK_CHANGE, 1);
    CHECK_INT(c, player_begin(&p), 0);
    player_open(&other, PLAYBACK_CHANGE, 1);
    CHECK_INT(c, play(&other), 0);
    world->at_work = p.ends.node;
    CHECK_INT(c, player_run(&p), -ESTALE);
    CHECK_TEXT(c, p.told, "");
    expect_market(c, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=11}");
    player_close(&p);
    player_close(&other);
    story_end();
}

static void it_works_under_the_halt_that_it_knows(struct checks *c)
{
    a_sale(NULL, "HSET orderd:meta halt rollback");
    expect_play(c, PLAYBACK_CHANGE, "inventory:u{i} stock:k=5 users:s{funds=9} users:u{funds=11}",
                "0:0 applied as recorded, 0:1 applied as recorded, 0:2 applied as recorded, 0:3 applied as recorded, 0:4 applied as recorded, "
                "0:5 out_of_stock as recorded", 0);
}

static void another_halt_ends_it(struct checks *c)
{
    struct player p;

    a_sale(NULL, "HSET orderd:meta halt rollback");
    player_open(&p, PLAYBACK_CHANGE, 1);
    CHECK_INT(c, player_begin(&p), 0);
    redis("HSET orderd:meta halt torn");
    CHECK_INT(c, player_run(&p), -ESTALE);
    expect_market(c, "");
    player_close(&p);
    story_end();
}

static void the_end_of_a_halt_ends_it(struct checks *c)
{
    struct player p;

    a_sale(NULL, "HSET orderd:meta halt rollback");
    player_open(&p, PLAYBACK_CHANGE, 1);
    CHECK_INT(c, player_begin(&p), 0);
    redis("HDEL orderd:meta halt");
    CHECK_INT(c, player_run(&p), -ESTALE);
    expect_market(c, "");
    player_close(&p);
    story_end();
}

TESTS({"the rules decide once more", the_rules_decide_once_more},
      {"what was decided is changed by as much", what_was_decided_is_changed_by_as_much},
      {"a change leaves what others wrote", a_change_leaves_what_others_wrote},
      {"who follows takes from the record what others wrote", who_follows_takes_from_the_record_what_others_wrote},
      {"a leap that no increment holds is made in steps", a_leap_that_no_increment_holds_is_made_in_steps},
      {"a listing that is gone may be sold as recorded", a_listing_that_is_gone_may_be_sold_as_recorded},
      {"a number that would leave its range ends it", a_number_that_would_leave_its_range_ends_it},
      {"a key that holds what it cannot ends it", a_key_that_holds_what_it_cannot_ends_it},
      {"what expired is taken as recorded", what_expired_is_taken_as_recorded},
      {"a message that was compacted away is taken as recorded", a_message_that_was_compacted_away_is_taken_as_recorded},
      {"what is malformed moves the mark only", what_is_malformed_moves_the_mark_only},
      {"two partitions are played in the recorded order", two_partitions_are_played_in_the_recorded_order},
      {"whatever becomes of an EXEC everything is applied once", whatever_becomes_of_an_exec_everything_is_applied_once},
      {"somebody else who takes over ends it", somebody_else_who_takes_over_ends_it},
      {"it works under the halt that it knows", it_works_under_the_halt_that_it_knows},
      {"another halt ends it", another_halt_ends_it},
      {"the end of a halt ends it", the_end_of_a_halt_ends_it})
