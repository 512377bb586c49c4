/* How what goes wrong with Kafka comes, and how it passes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/history.h"
#include "sim/keys.h"

enum { MILLION = 1000000 };

static void brokers_go(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.away = true;
}

static void brokers_come(struct mishap *m)
{
    (void)m;
    world->weather.away = false;
}

static void delivery_late(struct mishap *m, struct node *node)
{
    (void)node;
    world->held_partition = 1 + (int32_t)(m->number % PLAN_PARTITIONS_MAX);
}

static void delivery_on(struct mishap *m)
{
    (void)m;
    world->held_partition = 0;
}

static void delivery_fails(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->delivery_failures++;
}

static void producer_fatal(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.producer_failures++;
}

static void queue_full(struct mishap *m, struct node *node)
{
    (void)node;
    world->weather.queue = 1 + m->number % 8;
}

static void queue_free(struct mishap *m)
{
    (void)m;
    world->weather.queue = 0;
}

static void commits_fail(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.commit_fails = 8 * MILLION / 10;
}

static void commits_late(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.commit_ms = (struct kafka_range){50, 900};
    world->weather.commit_unheard = 3 * MILLION / 10;
}

/* Whoever takes its partitions over again then may not commit below it. */
static void commit_overtaken(struct mishap *m, struct node *node)
{
    (void)m;
    world->weather.commit_ms = (struct kafka_range){100, 900};
    for (size_t i = world->redis.clients_count; i > 0; i--)
        if (redis_client_context(world->redis.clients[i - 1]) == node && redis_client_is_open(world->redis.clients[i - 1]))
            redis_server_close(&world->redis, world->redis.clients[i - 1]);
}

static void commits_right(struct mishap *m)
{
    (void)m;
    world->weather.commit_fails = world->weather.commit_unheard = 0;
    world->weather.commit_ms = (struct kafka_range){0, 10 * history->plan->latency_ms};
}

/* Mostly up to what was committed; now and then further, so that an operator is needed. */
static void retention(struct mishap *m, struct node *node)
{
    const struct instance_settings *s = &history->plan->settings;
    size_t topic = m->number % s->topics_count;
    struct log_partition *partition = kafka_log_partition(&world->kafka, s->topics[topic], (int32_t)((m->number >> 8) % (uint64_t)s->partitions[topic]));
    int64_t start = partition->committed > partition->start ? partition->committed : partition->start;

    (void)node;
    if (!history->first_position)
        return;
    if ((m->number >> 16) % 2)
        start += (partition->end - start) / 2;
    kafka_log_trim(partition, start);
}

static struct node *meant(const struct mishap *m)
{
    return history->programs[m->node].node;
}

static void cut_off(struct mishap *m, struct node *node)
{
    (void)node;
    meant(m)->kafka_away = true;
}

static void cut_off_no_more(struct mishap *m)
{
    meant(m)->kafka_away = false;
}

static void fetches_fail(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.fetch_fails = 3 * MILLION / 10;
}

static void questions_fail(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.ask_fails = MILLION / 2;
}

static void reports_lost(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->weather.report_lost = 3 * MILLION / 10;
}

static void producers_refused(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    world->delivery_failures++;
    world->weather.producer_refused = 9 * MILLION / 10;
}

/* Of these four one each is in force. */
static void chances_right(struct mishap *m)
{
    kafka_chance *chances[MISHAP_COUNT] = {[MISHAP_fetches_fail] = &world->weather.fetch_fails, [MISHAP_questions_fail] = &world->weather.ask_fails,
                                           [MISHAP_reports_lost] = &world->weather.report_lost,
                                           [MISHAP_producers_refused] = &world->weather.producer_refused};

    *chances[m->kind] = 0;
}

static struct log_partition *some_source(const struct mishap *m, const char **topic, int32_t *number)
{
    const struct instance_settings *s = &history->plan->settings;
    size_t index = m->number % s->topics_count;

    *topic = s->topics[index];
    *number = (int32_t)((m->number >> 8) % (uint64_t)s->partitions[index]);
    return kafka_log_partition(&world->kafka, *topic, *number);
}

static void log_gap(struct mishap *m, struct node *node)
{
    const char *topic;
    int32_t number;
    struct log_partition *partition = some_source(m, &topic, &number);

    (void)node;
    for (uint64_t i = 0; i <= (m->number >> 16) % 4; i++) {
        kafka_log_skip(partition, 1);
        witness_ordered(history->witness, topic, number, NULL);
    }
}

/* Only what was committed: who has compaction on a topic of orders loses what was not yet decided, and nobody notices. */
static void compaction(struct mishap *m, struct node *node)
{
    const char *topic;
    int32_t number;
    struct log_partition *partition = some_source(m, &topic, &number);
    int64_t from = partition->start;

    (void)node;
    if (partition->committed > from)
        kafka_log_compact(partition, from + (int64_t)((m->number >> 16) % (uint64_t)(partition->committed - from)), partition->committed);
}

/* Up to where the notes of its source partitions say that it was read; -1: one has no note. */
static int64_t noted(int32_t number)
{
    const struct instance_settings *s = &history->plan->settings;
    int64_t least = INT64_MAX;

    for (size_t t = 0; t < s->topics_count; t++)
        if (number < s->partitions[t]) {
            const char *note = kafka_log_partition(&world->kafka, s->topics[t], number)->metadata, *last = strrchr(note, ' ');
            int64_t reached = last ? strtoll(last, NULL, 10) : -1;

            least = reached < least ? reached : least;
        }
    return least == INT64_MAX ? -1 : least;
}

bool mishap_all_is_noted(void)
{
    for (int32_t p = 0; p < history_outcome_partitions(); p++)
        if (noted(p) < kafka_log_partition(&world->kafka, "out", p)->end)
            return false;
    return true;
}

void mishap_trim_outcomes(void)
{
    if (history->outcomes_stay)
        return;
    for (int32_t p = 0; p < PLAN_PARTITIONS_MAX; p++) {
        struct log_partition *out = kafka_log_partition(&world->kafka, "out", p);

        if (out && noted(p) > out->start && noted(p) <= out->end)
            kafka_log_trim(out, noted(p));
    }
    history->outcomes_gone = true;
}

static void outcomes_trimmed(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    mishap_trim_outcomes();
}

/* "orders/0/17" of that source, at or above the offset. */
static bool is_above(struct bytes id, const char *topic, int32_t partition, int64_t offset)
{
    char begin[80];
    int size = snprintf(begin, sizeof begin, "%s/%d/", topic, (int)partition);

    return id.size > (size_t)size && memcmp(id.data, begin, (size_t)size) == 0 && strtoll(id.data + size, NULL, 10) >= offset;
}

/* The commits are those of the incarnation that the registry has, and nothing was published above them. */
static bool commits_know_all(void)
{
    const struct instance_settings *s = &history->plan->settings;

    for (size_t t = 0; t < s->topics_count; t++)
        for (int32_t p = 0; p < s->partitions[t]; p++) {
            const struct log_partition *source = kafka_log_partition(&world->kafka, s->topics[t], p), *out = kafka_log_partition(&world->kafka, "out", p);
            struct bytes incarnation = keys_incarnation(history->plan, p);

            if (!incarnation.size || strncmp(source->metadata, incarnation.data, incarnation.size) != 0)
                return false;
            for (size_t i = 0; i < out->count; i++)
                if (is_above(kafka_log_header(&out->messages[i], "ce_id"), s->topics[t], p, source->committed))
                    return false;
        }
    return true;
}

/* What was in it is evidence no more, so everything must be committed, also what Redis has forgotten by now: nobody can know of what is lost in both. */
static void outcomes_deleted(struct mishap *m, struct node *node)
{
    (void)m, (void)node;
    if (history->first_position && !history->outcomes_stay && kafka_log_find(&world->kafka, "out") && mishap_hush() && mishap_all_is_committed() &&
        commits_know_all()) {
        witness_outcomes_go(history->witness);
        kafka_log_delete(&world->kafka, "out");
        history->outcomes_gone = true;
    }
    history->hush = false;
}

static void outcomes_made_anew(struct mishap *m)
{
    (void)m;
    kafka_log_topic(&world->kafka, "out", history_outcome_partitions());
}

/* The tools want the group to be empty for that. */
static void offsets_reset(struct mishap *m, struct node *node)
{
    const char *topic;
    int32_t number;
    struct log_partition *partition = some_source(m, &topic, &number);

    (void)node;
    if (history->outcomes_gone || !history->first_position)
        return;
    mishap_kill_all(m->ms);
    history->outcomes_stay = true;
    partition->metadata[0] = '\0';
    partition->committed = partition->committed > 0 && m->number >> 32 & 1 ? (int64_t)((m->number >> 16) % (uint64_t)partition->committed) : KAFKA_OFFSET_NONE;
}

const struct mishap_ways mishap_ways_of_kafka[MISHAP_COUNT] = {
    [MISHAP_broker_away] = {brokers_go, brokers_come},
    [MISHAP_delivery_late] = {delivery_late, delivery_on},
    [MISHAP_delivery_fails] = {delivery_fails, NULL},
    [MISHAP_producer_fatal] = {producer_fatal, NULL},
    [MISHAP_queue_full] = {queue_full, queue_free},
    [MISHAP_commits_fail] = {commits_fail, commits_right},
    [MISHAP_commits_late] = {commits_late, commits_right},
    [MISHAP_commit_overtaken] = {commit_overtaken, commits_right},
    [MISHAP_retention] = {retention, NULL},
    [MISHAP_cut_off] = {cut_off, cut_off_no_more},
    [MISHAP_fetches_fail] = {fetches_fail, chances_right},
    [MISHAP_questions_fail] = {questions_fail, chances_right},
    [MISHAP_reports_lost] = {reports_lost, chances_right},
    [MISHAP_producers_refused] = {producers_refused, chances_right},
    [MISHAP_log_gap] = {log_gap, NULL},
    [MISHAP_compaction] = {compaction, NULL},
    [MISHAP_outcomes_trimmed] = {outcomes_trimmed, NULL},
    [MISHAP_outcomes_deleted] = {outcomes_deleted, outcomes_made_anew},
    [MISHAP_offsets_reset] = {offsets_reset, NULL},
};
