/* The fake Kafka's producer: in which order records arrive and are reported, and what may become of those in flight. */
#include "seam/kafka_out.h"

#include <stdlib.h>

#include "check.h"
#include "fake/world.h"

enum { CERTAIN = 1000000, REPORTS_MAX = 64 };

static struct world made;
static const char *const written[] = {"out", "dead"};
static struct kafka_report reports[REPORTS_MAX];
static size_t reports_count;

static void begin(void)
{
    world_begin(&made);
    kafka_log_topic(&world->kafka, "out", 3);
    reports_count = 0;
}

static void keep_report(void *context, const struct kafka_report *report)
{
    (void)context;
    reports[reports_count++ % REPORTS_MAX] = *report;
}

static struct kafka_out *producer_to(const char *const *topics)
{
    struct kafka_out_options options = {.brokers = "A", .topics = topics, .topics_count = 2, .reported = keep_report};
    struct error_text error;
    struct kafka_out *out;

    ASSERT(kafka_out_new(&out, &options, &error) == 0);
    return out;
}

static struct kafka_out *producer(void)
{
    return producer_to(written);
}

static int send(struct kafka_out *out, int32_t partition, const char *value)
{
    struct kafka_record record = {.partition = partition, .value = bytes_of(value), .opaque = out};

    return kafka_out_send(out, &record);
}

static const char *log_text(int32_t partition)
{
    static char text[128];
    const struct log_partition *log = kafka_log_partition(&world->kafka, "out", partition);

    text[0] = '\0';
    for (size_t i = 0; i < log->count; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s", log->messages[i].value.data);
    return text;
}

/* Over many draws both orders across partitions come up, and no disorder within one. */
static void a_partition_keeps_its_order_and_several_have_none(struct checks *c)
{
    bool first[2] = {false, false};

    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct kafka_out *out;

        begin();
        world->random = seed;
        world->weather.produce_ms = (struct kafka_range){1, 20};
        world->weather.report_ms = (struct kafka_range){1, 20};
        out = producer();
        for (int i = 0; i < 3; i++, world->now += 3)
            CHECK(c, send(out, 0, (char[]){(char)('a' + i), '\0'}) == 0 && send(out, 1, (char[]){(char)('a' + i), '\0'}) == 0);
        while (reports_count < 6)
            kafka_out_poll(out, 1);
        first[reports[0].partition] = true;
        CHECK_TEXT(c, log_text(0), "abc");
        CHECK_TEXT(c, log_text(1), "abc");
        for (size_t i = 0, next[2] = {0, 0}; i < 6; i++)
            CHECK_INT(c, reports[i].offset, next[reports[i].partition]++);
        kafka_out_free(out);
        world_end();
    }
    CHECK(c, first[0] && first[1]);
}

static void a_record_lies_in_the_log_before_its_producer_knows(struct checks *c)
{
    struct kafka_out *out;

    begin();
    world->weather.report_ms = (struct kafka_range){50, 50};
    out = producer();
    CHECK_INT(c, send(out, 0, "a"), 0);
    CHECK_INT(c, kafka_out_poll(out, 10), 0);
    CHECK_TEXT(c, log_text(0), "a");
    kafka_out_free(out);
    CHECK(c, reports_count == 1 && reports[0].error == -ECANCELED);
    world_end();
}

static void a_report_that_was_lost_comes_late_and_knows_no_offset(struct checks *c)
{
    struct kafka_out *out;

    begin();
    world->weather.report_lost = CERTAIN;
    out = producer();
    CHECK_INT(c, send(out, 0, "a"), 0);
    CHECK_INT(c, kafka_out_poll(out, 50), 0);
    CHECK_TEXT(c, log_text(0), "a");
    CHECK_INT(c, kafka_out_poll(out, 100), 1);
    CHECK(c, reports[0].error == 0 && reports[0].offset == -1);
    CHECK_TEXT(c, log_text(0), "a");
    kafka_out_free(out);
    world_end();
}

static void nothing_arrives_behind_a_failed_record(struct checks *c)
{
    for (int lands = 0; lands < 2; lands++) {
        struct kafka_out *out;

        begin();
        world->weather.failed_lands = lands ? CERTAIN : 0;
        world->weather.orphans_land = CERTAIN;
        out = producer();
        CHECK(c, send(out, 0, "a") == 0 && send(out, 0, "b") == 0 && send(out, 1, "x") == 0);
        world->delivery_failures = 1;
        CHECK(c, kafka_out_poll(out, 10) >= 1);
        CHECK_INT(c, reports[0].error, -EIO);
        kafka_out_free(out);
        world->now += 100;
        kafka_catch_up();
        CHECK_TEXT(c, log_text(0), lands ? "a" : "");
        CHECK_TEXT(c, log_text(1), "x");
        CHECK_INT(c, reports_count, 3);
        world_end();
    }
}

/* Of what a closed producer had in flight a first part may still arrive, in order, and nothing else. */
static void a_closed_producer_leaves_a_first_part_on_the_wire(struct checks *c)
{
    bool seen[5] = {false};

    for (uint64_t seed = 1; seed <= 60; seed++) {
        const char **topics = malloc(sizeof written);      /* ends with the producer */
        struct kafka_out *out;

        begin();
        world->random = seed;
        world->weather.orphans_land = CERTAIN / 2;
        ASSERT(topics);
        memcpy(topics, written, sizeof written);
        out = producer_to(topics);
        for (int i = 0; i < 4; i++)
            CHECK_INT(c, send(out, 0, (char[]){(char)('a' + i), '\0'}), 0);
        world->nodes[0].dead = seed % 2;
        kafka_out_free(out);
        free(topics);
        CHECK_TEXT(c, log_text(0), "");
        world->now += 100;
        kafka_catch_up();
        CHECK(c, kafka_is_quiet() && strncmp(log_text(0), "abcd", strlen(log_text(0))) == 0);
        seen[strlen(log_text(0))] = true;
        CHECK(c, reports_count == 4 && reports[0].error == -ECANCELED);
        world_end();
    }
    for (int i = 0; i <= 4; i++)
        CHECK(c, seen[i]);
}

static void a_producer_says_what_it_does_not_take(struct checks *c)
{
    struct error_text error;
    struct kafka_out *out;

    begin();
    world->weather.queue = 2;
    kafka_log_find(&world->kafka, "out")->message_max = 5;
    out = producer();
    CHECK_INT(c, send(out, 0, "too large"), -EMSGSIZE);
    CHECK_INT(c, send(out, 3, "a"), -ENOENT);
    CHECK(c, send(out, 0, "a") == 0 && send(out, 0, "b") == 0);
    CHECK_INT(c, send(out, 0, "c"), -ENOBUFS);
    CHECK_INT(c, kafka_out_poll(out, 10), 2);
    CHECK_INT(c, kafka_out_error(out, &error), 0);
    world->weather.producer_failures = 1;
    CHECK_INT(c, send(out, 0, "d"), 0);
    CHECK_INT(c, kafka_out_poll(out, 10), 0);
    CHECK_INT(c, kafka_out_error(out, &error), -EPIPE);
    CHECK_INT(c, send(out, 0, "e"), -EPIPE);
    CHECK_TEXT(c, log_text(0), "ab");
    kafka_out_free(out);
    world_end();
}

static void records_for_a_deleted_topic_fail(struct checks *c)
{
    struct kafka_out *out;

    begin();
    out = producer();
    CHECK_INT(c, send(out, 0, "a"), 0);
    kafka_log_delete(&world->kafka, "out");
    CHECK_INT(c, kafka_out_poll(out, 10), 1);
    CHECK_INT(c, reports[0].error, -ENOENT);
    CHECK_INT(c, send(out, 0, "b"), -ENOENT);
    kafka_out_free(out);
    world_end();
}

static void a_dead_producer_has_no_effect(struct checks *c)
{
    struct kafka_out *out;

    begin();
    out = producer();
    CHECK_INT(c, send(out, 0, "x"), 0);
    world_node("A")->dead = true;
    world->now += 10;
    CHECK_INT(c, kafka_out_poll(out, 100), 0);
    CHECK(c, send(out, 0, "y") != 0);
    kafka_out_free(out);
    kafka_catch_up();
    CHECK_TEXT(c, log_text(0), "");
    world_end();
}

TESTS({"a partition keeps its order, and several have none", a_partition_keeps_its_order_and_several_have_none},
      {"a record lies in the log before its producer knows", a_record_lies_in_the_log_before_its_producer_knows},
      {"a report that was lost comes late and knows no offset", a_report_that_was_lost_comes_late_and_knows_no_offset},
      {"nothing arrives behind a failed record", nothing_arrives_behind_a_failed_record},
      {"a closed producer leaves a first part on the wire", a_closed_producer_leaves_a_first_part_on_the_wire},
      {"a producer says what it does not take", a_producer_says_what_it_does_not_take},
      {"records for a deleted topic fail", records_for_a_deleted_topic_fail}, {"a dead producer has no effect", a_dead_producer_has_no_effect})
