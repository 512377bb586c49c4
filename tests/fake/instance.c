#include "fake/instance.h"

#include <stdlib.h>

enum { CONNECT_MS = 100, COMMAND_MS = 1000, BACKOFF_MIN_MS = 10, BACKOFF_MAX_MS = 100, QUESTION_MS = 1000, RETRY_MS = 50, STOP_MS = 1000 };

struct instance {
    struct ends ends;
    struct sink *sink;
    struct pipeline *pipeline;
    int ended;                    /* what pipeline_step said last */
};

static void say(void *context, const char *line)
{
    const struct ends *ends = context;

    if (ends->settings->say)
        ends->settings->say(ends->node->name, line);
}

struct kafka_in_options ends_kafka(const struct ends *ends)
{
    const struct instance_settings *settings = ends->settings;

    return (struct kafka_in_options){ends->node->name, "orderd", settings->topics, settings->topics_count, {NULL, 0}, &ends->log, ends->clock};
}

void ends_open(struct ends *ends, const char *name, const struct instance_settings *settings)
{
    struct session_options session = {.address = name, .user = "", .password = "", .prefix = "", .connect_timeout_ms = CONNECT_MS,
                                      .command_timeout_ms = COMMAND_MS, .backoff_min_ms = BACKOFF_MIN_MS, .backoff_max_ms = BACKOFF_MAX_MS,
                                      .durability = settings->durability, .replicas = settings->replicas, .log = &ends->log};
    struct source_options source;
    struct error_text error;

    *ends = (struct ends){.settings = settings, .node = world_node(name)};
    world->at_work = ends->node;
    ends->log = (struct log){.level = settings->log_level, .sink = say, .context = ends};
    commands_init(&ends->commands, INSTANCE_MEMORY);
    ASSERT(clock_new(&ends->clock) == 0 && arena_new(&ends->arena, INSTANCE_MEMORY) == 0);
    session.clock = ends->clock;
    source = (struct source_options){.kafka = ends_kafka(ends), .log = &ends->log};
    ASSERT(session_new(&ends->session, &session) == 0 && source_new(&ends->source, &source, &error) == 0);
    ASSERT(kafka_reader_new(&ends->reader, &source.kafka, &error) == 0);
    ends->asker = (struct asker){ends->session, &ends->commands, ends->arena};
    for (size_t i = 0; i < settings->topics_count; i++)
        ends->topics[i] = (struct start_topic){settings->topics[i], settings->partitions[i]};
}

void ends_close(struct ends *ends)
{
    kafka_reader_free(ends->reader);
    source_free(ends->source);
    session_free(ends->session);
    commands_deinit(&ends->commands);
    arena_free(ends->arena);
    clock_free(ends->clock);
}

bool ends_connect(struct ends *ends)
{
    struct error_text error;

    while (!ends->node->dead && !session_is_up(ends->session)) {
        int r = session_connect(ends->session, &error);

        if (r)
            log_warning(&ends->log, "redis is away error=\"%s\"", error.text);
        if (r == -EACCES || r == -ENOTSUP)
            return false;
        if (r)
            clock_sleep_ms(ends->clock, session_connect_at(ends->session) - clock_monotonic_ms(ends->clock));
    }
    return !ends->node->dead;
}

struct start ends_start(struct ends *ends)
{
    const struct instance_settings *settings = ends->settings;

    return (struct start){.redis = &ends->asker, .clock = ends->clock, .log = &ends->log,
                          .evidence = {.in = source_kafka(ends->source), .reader = ends->reader, .outcomes = "out", .timeout_ms = QUESTION_MS},
                          .prefix = "", .cluster = "cluster", .group = "orderd", .topics = ends->topics, .topics_count = settings->topics_count,
                          .sharded = settings->sharded, .window_s = settings->window_s, .ids = settings->ids};
}

struct instance *instance_new(const char *name, const struct instance_settings *settings)
{
    struct instance *instance = calloc(1, sizeof *instance);

    ASSERT(instance);
    ends_open(&instance->ends, name, settings);
    return instance;
}

static int compare_registry(struct instance *instance)
{
    struct ends *ends = &instance->ends;
    struct start start = ends_start(ends);
    struct refusal refusal = {0};
    int r;

    do {
        if (!ends_connect(ends))
            return ends->node->dead ? -ECANCELED : -EACCES;
        r = start_run(&start, &refusal);
        if (r && !refusal.set)
            clock_sleep_ms(ends->clock, RETRY_MS);
    } while (r && !refusal.set);
    if (refusal.set)
        refusal_log(&refusal, &ends->log, "orderd.conf", NULL, 0);
    return refusal.set ? -EPROTO : 0;
}

static int make_pipeline(struct instance *instance)
{
    struct ends *ends = &instance->ends;
    const struct instance_settings *settings = ends->settings;
    struct reapply_options reapply = {.start = ends_start(ends), .kafka = ends_kafka(ends)};
    struct pipeline_options pipeline = {
        .settings = settings->pipeline, .turn_max = settings->pipeline.turn, .prefetch_events_max = settings->pipeline.prefetch_events,
        .file = "orderd.conf", .prefix = "", .outcomes = "out", .sharded = settings->sharded, .reapply = &reapply, .session = ends->session, .source = ends->source,
        .reader = ends->reader, .clock = ends->clock, .log = &ends->log};
    struct sink_options sink = {.brokers = ends->node->name, .outcomes = "out", .dead_letters = "dead", .backoff_min_ms = BACKOFF_MIN_MS,
                                .backoff_max_ms = BACKOFF_MAX_MS, .log = &ends->log, .clock = ends->clock, .reported = pipeline_reported};
    struct sink_limits limits = {1000000, 2000000, settings->dead_letter_partitions};
    struct error_text error;

    ASSERT(pipeline_new(&instance->pipeline, &pipeline) == 0);
    sink.context = instance->pipeline;
    if (sink_new(&instance->sink, &sink, &error)) {
        log_error(&ends->log, "no producer error=\"%s\"", error.text);
        return -EIO;
    }
    sink_set_limits(instance->sink, &limits);
    pipeline_set_sink(instance->pipeline, instance->sink);
    return 0;
}

int instance_begin(struct instance *instance)
{
    struct error_text error;

    instance->ended = compare_registry(instance);
    if (!instance->ended)
        instance->ended = make_pipeline(instance);
    if (!instance->ended)
        ASSERT(source_subscribe(instance->ends.source, &error) == 0);
    return instance->ended;
}

int instance_step(struct instance *instance)
{
    world->at_work = instance->ends.node;
    if (!instance->ended && !instance->ends.node->dead)
        instance->ended = pipeline_step(instance->pipeline);
    return instance->ended;
}

struct pipeline *instance_pipeline(struct instance *instance)
{
    world->at_work = instance->ends.node;
    return instance->pipeline;
}

void instance_stop(struct instance *instance)
{
    struct ends *ends = &instance->ends;

    world->at_work = ends->node;
    if (instance->pipeline && !instance->ended)
        pipeline_drain(instance->pipeline, clock_monotonic_ms(ends->clock) + STOP_MS);
    if (!source_leave(ends->source, STOP_MS))
        log_warning(&ends->log, "the group was not left in time");
}

struct instance *instance_free(struct instance *instance)
{
    world->at_work = instance->ends.node;
    if (instance->sink)
        sink_free(instance->sink);
    pipeline_free(instance->pipeline);
    ends_close(&instance->ends);
    free(instance);
    return NULL;
}
