/* What `orderd status` shows: rates and quantiles of a window, and pages of every width. */
#include "check.h"

#include <stdlib.h>

#include "seam/json.h"
#include "service/pen.h"
#include "service/status.h"

static struct picture picture;
static struct sight sight;
static struct sight_options names = {.redis = "/run/redis.sock", .brokers = "kafka:9092", .group = "orders-eu"};
static struct status_view view;

/* Three partitions of a topic: one goes on, one is paused, one was refused. */
static void make_view(void)
{
    static struct picture_partition partitions[3];

    for (int i = 0; i < 3; i++) {
        partitions[i] = (struct picture_partition){.number = i, .state = PARTITION_OWNED, .next = 12345678, .done = 12345600, .committed = 12345600, .end = 12346000,
                                                   .lag = 322, .next_timestamp = 99000, .unfinished_timestamp = 98000, .outbox_entries = 3, .outbox_bytes = 4096};
        snprintf(partitions[i].topic, sizeof partitions[i].topic, "orders-of-a-very-long-name-that-fills-every-narrow-terminal-and-more");
    }
    partitions[1].paused = partitions[1].pause.set = true;
    snprintf(partitions[1].pause.note, sizeof partitions[1].pause.note, "uid 0: the \033[31mprice\nfeed \xc2\x9b" "31m K\xc3\xb6ln \x9b");
    partitions[2].state = PARTITION_STOPPED;
    snprintf(partitions[2].refusal, sizeof partitions[2].refusal, "the log starts above; orderd init -c orderd.conf --accept-gap orders:2");
    picture = (struct picture){.redis_up = true, .sink_up = true, .gate_open = true, .joined = true, .kafka_brokers_up = 1, .era = 1, .partitions = partitions,
                               .partitions_count = 3, .held = 17, .held_max = 5000, .events_limit = 500};
    meters_init(&picture.meters);
    sight = (struct sight){.options = &names, .phase = BOARD_RUNNING, .picture = &picture, .redis_up = true, .kafka_up = true, .now = 100000};
    view = (struct status_view){.sight = &sight, .state = "degraded", .sentence = "running with 1 partition; 1 refused", .version = "9.9", .librdkafka = "2.0.2", .errors_count = 1};
    view.errors[0] = (struct log_recent){.time = 90000, .level = LOG_LEVEL_WARNING, .text = "redis is away error=\"\xff\xfe gone\""};
    tally_of(&view.recent, &picture.meters, 10000);
    tally_of(&view.ever, &picture.meters, 0);
    health_ready(&view.health, &sight);
}

/* In characters. */
static int longest_line(const char *text)
{
    int longest = 0, size = 0;

    for (; *text; text++) {
        size = *text == '\n' ? 0 : size + (((unsigned char)*text & 0xc0) != 0x80);
        longest = size > longest ? size : longest;
    }
    return longest;
}

static void no_line_is_longer_than_the_terminal(struct checks *c)
{
    static const int widths[] = {40, 60, 80, 100, 132, 240};
    struct buffer page;

    make_view();
    buffer_init(&page, 1 << 20);
    for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
        buffer_reset(&page);
        status_put_text(&page, &view, widths[i], false);
        CHECK(c, buffer_error(&page) == 0 && longest_line(buffer_text(&page)) <= widths[i]);
        CHECK(c, strstr(buffer_text(&page), ":2 ") != NULL);          /* a partition's number is never cut */
        CHECK(c, strstr(buffer_text(&page), "--accept-gap") != NULL);
    }
    buffer_deinit(&page);
}

static void no_foreign_text_moves_the_cursor(struct checks *c)
{
    struct buffer page;

    make_view();
    buffer_init(&page, 1 << 20);
    status_put_text(&page, &view, 100, false);
    CHECK(c, strchr(buffer_text(&page), '\033') == NULL);
    CHECK(c, strstr(buffer_text(&page), "the ?[31mprice?feed ?31m K\xc3\xb6ln ?\n") != NULL);
    buffer_reset(&page);
    status_put_text(&page, &view, 100, true);
    CHECK(c, strstr(buffer_text(&page), "\033[1;31m") != NULL);
    buffer_deinit(&page);
}

static void programs_get_one_object(struct checks *c)
{
    struct error_text error = {""};
    struct json_member member;
    struct buffer line;
    struct json json;

    make_view();
    buffer_init(&line, 1 << 20);
    buffer_put_char(&line, '{');
    status_put_json(&line, &view);
    buffer_put_char(&line, '}');
    CHECK(c, memchr(line.data, '\n', line.size) == NULL);
    CHECK_INT(c, json_object_parse(&json, buffer_bytes(&line), &error), JSON_OK);
    CHECK_TEXT(c, error.text, "");
    CHECK(c, json_member_get(&json, "partitions", &member) && member.type == JSON_TYPE_ARRAY);
    CHECK(c, json_member_get(&json, "lag", &member) && member.integer == 966);
    CHECK(c, json_member_get(&json, "halt", &member) && member.type == JSON_TYPE_NULL);
    CHECK(c, json_member_get(&json, "reapply", &member) && member.type == JSON_TYPE_NULL);
    json_release(&json);
    buffer_deinit(&line);
}

static void a_daemon_that_only_starts_has_a_status(struct checks *c)
{
    struct buffer page;

    make_view();
    picture = (struct picture){.gate_open = true, .sink_up = true};
    meters_init(&picture.meters);
    sight.phase = BOARD_REDIS;
    sight.redis_up = false;
    health_ready(&view.health, &sight);
    buffer_init(&page, 1 << 20);
    status_put_text(&page, &view, 80, false);
    status_put_json(&page, &view);
    CHECK_INT(c, buffer_error(&page), 0);
    buffer_deinit(&page);
}

static void the_window_holds_the_last_ten_seconds(struct checks *c)
{
    struct window window = {.count = 0};
    struct meters meters;
    struct tally recent;

    meters_init(&meters);
    window_read(&window, &recent);
    CHECK_INT(c, recent.at, 0);
    for (int second = 0; second <= 30; second++) {
        meters.decided[0][STATUS_APPLIED] += 7;
        histogram_add(&meters.exec_us, second, 1);
        window_note(&window, &meters, 1000 * second);
        window_note(&window, &meters, 1000 * second + 999);      /* too early to be another one */
    }
    window_read(&window, &recent);
    CHECK_INT(c, recent.at, 10000);
    CHECK_INT(c, (int64_t)recent.statuses[STATUS_APPLIED], 70);
    CHECK_INT(c, (int64_t)recent.exec_us.count, 10);
}

static void quantiles_lie_within_their_bucket(struct checks *c)
{
    struct meters meters;
    bool beyond;

    meters_init(&meters);
    CHECK(c, histogram_quantile(&meters.end_to_end_ms, 0.5, &beyond) < 0);
    histogram_add(&meters.end_to_end_ms, 30, 90);
    histogram_add(&meters.end_to_end_ms, 200, 10);
    CHECK(c, histogram_quantile(&meters.end_to_end_ms, 0.5, &beyond) > 25 && histogram_quantile(&meters.end_to_end_ms, 0.5, &beyond) <= 50);
    CHECK(c, histogram_quantile(&meters.end_to_end_ms, 0.95, &beyond) > 100 && !beyond);
    histogram_add(&meters.end_to_end_ms, 1000000, 900);
    CHECK(c, histogram_quantile(&meters.end_to_end_ms, 0.95, &beyond) == 60000 && beyond);
}

static void numbers_are_written_for_people(struct checks *c)
{
    char out[PEN_NUMBER_SIZE];

    CHECK_TEXT(c, pen_count(out, 0), "0");
    CHECK_TEXT(c, pen_count(out, 999), "999");
    CHECK_TEXT(c, pen_count(out, 12345678), "12,345,678");
    CHECK_TEXT(c, pen_count(out, -1), "?");
    CHECK_TEXT(c, pen_rate(out, 0), "0");
    CHECK_TEXT(c, pen_rate(out, 0.04), "0.04");
    CHECK_TEXT(c, pen_rate(out, 3.44), "3.4");
    CHECK_TEXT(c, pen_rate(out, 99.96), "100");
    CHECK_TEXT(c, pen_duration(out, 0), "0 ms");
    CHECK_TEXT(c, pen_duration(out, 0.84), "0.8 ms");
    CHECK_TEXT(c, pen_duration(out, 850), "850 ms");
    CHECK_TEXT(c, pen_duration(out, 1234), "1.2 s");
    CHECK_TEXT(c, pen_duration(out, 125000), "2 min");
    CHECK_TEXT(c, pen_duration(out, 7440000), "2 h 04 min");
    CHECK_TEXT(c, pen_duration(out, 183600000), "2 d 3 h");
}

TESTS({"no line is longer than the terminal", no_line_is_longer_than_the_terminal},
      {"no foreign text moves the cursor", no_foreign_text_moves_the_cursor},
      {"programs get one object", programs_get_one_object},
      {"a daemon that only starts has a status", a_daemon_that_only_starts_has_a_status},
      {"the window holds the last ten seconds", the_window_holds_the_last_ten_seconds},
      {"quantiles lie within their bucket", quantiles_lie_within_their_bucket},
      {"numbers are written for people", numbers_are_written_for_people})
