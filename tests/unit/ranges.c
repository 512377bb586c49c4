/* --from and --to held against the fake brokers' logs: which part is meant, what is refused, and where its outcomes begin. */
#include "history/ranges.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "fake/world.h"
#include "ledger/shard.h"

enum { PARTITIONS = 2, HOUR_MS = 3600000 };
static const char ours[] = "8d7ce2f4-2f1c-4e88-a6f5-0c5a2d1f7d11";
static const char *const names[] = {"a", "b"};
static const struct start_topic topics[] = {{"a", PARTITIONS}, {"b", PARTITIONS}};

static struct world made;
static struct kafka_in *in;
static struct resolve_froms from, to;
static struct registry registry;

static void begin(void)
{
    struct kafka_in_options options = {.brokers = "n", .group = "g", .topics = names, .topics_count = 2};

    world_begin(&made);
    kafka_log_topic(&world->kafka, "a", PARTITIONS);
    kafka_log_topic(&world->kafka, "b", PARTITIONS);
    kafka_log_topic(&world->kafka, "out", PARTITIONS);
    ASSERT(kafka_in_new(&in, &options, NULL) == 0);
    from.count = to.count = 0;
    snprintf(registry.topics, sizeof registry.topics, "a=2 b=2");
}

static void end(void)
{
    kafka_in_free(in);
    world_end();
}

static struct log_partition *log_of(const char *topic, int32_t partition)
{
    return kafka_log_partition(&world->kafka, topic, partition);
}

/* A source message each hour. */
static void sources(const char *topic, int32_t partition, int count)
{
    for (int i = 0; i < count; i++) {
        struct logged message = {.timestamp = (int64_t)(i + 10) * HOUR_MS, .value = bytes_of("{}")};

        kafka_log_append(log_of(topic, partition), &message);
    }
}

/* In the outcome partition 0. */
static void outcome_of(const char *incarnation, const char *topic, int32_t partition, int64_t offset, int64_t hour)
{
    char id[64], source[64];
    struct kafka_header headers[] = {{bytes_of("ce_type"), bytes_of("orderd.outcome")}, {bytes_of("ce_id"), {id, 0}}, {bytes_of("ce_source"), {source, 0}}};
    struct logged message = {.timestamp = hour * HOUR_MS + 5, .value = bytes_of("{}"), .headers = headers, .headers_count = 3};

    headers[1].value.size = (size_t)snprintf(id, sizeof id, "%s/%d/%lld", topic, partition, (long long)offset);
    headers[2].value.size = (size_t)snprintf(source, sizeof source, "/orderd/%s", incarnation);
    kafka_log_append(log_of("out", 0), &message);
}

static void outcome(int64_t offset, int64_t hour)
{
    outcome_of(ours, "a", 0, offset, hour);
}

static struct resolve_from at(const char *topic, int32_t partition, int64_t offset)
{
    struct resolve_from place = {.kind = FROM_OFFSET, .value = offset, .partition = partition};

    snprintf(place.topic, sizeof place.topic, "%s", topic);
    return place;
}

/* What was made of the words, as "a:0:0-5@0-0 …": source offsets, and those of outcomes. */
static const char *found_of(int32_t number, const char *outcomes)
{
    static char out[1024];
    struct ranges_options options = {.in = in, .kafka = {.brokers = "n"}, .topics = topics, .topics_count = 2, .registry = &registry, .number = number,
                                     .outcomes = outcomes, .incarnation = ours, .from = &from, .to = &to, .timeout_ms = 1000};
    struct error_text error = {""};
    struct journal_range *ranges;
    size_t count;
    int r = ranges_make(&ranges, &count, &options, &error);

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        sprintf(out + strlen(out), outcomes ? "%s:%d:%lld-%lld@%lld-%lld " : "%s:%d:%lld-%lld ", ranges[i].topic, ranges[i].partition,
                (long long)ranges[i].from, (long long)ranges[i].to, (long long)ranges[i].outcomes_from, (long long)ranges[i].outcomes_to);
    free(ranges);
    if (r)
        snprintf(out, sizeof out, "%s: %s", r == -EPROTO ? "refused" : strerror(-r), error.text);
    return out;
}

static const char *found(void)
{
    return found_of(SHARD_NONE, NULL);
}

static void without_words_everything_is_meant(struct checks *c)
{
    begin();
    sources("a", 0, 5), sources("a", 1, 2), sources("b", 1, 1);
    kafka_log_trim(log_of("a", 0), 2);
    CHECK_TEXT(c, found(), "a:0:2-5 a:1:0-2 b:0:0-0 b:1:0-1 ");
    CHECK_TEXT(c, found_of(1, NULL), "a:1:0-2 b:1:0-1 ");
    end();
}

static void the_last_word_that_fits_rules(struct checks *c)
{
    begin();
    sources("a", 0, 5), sources("a", 1, 5), sources("b", 0, 5);
    from.items[0] = (struct resolve_from){.kind = FROM_END};
    from.items[1] = at("a", 1, 3);
    from.items[2] = at("b", 0, 1);
    from.count = 3;
    to.items[0] = at("b", 0, 2);
    to.items[1] = at("b", 0, 4);
    to.count = 2;
    CHECK_TEXT(c, found(), "a:0:5-5 a:1:3-5 b:0:1-4 b:1:0-0 ");
    end();
}

static void a_time_is_the_first_message_of_it_or_later(struct checks *c)
{
    begin();
    sources("a", 0, 5);
    from.items[0] = (struct resolve_from){.kind = FROM_TIME, .value = 12 * HOUR_MS - 1};
    to.items[0] = (struct resolve_from){.kind = FROM_TIME, .value = 100LL * HOUR_MS};
    from.count = to.count = 1;
    CHECK_TEXT(c, found_of(0, NULL), "a:0:2-5 b:0:0-0 ");
    end();
}

static void what_does_not_fit_the_logs_is_refused(struct checks *c)
{
    begin();
    sources("a", 0, 5);
    kafka_log_trim(log_of("a", 0), 2);
    from.count = 1;
    from.items[0] = at("a", 0, 1);
    CHECK_TEXT(c, found(), "refused: --from a:0:1: retention has deleted it, the log begins at 2; --from a:0:2 would be the earliest");
    from.items[0] = at("a", 0, 6);
    CHECK_TEXT(c, found(), "refused: --from a:0:6: the log ends at 5; --from a:0:5 would be the latest");
    from.items[0] = at("a", 7, 0);
    CHECK_TEXT(c, found(), "refused: --from a:7:0: there is no such partition, a has 2");
    from.items[0] = at("c", 0, 0);
    CHECK_TEXT(c, found(), "refused: --from c:0:0: this topic is not read; there are: a, b");
    from.items[0] = at("a", 1, 0);
    CHECK_TEXT(c, found_of(0, NULL), "refused: --from a:1:0: only partitions of number 0 are read");
    from.items[0] = at("a", 0, 4);
    to.items[0] = at("a", 0, 3);
    to.count = 1;
    CHECK_TEXT(c, found(), "refused: a:0: --from is offset 4, which lies behind --to, offset 3");
    end();
}

static void partitions_must_be_those_that_are_registered(struct checks *c)
{
    begin();
    snprintf(registry.topics, sizeof registry.topics, "a=2 b=1");
    CHECK_TEXT(c, found(), "refused: topic b has 2 partitions, but 1 are registered; orderd init --accept-repartition registers them");
    snprintf(registry.topics, sizeof registry.topics, "a=2");
    CHECK_TEXT(c, found(), "refused: topic b is not registered; orderd init --add-topic registers it");
    end();
}

static void outcomes_begin_an_hour_before_the_first_event(struct checks *c)
{
    begin();
    sources("a", 0, 8);
    for (int i = 0; i < 8; i++)
        outcome(i, 10 + i);
    from.items[0] = at("a", 0, 5);
    from.count = 1;
    CHECK_TEXT(c, found_of(0, "out"), "a:0:5-8@4-8 b:0:0-0@0-8 ");
    end();
}

/* Clocks that are more than an hour wrong, or none that shows the place: the whole partition is read. */
static void outcomes_begin_at_the_start_when_times_prove_nothing(struct checks *c)
{
    begin();
    sources("a", 0, 8);
    for (int i = 0; i < 8; i++)
        outcome(i, 7 + i);
    from.items[0] = at("a", 0, 3);
    from.count = 1;
    CHECK_TEXT(c, found_of(0, "out"), "a:0:3-8@0-8 b:0:0-0@0-8 ");
    end();
    begin();
    sources("a", 0, 8);
    outcome(0, 10);
    from.items[0] = at("a", 0, 3);
    from.count = 1;
    CHECK_TEXT(c, found_of(0, "out"), "a:0:3-8@0-1 b:0:0-0@0-1 ");
    end();
}

static void outcomes_of_others_prove_nothing(struct checks *c)
{
    static const struct { const char *incarnation, *topic; int32_t partition; } others[] = {
        {ours, "b", 0}, {ours, "a", 1}, {"00000000-2f1c-4e88-a6f5-0c5a2d1f7d11", "a", 0}};

    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        begin();
        sources("a", 0, 8);
        outcome(5, 3);
        outcome_of(others[i].incarnation, others[i].topic, others[i].partition, 0, 14);
        outcome(6, 15);
        from.items[0] = at("a", 0, 5);
        from.count = 1;
        CHECK_TEXT(c, found_of(0, "out"), "a:0:5-8@0-3 b:0:0-0@0-3 ");
        end();
    }
}

static void a_topic_that_is_not_there_is_said_to_be(struct checks *c)
{
    begin();
    CHECK_TEXT(c, found_of(1, "none"),
               "Resource temporarily unavailable: Kafka does not say where the log of none:1 begins and ends; is there such a partition?");
    end();
}

static void brokers_that_are_silent_are_said_to_be(struct checks *c)
{
    begin();
    world->weather.away = true;
    CHECK_TEXT(c, found(), "Connection timed out: Kafka does not say where logs begin and end: Connection timed out");
    end();
}

TESTS({"without words everything is meant", without_words_everything_is_meant},
      {"the last word that fits rules", the_last_word_that_fits_rules},
      {"a time is the first message of it or later", a_time_is_the_first_message_of_it_or_later},
      {"what does not fit the logs is refused", what_does_not_fit_the_logs_is_refused},
      {"partitions must be those that are registered", partitions_must_be_those_that_are_registered},
      {"outcomes begin an hour before the first event", outcomes_begin_an_hour_before_the_first_event},
      {"outcomes begin at the start when times prove nothing", outcomes_begin_at_the_start_when_times_prove_nothing},
      {"outcomes of others prove nothing", outcomes_of_others_prove_nothing},
      {"a topic that is not there is said to be", a_topic_that_is_not_there_is_said_to_be},
      {"brokers that are silent are said to be", brokers_that_are_silent_are_said_to_be})
