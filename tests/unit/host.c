/* The one sentence about how things are. */
#include "check.h"

#include <string.h>

#include "service/host.h"

enum { SENTENCE_MAX = 300 };

static const struct host_options names = {.redis = "/run/redis.sock", .brokers = "a:9092", .group = "market"};

/* A daemon that runs, with nothing to do. */
static struct picture well(struct picture_partition *partitions, size_t count)
{
    struct picture picture;

    picture_init(&picture);
    picture.redis_up = picture.sink_up = picture.gate_open = picture.joined = picture.settled = true;
    picture.kafka_brokers_up = 1;
    picture.partitions = partitions;
    picture.partitions_count = count;
    for (size_t i = 0; i < count; i++)
        partitions[i] = (struct picture_partition){.topic = "orders", .number = (int32_t)i, .state = PARTITION_OWNED};
    return picture;
}

static const char *said(const struct picture *picture, char out[SENTENCE_MAX])
{
    host_sentence(&names, picture, out, SENTENCE_MAX);
    return out;
}

static void who_runs_says_with_how_many_partitions_and_how_far_behind(struct checks *c)
{
    struct picture_partition partitions[3];
    struct picture picture = well(partitions, 3);
    char out[SENTENCE_MAX];

    CHECK_TEXT(c, said(&picture, out), "running with 3 partitions");
    partitions[1].lag = 1;
    CHECK_TEXT(c, said(&picture, out), "running with 3 partitions, 1 event behind");
    partitions[2].lag = 41;
    CHECK_TEXT(c, said(&picture, out), "running with 3 partitions, 42 events behind");
    picture.partitions_count = 1;
    CHECK_TEXT(c, said(&picture, out), "running with 1 partition");
}

static void a_partition_whose_lag_is_not_known_adds_none(struct checks *c)
{
    struct picture_partition partitions[2];
    struct picture picture = well(partitions, 2);
    char out[SENTENCE_MAX];

    partitions[0].lag = -1;
    partitions[1].lag = 5;
    CHECK_TEXT(c, said(&picture, out), "running with 2 partitions, 5 events behind");
}

static void who_has_no_partition_stands_by(struct checks *c)
{
    struct picture picture = well(NULL, 0);
    char out[SENTENCE_MAX];

    CHECK_TEXT(c, said(&picture, out), "standing by: the group market has no partition for this instance");
}

static void what_does_not_go_on_is_told_beside_what_does(struct checks *c)
{
    struct picture_partition partitions[4];
    struct picture picture = well(partitions, 4);
    char out[SENTENCE_MAX];

    partitions[0].state = PARTITION_STOPPED;
    CHECK_TEXT(c, said(&picture, out), "running with 3 partitions; 1 refused and waiting for an operator");
    partitions[1].parked = true;
    CHECK_TEXT(c, said(&picture, out), "running with 3 partitions; 1 refused and waiting for an operator; 1 waiting for Kafka to take their outcomes");
    partitions[2].state = PARTITION_UNTAKEN;
    CHECK_TEXT(c, said(&picture, out), "taking over 1 of 4 partitions; 1 refused and waiting for an operator; 1 waiting for Kafka to take their outcomes");
}

static void what_an_operator_asked_for_is_told(struct checks *c)
{
    struct picture_partition partitions[2];
    struct picture picture = well(partitions, 2);
    char out[SENTENCE_MAX];

    partitions[0].paused = true;
    CHECK_TEXT(c, said(&picture, out), "running with 2 partitions; 1 paused on purpose");
    picture.rate = 100;
    CHECK_TEXT(c, said(&picture, out), "running with 2 partitions; 1 paused on purpose; 100 events a second at most");
    picture.quiet = true;
    CHECK_TEXT(c, said(&picture, out), "quiet, as an operator asked: it keeps its 2 partitions and decides nothing");
}

static void when_nothing_goes_on_that_is_said(struct checks *c)
{
    struct picture_partition partitions[1];
    struct picture picture = well(partitions, 1);
    char out[SENTENCE_MAX];

    partitions[0].state = PARTITION_STOPPED;
    CHECK_TEXT(c, said(&picture, out), "nothing goes on: 1 partition refused, waiting for an operator");
}

static void what_stands_in_the_way_is_told_instead_the_worst_first(struct checks *c)
{
    struct picture_partition partitions[1];
    struct picture picture = well(partitions, 1);
    char out[SENTENCE_MAX];

    picture.gate_open = false;
    CHECK_TEXT(c, said(&picture, out), "waiting for Redis: what was applied is not yet as durable as configured");
    picture.sink_up = false;
    CHECK_TEXT(c, said(&picture, out), "waiting for Kafka, the producer is made anew");
    picture.joined = false;
    CHECK_TEXT(c, said(&picture, out), "joining the group market");
    picture.kafka_brokers_up = 0;
    CHECK_TEXT(c, said(&picture, out), "waiting for Kafka at a:9092");
    picture.redis_up = false;
    CHECK_TEXT(c, said(&picture, out), "waiting for Redis at /run/redis.sock");
    memcpy(picture.halt, "found", 6);
    CHECK_TEXT(c, said(&picture, out), "halted, and waits for an operator: found");
    picture.reapply.phase = "waiting";
    CHECK_TEXT(c, said(&picture, out), "halted while another instance applies published decisions again: found");
    picture.reapply.phase = "looking";
    CHECK_TEXT(c, said(&picture, out), "halted while published decisions are looked for, to be applied again: found");
    picture.reapply.phase = "applying";
    picture.reapply.events = 1200;
    picture.reapply.of = 5000;
    CHECK_TEXT(c, said(&picture, out), "reapplying 1,200 of 5,000 published decisions: found");
}

/* As the service manager reads it: a line feed begins the next assignment, and what is no UTF-8 is not taken at all. */
static void whatever_stands_in_redis_the_sentence_is_one_line_of_utf8(struct checks *c)
{
    struct picture_partition partitions[1];
    struct picture picture = well(partitions, 1);
    char out[SENTENCE_MAX];

    snprintf(picture.halt, sizeof picture.halt, "found\nMAINPID=1 \xff \xc2\x9b K\xc3\xb6ln");
    CHECK_TEXT(c, said(&picture, out), "halted, and waits for an operator: found?MAINPID=1 ? ? K\xc3\xb6ln");
}

static void whether_brokers_are_there_is_not_yet_known_that_is_no_word_against_them(struct checks *c)
{
    struct picture_partition partitions[1];
    struct picture picture = well(partitions, 1);
    char out[SENTENCE_MAX];

    picture.kafka_brokers_up = -1;
    CHECK_TEXT(c, said(&picture, out), "running with 1 partition");
}

TESTS({"who runs says with how many partitions, and how far behind", who_runs_says_with_how_many_partitions_and_how_far_behind},
      {"a partition whose lag is not known adds none", a_partition_whose_lag_is_not_known_adds_none},
      {"who has no partition stands by", who_has_no_partition_stands_by},
      {"what does not go on is told beside what does", what_does_not_go_on_is_told_beside_what_does},
      {"what an operator asked for is told", what_an_operator_asked_for_is_told},
      {"when nothing goes on, that is said", when_nothing_goes_on_that_is_said},
      {"what stands in the way is told instead, the worst first", what_stands_in_the_way_is_told_instead_the_worst_first},
      {"whatever stands in Redis, the sentence is one line of UTF-8", whatever_stands_in_redis_the_sentence_is_one_line_of_utf8},
      {"whether brokers are there is not yet known: that is no word against them", whether_brokers_are_there_is_not_yet_known_that_is_no_word_against_them})
