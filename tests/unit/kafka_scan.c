/* Partitions read beside the group, from librdkafka's mock brokers: each in its order, whichever is asked for. */
#include "seam/kafka_scan.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "check.h"

enum { PARTITIONS = 3, MESSAGES = 2000, WAIT_MS = 10000 };

struct brokers {
    rd_kafka_t *rk;
    rd_kafka_mock_cluster_t *mock;
    struct clock *clock;
    struct kafka_scan *scan;
};

static void fill(struct checks *c, struct brokers *brokers, const char *topic, int32_t partition, int count)
{
    char value[32];

    for (int i = 0; i < count; i++) {
        int size = snprintf(value, sizeof value, "%d/%d", partition, i);

        rd_kafka_vu_t parts[] = {{.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = topic},
                                 {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
                                 {.vtype = RD_KAFKA_VTYPE_HEADER, .u.header = {"n", value, size}},
                                 {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {value, (size_t)size}},
                                 {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY}};

        CHECK(c, !rd_kafka_produceva(brokers->rk, parts, sizeof parts / sizeof *parts));
    }
    CHECK_INT(c, rd_kafka_flush(brokers->rk, WAIT_MS), 0);
}

static void set_up(struct checks *c, struct brokers *brokers, size_t streams_max)
{
    struct error_text error = {""};
    struct kafka_property soon = {"reconnect.backoff.max.ms", "200"};
    struct kafka_in_options options = {.group = "none", .properties = {&soon, 1}};

    *brokers = (struct brokers){.rk = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), NULL, 0)};
    brokers->mock = rd_kafka_mock_cluster_new(brokers->rk, 1);
    rd_kafka_mock_topic_create(brokers->mock, "orders", PARTITIONS, 1);
    rd_kafka_brokers_add(brokers->rk, rd_kafka_mock_cluster_bootstraps(brokers->mock));
    CHECK_INT(c, clock_new(&brokers->clock), 0);
    options.brokers = rd_kafka_mock_cluster_bootstraps(brokers->mock);
    options.clock = brokers->clock;
    CHECK_INT(c, kafka_scan_new(&brokers->scan, &options, streams_max, 1, &error), 0);
}

static void tear_down(struct brokers *brokers)
{
    kafka_scan_free(brokers->scan);
    clock_free(brokers->clock);
    rd_kafka_mock_cluster_destroy(brokers->mock);
    rd_kafka_destroy(brokers->rk);
}

static size_t opened(struct checks *c, struct brokers *brokers, const char *topic, int32_t partition, int64_t offset)
{
    size_t stream = 0;

    CHECK_INT(c, kafka_scan_open(brokers->scan, topic, partition, offset, &stream), 0);
    return stream;
}

/* The next that comes is this message. */
static void expect(struct checks *c, struct brokers *brokers, size_t stream, int32_t partition, int64_t offset)
{
    struct kafka_message message = {.kind = KAFKA_END};
    struct kafka_header header;
    char value[32];

    CHECK_INT(c, kafka_scan_next(brokers->scan, stream, WAIT_MS, &message), 1);
    CHECK_INT(c, message.kind, KAFKA_MESSAGE);
    CHECK_TEXT(c, message.topic, "orders");
    CHECK_INT(c, message.partition, partition);
    CHECK_INT(c, message.offset, offset);
    snprintf(value, sizeof value, "%d/%lld", partition, (long long)offset);
    CHECK(c, bytes_equal_text(message.value, value));
    CHECK_INT(c, kafka_message_headers(&message, &header, 1), 1);
    CHECK(c, bytes_equal_text(header.value, value));
    kafka_message_free(&message);
}

static void expect_end(struct checks *c, struct brokers *brokers, size_t stream, int64_t offset)
{
    struct kafka_message message = {.kind = KAFKA_MESSAGE};

    CHECK_INT(c, kafka_scan_next(brokers->scan, stream, WAIT_MS, &message), 1);
    CHECK_INT(c, message.kind, KAFKA_END);
    CHECK_INT(c, message.offset, offset);
    kafka_message_free(&message);
}

static void expect_failure(struct checks *c, struct brokers *brokers, size_t stream, int error)
{
    struct kafka_message message = {.kind = KAFKA_MESSAGE};

    CHECK_INT(c, kafka_scan_next(brokers->scan, stream, WAIT_MS, &message), 1);
    CHECK_INT(c, message.kind, KAFKA_FAILED);
    CHECK_INT(c, message.error, error);
    CHECK(c, message.reason && *message.reason);
    kafka_message_free(&message);
}

static void each_partition_is_read_in_its_order(struct checks *c)
{
    struct brokers brokers;
    size_t streams[PARTITIONS];

    set_up(c, &brokers, PARTITIONS);
    for (int32_t p = 0; p < PARTITIONS; p++) {
        fill(c, &brokers, "orders", p, MESSAGES);
        streams[p] = opened(c, &brokers, "orders", p, p);
    }
    for (int64_t offset = 2; offset < MESSAGES; offset++)     /* the second partition one behind, the third not at all */
        for (int32_t p = 0; p < 2; p++)
            expect(c, &brokers, streams[p], p, offset - 2 + p);
    for (int64_t offset = 2; offset < MESSAGES; offset++)
        expect(c, &brokers, streams[2], 2, offset);
    expect_end(c, &brokers, streams[2], MESSAGES);
    tear_down(&brokers);
}

static void the_end_is_said_again_after_more_came(struct checks *c)
{
    struct brokers brokers;
    struct kafka_message message;
    size_t stream;

    set_up(c, &brokers, 1);
    stream = opened(c, &brokers, "orders", 1, 0);
    expect_end(c, &brokers, stream, 0);
    CHECK_INT(c, kafka_scan_next(brokers.scan, stream, 0, &message), 0);
    fill(c, &brokers, "orders", 1, 1);
    expect(c, &brokers, stream, 1, 0);
    expect_end(c, &brokers, stream, 1);
    tear_down(&brokers);
}

static void a_partition_is_closed_and_opened_elsewhere(struct checks *c)
{
    struct brokers brokers;
    size_t stream, other;

    set_up(c, &brokers, 1);
    fill(c, &brokers, "orders", 0, MESSAGES);
    stream = opened(c, &brokers, "orders", 0, 1000);
    expect(c, &brokers, stream, 0, 1000);
    CHECK_INT(c, kafka_scan_open(brokers.scan, "orders", 0, 0, &other), -EEXIST);
    CHECK_INT(c, kafka_scan_open(brokers.scan, "orders", 1, 0, &other), -ENOBUFS);
    kafka_scan_close(brokers.scan, stream);
    for (int64_t offset = 10; offset < 13; offset++) {
        stream = opened(c, &brokers, "orders", 0, offset);
        expect(c, &brokers, stream, 0, offset);
        expect(c, &brokers, stream, 0, offset + 1);
        kafka_scan_close(brokers.scan, stream);
    }
    tear_down(&brokers);
}

static void what_cannot_be_read_says_why(struct checks *c)
{
    struct brokers brokers;

    set_up(c, &brokers, 1);
    fill(c, &brokers, "orders", 0, 3);
    expect_failure(c, &brokers, opened(c, &brokers, "orders", 0, 4), -ERANGE);
    tear_down(&brokers);
}

static void brokers_that_are_away_are_said_to_be(struct checks *c)
{
    struct brokers brokers;
    struct kafka_message message;
    size_t stream;
    int r = 0;

    set_up(c, &brokers, 1);
    fill(c, &brokers, "orders", 0, 1);
    stream = opened(c, &brokers, "orders", 0, 0);
    expect(c, &brokers, stream, 0, 0);
    expect_end(c, &brokers, stream, 1);
    rd_kafka_mock_broker_set_down(brokers.mock, 1);
    for (int tries = 0; !r && tries < 100; tries++)
        r = kafka_scan_next(brokers.scan, stream, 100, &message);
    CHECK_INT(c, r, -EAGAIN);
    rd_kafka_mock_broker_set_up(brokers.mock, 1);
    fill(c, &brokers, "orders", 0, 2);
    for (int tries = 0; r != 1 && tries < 200; tries++)
        r = kafka_scan_next(brokers.scan, stream, 100, &message);
    CHECK_INT(c, message.kind, KAFKA_MESSAGE);
    CHECK_INT(c, message.offset, 1);
    kafka_message_free(&message);
    tear_down(&brokers);
}

TESTS({"each partition is read in its order", each_partition_is_read_in_its_order},
      {"the end is said again after more came", the_end_is_said_again_after_more_came},
      {"a partition is closed and opened elsewhere", a_partition_is_closed_and_opened_elsewhere},
      {"what cannot be read says why", what_cannot_be_read_says_why},
      {"brokers that are away are said to be", brokers_that_are_away_are_said_to_be})
