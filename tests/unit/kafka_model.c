/* The fake Kafka's logs and what is fetched from them: what a simulated history rests on, one sentence at a time. */
#include "check.h"
#include "fake/world.h"
#include "seam/kafka_in.h"

static struct world made;
static const char *const topics[] = {"t"};

static void begin(void)
{
    world_begin(&made);
    kafka_log_topic(&world->kafka, "t", 2);
}

static struct log_partition *log_of(const char *topic, int32_t partition)
{
    return kafka_log_partition(&world->kafka, topic, partition);
}

static void put_at(const char *topic, int32_t partition, const char *value, int64_t timestamp)
{
    struct logged message = {.timestamp = timestamp, .value = bytes_of(value)};

    kafka_log_append(log_of(topic, partition), &message);
}

static void put(int32_t partition, const char *value)
{
    put_at("t", partition, value, 0);
}

static struct kafka_in *consumer(const char *node)
{
    struct kafka_in_options options = {.brokers = node, .group = "g", .topics = topics, .topics_count = 1};
    struct error_text error;
    struct kafka_in *in;

    ASSERT(kafka_in_new(&in, &options, &error) == 0);
    return in;
}

static struct kafka_position at(int32_t partition, int64_t offset)
{
    return (struct kafka_position){.topic = "t", .partition = partition, .offset = offset};
}

static void assign(struct kafka_in *in, int32_t partition, int64_t offset)
{
    struct kafka_position position = at(partition, offset);

    ASSERT(kafka_in_assign(in, &position, 1) == 0);
}

/* What was taken, as "0:a 0:b 0:end@2". */
static const char *taken(struct kafka_in *in, size_t max, int timeout_ms)
{
    static struct buffer text;
    struct kafka_message messages[16];
    size_t count = kafka_in_take(in, messages, max, timeout_ms);

    if (!text.limit)
        buffer_init(&text, 1 << 16);
    buffer_reset(&text);
    for (size_t i = 0; i < count; i++) {
        buffer_put_format(&text, "%s%d:", i ? " " : "", messages[i].partition);
        if (messages[i].kind == KAFKA_MESSAGE)
            buffer_put_bytes(&text, messages[i].value);
        else
            buffer_put_format(&text, messages[i].kind == KAFKA_END ? "end@%lld" : "failed@%lld", (long long)messages[i].offset);
        kafka_message_free(&messages[i]);
    }
    return buffer_text(&text);
}

static void a_message_is_found_across_gaps(struct checks *c)
{
    struct log_partition *log;

    begin();
    log = log_of("t", 0);
    put(0, "a");
    kafka_log_skip(log, 3);
    put(0, "b");
    put(0, "c");
    put(0, "d");
    CHECK_INT(c, kafka_log_at(log, 1)->offset, 4);
    kafka_log_compact(log, 4, 6);
    CHECK_TEXT(c, kafka_log_at(log, 1)->value.data, "d");
    CHECK_INT(c, kafka_log_at(log, 1)->offset, 6);
    CHECK(c, kafka_log_at(log, 7) == NULL);
    CHECK_INT(c, log->end, 7);
    world_end();
}

static void what_was_trimmed_is_not_found_but_kept(struct checks *c)
{
    struct log_partition *log;

    begin();
    log = log_of("t", 0);
    put(0, "a");
    put(0, "b");
    kafka_log_trim(log, 1);
    CHECK_TEXT(c, kafka_log_at(log, 0)->value.data, "b");
    CHECK_TEXT(c, log->messages[0].value.data, "a");
    world_end();
}

static void what_was_truncated_is_written_anew(struct checks *c)
{
    struct log_partition *log;

    begin();
    log = log_of("t", 0);
    put(0, "a");
    put(0, "b");
    put(0, "c");
    kafka_log_truncate(log, 1);
    CHECK(c, kafka_log_at(log, 1) == NULL);
    put(0, "d");
    CHECK_TEXT(c, kafka_log_at(log, 1)->value.data, "d");
    CHECK_INT(c, log->end, 2);
    world_end();
}

static void a_time_finds_the_first_message_not_before_it(struct checks *c)
{
    struct kafka_in *in;
    int64_t offset = -1;

    begin();
    in = consumer("A");
    put_at("t", 0, "a", 100);
    put_at("t", 0, "b", 300);
    put_at("t", 0, "c", 200);
    CHECK_INT(c, kafka_in_offset_at(in, "t", 0, 150, &offset, 1000), 0);
    CHECK_INT(c, offset, 1);
    CHECK_INT(c, kafka_in_offset_at(in, "t", 0, 301, &offset, 1000), 0);
    CHECK_INT(c, offset, 3);
    kafka_in_free(in);
    world_end();
}

/* Absent and empty stay apart, and a message lives on when its topic does not; also as a copy of its own. */
static void a_message_is_handed_over_as_it_was_written(struct checks *c)
{
    struct kafka_header headers[] = {{bytes_of("h"), {NULL, 0}}, {bytes_of("i"), {"", 0}}}, found[4];
    struct logged message = {.timestamp = 7, .key = {"", 0}, .headers = headers, .headers_count = 2};

    for (int copies = 0; copies < 2; copies++) {
        struct kafka_in *in;
        struct kafka_message got;

        begin();
        world->kafka.copies = copies;
        kafka_log_append(log_of("t", 0), &message);
        in = consumer("A");
        assign(in, 0, 0);
        CHECK_INT(c, kafka_in_take(in, &got, 1, 0), 1);
        kafka_log_delete(&world->kafka, "t");
        CHECK(c, got.key.data && !got.value.data && got.timestamp == 7);
        CHECK_INT(c, kafka_message_headers(&got, found, 4), 2);
        CHECK(c, bytes_equal_text(found[0].name, "h") && !found[0].value.data && found[1].value.data);
        kafka_message_free(&got);
        kafka_in_free(in);
        world_end();
    }
}

static void an_end_is_said_once_and_again_after_more(struct checks *c)
{
    struct kafka_in *in;

    begin();
    in = consumer("A");
    put(0, "a");
    assign(in, 0, 0);
    CHECK_TEXT(c, taken(in, 16, 0), "0:a 0:end@1");
    CHECK_TEXT(c, taken(in, 16, 0), "");
    put(0, "b");
    CHECK_TEXT(c, taken(in, 16, 0), "0:b 0:end@2");
    kafka_log_skip(log_of("t", 0), 1);
    world->weather.prefetch = 10;
    CHECK_TEXT(c, taken(in, 16, 0), "0:end@3");
    kafka_in_free(in);
    world_end();
}

static void what_was_fetched_ahead_outlives_retention_but_no_assignment(struct checks *c)
{
    struct kafka_in *in;

    begin();
    world->weather.prefetch = 3;
    in = consumer("A");
    for (int i = 0; i < 6; i++)
        put(0, (char[]){(char)('a' + i), '\0'});
    assign(in, 0, 0);
    CHECK_TEXT(c, taken(in, 1, 0), "0:a");
    kafka_log_trim(log_of("t", 0), 5);
    CHECK_TEXT(c, taken(in, 2, 0), "0:b 0:c");
    CHECK_TEXT(c, taken(in, 2, 0), "0:failed@3");
    CHECK_TEXT(c, taken(in, 2, 0), "");
    assign(in, 0, 5);
    CHECK_TEXT(c, taken(in, 1, 0), "0:f");
    assign(in, 0, 5);
    CHECK_TEXT(c, taken(in, 1, 0), "0:f");
    kafka_in_free(in);
    world_end();
}

static void a_fetch_takes_its_time(struct checks *c)
{
    struct kafka_in *in;

    begin();
    world->weather.prefetch = 10;
    world->weather.fetch_ms = (struct kafka_range){4, 4};
    in = consumer("A");
    put(0, "a");
    assign(in, 0, 0);
    CHECK_TEXT(c, taken(in, 16, 3), "");
    CHECK_TEXT(c, taken(in, 16, 1), "0:a 0:end@1");
    put(0, "b");
    CHECK_TEXT(c, taken(in, 16, 0), "");
    CHECK_TEXT(c, taken(in, 16, 4), "0:b 0:end@2");
    kafka_in_free(in);
    world_end();
}

/* Somebody writes in the third ms of each wait that is longer. */
static void write_meanwhile(struct node *node, int64_t ms)
{
    if (ms < 3) {
        world->now += ms;
        return;
    }
    world->now += 3;
    put(0, "late");
    world->now += node->listens ? ms - 3 : 0;
}

static void stop_waiting(struct node *node)
{
    node->listens = false;
}

static void who_listens_is_woken_by_a_message(struct checks *c)
{
    struct kafka_in *in;

    begin();
    in = consumer("A");
    assign(in, 0, 0);
    CHECK_TEXT(c, taken(in, 16, 0), "0:end@0");
    world->wait = write_meanwhile;
    world->wake = stop_waiting;
    CHECK_TEXT(c, taken(in, 16, 40), "0:late 0:end@1");
    CHECK_INT(c, world->now, 3);
    kafka_in_free(in);
    world_end();
}

static void partitions_take_turns(struct checks *c)
{
    struct kafka_position both[] = {at(0, 0), at(1, 0)};
    struct kafka_in *in;

    begin();
    world->weather.batch = 2;
    in = consumer("A");
    for (int i = 0; i < 3; i++) {
        put(0, "x");
        put(1, "y");
    }
    CHECK_INT(c, kafka_in_assign(in, both, 2), 0);
    CHECK_TEXT(c, taken(in, 8, 0), "0:x 0:x 1:y 1:y 0:x 0:end@3 1:y 1:end@3");
    kafka_in_free(in);
    world_end();
}

/* The group's commits went with the old topic; whoever reads on where it stood reads in the middle of the new one (kafka.md 7). */
static void a_topic_made_anew_is_another_one(struct checks *c)
{
    struct kafka_position position = at(0, 1);
    struct kafka_in *in;

    begin();
    in = consumer("A");
    group_gives("A", "t", 0);
    put(0, "a");
    put(0, "b");
    assign(in, 0, 1);
    CHECK_INT(c, kafka_in_commit(in, &position, 1, 100), 0);
    kafka_log_delete(&world->kafka, "t");
    CHECK_INT(c, kafka_in_bounds(in, "t", 0, &(int64_t){0}, &(int64_t){0}, 10), -ENOENT);
    kafka_log_topic(&world->kafka, "t", 1);
    CHECK_TEXT(c, taken(in, 16, 0), "0:failed@1");
    put(0, "c");
    put(0, "d");
    assign(in, 0, 1);
    CHECK_TEXT(c, taken(in, 16, 0), "0:d 0:end@2");
    CHECK_INT(c, kafka_in_committed(in, &position, 1, 10), 0);
    CHECK_INT(c, position.offset, KAFKA_OFFSET_NONE);
    kafka_in_free(in);
    world_end();
}

static void a_reader_reads_to_the_end_or_says_that_it_cannot(struct checks *c)
{
    struct kafka_in_options options = {.brokers = "A"};
    struct kafka_reader *reader;
    struct kafka_message message;
    struct error_text error;

    begin();
    CHECK_INT(c, kafka_reader_new(&reader, &options, &error), 0);
    put(0, "a");
    kafka_log_skip(log_of("t", 0), 1);
    CHECK_INT(c, kafka_reader_open(reader, "t", 0, 0), 0);
    CHECK(c, kafka_reader_next(reader, 10, &message) == 1 && message.kind == KAFKA_MESSAGE);
    CHECK(c, kafka_reader_next(reader, 10, &message) == 1 && message.kind == KAFKA_END && message.offset == 2);
    CHECK_INT(c, kafka_reader_next(reader, 10, &message), 0);
    kafka_log_trim(log_of("t", 0), 1);
    CHECK_INT(c, kafka_reader_open(reader, "t", 0, 0), 0);
    CHECK(c, kafka_reader_next(reader, 10, &message) == 1 && message.kind == KAFKA_FAILED && message.error == -ERANGE);
    world->weather.away = true;
    CHECK_INT(c, kafka_reader_open(reader, "t", 0, 1), 0);
    CHECK_INT(c, kafka_reader_next(reader, 10, &message), 0);
    kafka_reader_free(reader);
    world_end();
}

static void a_question_times_out_while_the_brokers_are_away(struct checks *c)
{
    struct kafka_group_event event;
    int64_t start, end;
    struct kafka_in *in;

    begin();
    in = consumer("A");
    world->weather.away = true;
    CHECK_INT(c, kafka_in_bounds(in, "t", 0, &start, &end, 300), -ETIMEDOUT);
    CHECK_INT(c, world->now, 300);
    CHECK(c, kafka_in_serve(in, 0, &event) && event.kind == KAFKA_TROUBLE && event.error == -EAGAIN);
    CHECK(c, !kafka_in_serve(in, 0, &event));
    world->weather.away = false;
    CHECK_INT(c, kafka_in_bounds(in, "t", 0, &start, &end, 300), 0);
    kafka_in_free(in);
    world_end();
}

static void a_dead_consumer_has_no_effect(struct checks *c)
{
    struct kafka_position position = at(0, 1);
    struct kafka_group_event event;
    struct kafka_message message;
    struct kafka_in *in;

    begin();
    in = consumer("A");
    put(0, "a");
    group_gives("A", "t", 0);
    assign(in, 0, 0);
    world_node("A")->dead = true;
    CHECK(c, kafka_in_commit(in, &position, 1, 100) != 0 && kafka_in_committed(in, &position, 1, 100) != 0);
    CHECK(c, !kafka_in_serve(in, 100, &event) && kafka_in_take(in, &message, 1, 100) == 0);
    kafka_in_free(in);
    kafka_catch_up();
    CHECK_INT(c, log_of("t", 0)->committed, KAFKA_OFFSET_NONE);
    world_end();
}

TESTS({"a message is found across gaps", a_message_is_found_across_gaps},
      {"what was trimmed is not found, but kept", what_was_trimmed_is_not_found_but_kept},
      {"what was truncated is written anew", what_was_truncated_is_written_anew},
      {"a time finds the first message not before it", a_time_finds_the_first_message_not_before_it},
      {"a message is handed over as it was written", a_message_is_handed_over_as_it_was_written},
      {"an end is said once, and again after more", an_end_is_said_once_and_again_after_more},
      {"what was fetched ahead outlives retention, but no assignment", what_was_fetched_ahead_outlives_retention_but_no_assignment},
      {"a fetch takes its time", a_fetch_takes_its_time}, {"who listens is woken by a message", who_listens_is_woken_by_a_message},
      {"partitions take turns", partitions_take_turns},
      {"a topic made anew is another one", a_topic_made_anew_is_another_one},
      {"a reader reads to the end, or says that it cannot", a_reader_reads_to_the_end_or_says_that_it_cannot},
      {"a question times out while the brokers are away", a_question_times_out_while_the_brokers_are_away},
      {"a dead consumer has no effect", a_dead_consumer_has_no_effect})
