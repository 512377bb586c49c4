/* The fake Kafka's group: members that join, give back, are expelled and do not know it, and commits that its generation lets in or not. Each
 * member answers as an instance does, through stream/source.c. */
#include "check.h"
#include "fake/kafka_consumer.h"
#include "stream/source.h"

enum { CERTAIN = 1000000, MEMBERS = 3, PARTITIONS = 4 };

static struct world made;
static const char *const topics[] = {"t"};
static const char *const names[MEMBERS] = {"A", "B", "C"};

/* A consumer that takes what it is given from the commit on, and commits what it took. */
struct app {
    const char *name;
    struct source *source;
    bool stubborn;                    /* does not answer a revocation */
    bool owns[PARTITIONS];
    int64_t next[PARTITIONS];
    bool lost, told;                  /* what the last revocation said; whether there was one */
    int committed;                    /* the result of the last commit that was heard of; 1: none */
};

static struct app apps[MEMBERS];

static void begin(enum group_kind kind)
{
    world_begin(&made);
    kafka_log_topic(&world->kafka, "t", PARTITIONS);
    world->weather.group = kind;
    world->weather.session_timeout_ms = 1000;
    memset(apps, 0, sizeof apps);
}

static void start(int which)
{
    struct source_options options = {.kafka = {.brokers = names[which], .group = "g", .topics = topics, .topics_count = 1}};
    struct error_text error;

    apps[which] = (struct app){.name = names[which], .committed = 1};
    world_node(names[which])->dead = false;
    ASSERT(source_new(&apps[which].source, &options, &error) == 0 && source_subscribe(apps[which].source, &error) == 0);
}

static void end(void)
{
    for (int i = 0; i < MEMBERS; i++)
        source_free(apps[i].source);
    world_end();
}

static struct kafka_position at(int32_t partition, int64_t offset)
{
    return (struct kafka_position){.topic = "t", .partition = partition, .offset = offset};
}

static struct log_partition *log_of(int32_t partition)
{
    return kafka_log_partition(&world->kafka, "t", partition);
}

static void given(struct app *app, const struct kafka_group_event *event)
{
    for (size_t i = 0; i < event->count; i++) {
        int32_t p = event->positions[i].partition;
        int64_t committed = log_of(p)->committed;
        struct kafka_position position = at(p, committed < 0 ? 0 : committed);

        app->owns[p] = true;
        app->next[p] = position.offset;
        ASSERT(source_begin(app->source, &position, 1) == 0 || world_node(app->name)->dead);
    }
}

static void taken_away(struct app *app, const struct kafka_group_event *event)
{
    app->told = true;
    app->lost = event->lost;
    for (size_t i = 0; i < event->count; i++)
        app->owns[event->positions[i].partition] = false;
    if (!app->stubborn)
        ASSERT(source_end(app->source, event->positions, event->count) == 0 || world_node(app->name)->dead);
}

static void serve(struct app *app)
{
    struct kafka_group_event event;

    while (app->source && source_serve(app->source, &event)) {
        if (event.kind == KAFKA_ASSIGNED)
            given(app, &event);
        else if (event.kind == KAFKA_REVOKED)
            taken_away(app, &event);
        else if (event.kind == KAFKA_COMMITTED)
            app->committed = event.positions[0].error;
    }
}

/* For so many ms all that are not frozen serve the group. */
static void pass(int64_t ms)
{
    for (; ms > 0; ms--, world->now++)
        for (int i = 0; i < MEMBERS; i++)
            if (world_node(names[i])->frozen_until <= world->now)
                serve(&apps[i]);
}

/* "A:01 B:23" */
static const char *owners(void)
{
    static char text[64];
    size_t size = 0;

    for (int i = 0; i < MEMBERS; i++) {
        if (apps[i].source)
            size += (size_t)snprintf(text + size, sizeof text - size, "%s%s:", size ? " " : "", names[i]);
        for (int p = 0; apps[i].source && p < PARTITIONS; p++)
            if (apps[i].owns[p])
                size += (size_t)snprintf(text + size, sizeof text - size, "%d", p);
    }
    return text;
}

/* One member, which has everything. */
static void begin_with_one(enum group_kind kind)
{
    begin(kind);
    start(0);
    pass(10);
}

/* Two members have dealt the partitions between them. */
static void begin_with_two(struct checks *c, enum group_kind kind)
{
    begin(kind);
    start(0);
    start(1);
    pass(10);
    CHECK_TEXT(c, owners(), "A:01 B:23");
}

/* Killed: without a word to the group. */
static void kill_one(int which)
{
    world_node(names[which])->dead = true;
    apps[which].source = source_free(apps[which].source);
}

static int commit(int which, int32_t partition, int64_t offset, int timeout_ms)
{
    struct kafka_position position = at(partition, offset);

    return kafka_in_commit(source_kafka(apps[which].source), &position, 1, timeout_ms);
}

static void put(int32_t partition)
{
    struct logged message = {.value = bytes_of("v")};

    kafka_log_append(log_of(partition), &message);
}

static size_t take(int which)
{
    struct kafka_message messages[16];
    size_t count = source_take(apps[which].source, messages, 16, 0), all = 0;

    for (size_t i = 0; i < count; i++) {
        all += messages[i].kind == KAFKA_MESSAGE;
        kafka_message_free(&messages[i]);
    }
    return all;
}

static void eager_takes_everything_before_it_gives_anew(struct checks *c)
{
    struct kafka_position all[] = {at(0, 0), at(1, 0), at(2, 0), at(3, 0)};

    begin_with_one(GROUP_EAGER);
    CHECK_TEXT(c, owners(), "A:0123");
    apps[0].stubborn = true;
    start(1);
    pass(100);
    CHECK_TEXT(c, owners(), "A: B:");
    CHECK(c, apps[0].told && !apps[0].lost);
    apps[0].stubborn = false;
    CHECK_INT(c, source_end(apps[0].source, all, PARTITIONS), 0);
    pass(3);
    CHECK_TEXT(c, owners(), "A:01 B:23");
    CHECK(c, group_is_settled() && group_owner("t", 3) == world_node("B"));
    end();
}

static void cooperative_takes_only_what_moves(struct checks *c)
{
    struct kafka_position moved[] = {at(2, 0), at(3, 0)};

    begin_with_one(GROUP_COOPERATIVE);
    put(0);
    CHECK_TEXT(c, owners(), "A:0123");
    apps[0].stubborn = true;
    start(1);
    pass(100);
    CHECK_TEXT(c, owners(), "A:01 B:");
    CHECK_INT(c, source_end(apps[0].source, moved, 2), 0);
    pass(5);
    CHECK_TEXT(c, owners(), "A:01 B:23");
    CHECK(c, group_is_settled());
    CHECK_INT(c, take(0), 1);
    end();
}

static void a_member_that_leaves_makes_room_at_once(struct checks *c)
{
    for (enum group_kind kind = GROUP_EAGER; kind <= GROUP_COOPERATIVE; kind++) {
        begin_with_two(c, kind);
        CHECK(c, source_leave(apps[0].source, 100));
        apps[0].source = source_free(apps[0].source);
        pass(10);
        CHECK_TEXT(c, owners(), "B:0123");
        end();
    }
}

static void a_dead_member_is_expelled_after_its_session(struct checks *c)
{
    begin_with_two(c, GROUP_EAGER);
    kill_one(0);
    pass(990);
    CHECK_TEXT(c, owners(), "B:23");
    pass(20);
    CHECK_TEXT(c, owners(), "B:0123");
    start(0);
    pass(10);
    CHECK_TEXT(c, owners(), "A:23 B:01");
    end();
}

static void nobody_is_expelled_while_the_brokers_are_away(struct checks *c)
{
    begin_with_two(c, GROUP_EAGER);
    world_node("A")->frozen_until = world->now + 2800;
    pass(400);
    world->weather.away = true;
    pass(2000);
    world->weather.away = false;
    pass(900);
    CHECK_TEXT(c, owners(), "A:01 B:23");
    end();
}

/* Stopped longer than its session, then continued: it works on until it hears. */
static void a_zombie_works_on_and_commits_nothing(struct checks *c)
{
    begin_with_two(c, GROUP_EAGER);
    world->weather.prefetch = 10;
    world->weather.zombie_ms = (struct kafka_range){50, 50};
    put(0);
    CHECK_INT(c, take(0), 1);
    put(0);
    world_node("A")->frozen_until = world->now + 1500;
    pass(1500);
    CHECK_TEXT(c, owners(), "A:01 B:0123");
    pass(20);
    CHECK_TEXT(c, owners(), "A:01 B:0123");
    CHECK_INT(c, take(0), 1);
    CHECK_INT(c, commit(0, 0, 2, 100), -ESTALE);
    CHECK_INT(c, log_of(0)->committed, KAFKA_OFFSET_NONE);
    CHECK_INT(c, commit(1, 0, 1, 100), 0);
    pass(60);
    CHECK(c, apps[0].told && apps[0].lost);
    CHECK_TEXT(c, owners(), "A:23 B:01");
    end();
}

static void a_zombie_may_be_told_that_nothing_is_lost(struct checks *c)
{
    begin_with_one(GROUP_COOPERATIVE);
    world->weather.zombie_unaware = CERTAIN;
    group_expels("A");
    CHECK_INT(c, commit(0, 0, 0, 100), -ESTALE);
    pass(10);
    CHECK(c, apps[0].told && !apps[0].lost);
    CHECK_TEXT(c, owners(), "A:0123");
    CHECK_INT(c, commit(0, 0, 0, 100), 0);
    end();
}

static void who_does_not_answer_in_time_is_expelled(struct checks *c)
{
    begin_with_one(GROUP_EAGER);
    world->weather.rebalance_timeout_ms = 300;
    apps[0].stubborn = true;
    start(1);
    pass(290);
    CHECK_TEXT(c, owners(), "A: B:");
    pass(30);
    CHECK_TEXT(c, owners(), "A: B:0123");
    end();
}

/* What was sent in one generation arrives in the next: the group takes it for a stranger's. */
static void a_commit_of_a_former_generation_is_refused(struct checks *c)
{
    begin_with_one(GROUP_COOPERATIVE);
    world->weather.commit_ms = (struct kafka_range){30, 30};
    CHECK_INT(c, commit(0, 0, 5, 0), 0);
    pass(70);
    CHECK_INT(c, apps[0].committed, 0);
    CHECK_INT(c, log_of(0)->committed, 5);
    CHECK_INT(c, commit(0, 0, 6, 0), 0);
    group_rebalance();
    pass(70);
    CHECK_INT(c, apps[0].committed, -ESTALE);
    CHECK_INT(c, log_of(0)->committed, 5);
    end();
}

static void commits_arrive_in_order_and_some_are_not_heard_of(struct checks *c)
{
    begin_with_one(GROUP_EAGER);
    world->weather.commit_ms = (struct kafka_range){1, 40};
    for (int i = 1; i <= 20; i++, world->now++)
        CHECK_INT(c, commit(0, 0, i, 0), 0);
    pass(100);
    CHECK_INT(c, log_of(0)->committed, 20);
    CHECK_INT(c, commit(0, 0, 21, 1), -ETIMEDOUT);
    pass(100);
    CHECK_INT(c, log_of(0)->committed, 21);
    world->weather.commit_unheard = CERTAIN;
    CHECK_INT(c, commit(0, 0, 22, 100), -ETIMEDOUT);
    CHECK_INT(c, log_of(0)->committed, 22);
    world->weather.commit_fails = CERTAIN;
    CHECK_INT(c, commit(0, 0, 23, 100), -EAGAIN);
    CHECK_INT(c, log_of(0)->committed, 22);
    end();
}

/* It was on its way when the process died, and the group still believes in the member. */
static void a_dead_members_commit_may_still_arrive(struct checks *c)
{
    for (int lands = 0; lands < 2; lands++) {
        begin_with_one(GROUP_EAGER);
        world->weather.commit_ms = (struct kafka_range){30, 30};
        world->weather.orphans_land = lands ? CERTAIN : 0;
        CHECK_INT(c, commit(0, 0, 7, 0), 0);
        kill_one(0);
        world->now += 40;
        kafka_catch_up();
        CHECK_INT(c, log_of(0)->committed, lands ? 7 : KAFKA_OFFSET_NONE);
        end();
    }
}

static int64_t taken_after_a_rebalance(bool begun_anew)
{
    struct kafka_position position = at(0, 1);
    struct kafka_group_event event;
    struct kafka_message message;
    struct kafka_in *in;
    int64_t offset;

    begin_with_one(GROUP_COOPERATIVE);
    world->weather.resume_skips = true;
    put(0);
    in = source_kafka(apps[0].source);
    ASSERT(take(0) == 1);
    group_rebalance();
    ASSERT(!kafka_in_serve(in, 0, &event) && kafka_in_serve(in, 0, &event) && event.kind == KAFKA_ASSIGNED && event.count == 0);
    ASSERT(kafka_in_assign_more(in, NULL, 0) == 0);
    if (begun_anew)
        ASSERT(kafka_in_assign_less(in, &position, 1) == 0 && kafka_in_assign_more(in, &position, 1) == 0);
    put(0);
    put(0);
    ASSERT(kafka_in_take(in, &message, 1, 0) == 1);
    offset = message.offset;
    kafka_message_free(&message);
    end();
    return offset;
}

/* What librdkafka 2.2 to 2.13 do, and why stream/source.c begins anew. */
static void what_stays_skips_a_message_unless_it_is_begun_anew(struct checks *c)
{
    CHECK_INT(c, taken_after_a_rebalance(false), 2);
    CHECK_INT(c, taken_after_a_rebalance(true), 1);
}

static void a_leave_may_not_be_heard_of(struct checks *c)
{
    begin_with_two(c, GROUP_EAGER);
    world->weather.leave_fails = CERTAIN;
    CHECK(c, !source_leave(apps[0].source, 100));
    apps[0].source = source_free(apps[0].source);
    pass(900);
    CHECK_TEXT(c, owners(), "B:23");
    pass(200);
    CHECK_TEXT(c, owners(), "B:0123");
    end();
}

static void meddle(struct checks *c)
{
    uint32_t which = world_draw(MEMBERS);
    struct app *app = &apps[which];

    switch (world_draw(6)) {
    case 0:
        group_rebalance();
        return;
    case 1:
        group_expels(names[which]);
        return;
    case 2:
        world_node(names[which])->frozen_until = world->now + world_draw(2000);
        return;
    case 3:
        world->weather.away = world_draw(3) == 0;
        return;
    }
    if (!app->source) {
        start((int)which);
    } else if (world_draw(2)) {
        kill_one((int)which);
    } else {
        CHECK(c, source_leave(app->source, 100) || world->weather.away);
        app->source = source_free(app->source);
    }
}

/* Nobody but a zombie works what another member has. */
static void expect_one_owner_each(struct checks *c)
{
    for (int p = 0; p < PARTITIONS; p++) {
        int count = 0;

        for (int i = 0; i < MEMBERS; i++)
            if (apps[i].source && apps[i].owns[p])
                count += group_find(source_kafka(apps[i].source)->member.id) != NULL;
        CHECK(c, count <= 1);
    }
}

static void wander(struct checks *c, enum group_kind kind, uint64_t seed)
{
    begin(kind);
    world->random = seed;
    world->weather.deal_drawn = true;
    world->weather.group_ms = (struct kafka_range){0, 20};
    world->weather.zombie_ms = (struct kafka_range){0, 300};
    for (int i = 0; i < MEMBERS; i++)
        start(i);
    for (int i = 0; i < 60; i++) {
        meddle(c);
        pass(world_draw(100));
        expect_one_owner_each(c);
    }
    world->weather.away = false;
    for (int i = 0; i < MEMBERS; i++)
        if (!apps[i].source)
            start(i);
    world->now += 2000;
    pass(3000);
    CHECK(c, group_is_settled());
    for (int32_t p = 0; p < PARTITIONS; p++)
        for (int i = 0; i < MEMBERS; i++)
            CHECK(c, apps[i].owns[p] == (group_owner("t", p) == world_node(names[i])));
    if (c->failed)
        fprintf(stderr, "seed %llu: %s\n%s", (unsigned long long)seed, owners(), buffer_text(&world->trace));
    end();
}

static void whatever_happens_a_group_settles_with_one_owner_each(struct checks *c)
{
    for (uint64_t seed = 1; seed <= 150 && !c->failed; seed++)
        wander(c, seed % 2 ? GROUP_EAGER : GROUP_COOPERATIVE, seed);
}

TESTS({"eager takes everything before it gives anew", eager_takes_everything_before_it_gives_anew},
      {"cooperative takes only what moves", cooperative_takes_only_what_moves},
      {"a member that leaves makes room at once", a_member_that_leaves_makes_room_at_once},
      {"a dead member is expelled after its session", a_dead_member_is_expelled_after_its_session},
      {"nobody is expelled while the brokers are away", nobody_is_expelled_while_the_brokers_are_away},
      {"a zombie works on, and commits nothing", a_zombie_works_on_and_commits_nothing},
      {"a zombie may be told that nothing is lost", a_zombie_may_be_told_that_nothing_is_lost},
      {"who does not answer in time is expelled", who_does_not_answer_in_time_is_expelled},
      {"a commit of a former generation is refused", a_commit_of_a_former_generation_is_refused},
      {"commits arrive in order, and some are not heard of", commits_arrive_in_order_and_some_are_not_heard_of},
      {"a dead member's commit may still arrive", a_dead_members_commit_may_still_arrive},
      {"what stays skips a message unless it is begun anew", what_stays_skips_a_message_unless_it_is_begun_anew},
      {"a leave may not be heard of", a_leave_may_not_be_heard_of},
      {"whatever happens, a group settles with one owner each", whatever_happens_a_group_settles_with_one_owner_each})
