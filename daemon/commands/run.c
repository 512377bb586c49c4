/* The daemon's life: connect, compare, subscribe, turn after turn, drain. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/command.h"
#include "commands/topics.h"
#include "ledger/start.h"
#include "turn/pipeline.h"

enum { KEYS_MAX = 300, EVENTS_MAX = 1000, BYTES_MAX = 67108864, RETRY_MS = 500, WORKING_MEMORY = 64 << 20, COMMANDS_LIMIT = 1 << 24, SLICE_MS = 50 };

struct daemon {
    struct config *config;
    struct log log;
    struct clock *clock;
    int signals;
    struct session *session;
    struct source *source;
    struct kafka_reader *reader;
    struct sink *sink;
    struct pipeline *pipeline;
    struct topics topics;
    char queue_messages[24], queue_kbytes[24], message_bytes[24];
    struct kafka_property *producer;       /* the configuration's, and what was found out */
    bool stop;
};

/* Blocked before librdkafka makes its threads, so that every signal arrives here. */
static int signals_open(struct daemon *d)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    if (sigprocmask(SIG_BLOCK, &set, NULL))
        return -errno;
    signal(SIGPIPE, SIG_IGN);
    d->signals = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    return d->signals < 0 ? -errno : 0;
}

static struct pipeline_settings settings_of(const struct config *c)
{
    struct pipeline_settings s = {
        .turn = {(size_t)c->turn.events, (size_t)c->turn.keys, (size_t)c->turn.bytes},
        .outbox_entries = (size_t)c->outbox.entries,
        .outbox_bytes = (size_t)c->outbox.bytes,
        .outbox_idle_ms = c->outbox.idle_ms,
        .prefetch_events = (size_t)c->prefetch.events,
        .prefetch_bytes = (size_t)c->prefetch.bytes,
        .commit_interval_ms = c->commit.interval_ms,
        .conflict_backoff_min_ms = (int)c->conflict.backoff_min_ms,
        .conflict_backoff_max_ms = (int)c->conflict.backoff_max_ms,
        .stop_ms = (int)c->drain.stop_ms,
        .revoke_ms = (int)c->drain.revoke_ms,
    };

    memcpy(s.deadline_ms, c->deadline_ms, sizeof s.deadline_ms);
    return s;
}

static void needs_restart(void *context, const char *name)
{
    const struct log *log = context;

    log_warning(log, "a changed setting needs a restart setting=%s", name);
}

static void reload(struct daemon *d)
{
    struct config_problems problems;
    struct pipeline_settings settings;
    struct config *fresh;

    if (config_load(&fresh, d->config->file, &problems)) {
        config_problems_print(&problems, d->config->file, stderr);
        log_error(&d->log, "the changed configuration is refused, the old one stays file=%s problems=%zu", d->config->file, problems.errors);
        return;
    }
    config_adopt(d->config, fresh, needs_restart, &d->log);
    config_free(fresh);
    ASSERT(log_level_parse(d->config->log.level, &d->log.level));
    settings = settings_of(d->config);
    if (d->pipeline)
        pipeline_configure(d->pipeline, &settings);
    log_notice(&d->log, "configuration reloaded file=%s", d->config->file);
}

static void signals_serve(struct daemon *d)
{
    struct signalfd_siginfo info;

    while (read(d->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            reload(d);
        } else {
            log_notice(&d->log, "stopping signal=%s", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
            d->stop = true;
        }
    }
}

/* Waits before another attempt; a signal ends it early. */
static void wait_ms(struct daemon *d, int64_t ms)
{
    int64_t until = clock_monotonic_ms(d->clock) + ms;

    while (!d->stop && clock_monotonic_ms(d->clock) < until) {
        clock_sleep_ms(d->clock, SLICE_MS);
        signals_serve(d);
    }
}

static int session_make(struct daemon *d)
{
    const struct config *c = d->config;
    struct session_options options = {
        .address = c->redis.address,
        .user = c->redis.user,
        .password = c->password,
        .database = (int)c->redis.database,
        .prefix = c->redis.prefix,
        .connect_timeout_ms = (int)c->redis.connect_timeout_ms,
        .command_timeout_ms = (int)c->redis.command_timeout_ms,
        .backoff_min_ms = (int)c->redis.backoff_min_ms,
        .backoff_max_ms = (int)c->redis.backoff_max_ms,
        .clock = d->clock,
        .log = &d->log,
    };

    if (strcmp(c->redis.durability, "aof") == 0)
        options.durability = DURABILITY_AOF;
    if (strncmp(c->redis.durability, "replicas:", 9) == 0) {
        options.durability = DURABILITY_REPLICAS;
        options.replicas = (int)strtol(c->redis.durability + 9, NULL, 10);
    }
    return session_new(&d->session, &options);
}

/* Until Redis answers, or says something that waiting does not mend. */
static int redis_connect(struct daemon *d)
{
    struct error_text error;
    int r = -EAGAIN;

    while (!d->stop && !session_is_up(d->session)) {
        r = session_connect(d->session, &error);
        if (!r)
            break;
        if (r == -EACCES || r == -ENOTSUP) {
            log_error(&d->log, "redis cannot be used as configured address=%s error=\"%s\"", d->config->redis.address, error.text);
            return r == -EACCES ? EX_NOPERM : EX_CONFIG;
        }
        log_warning(&d->log, "redis is away address=%s error=\"%s\"", d->config->redis.address, error.text);
        wait_ms(d, session_backoff_ms(d->session));
    }
    if (!d->stop)
        log_notice(&d->log, "redis is there address=%s promise=\"%s\" durability=%s", d->config->redis.address, session_promise(d->session),
                   d->config->redis.durability);
    return 0;
}

static int refuse(struct daemon *d, const struct refusal *refusal)
{
    refusal_log(refusal, &d->log, "");
    return EX_CONFIG;
}

static int kafka_look(struct daemon *d)
{
    struct refusal refusal = {0};
    struct error_text error;
    int r;

    while ((r = topics_ask(&d->topics, d->config, &d->log, &refusal, &error)) && !d->stop) {
        log_warning(&d->log, "%s", error.text);
        if (r == -EINVAL)
            return EX_CONFIG;
        if (r == -EACCES)
            return EX_NOPERM;
        wait_ms(d, RETRY_MS);
    }
    return refusal.set ? refuse(d, &refusal) : 0;
}

static int kafka_open(struct daemon *d)
{
    const struct config *c = d->config;
    struct source_options options = {
        .kafka = {c->kafka.brokers, c->kafka.group, (const char *const *)c->kafka.topics.items, c->kafka.topics.count,
                  {c->consumer.items, c->consumer.count}, &d->log},
        .log = &d->log,
    };
    struct error_text error = {""};
    int r = source_new(&d->source, &options, &error);

    if (!r)
        r = kafka_reader_new(&d->reader, &options.kafka, &error);
    if (r)
        log_error(&d->log, "no consumer error=\"%s\"", error.text);
    return r ? EX_CONFIG : 0;
}

static int sink_make(struct daemon *d)
{
    const struct config *c = d->config;
    size_t count = c->producer.count;
    struct sink_options options = {
        .brokers = c->kafka.brokers, .outcomes = c->kafka.outcomes, .dead_letters = c->kafka.dead_letters,
        .backoff_min_ms = 100, .backoff_max_ms = 5000, .log = &d->log, .clock = d->clock,
        .reported = pipeline_reported, .context = d->pipeline,
    };
    int64_t bytes = d->topics.limits.outcome_bytes > d->topics.limits.dead_letter_bytes ? d->topics.limits.outcome_bytes : d->topics.limits.dead_letter_bytes;
    struct error_text error = {""};
    int r;

    d->producer = calloc(count + 3, sizeof *d->producer);
    if (!d->producer)
        return EX_OSERR;
    snprintf(d->queue_messages, sizeof d->queue_messages, "%lld", (long long)c->queue.messages);
    snprintf(d->queue_kbytes, sizeof d->queue_kbytes, "%lld", (long long)c->queue.kbytes);
    snprintf(d->message_bytes, sizeof d->message_bytes, "%lld", (long long)bytes);
    d->producer[0] = (struct kafka_property){"queue.buffering.max.messages", d->queue_messages};
    d->producer[1] = (struct kafka_property){"queue.buffering.max.kbytes", d->queue_kbytes};
    d->producer[2] = (struct kafka_property){"message.max.bytes", d->message_bytes};
    if (count)
        memcpy(d->producer + 3, c->producer.items, count * sizeof *d->producer);
    options.properties = (struct kafka_properties){d->producer, count + 3};
    r = sink_new(&d->sink, &options, &error);
    if (r) {
        log_error(&d->log, "no producer error=\"%s\"", error.text);
        return EX_CONFIG;
    }
    sink_set_limits(d->sink, &d->topics.limits);
    pipeline_set_sink(d->pipeline, d->sink);
    return 0;
}

static int registry_start(struct daemon *d)
{
    struct refusal refusal = {0};
    struct commands commands;
    struct arena *arena;
    struct start start = {
        .session = d->session, .commands = &commands, .clock = d->clock, .log = &d->log,
        .evidence = {source_kafka(d->source), d->reader, d->config->kafka.outcomes, 10000},
        .prefix = d->config->redis.prefix, .cluster = d->topics.cluster, .group = d->config->kafka.group,
        .topics = d->topics.items, .topics_count = d->topics.count,
        .sharded = strcmp(d->config->shard, "partition") == 0,
        .window_s = d->config->dedupe.window_s, .ids = d->config->dedupe.ids,
    };
    int r = arena_new(&arena, WORKING_MEMORY);

    if (r)
        return EX_OSERR;
    start.arena = arena;
    commands_init(&commands, COMMANDS_LIMIT);
    while (!d->stop && (r = start_run(&start, &refusal)) && !refusal.set) {
        log_warning(&d->log, "the registry cannot be compared yet error=\"%s\"", strerror(-r));
        wait_ms(d, RETRY_MS);
        if (redis_connect(d))
            break;
    }
    commands_deinit(&commands);
    arena_free(arena);
    return refusal.set ? refuse(d, &refusal) : r ? EX_TEMPFAIL : 0;
}

static int pipeline_make(struct daemon *d)
{
    struct pipeline_options options = {
        .settings = settings_of(d->config),
        .turn_max = {EVENTS_MAX, KEYS_MAX, BYTES_MAX},
        .prefetch_events_max = (size_t)d->config->prefetch.events,
        .prefix = d->config->redis.prefix,
        .outcomes = d->config->kafka.outcomes,
        .sharded = strcmp(d->config->shard, "partition") == 0,
        .session = d->session, .source = d->source, .reader = d->reader, .clock = d->clock, .log = &d->log,
    };

    return pipeline_new(&d->pipeline, &options) ? EX_OSERR : sink_make(d);
}

static int loop(struct daemon *d)
{
    struct error_text error;
    int r = source_subscribe(d->source, &error);

    if (r) {
        log_error(&d->log, "cannot subscribe error=\"%s\"", error.text);
        return EX_CONFIG;
    }
    log_notice(&d->log, "running group=%s cluster=%s topics=%zu", d->config->kafka.group, d->topics.cluster, d->topics.count);
    while (!d->stop && !r) {
        r = pipeline_step(d->pipeline);
        signals_serve(d);
    }
    if (!r)
        pipeline_drain(d->pipeline);
    if (!source_leave(d->source, (int)d->config->drain.stop_ms))
        log_warning(&d->log, "the group was not left in time");
    log_notice(&d->log, "stopped");
    return r == 0 ? 0 : r == -EPROTO ? EX_CONFIG : r == -EACCES ? EX_NOPERM : EX_SOFTWARE;
}

static void close_all(struct daemon *d)
{
    if (d->sink)
        d->sink = sink_free(d->sink);
    pipeline_free(d->pipeline);
    kafka_reader_free(d->reader);
    source_free(d->source);
    session_free(d->session);
    free(d->producer);
    clock_free(d->clock);
    config_free(d->config);
    if (d->signals >= 0)
        close(d->signals);
}

int command_run(struct config *config)
{
    struct daemon d = {.config = config, .log = {.level = LOG_LEVEL_INFO, .fd = STDERR_FILENO}, .signals = -1};
    int (*const steps[])(struct daemon *) = {redis_connect, kafka_look, kafka_open, registry_start, pipeline_make, loop};
    int code = 0;

    ASSERT(log_level_parse(config->log.level, &d.log.level));
    if (signals_open(&d) || clock_new(&d.clock) || session_make(&d))
        code = EX_OSERR;
    for (size_t i = 0; !code && !d.stop && i < sizeof steps / sizeof *steps; i++)
        code = steps[i](&d);
    close_all(&d);
    return code;
}
