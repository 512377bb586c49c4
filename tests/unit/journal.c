/* The log read back from the fake brokers: what comes, in which order, and what is passed over. */
#include "history/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "fake/world.h"

enum { PARTITIONS = 3, RANGES = 4 };
static const char ours[] = "8d7ce2f4-2f1c-4e88-a6f5-0c5a2d1f7d11", theirs[] = "00000000-2f1c-4e88-a6f5-0c5a2d1f7d11";

static struct world made;
static char recorded[4096];               /* what the record callback saw, as "0@0=0 0@1=- " */
static bool by_a_thread;                  /* read the journals that are opened next */
static int waits;                         /* how often the journal had nothing */

static void begin(void)
{
    world_begin(&made);
    world->kafka.copies = true;
    kafka_log_topic(&world->kafka, "a", PARTITIONS);
    kafka_log_topic(&world->kafka, "b", PARTITIONS);
    kafka_log_topic(&world->kafka, "out", PARTITIONS);
}

static struct log_partition *log_of(const char *topic, int32_t partition)
{
    return kafka_log_partition(&world->kafka, topic, partition);
}

/* So many source messages. */
static void sources(const char *topic, int32_t partition, int count)
{
    struct logged message = {.value = bytes_of("{}")};

    for (int i = 0; i < count; i++)
        kafka_log_append(log_of(topic, partition), &message);
}

/* `sequence` < 0: none. */
static void outcome_of(const char *incarnation, int32_t into, const char *topic, int32_t partition, int64_t offset, int64_t sequence)
{
    char id[64], source[64], text[SEQUENCE_TEXT_SIZE];
    struct kafka_header headers[] = {{bytes_of("ce_type"), bytes_of("orderd.outcome")}, {bytes_of("ce_id"), {id, 0}},
                                     {bytes_of("ce_source"), {source, 0}}, {bytes_of("ce_sequence"), {text, SEQUENCE_TEXT_SIZE - 1}}};
    struct logged message = {.value = bytes_of("{}"), .headers = headers, .headers_count = sequence < 0 ? 3 : 4};

    headers[1].value.size = (size_t)snprintf(id, sizeof id, "%s/%d/%lld", topic, partition, (long long)offset);
    headers[2].value.size = (size_t)snprintf(source, sizeof source, "/orderd/%s", incarnation);
    sequence_text(text, 1, (struct stream_id){(uint64_t)(sequence < 0 ? 0 : sequence), 0}, 0);
    kafka_log_append(log_of("out", into), &message);
}

static void outcome(int32_t partition, int64_t offset, int64_t sequence)
{
    outcome_of(ours, partition, "a", partition, offset, sequence);
}

static struct journal_range range_of(const char *topic, int32_t partition, int64_t from, int64_t to)
{
    struct journal_range range = {.partition = partition, .from = from, .to = to, .outcomes_from = log_of("out", partition)->start,
                                  .outcomes_to = log_of("out", partition)->end};

    snprintf(range.topic, sizeof range.topic, "%s", topic);
    return range;
}

static struct journal_range all_of(const char *topic, int32_t partition)
{
    return range_of(topic, partition, log_of(topic, partition)->start, log_of(topic, partition)->end);
}

static void note_record(void *context, const struct kafka_message *outcome, int64_t range)
{
    size_t size = strlen(recorded);

    (void)context;
    snprintf(recorded + size, sizeof recorded - size, range < 0 ? "%d@%lld=- " : "%d@%lld=%lld ", outcome->partition, (long long)outcome->offset,
             (long long)range);
}

static struct journal *opened(struct checks *c, bool outcomes, bool with_sources, bool record, const struct journal_range *ranges, size_t count)
{
    struct journal_options options = {.kafka = {.brokers = "n"}, .outcomes = outcomes ? "out" : NULL, .incarnation = ours, .sources = with_sources,
                                      .ranges = ranges, .ranges_count = count, .kbytes = 1024, .ahead = by_a_thread, .record = record ? note_record : NULL};
    struct error_text error = {""};
    struct journal *journal = NULL;

    recorded[0] = '\0';
    CHECK_INT(c, journal_new(&journal, &options, &error), 0);
    return journal;
}

static void put_event(char *out, struct journal_event *event)
{
    out += strlen(out);
    sprintf(out, "%s%zu:%lld", event->sourced && event->recorded ? "" : event->sourced ? "s" : "r", event->range, (long long)event->offset);
    strcat(out, " ");
}

/* Everything that the journal hands out, as "0:5 s1:3 r0:6 ": range and offset, s: without an outcome, r: without its source; how it ended where
 * it does not end well. */
static const char *played(struct journal *journal)
{
    static char out[16384];
    struct journal_event event;
    struct error_text error;
    int r = 1;

    waits = 0;
    out[0] = '\0';
    while (r == 1 || (r == -EAGAIN && waits++ < 1000)) {
        r = journal_next(journal, 100, &event, &error);
        if (r == 1) {
            put_event(out, &event);
            journal_event_free(&event);
        }
    }
    if (r)
        sprintf(out + strlen(out), "%s: %s", strerror(-r), error.text);
    return out;
}

static void expect_of(struct checks *c, bool outcomes, bool with_sources, const struct journal_range *ranges, size_t count, const char *expected)
{
    for (int i = 0; i < 2; i++) {
        struct journal *journal;

        by_a_thread = i == 1;
        journal = opened(c, outcomes, with_sources, false, ranges, count);
        CHECK_TEXT(c, played(journal), expected);
        journal_free(journal);
    }
    by_a_thread = false;
    world_end();
}

/* The whole of topic "a", with outcomes and sources. */
static void expect(struct checks *c, const char *expected)
{
    struct journal_range ranges[PARTITIONS];

    for (int32_t p = 0; p < PARTITIONS; p++)
        ranges[p] = all_of("a", p);
    for (int i = 0; i < 2; i++) {
        struct journal *journal;

        by_a_thread = i == 1;
        journal = opened(c, true, true, false, ranges, PARTITIONS);
        CHECK_TEXT(c, played(journal), expected);
        for (size_t p = 0; p < PARTITIONS; p++)
            CHECK_INT(c, journal_position(journal, p), ranges[p].to);
        journal_free(journal);
    }
    by_a_thread = false;
    world_end();
}

static void decisions_come_in_the_order_of_their_sequence(struct checks *c)
{
    begin();
    for (int32_t p = 0; p < PARTITIONS; p++)
        sources("a", p, 3);
    outcome(0, 0, 3), outcome(0, 1, 4), outcome(0, 2, 9);
    outcome(1, 0, 1), outcome(1, 1, 5), outcome(1, 2, 6);
    outcome(2, 0, 2), outcome(2, 1, 7), outcome(2, 2, 8);
    expect(c, "1:0 2:0 0:0 0:1 1:1 1:2 2:1 2:2 0:2 ");
}

static void copies_are_passed_over(struct checks *c)
{
    begin();
    sources("a", 0, 4);
    outcome(0, 0, 1), outcome(0, 0, 1), outcome(0, 1, 2), outcome(0, 2, 3), outcome(0, 1, 2), outcome(0, 2, 3), outcome(0, 3, 4), outcome(0, 0, 1);
    expect(c, "0:0 0:1 0:2 0:3 ");
}

static void what_has_no_outcome_comes_before_what_has_one(struct checks *c)
{
    begin();
    sources("a", 0, 5), sources("a", 1, 2);
    outcome(0, 1, 5), outcome(0, 3, 7);
    outcome(1, 0, 6);
    expect(c, "s0:0 0:1 1:0 s0:2 0:3 s0:4 s1:1 ");
}

static void gaps_and_compacted_sources_are_told(struct checks *c)
{
    begin();
    sources("a", 0, 2);
    kafka_log_skip(log_of("a", 0), 3);        /* transaction markers: no message, no outcome */
    sources("a", 0, 3);
    kafka_log_compact(log_of("a", 0), 6, 7);
    outcome(0, 0, 1), outcome(0, 1, 2), outcome(0, 5, 3), outcome(0, 6, 4), outcome(0, 7, 5);
    kafka_log_skip(log_of("a", 0), 2);
    kafka_log_skip(log_of("out", 0), 1);
    expect(c, "0:0 0:1 0:5 r0:6 0:7 ");
}

static void what_is_not_ours_is_counted(struct checks *c)
{
    struct logged stranger = {.value = bytes_of("hello")};
    struct journal_range range;
    struct journal *journal;

    begin();
    sources("a", 0, 2);
    outcome_of(theirs, 0, "a", 0, 0, 1), outcome_of(ours, 0, "c", 0, 0, 2);
    kafka_log_append(log_of("out", 0), &stranger);
    outcome(0, 0, 3), outcome(0, 0, 3), outcome_of(ours, 0, "a", 1, 7, 4), outcome(0, 1, 5);
    range = all_of("a", 0);
    journal = opened(c, true, true, false, &range, 1);
    CHECK_TEXT(c, played(journal), "0:0 0:1 ");
    CHECK_INT(c, journal_counts(journal).events, 2);
    CHECK_INT(c, journal_counts(journal).foreign, 3);
    CHECK_INT(c, journal_counts(journal).unreadable, 1);
    CHECK_INT(c, journal_counts(journal).copies, 1);
    CHECK_INT(c, journal_counts(journal).bytes, 8);
    journal_free(journal);
    world_end();
}

static void a_range_ends_where_it_is_said_to(struct checks *c)
{
    struct journal_range ranges[2];
    struct journal *journal;

    begin();
    sources("a", 0, 6), sources("a", 1, 2);
    for (int i = 0; i < 6; i++)
        outcome(0, i, 10 + i);
    outcome(1, 0, 1), outcome(1, 1, 99);
    ranges[0] = range_of("a", 0, 2, 4);
    ranges[1] = range_of("a", 1, 0, 0);
    sources("a", 0, 3), outcome(0, 6, 100);      /* the log grows on */
    journal = opened(c, true, true, false, ranges, 2);
    CHECK_TEXT(c, played(journal), "0:2 0:3 ");
    CHECK_INT(c, journal_position(journal, 0), 4);
    CHECK_INT(c, journal_position(journal, 1), 0);
    journal_free(journal);
    world_end();
}

static void every_record_is_told_once(struct checks *c)
{
    struct logged stranger = {.value = bytes_of("hello")};
    struct journal_range ranges[RANGES];
    struct journal *journal;

    begin();
    sources("a", 0, 2), sources("b", 0, 2);
    outcome(0, 0, 1), outcome_of(ours, 0, "b", 0, 0, 2), outcome(0, 0, 1), outcome_of(theirs, 0, "a", 0, 0, 3);
    kafka_log_append(log_of("out", 0), &stranger);
    outcome_of(ours, 0, "b", 0, 1, 4), outcome(0, 1, 5), outcome_of(ours, 0, "b", 0, 0, 2);
    ranges[0] = range_of("a", 0, 0, 1);
    ranges[1] = all_of("b", 0);
    journal = opened(c, true, true, true, ranges, 2);
    CHECK_TEXT(c, played(journal), "0:0 1:0 1:1 ");
    CHECK_TEXT(c, recorded, "0@0=0 0@1=1 0@2=0 0@3=- 0@4=- 0@5=1 0@6=0 0@7=1 ");
    journal_free(journal);
    world_end();
}

static void records_beyond_a_range_are_told_too(struct checks *c)
{
    struct journal_range ranges[2];
    struct journal *journal;

    begin();
    sources("a", 0, 6), sources("a", 1, 2);
    for (int i = 0; i < 6; i++)
        outcome(0, i, 10 + i);
    outcome(1, 0, 1), outcome(1, 1, 2);
    ranges[0] = range_of("a", 0, 0, 1);
    ranges[1] = range_of("a", 1, 1, 1);
    journal = opened(c, true, true, true, ranges, 2);
    CHECK_TEXT(c, played(journal), "0:0 ");
    CHECK_TEXT(c, recorded, "0@0=0 0@1=0 1@0=1 1@1=1 0@2=0 0@3=0 0@4=0 0@5=0 ");
    CHECK_INT(c, journal_counts(journal).copies, 0);
    journal_free(journal);
    world_end();
}

static void outcomes_are_looked_for_where_it_is_said(struct checks *c)
{
    struct journal_range ranges[2];
    struct journal *journal;

    begin();
    sources("a", 0, 6), sources("b", 0, 1);
    for (int i = 0; i < 6; i++)
        outcome(0, i, 10 + i);
    ranges[0] = all_of("a", 0);
    ranges[0].outcomes_from = 2;
    ranges[0].outcomes_to = 4;
    kafka_log_compact(log_of("out", 0), 3, 4);
    journal = opened(c, true, true, true, ranges, 1);
    CHECK_TEXT(c, played(journal), "s0:0 s0:1 0:2 s0:3 s0:4 s0:5 ");
    CHECK_TEXT(c, recorded, "0@2=0 ");
    journal_free(journal);
    ranges[1] = all_of("b", 0);               /* whose outcomes lie in the same partition: all of it is read then */
    ranges[1].outcomes_from = 1;
    ranges[1].outcomes_to = 6;
    kafka_log_compact(log_of("out", 0), 5, 6);
    journal = opened(c, true, true, true, ranges, 2);
    CHECK_TEXT(c, played(journal), "s0:0 0:1 0:2 s0:3 0:4 s0:5 s1:0 ");
    CHECK_TEXT(c, recorded, "0@1=0 0@2=0 0@4=0 ");
    journal_free(journal);
    world_end();
}

static void topics_share_outcome_partitions(struct checks *c)
{
    struct journal_range ranges[RANGES];
    struct journal *journal;

    begin();
    for (int32_t p = 0; p < 2; p++) {
        sources("a", p, 2), sources("b", p, 2);
        ranges[2 * p] = all_of("a", p);
        ranges[2 * p + 1] = all_of("b", p);
    }
    outcome(0, 0, 5), outcome(0, 1, 6), outcome_of(ours, 0, "b", 0, 0, 1), outcome_of(ours, 0, "b", 0, 1, 8);
    outcome_of(ours, 1, "b", 1, 0, 2), outcome(1, 0, 3), outcome_of(ours, 1, "b", 1, 1, 4), outcome(1, 1, 7);
    for (size_t i = 0; i < RANGES; i++)
        ranges[i].outcomes_to = log_of("out", ranges[i].partition)->end;
    journal = opened(c, true, true, false, ranges, RANGES);
    CHECK_TEXT(c, played(journal), "1:0 3:0 2:0 3:1 0:0 0:1 2:1 1:1 ");
    CHECK_INT(c, journal_counts(journal).foreign, 0);
    journal_free(journal);
    world_end();
}

static void outcomes_are_read_alone(struct checks *c)
{
    struct journal_range range;

    begin();
    outcome(0, 0, 1), outcome(0, 2, 2);
    range = range_of("a", 0, 0, 3);
    expect_of(c, true, false, &range, 1, "r0:0 r0:2 ");
}

static void without_outcomes_partitions_take_turns(struct checks *c)
{
    struct journal_range ranges[2];
    struct journal *journal;
    const char *text;

    begin();
    sources("a", 0, JOURNAL_RUN + 2), sources("a", 1, 2 * JOURNAL_RUN + 1);
    ranges[0] = all_of("a", 0);
    ranges[1] = all_of("a", 1);
    journal = opened(c, false, true, false, ranges, 2);
    text = played(journal);
    CHECK(c, strstr(text, "s0:63 s1:0 ") && strstr(text, "s1:63 s0:64 s0:65 s1:64 ") && strstr(text, "s1:127 s1:128 "));
    CHECK_INT(c, journal_counts(journal).events, 3 * JOURNAL_RUN + 3);
    journal_free(journal);
    world_end();
}

/* The others keep their order, whatever became of one sequence. */
static void a_damaged_sequence_harms_no_other(struct checks *c)
{
    static const char *const expected[] = {"0:0 1:0 1:1 0:1 0:2 1:2 ", "0:0 0:1 1:0 1:1 0:2 1:2 "};

    for (int none = 0; none < 2; none++) {
        begin();
        sources("a", 0, 3), sources("a", 1, 3);
        outcome(0, 0, 1), outcome(0, 1, none ? -1 : 1000), outcome(0, 2, 5);
        outcome(1, 0, 2), outcome(1, 1, 4), outcome(1, 2, 6);
        expect(c, expected[none]);
    }
}

static void a_damaged_offset_harms_no_other(struct checks *c)
{
    begin();
    sources("a", 0, 5);
    outcome(0, 0, 1), outcome(0, 4444, 2), outcome(0, 2, 3), outcome(0, 3, 4), outcome(0, 4, 5);
    expect(c, "0:0 s0:1 0:2 0:3 0:4 ");
    begin();
    sources("a", 0, 4);
    outcome(0, 0, 1), outcome(0, 2, 3), outcome(0, 1, 2), outcome(0, 3, 4);
    expect(c, "0:0 0:1 s0:2 0:3 ");
}

/* A random history: events in the order in which they are decided, published some time later by owners that die, so that copies of the last outcomes
 * come before new ones. */
enum { DECISIONS = 100, OFFSETS_MAX = 400, HISTORIES = 300, GAP = -2, UNDECIDED = -1 };
struct history {
    int64_t sequences[PARTITIONS][OFFSETS_MAX];            /* by offset; or GAP, UNDECIDED */
    int64_t offsets[PARTITIONS], published[PARTITIONS];
    char expected[8192];
};

static void publish(struct history *h, int32_t p)
{
    int64_t back = world_draw(4) ? 0 : world_draw(5), to = h->published[p] + 1 + world_draw(4);

    for (int64_t o = h->published[p] > back ? h->published[p] - back : 0; o < to && o < h->offsets[p]; o++) {
        if (!world_draw(6))
            outcome_of(theirs, p, "a", p, o, 7);
        if (h->sequences[p][o] >= 0)
            outcome(p, o, h->sequences[p][o]);
    }
    h->published[p] = to < h->offsets[p] ? to : h->offsets[p];
}

static void append(struct history *h, int32_t p, int64_t sequence)
{
    int64_t offset = h->offsets[p]++;

    h->sequences[p][offset] = sequence;
    if (sequence == GAP) {
        kafka_log_skip(log_of("a", p), 1);
    } else {
        sources("a", p, 1);
        sprintf(h->expected + strlen(h->expected), sequence < 0 ? "s%d:%lld " : "%d:%lld ", p, (long long)offset);
    }
}

static void make_history(struct history *h)
{
    *h = (struct history){.expected = ""};
    for (int64_t sequence = 0; sequence < DECISIONS; sequence++) {
        int32_t p = (int32_t)world_draw(PARTITIONS);

        while (!world_draw(5) && h->offsets[p] < OFFSETS_MAX / 2)
            append(h, p, world_draw(2) ? GAP : UNDECIDED);
        append(h, p, sequence);
        if (world_draw(2))
            publish(h, (int32_t)world_draw(PARTITIONS));
    }
    for (int32_t p = 0; p < PARTITIONS; p++)
        while (h->published[p] < h->offsets[p])
            publish(h, p);
}

static void any_history_comes_in_the_order_in_which_it_was_decided(struct checks *c)
{
    static struct history history;

    for (uint64_t seed = 1; seed <= HISTORIES && !c->failed; seed++) {
        begin();
        world->random = seed;
        make_history(&history);
        expect(c, history.expected);
    }
}

static void the_journal_goes_on_after_each_silence(struct checks *c)
{
    begin();
    sources("a", 0, 3), sources("a", 1, 3);
    outcome(0, 0, 1), outcome(0, 2, 4);
    outcome(1, 0, 2), outcome(1, 1, 3);
    world->weather.ask_fails = 500000;
    expect(c, "0:0 1:0 1:1 s0:1 0:2 s1:2 ");
    CHECK(c, waits > 2);
}

static void what_retention_ate_is_an_error(struct checks *c)
{
    struct journal_range range;

    begin();
    sources("a", 0, 3);
    outcome(0, 0, 1), outcome(0, 1, 2), outcome(0, 2, 3);
    range = all_of("a", 0);
    kafka_log_trim(log_of("out", 0), 1);
    expect_of(c, true, true, &range, 1, "Numerical result out of range: out:0: offset 0 is not in the log any more");
}

static void no_ranges_are_at_their_end(struct checks *c)
{
    begin();
    expect_of(c, true, true, NULL, 0, "");
}

TESTS({"decisions come in the order of their sequence", decisions_come_in_the_order_of_their_sequence},
      {"copies are passed over", copies_are_passed_over},
      {"what has no outcome comes before what has one", what_has_no_outcome_comes_before_what_has_one},
      {"gaps and compacted sources are told", gaps_and_compacted_sources_are_told},
      {"what is not ours is counted", what_is_not_ours_is_counted},
      {"a range ends where it is said to", a_range_ends_where_it_is_said_to},
      {"every record is told once", every_record_is_told_once},
      {"records beyond a range are told too", records_beyond_a_range_are_told_too},
      {"outcomes are looked for where it is said", outcomes_are_looked_for_where_it_is_said},
      {"topics share outcome partitions", topics_share_outcome_partitions},
      {"outcomes are read alone", outcomes_are_read_alone},
      {"without outcomes partitions take turns", without_outcomes_partitions_take_turns},
      {"a damaged sequence harms no other", a_damaged_sequence_harms_no_other},
      {"a damaged offset harms no other", a_damaged_offset_harms_no_other},
      {"any history comes in the order in which it was decided", any_history_comes_in_the_order_in_which_it_was_decided},
      {"the journal goes on after each silence", the_journal_goes_on_after_each_silence},
      {"what retention ate is an error", what_retention_ate_is_an_error},
      {"no ranges are at their end", no_ranges_are_at_their_end})
