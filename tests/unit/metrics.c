/* The text format, and what /metrics makes of a picture. */
#include "check.h"

#include <stdlib.h>

#include "service/metrics.h"

enum { TEXT_LIMIT = 1 << 20 };

static const struct sight_options options = {.redis = "127.0.0.1:6379", .brokers = "127.0.0.1:9092", .group = "orderd", .silence_max_ms = 30000};

static void one_partition(struct picture *picture, const char *topic, int32_t number)
{
    picture_init(picture);
    picture->partitions = calloc(1, sizeof *picture->partitions);
    ASSERT(picture->partitions);
    picture->partitions_count = picture->partitions_capacity = 1;
    picture->partitions[0] = (struct picture_partition){.number = number, .state = PARTITION_OWNED, .lag = -1, .next = -1, .committed = -1, .start = -1, .end = -1};
    snprintf(picture->partitions[0].topic, sizeof picture->partitions[0].topic, "%s", topic);
}

static const char *scraped(struct buffer *out, const struct picture *picture)
{
    struct sight sight = {.options = &options, .phase = BOARD_RUNNING, .picture = picture, .redis_up = true, .kafka_up = true, .now = 1700000010000};

    buffer_init(out, TEXT_LIMIT);
    metrics_put(out, &sight);
    ASSERT(buffer_error(out) == 0);
    return buffer_text(out);
}

/* The whole line. */
static bool has(const char *text, const char *line)
{
    size_t size = strlen(line);

    for (const char *at = text; (at = strstr(at, line)); at++)
        if ((at == text || at[-1] == '\n') && at[size] == '\n')
            return true;
    return false;
}

static const char *sample(struct buffer *out, int64_t value, int64_t scale)
{
    buffer_reset(out);
    exposition_sample(out, "a", NULL, value, scale);
    return buffer_text(out);
}

static void numbers_are_exact(struct checks *c)
{
    struct buffer out;

    buffer_init(&out, TEXT_LIMIT);
    CHECK_TEXT(c, sample(&out, 0, 1000), "a 0\n");
    CHECK_TEXT(c, sample(&out, 1, 1000), "a 0.001\n");
    CHECK_TEXT(c, sample(&out, 2500, 1000000), "a 0.0025\n");
    CHECK_TEXT(c, sample(&out, 1700000000123, 1000), "a 1700000000.123\n");
    CHECK_TEXT(c, sample(&out, 5000, 1000), "a 5\n");
    CHECK_TEXT(c, sample(&out, -1500, 1000), "a -1.5\n");
    CHECK_TEXT(c, sample(&out, INT64_MAX, 1), "a 9223372036854775807\n");
    CHECK_TEXT(c, sample(&out, INT64_MIN, 1000), "a -9223372036854775.808\n");
    buffer_deinit(&out);
}

static void a_label_holds_any_text(struct checks *c)
{
    struct labels labels = {.items = {{"key", bytes_of("a\"b\\c\nd")}, {"other", bytes_of("")}}, .count = 2};
    struct buffer out;

    buffer_init(&out, TEXT_LIMIT);
    exposition_sample(&out, "a", &labels, 7, 1);
    CHECK_TEXT(c, buffer_text(&out), "a{key=\"a\\\"b\\\\c\\nd\",other=\"\"} 7\n");
    buffer_deinit(&out);
}

static void buckets_hold_all_below_them(struct checks *c)
{
    struct meters meters;
    struct buffer out;

    meters_init(&meters);
    meters.exec_us.bounds_count = 3;
    histogram_add(&meters.exec_us, 500, 1);
    histogram_add(&meters.exec_us, 501, 2);
    histogram_add(&meters.exec_us, 9999999, 1);
    buffer_init(&out, TEXT_LIMIT);
    exposition_histogram(&out, "h_seconds", &meters.exec_us, 1000000);
    CHECK_TEXT(c, buffer_text(&out), "h_seconds_bucket{le=\"0.0005\"} 1\nh_seconds_bucket{le=\"0.001\"} 3\nh_seconds_bucket{le=\"0.0025\"} 3\n"
               "h_seconds_bucket{le=\"+Inf\"} 4\nh_seconds_sum 10.001501\nh_seconds_count 4\n");
    buffer_deinit(&out);
}

static void everything_is_there_with_zero_before_anything_happened(struct checks *c)
{
    struct picture picture;
    struct buffer out;
    const char *text;

    picture_init(&picture);
    text = scraped(&out, &picture);
    CHECK(c, has(text, "orderd_events_total{type=\"purchase\",outcome=\"applied\"} 0"));
    CHECK(c, has(text, "orderd_events_consumed_total{type=\"unknown\"} 0"));
    CHECK(c, has(text, "orderd_event_reasons_total{reason=\"out_of_stock\"} 0"));
    CHECK(c, has(text, "orderd_dead_letters_total{reason=\"not_json\"} 0"));
    CHECK(c, has(text, "orderd_exec_conflicts_total 0"));
    CHECK(c, has(text, "orderd_end_to_end_seconds_bucket{le=\"+Inf\"} 0"));
    CHECK(c, has(text, "orderd_partitions{state=\"stopped\"} 0"));
    CHECK(c, has(text, "# TYPE orderd_consumer_lag_messages gauge"));
    CHECK(c, !strstr(text, "\norderd_consumer_lag_messages{"));
    CHECK(c, !strstr(text, "reason=\"\"") && !strstr(text, "letters_total{reason=\"out_of_stock\""));
    buffer_deinit(&out);
}

static void a_partition_shows_what_is_known_of_it(struct checks *c)
{
    struct picture picture;
    struct buffer out;
    const char *text;

    one_partition(&picture, "orders", 3);
    picture.partitions[0].next = 5;
    picture.partitions[0].next_timestamp = picture.partitions[0].unfinished_timestamp = 1700000000500;
    picture_learn_log(&picture.partitions[0], 0, 12);
    text = scraped(&out, &picture);
    CHECK(c, has(text, "orderd_consumer_lag_messages{topic=\"orders\",partition=\"3\"} 7"));
    CHECK(c, has(text, "orderd_consumer_lag_seconds{topic=\"orders\",partition=\"3\"} 9.5"));
    CHECK(c, has(text, "orderd_partition_next_offset{topic=\"orders\",partition=\"3\"} 5"));
    CHECK(c, has(text, "orderd_oldest_unfinished_timestamp_seconds{topic=\"orders\",partition=\"3\"} 1700000000.5"));
    CHECK(c, has(text, "orderd_partition_state{topic=\"orders\",partition=\"3\",state=\"owned\"} 1"));
    CHECK(c, has(text, "orderd_partition_state{topic=\"orders\",partition=\"3\",state=\"stopped\"} 0"));
    CHECK(c, !strstr(text, "\norderd_partition_committed_offset{"));
    buffer_deinit(&out);
    picture_deinit(&picture);
}

static void what_is_not_known_is_not_shown(struct checks *c)
{
    struct picture picture;
    struct buffer out;
    const char *text;

    one_partition(&picture, "orders", 0);
    picture.partitions[0].state = PARTITION_UNTAKEN;
    text = scraped(&out, &picture);
    CHECK(c, !strstr(text, "\norderd_consumer_lag_messages{") && !strstr(text, "\norderd_consumer_lag_seconds{"));
    CHECK(c, !strstr(text, "\norderd_oldest_unfinished_timestamp_seconds{"));
    CHECK(c, has(text, "orderd_partitions{state=\"untaken\"} 1"));
    buffer_deinit(&out);
    picture_deinit(&picture);
}

static void only_hot_keys_become_series(struct checks *c)
{
    struct picture picture;
    struct buffer out;
    const char *text;

    picture_init(&picture);
    picture.hot_writes[0] = (struct hot_key){.kind = VIEW_STOCK, .owner = {4, "7001"}, .shard = -1, .writes = 12.5, .writes_share = 0.5};
    picture.hot_writes[1] = (struct hot_key){.kind = VIEW_FUNDS, .owner = {2, "17"}, .shard = 3, .writes = 2, .writes_share = 0.04};
    picture.hot_writes_count = 2;
    picture.hot_conflicts[0] = (struct hot_key){.kind = VIEW_MARKET, .shard = 3, .conflicts = 0.3, .conflicts_share = 1};
    picture.hot_conflicts[1] = (struct hot_key){.kind = VIEW_FUNDS, .owner = {2, "17"}, .shard = -1, .conflicts = 0.1, .conflicts_share = 0.3};
    picture.hot_conflicts_count = 2;
    text = scraped(&out, &picture);
    CHECK(c, has(text, "orderd_hot_key_writes_per_second{key=\"stock:7001\"} 12.5"));
    CHECK(c, has(text, "orderd_hot_key_conflicts_per_second{key=\"{3}market:\"} 0.3"));
    CHECK(c, !strstr(text, "users:17"));
    buffer_deinit(&out);
}

TESTS({"numbers are exact", numbers_are_exact},
      {"a label holds any text", a_label_holds_any_text},
      {"buckets hold all below them", buckets_hold_all_below_them},
      {"everything is there with zero before anything happened", everything_is_there_with_zero_before_anything_happened},
      {"a partition shows what is known of it", a_partition_shows_what_is_known_of_it},
      {"what is not known is not shown", what_is_not_known_is_not_shown},
      {"only hot keys become series", only_hot_keys_become_series})
