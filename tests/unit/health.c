/* Alive and ready, and the words for it; lag of what is not fetched. */
#include "check.h"

#include <stdlib.h>

#include "service/health.h"
#include "service/logs.h"

enum { PARTITIONS = 3, TEXT_LIMIT = 1 << 16 };

static const struct sight_options options = {.redis = "127.0.0.1:6379", .brokers = "127.0.0.1:9092", .group = "shop", .silence_max_ms = 30000};

/* A daemon that is well, with three partitions. */
struct scene {
    struct picture_partition partitions[PARTITIONS];
    struct picture picture;
    struct sight sight;
    struct health health;
};

static void scene_init(struct scene *s)
{
    memset(s, 0, sizeof *s);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        s->partitions[i] = (struct picture_partition){.topic = "orders", .number = i, .state = PARTITION_OWNED, .next = 10, .lag = 0, .start = -1, .end = -1};
    }
    picture_init(&s->picture);
    s->picture.partitions = s->partitions;
    s->picture.partitions_count = PARTITIONS;
    s->picture.redis_up = s->picture.sink_up = s->picture.gate_open = s->picture.joined = s->picture.settled = true;
    s->sight = (struct sight){.options = &options, .phase = BOARD_RUNNING, .picture = &s->picture, .redis_up = true, .kafka_up = true};
}

static enum health_level ready(struct scene *s)
{
    health_ready(&s->health, &s->sight);
    return health_level(&s->health);
}

static enum health_level live(struct scene *s)
{
    health_live(&s->health, &s->sight);
    return health_level(&s->health);
}

static const char *reason(const struct scene *s, const char *name)
{
    for (size_t i = 0; i < s->health.count; i++)
        if (strcmp(s->health.checks[i].name, name) == 0)
            return s->health.checks[i].reason;
    return "no such check";
}

static void all_is_well(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    CHECK_INT(c, live(&s), HEALTH_OK);
    CHECK_INT(c, ready(&s), HEALTH_OK);
    for (size_t i = 0; i < s.health.count; i++)
        CHECK_TEXT(c, s.health.checks[i].reason, "");
}

static void alive_is_a_matter_of_the_pipeline_alone(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.sight.redis_up = s.sight.kafka_up = false;
    s.partitions[0].state = PARTITION_STOPPED;
    CHECK_INT(c, live(&s), HEALTH_OK);
    s.sight.silent_ms = 30000;
    CHECK_INT(c, live(&s), HEALTH_OK);
    s.sight.silent_ms = 30001;
    CHECK_INT(c, live(&s), HEALTH_FAILED);
    scene_init(&s);
    s.sight.silent_ms = 30001;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
}

static void what_is_away_is_named(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.sight.redis_up = false;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK(c, strstr(reason(&s, "redis"), "127.0.0.1:6379"));
    scene_init(&s);
    s.sight.kafka_up = false;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK(c, strstr(reason(&s, "kafka"), "127.0.0.1:9092"));
    scene_init(&s);
    s.picture.joined = false;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK(c, strstr(reason(&s, "group"), "shop"));
}

static void a_start_says_what_it_waits_for_and_nothing_that_it_cannot_know(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.sight.phase = BOARD_REDIS;
    s.sight.redis_up = s.sight.kafka_up = false;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK_TEXT(c, reason(&s, "phase"), "waits for Redis");
    CHECK_TEXT(c, reason(&s, "kafka"), "no such check");
    CHECK_INT(c, live(&s), HEALTH_OK);
    s.sight.phase = BOARD_STOPPING;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
}

static void a_standby_is_ready(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.picture.partitions_count = 0;
    CHECK_INT(c, ready(&s), HEALTH_OK);
    CHECK(c, strstr(reason(&s, "group"), "standby"));
}

static void one_refused_partition_degrades_and_all_of_them_fail(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.partitions[1].state = PARTITION_STOPPED;
    snprintf(s.partitions[1].refusal, sizeof s.partitions[1].refusal, "the mark is missing");
    CHECK_INT(c, ready(&s), HEALTH_DEGRADED);
    CHECK(c, strstr(reason(&s, "partitions"), "1 of 3") && strstr(reason(&s, "partitions"), "orders:1: the mark is missing"));
    s.partitions[0].state = s.partitions[2].state = PARTITION_STOPPED;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
}

static void a_halted_market_is_not_ready(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    snprintf(s.picture.halt, sizeof s.picture.halt, "rollback: redis came back older");
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK(c, strstr(reason(&s, "market"), "rollback"));
    s.picture.reapply.phase = "applying";
    s.picture.reapply.events = 12;
    s.picture.reapply.of = 50;
    CHECK_INT(c, ready(&s), HEALTH_FAILED);
    CHECK(c, strstr(reason(&s, "market"), "12 of 50 are (applying): rollback"));
}

static void what_is_on_purpose_is_well_and_said(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.partitions[2].paused = true;
    CHECK_INT(c, ready(&s), HEALTH_OK);
    CHECK_TEXT(c, reason(&s, "operator"), "paused on purpose: 1 of 3 partitions");
    s.picture.quiet = true;
    CHECK_INT(c, ready(&s), HEALTH_OK);
    CHECK(c, strstr(reason(&s, "operator"), "quiet on purpose"));
    scene_init(&s);
    s.picture.rate = 50;
    CHECK_INT(c, ready(&s), HEALTH_OK);
    CHECK(c, strstr(reason(&s, "operator"), "50 events a second"));
}

static void full_outboxes_and_a_closed_gate_degrade(struct checks *c)
{
    struct scene s;

    scene_init(&s);
    s.partitions[0].parked = true;
    CHECK_INT(c, ready(&s), HEALTH_DEGRADED);
    CHECK(c, strstr(reason(&s, "partitions"), "1 of 3"));
    scene_init(&s);
    s.picture.gate_open = false;
    CHECK_INT(c, ready(&s), HEALTH_DEGRADED);
}

static void it_is_said_in_json_and_in_lines(struct checks *c)
{
    struct health health = {.question = "readyz", .count = 3, .checks = {{"redis", HEALTH_OK, ""}, {"kafka", HEALTH_FAILED, "a \"broker\""},
                            {"partitions", HEALTH_DEGRADED, "1 of 2"}}};
    struct buffer out;

    buffer_init(&out, TEXT_LIMIT);
    health_put_json(&out, &health);
    CHECK_TEXT(c, buffer_text(&out), "{\"status\":\"failed\",\"checks\":[{\"name\":\"redis\",\"status\":\"ok\"},"
               "{\"name\":\"kafka\",\"status\":\"failed\",\"reason\":\"a \\\"broker\\\"\"},{\"name\":\"partitions\",\"status\":\"degraded\",\"reason\":\"1 of 2\"}]}\n");
    buffer_reset(&out);
    health_put_text(&out, &health);
    CHECK_TEXT(c, buffer_text(&out), "[+]redis ok\n[-]kafka failed: a \"broker\"\n[+]partitions ok: 1 of 2\nreadyz check failed\n");
    buffer_deinit(&out);
}

static void lag_is_never_below_the_start_of_the_log(struct checks *c)
{
    struct picture_partition partition = {.next = 10, .lag = -1, .start = -1, .end = -1};

    picture_learn_log(&partition, -1, -1);
    CHECK_INT(c, partition.lag, -1);
    picture_learn_log(&partition, 0, 30);
    CHECK_INT(c, partition.lag, 20);
    picture_learn_log(&partition, 25, 30);
    CHECK_INT(c, partition.lag, 5);
    picture_learn_log(&partition, -1, 8);      /* an older answer */
    CHECK_INT(c, partition.lag, 5);
    partition = (struct picture_partition){.next = -1, .lag = -1, .start = -1, .end = -1};
    picture_learn_log(&partition, 0, 30);
    CHECK_INT(c, partition.lag, -1);
}

/* The picture of the next look: the same, and no timestamp of what is not fetched. */
static int64_t waited(struct logs *logs, struct scene *s, int64_t next, int64_t now)
{
    s->partitions[0].next = next;
    s->partitions[0].lag = -1;
    s->partitions[0].next_timestamp = 0;
    logs_ask(logs, NULL, &s->picture, now);    /* no broker is up, so nobody is asked */
    logs_complete(logs, &s->picture, now);
    return picture_lag_ms(&s->partitions[0], now);
}

static void what_is_not_fetched_waits_since_it_was_seen_to(struct checks *c)
{
    struct scene s;
    struct logs *logs;

    scene_init(&s);
    s.partitions[0].end = 30;
    ASSERT(logs_new(&logs) == 0);
    CHECK_INT(c, waited(logs, &s, 10, 1000), 0);
    CHECK_INT(c, waited(logs, &s, 10, 8000), 7000);
    CHECK_INT(c, waited(logs, &s, 11, 9000), 0);
    CHECK_INT(c, waited(logs, &s, 30, 10000), 0);
    CHECK_INT(c, waited(logs, &s, 29, 11000), 0);
    CHECK_INT(c, waited(logs, &s, 29, 12000), 1000);
    s.picture.partitions_count = 0;
    logs_ask(logs, NULL, &s.picture, 13000);   /* revoked */
    s.picture.partitions_count = PARTITIONS;
    CHECK_INT(c, waited(logs, &s, 29, 14000), 0);
    logs_free(logs);
}

TESTS({"all is well", all_is_well},
      {"alive is a matter of the pipeline alone", alive_is_a_matter_of_the_pipeline_alone},
      {"what is away is named", what_is_away_is_named},
      {"a start says what it waits for, and nothing that it cannot know", a_start_says_what_it_waits_for_and_nothing_that_it_cannot_know},
      {"a standby is ready", a_standby_is_ready},
      {"one refused partition degrades, all of them fail", one_refused_partition_degrades_and_all_of_them_fail},
      {"a halted market is not ready", a_halted_market_is_not_ready},
      {"what is on purpose is well, and said", what_is_on_purpose_is_well_and_said},
      {"full outboxes and a closed gate degrade", full_outboxes_and_a_closed_gate_degrade},
      {"it is said in JSON and in lines", it_is_said_in_json_and_in_lines},
      {"lag is never below the start of the log", lag_is_never_below_the_start_of_the_log},
      {"what is not fetched waits since it was seen to", what_is_not_fetched_waits_since_it_was_seen_to})
