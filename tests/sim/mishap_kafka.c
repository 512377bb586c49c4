/* How what goes wrong with Kafka comes, and how it passes. */
#include "sim/fiber.h"
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

const struct mishap_ways mishap_ways_of_kafka[MISHAP_COUNT] = {
    [MISHAP_broker_away] = {brokers_go, brokers_come},
    [MISHAP_delivery_late] = {delivery_late, delivery_on},
    [MISHAP_delivery_fails] = {delivery_fails, NULL},
    [MISHAP_producer_fatal] = {producer_fatal, NULL},
    [MISHAP_queue_full] = {queue_full, queue_free},
    [MISHAP_commits_fail] = {commits_fail, commits_right},
    [MISHAP_commits_late] = {commits_late, commits_right},
    [MISHAP_retention] = {retention, NULL},
};
