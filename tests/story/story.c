#include "story/story.h"

#include <stdlib.h>

#include "ledger/start.h"

enum { LOG_SIZE = 1 << 18, MEMORY = 16 << 20, BEGIN_MS = 1700000000 };

struct daemon {
    char name[8];
    struct clock *clock;
    struct log log;
    struct session *session;
    struct source *source;
    struct kafka_reader *reader;
    struct sink *sink;
    struct pipeline *pipeline;
    struct commands commands;
    struct arena *arena;
    int ended;                    /* what pipeline_step said last */
};

static struct story_settings settings;
static struct world story_world;
static char logged[LOG_SIZE];
static const char *const topics[] = {"orders"};

static void keep_line(void *context, const char *line)
{
    size_t size = strlen(logged);

    snprintf(logged + size, sizeof logged - size, "%6lld %s %s\n", (long long)world->now, (const char *)context, line);
}

void story_begin(const struct story_settings *chosen)
{
    settings = chosen ? *chosen : (struct story_settings){.durability = DURABILITY_NONE};
    if (!settings.partitions)
        settings.partitions = 1;
    logged[0] = '\0';
    world_begin(&story_world);
    kafka_log_topic(&world->kafka, "orders", settings.partitions);
    kafka_log_topic(&world->kafka, "out", settings.partitions);
    kafka_log_topic(&world->kafka, "dead", 1);
}

void story_end(void)
{
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
    keyspace_do(&world->redis, command);
}

static int registry_start(struct daemon *d)
{
    struct start_topic topic = {"orders", settings.partitions};
    struct asker asker = {d->session, &d->commands, d->arena};
    struct refusal refusal = {0};
    struct start start = {.redis = &asker, .clock = d->clock, .log = &d->log,
                          .evidence = {.in = source_kafka(d->source), .reader = d->reader, .outcomes = "out", .timeout_ms = 1000},
                          .prefix = "", .cluster = "cluster", .group = "orderd", .topics = &topic, .topics_count = 1, .sharded = settings.sharded,
                              .window_s = 3600, .ids = 1000};
    int r = start_run(&start, &refusal);

    if (refusal.set)
        log_error(&d->log, "refused: %s", refusal.found);
    return refusal.set ? -EPROTO : r;
}

static struct pipeline_options pipeline_options_of(struct daemon *d)
{
    struct pipeline_options options = {
        .settings = {.turn = {settings.turn_events ? settings.turn_events : 100, 128, 1 << 20},
                     .outbox_entries = settings.outbox_entries ? settings.outbox_entries : 100, .outbox_bytes = 1 << 24,
                     .outbox_idle_ms = 50, .prefetch_events = 1000, .prefetch_bytes = 1 << 24, .commit_interval_ms = 20,
                     .conflict_backoff_min_ms = 2, .conflict_backoff_max_ms = 16, .revoke_ms = 1000},
        .turn_max = {100, 128, 1 << 20}, .prefetch_events_max = 1000, .file = "orderd.conf", .prefix = "", .outcomes = "out",
        .sharded = settings.sharded, .session = d->session, .source = d->source, .reader = d->reader, .clock = d->clock, .log = &d->log};

    for (int kind = 0; kind < EVENT_KIND_COUNT; kind++)
        options.settings.deadline_ms[kind] = settings.deadline_ms;
    return options;
}

static void connect_all(struct daemon *d)
{
    struct session_options redis_options = {.address = d->name, .user = "", .password = "", .prefix = "", .connect_timeout_ms = 100,
                                            .command_timeout_ms = 100,
                                            .backoff_min_ms = 10, .backoff_max_ms = 100, .durability = settings.durability,
                                                .replicas = settings.replicas,
                                            .clock = d->clock, .log = &d->log};
    struct source_options source_options = {.kafka = {d->name, "orderd", topics, 1, {NULL, 0}, &d->log}, .log = &d->log};
    struct error_text error;

    ASSERT(session_new(&d->session, &redis_options) == 0 && source_new(&d->source, &source_options, &error) == 0);
    ASSERT(kafka_reader_new(&d->reader, &source_options.kafka, &error) == 0);
    if (session_connect(d->session, &error))
        log_error(&d->log, "redis: %s", error.text);
    ASSERT(session_is_up(d->session));
}

struct daemon *daemon_start(const char *name)
{
    static const struct sink_limits limits = {1000000, 2000000, 1};
    struct daemon *d = calloc(1, sizeof *d);
    struct sink_options sink_options = {.brokers = d->name, .outcomes = "out", .dead_letters = "dead", .backoff_min_ms = 10, .backoff_max_ms = 100};
    struct pipeline_options options;
    struct error_text error;

    snprintf(d->name, sizeof d->name, "%s", name);
    d->log = (struct log){.level = LOG_LEVEL_DEBUG, .sink = keep_line, .context = d->name};
    world->at_work = world_node(name);
    world->at_work->dead = false;
    commands_init(&d->commands, MEMORY);
    ASSERT(clock_new(&d->clock) == 0 && arena_new(&d->arena, MEMORY) == 0);
    connect_all(d);
    d->ended = registry_start(d);
    options = pipeline_options_of(d);
    ASSERT(pipeline_new(&d->pipeline, &options) == 0);
    sink_options.log = &d->log;
    sink_options.clock = d->clock;
    sink_options.reported = pipeline_reported;
    sink_options.context = d->pipeline;
    ASSERT(sink_new(&d->sink, &sink_options, &error) == 0 && source_subscribe(d->source, &error) == 0);
    sink_set_limits(d->sink, &limits);
    pipeline_set_sink(d->pipeline, d->sink);
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
    world->at_work = world_node(d->name);
    if (!d->ended && !world->at_work->dead)
        d->ended = pipeline_step(d->pipeline);
    return d->ended;
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
    sink_free(d->sink);
    pipeline_free(d->pipeline);
    kafka_reader_free(d->reader);
    source_free(d->source);
    session_free(d->session);
    commands_deinit(&d->commands);
    arena_free(d->arena);
    clock_free(d->clock);
    free(d);
}

void daemon_stop(struct daemon *d)
{
    pipeline_drain(d->pipeline, world->now + 1000);
    source_leave(d->source, 1000);
    daemon_free(d);
}

void daemon_crash(struct daemon *d)
{
    world_node(d->name)->dead = true;
    world->crash_at = 0;
    daemon_free(d);
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
    keyspace_text(&world->redis, &text);
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

bool was_logged(const char *text)
{
    return strstr(logged, text) != NULL;
}
