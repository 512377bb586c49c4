#include "service/health.h"

#include <stdarg.h>
#include <stdio.h>

#include "codec/text.h"

static void check(struct health *health, const char *name, enum health_level level, const char *format, ...) PRINTF_LIKE(4, 5);

static void check(struct health *health, const char *name, enum health_level level, const char *format, ...)
{
    struct health_check *check = &health->checks[health->count++];
    va_list arguments;

    ASSERT(health->count <= HEALTH_CHECKS_MAX);
    check->name = name;
    check->level = level;
    va_start(arguments, format);
    vsnprintf(check->reason, sizeof check->reason, format, arguments);
    va_end(arguments);
}

#define well(health, name) check(health, name, HEALTH_OK, "%s", "")

static void check_pipeline(struct health *health, const struct sight *sight)
{
    if (sight->silent_ms > sight->options->silence_max_ms)
        check(health, "pipeline", HEALTH_FAILED, "it has not got on for %lld s, though no wait takes longer than half of %lld s; a restart goes on from Redis and loses nothing",
              (long long)sight->silent_ms / 1000, (long long)sight->options->silence_max_ms / 1000);
    else
        well(health, "pipeline");
}

static void check_phase(struct health *health, const struct sight *sight)
{
    static const char *const words[] = {
        [BOARD_REDIS] = "waits for Redis", [BOARD_KAFKA] = "asks Kafka about the topics", [BOARD_REGISTRY] = "compares what Redis and Kafka hold",
        [BOARD_STOPPING] = "stops: delivers and commits what was decided"};

    if (sight->phase == BOARD_RUNNING)
        well(health, "phase");
    else
        check(health, "phase", HEALTH_FAILED, "%s", words[sight->phase]);
}

static void check_redis(struct health *health, const struct sight *sight)
{
    if (sight->redis_up)
        well(health, "redis");
    else
        check(health, "redis", HEALTH_FAILED, "no connection to %s, it is tried again and again", sight->options->redis);
}

static void check_kafka(struct health *health, const struct sight *sight)
{
    if (!sight->kafka_up)
        check(health, "kafka", HEALTH_FAILED, "no broker is connected of %s", sight->options->brokers);
    else if (sight->phase == BOARD_RUNNING && !sight->picture->sink_up)
        check(health, "kafka", HEALTH_FAILED, "the producer failed and is made anew");
    else
        well(health, "kafka");
}

/* A standby without partitions is ready. */
static void check_group(struct health *health, const struct sight *sight)
{
    if (!sight->picture->joined)
        check(health, "group", HEALTH_FAILED, "the group %s has not yet answered", sight->options->group);
    else if (!sight->picture->partitions_count)
        check(health, "group", HEALTH_OK, "standby: the group %s has no partition for this instance", sight->options->group);
    else
        well(health, "group");
}

static void check_market(struct health *health, const struct picture *picture)
{
    if (picture->reapply.phase)
        check(health, "market", HEALTH_FAILED, "halted until published decisions are applied again, %lld of %lld are (%s): %s", (long long)picture->reapply.events,
              (long long)picture->reapply.of, picture->reapply.phase, picture->halt);
    else if (picture->halt[0])
        check(health, "market", HEALTH_FAILED, "halted, an operator must resolve it: %s", picture->halt);
    else
        well(health, "market");
}

static void check_durability(struct health *health, const struct picture *picture)
{
    if (picture->redis_up && !picture->gate_open)
        check(health, "durability", HEALTH_DEGRADED, "what was applied is not yet as durable as configured: outcomes and further turns wait");
    else
        well(health, "durability");
}

static const struct picture_partition *first_stopped(const struct picture *picture)
{
    for (size_t i = 0; i < picture->partitions_count; i++)
        if (picture->partitions[i].state == PARTITION_STOPPED)
            return &picture->partitions[i];
    return NULL;
}

static size_t count_in(const struct picture *picture, enum picture_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < picture->partitions_count; i++)
        count += picture_state(&picture->partitions[i]) == state;
    return count;
}

/* A refused partition is not all of them: the others go on, and a restart would not mend it. */
static void check_partitions(struct health *health, const struct picture *picture)
{
    const struct picture_partition *stopped = first_stopped(picture);
    size_t all = picture->partitions_count, untaken = picture_count(picture, PARTITION_UNTAKEN), parked = count_in(picture, PICTURE_PARKED);

    if (stopped)
        check(health, "partitions", picture_count(picture, PARTITION_STOPPED) == all ? HEALTH_FAILED : HEALTH_DEGRADED,
              "%zu of %zu refused, an operator must resolve them; the first, %s:%d: %s", picture_count(picture, PARTITION_STOPPED), all, stopped->topic,
              stopped->number, stopped->refusal);
    else if (untaken)
        check(health, "partitions", untaken == all ? HEALTH_FAILED : HEALTH_DEGRADED, "%zu of %zu wait to be taken over", untaken, all);
    else if (parked)
        check(health, "partitions", HEALTH_DEGRADED, "%zu of %zu wait, their outboxes are full: Kafka does not take the outcomes", parked, all);
    else
        well(health, "partitions");
}

/* What an operator wants is well, and said. */
static void check_operator(struct health *health, const struct picture *picture)
{
    size_t paused = count_in(picture, PICTURE_PAUSED);

    if (picture->quiet)
        check(health, "operator", HEALTH_OK, "quiet on purpose: nothing is decided by this instance");
    else if (paused)
        check(health, "operator", HEALTH_OK, "paused on purpose: %zu of %zu partitions", paused, picture->partitions_count);
    else if (picture->rate)
        check(health, "operator", HEALTH_OK, "limited on purpose: %lld events a second", (long long)picture->rate);
    else
        well(health, "operator");
}

static void check_config(struct health *health, const struct sight *sight)
{
    if (sight->reload_refused)
        check(health, "configuration", HEALTH_DEGRADED, "the changed file was refused, the old one is in force; the log names its problems");
    else
        well(health, "configuration");
}

void health_live(struct health *health, const struct sight *sight)
{
    *health = (struct health){.question = "livez"};
    check_pipeline(health, sight);
}

void health_ready(struct health *health, const struct sight *sight)
{
    *health = (struct health){.question = "readyz"};
    check_pipeline(health, sight);
    check_phase(health, sight);
    check_config(health, sight);
    check_redis(health, sight);
    if (sight->phase > BOARD_REDIS)      /* before, nobody knows */
        check_kafka(health, sight);
    if (sight->phase < BOARD_RUNNING)
        return;
    check_group(health, sight);
    check_market(health, sight->picture);
    check_durability(health, sight->picture);
    check_partitions(health, sight->picture);
    check_operator(health, sight->picture);
}

enum health_level health_level(const struct health *health)
{
    enum health_level level = HEALTH_OK;

    for (size_t i = 0; i < health->count; i++)
        if (health->checks[i].level > level)
            level = health->checks[i].level;
    return level;
}

static const char *level_name(enum health_level level)
{
    return level == HEALTH_OK ? "ok" : level == HEALTH_DEGRADED ? "degraded" : "failed";
}

void health_put_json(struct buffer *out, const struct health *health)
{
    buffer_put_format(out, "{\"status\":\"%s\",\"checks\":[", level_name(health_level(health)));
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->checks[i];

        buffer_put_format(out, "%s{\"name\":\"%s\",\"status\":\"%s\"", i ? "," : "", check->name, level_name(check->level));
        if (check->reason[0]) {
            buffer_put_text(out, ",\"reason\":");
            text_put_json(out, bytes_of(check->reason));
        }
        buffer_put_char(out, '}');
    }
    buffer_put_text(out, "]}\n");
}

void health_put_text(struct buffer *out, const struct health *health)
{
    for (size_t i = 0; i < health->count; i++) {
        const struct health_check *check = &health->checks[i];

        buffer_put_format(out, "[%c]%s %s%s%s\n", check->level == HEALTH_FAILED ? '-' : '+', check->name, check->level == HEALTH_FAILED ? "failed" : "ok",
                          check->reason[0] ? ": " : "", check->reason);
    }
    buffer_put_format(out, "%s check %s\n", health->question, health_level(health) == HEALTH_FAILED ? "failed" : "passed");
}
