#include "fake/audited.h"

#include <stdio.h>
#include <string.h>

#include "audit/audit.h"
#include "fake/world.h"

enum { ROUNDS_MAX = 1000000, MEMORY = 16 << 20, KEPT = 100, READ_AHEAD_KB = 1024 };

/* While it is made. */
struct look {
    const struct audited_market *market;
    struct audit *audit;
    struct fold *fold;
    struct journal *journal;
    struct audit_range said[AUDITED_RANGES_MAX];
    struct journal_range ranges[AUDITED_RANGES_MAX];
    size_t count;
    struct log log;
    struct clock *clock;
};

static int fetch(void *context, size_t range, int64_t offset, struct kafka_message *out)
{
    const struct look *look = context;
    const struct audit_range *said = &look->said[range];
    const struct logged *found = kafka_log_at(kafka_log_partition(&world->kafka, said->topic, said->partition), offset);

    if (!found || found->offset != offset)
        return 0;
    kafka_log_hand_over(out, &world->kafka, look->ranges[range].topic, said->partition, found);
    return 1;
}

static void take_record(void *context, const struct kafka_message *outcome, int64_t range)
{
    struct look *look = context;

    (void)range;
    ASSERT(audit_record(look->audit, outcome) == 0);
}

static void name_range(struct look *look, const char *topic, int32_t partition)
{
    const struct log_partition *source = kafka_log_partition(&world->kafka, topic, partition), *outcomes = kafka_log_partition(&world->kafka, "out", partition);
    struct audit_range *said = &look->said[look->count];
    struct journal_range *range = &look->ranges[look->count++];

    ASSERT(look->count <= AUDITED_RANGES_MAX && source && outcomes);
    *said = (struct audit_range){.partition = partition, .from = source->start, .to = source->end, .must = source->committed, .log_start = source->start,
                                 .log_end = source->end, .outcomes_start = outcomes->start, .outcomes_early = -1, .begins = source->start == 0};
    *range = (struct journal_range){.partition = partition, .from = source->start, .to = source->end, .outcomes_from = outcomes->start, .outcomes_to = outcomes->end};
    snprintf(said->topic, sizeof said->topic, "%s", topic);
    snprintf(said->at, sizeof said->at, "%s:%d", topic, partition);
    snprintf(range->topic, sizeof range->topic, "%s", topic);
}

static void name_ranges(struct look *look)
{
    const struct audited_market *market = look->market;

    for (size_t t = 0; t < market->topics_count; t++)
        for (int32_t p = 0; p < market->partitions[t]; p++)
            if (market->number == SHARD_NONE || market->number == p)
                name_range(look, market->topics[t], p);
}

static void ignore(void *context, const char *line)
{
    (void)context;
    (void)line;
}

static void begin(struct look *look, const struct audited_market *market)
{
    static const int64_t letters_start[LOG_PARTITIONS_MAX];
    struct error_text error = {""};
    struct audit_options options = {.ranges = look->said, .incarnation = market->incarnation, .window_s = market->window_s, .ids = market->ids, .whole = market->whole,
                                    .letters_partitions = market->letters_partitions, .letters_start = letters_start, .folder = "/tmp", .seed = 7, .kept = KEPT,
                                    .fetch = fetch, .context = look};
    struct journal_options journal = {.outcomes = "out", .incarnation = market->incarnation, .sources = true, .ranges = look->ranges, .kbytes = READ_AHEAD_KB,
                                      .record = take_record, .context = look};

    *look = (struct look){.market = market, .log = {.level = LOG_LEVEL_ERROR, .sink = ignore}};
    world->at_work = world_node(market->node);
    name_ranges(look);
    options.ranges_count = journal.ranges_count = look->count;
    memcpy(options.deadline_ms, market->deadline_ms, sizeof options.deadline_ms);
    ASSERT(clock_new(&look->clock) == 0 && fold_new(&look->fold, NULL, MEMORY, &error) == 0);
    options.fold = look->fold;
    journal.kafka = (struct kafka_in_options){.brokers = market->node, .log = &look->log, .clock = look->clock};
    ASSERT(audit_new(&look->audit, &options, &error) == 0 && journal_new(&look->journal, &journal, &error) == 0);
}

static void take_events(struct look *look)
{
    struct error_text error = {""};
    struct journal_event event;
    int r = -EAGAIN;

    for (int round = 0; r && round < ROUNDS_MAX; round++) {
        r = journal_next(look->journal, 10, &event, &error);
        ASSERT(r >= 0 || r == -EAGAIN);
        if (r == 1) {
            ASSERT(audit_event(look->audit, &event) == 0);
            journal_event_free(&event);
        }
    }
    ASSERT(r == 0);
}

static void take_letters(struct look *look)
{
    struct kafka_message letter;

    for (int32_t p = 0; p < look->market->letters_partitions; p++) {
        const struct log_partition *letters = kafka_log_partition(&world->kafka, "dead", p);

        for (size_t i = 0; i < letters->count; i++) {
            kafka_log_hand_over(&letter, &world->kafka, "dead", p, &letters->messages[i]);
            ASSERT(audit_letter(look->audit, &letter) == 0);
            kafka_message_free(&letter);
        }
    }
}

static void put_finding(struct audited *out, const struct look *look, const struct finding *finding)
{
    char text[400], place[300] = "";
    size_t used = strlen(out->text);

    if (finding->range >= 0)
        snprintf(place, sizeof place, " %s %lld", look->said[finding->range].at, (long long)finding->offset);
    snprintf(text, sizeof text, "%s%s%s%s%s", used ? ", " : "", finding_kind_name(finding->kind), place, finding->key[0] ? " " : "", finding->key);
    if (used + strlen(text) < sizeof out->text)
        memcpy(out->text + used, text, strlen(text) + 1);
}

/* A log cannot tell it from an altered record, and who asks may know better. */
static bool is_foreign(const struct look *look, const struct finding *finding)
{
    const struct audited_break found = {finding->key, finding->was, finding->became, finding->partition, finding->at};

    return look->market->is_foreign && finding->kind == FINDING_FACTS_BREAK && finding->amounts && finding->topic == FINDING_OUTCOMES &&
           look->market->is_foreign(look->market->context, &found);
}

static void tell(struct audited *out, const struct look *look)
{
    struct findings *findings = audit_findings(look->audit);
    const struct finding *finding;

    *out = (struct audited){.wrong = findings_of_weight(findings, FINDING_WRONG), .foreign = findings_of_weight(findings, FINDING_FOREIGN)};
    for (int kind = 0; kind < FINDING_KIND_COUNT; kind++)
        for (size_t i = 0; (finding = findings_at(findings, (enum finding_kind)kind, i)); i++) {
            if (is_foreign(look, finding)) {
                out->wrong--;
                out->foreign++;
            }
            else
                put_finding(out, look, finding);
        }
    for (size_t range = 0; range < look->count; range++) {
        const struct audit_table *table = audit_table(look->audit, range);

        out->consumed += table->consumed;
        for (int kind = 0; kind <= EVENT_KIND_COUNT; kind++)
            for (int status = 0; status < STATUS_COUNT; status++)
                out->of[status] += table->of[kind][status];
    }
}

void audited_look(struct audited *out, const struct audited_market *market)
{
    struct look look;

    begin(&look, market);
    take_events(&look);
    take_letters(&look);
    ASSERT(audit_finish(look.audit) == 0);
    tell(out, &look);
    journal_free(look.journal);
    audit_free(look.audit);
    fold_free(look.fold);
    clock_free(look.clock);
}
