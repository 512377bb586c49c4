#include "story/story.h"

#include <stdlib.h>

#include "fake/init.h"

enum { LOG_SIZE = 1 << 18, BEGIN_MS = 1700000000 };

struct daemon {
    char name[8];
    struct instance *instance;
    int ended;                    /* what pipeline_step said last */
};

static struct story_settings settings;
static struct world story_world;
static struct keyspace kept;
static int comings;                /* of Redis */
static char logged[LOG_SIZE];
static struct instance_settings instance_settings;

static void keep_line(void *context, const char *line)
{
    size_t size = strlen(logged);

    snprintf(logged + size, sizeof logged - size, "%6lld %s %s\n", (long long)world->now, (const char *)context, line);
}

static void settle(void)
{
    static const char *const orders[] = {"orders"};

    instance_settings = (struct instance_settings){
        .durability = settings.durability, .replicas = settings.replicas, .sharded = settings.sharded, .topics = {orders[0]},
        .partitions = {settings.partitions}, .topics_count = 1, .dead_letter_partitions = 1, .window_s = 3600, .ids = 1000,
        .pipeline = {.turn = {settings.turn_events ? settings.turn_events : 100, 128, 1 << 20},
                     .outbox_entries = settings.outbox_entries ? settings.outbox_entries : 100, .outbox_bytes = 1 << 24,
                     .outbox_idle_ms = 50, .prefetch_events = 1000, .prefetch_bytes = 1 << 24, .commit_interval_ms = 20,
                     .conflict_backoff_min_ms = 2, .conflict_backoff_max_ms = 16, .revoke_ms = 1000, .reapply = settings.reapply},
        .log_level = LOG_LEVEL_DEBUG, .say = keep_line};
    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        instance_settings.pipeline.deadline_ms[kind] = settings.deadline_ms;
}

void story_begin(const struct story_settings *chosen)
{
    settings = chosen ? *chosen : (struct story_settings){.durability = DURABILITY_NONE};
    if (!settings.partitions)
        settings.partitions = 1;
    logged[0] = '\0';
    comings = 1;
    settle();
    world_begin(&story_world);
    kafka_log_topic(&world->kafka, "orders", settings.partitions);
    kafka_log_topic(&world->kafka, "out", settings.partitions);
    kafka_log_topic(&world->kafka, "dead", 1);
}

void story_end(void)
{
    keyspace_deinit(&kept);
    world_end();
}

void produce(int32_t partition, const char *value)
{
    produce_at(partition, value, (int64_t)BEGIN_MS * 1000 + world->now);
}

void produce_at(int32_t partition, const char *value, int64_t timestamp)
{
    struct logged message = {.timestamp = timestamp, .key = bytes_of("k"), .value = bytes_of(value)};

    kafka_log_append(kafka_log_partition(&world->kafka, "orders", partition), &message);
}

void redis(const char *command)
{
    keyspace_do(&world->redis.data, command);
}

void keep_redis(void)
{
    keyspace_deinit(&kept);
    keyspace_copy(&kept, &world->redis.data);
}

void redis_is_as(const struct keyspace *data)
{
    keyspace_flush(&world->redis.data);
    keyspace_copy(&world->redis.data, data ? data : &kept);
}

void redis_comes_back_as(const struct keyspace *data)
{
    redis_server_close_all(&world->redis);
    redis_is_as(data);
    snprintf(world->redis.run_id, sizeof world->redis.run_id, "run-%d", ++comings);
}

void redis_comes_back(void)
{
    redis_comes_back_as(NULL);
}

struct daemon *daemon_start(const char *name)
{
    struct daemon *d = calloc(1, sizeof *d);

    ASSERT(d);
    snprintf(d->name, sizeof d->name, "%s", name);
    world_node(name)->dead = false;
    d->instance = instance_new(name, &instance_settings);
    d->ended = instance_begin(d->instance);
    return d;
}

struct daemon *story_at_rest(const struct story_settings *chosen, const char *const *market)
{
    struct daemon *a;

    story_begin(chosen);
    for (; *market; market++)
        redis(*market);
    a = daemon_start("A");
    group_gives("A", "orders", 0);
    daemon_run(a, 100);
    skip();
    return a;
}

int daemon_step(struct daemon *d)
{
    d->ended = instance_step(d->instance);
    return d->ended;
}

struct pipeline *daemon_pipeline(struct daemon *d)
{
    return instance_pipeline(d->instance);
}

int daemon_run(struct daemon *d, int64_t ms)
{
    int64_t until = world->now + ms;

    while (world->now < until && !world_node(d->name)->dead && !daemon_step(d))
        ;
    return d->ended;
}

static void daemon_free(struct daemon *d)
{
    instance_free(d->instance);
    free(d);
}

void daemon_stop(struct daemon *d)
{
    instance_stop(d->instance);
    daemon_free(d);
}

void daemon_crash(struct daemon *d)
{
    world_node(d->name)->dead = true;
    world->crash_at = 0;
    daemon_free(d);
}

int operator_runs(const char *words)
{
    struct node *at_work = world->at_work;
    struct init init = {"op", &instance_settings, keep_line, world_node("op")->name};
    int r = init_run(&init, words);

    world->at_work = at_work;
    return r;
}

void skip(void)
{
    buffer_reset(&world->trace);
    world->line = 0;
}

/* As CHECK_TEXT, but for the story's line, and with what was logged. */
static void compare(struct checks *c, const char *file, int line, const char *found, const char *wanted)
{
    c->made++;
    if (strcmp(found, wanted) == 0)
        return;
    c->failed++;
    fprintf(stderr, "logged:\n%s%s:%d: found\n%s\nnot\n%s\n", logged, file, line, found, wanted);
}

void expect_trace(struct checks *c, const char *file, int line, const char *wanted)
{
    compare(c, file, line, buffer_text(&world->trace), wanted);
    skip();
}

void expect_market(struct checks *c, const char *market)
{
    struct buffer text;

    buffer_init(&text, 1 << 20);
    keyspace_text(&world->redis.data, &text);
    CHECK_TEXT(c, buffer_text(&text), market);
    buffer_deinit(&text);
}

void expect_committed(struct checks *c, int64_t offset)
{
    CHECK_INT(c, kafka_log_partition(&world->kafka, "orders", 0)->committed, offset);
}

static void outcome_text(struct buffer *out, const struct logged *record)
{
    static const char status[] = "\"status\":\"", reason[] = "\"reason\":\"";
    struct bytes id = kafka_log_header(record, "ce_id");
    const char *found = strstr(record->value.data, reason);

    found = found ? found + sizeof reason - 1 : strstr(record->value.data, status) + sizeof status - 1;
    buffer_put_format(out, "%s%s %.*s", out->size ? ", " : "", strrchr(id.data, '/') + 1, (int)strcspn(found, "\""), found);
}

/* The first record with this one's id and source. */
static const struct logged *first_copy(const struct log_partition *partition, const struct logged *record)
{
    for (size_t i = 0; i < partition->count; i++)
        if (bytes_equal(kafka_log_header(&partition->messages[i], "ce_id"), kafka_log_header(record, "ce_id")) &&
            bytes_equal(kafka_log_header(&partition->messages[i], "ce_source"), kafka_log_header(record, "ce_source")))
            return &partition->messages[i];
    return NULL;
}

void expect_records(struct checks *c, const char *file, int line, const char *outcomes)
{
    const struct log_partition *partition = kafka_log_partition(&world->kafka, "out", 0);
    struct buffer text;

    buffer_init(&text, 1 << 20);
    for (size_t i = 0; i < partition->count; i++) {
        const struct logged *record = &partition->messages[i], *first = first_copy(partition, record);

        CHECK(c, kafka_log_same(first, record));
        if (first == record)
            outcome_text(&text, record);
    }
    compare(c, file, line, buffer_text(&text), outcomes);
    buffer_deinit(&text);
}

int times_logged(const char *text)
{
    int times = 0;

    for (const char *at = logged; (at = strstr(at, text)); at += strlen(text))
        times++;
    return times;
}

bool was_logged(const char *text)
{
    return times_logged(text) > 0;
}

void story_full_once_torn(struct node *node, struct redis_client *client, enum exec_answer answer, bool late)
{
    (void)node, (void)client, (void)late;
    if (answer == EXEC_ANSWER_TORN)
        world->redis.trouble.conditions = CONDITION_OOM;
}
