/* The daemon's life: connect, compare, subscribe, turn after turn, drain. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/command.h"
#include "commands/crash.h"
#include "commands/serve.h"
#include "service/host.h"
#include "turn/operator.h"

enum { KEYS_MAX = 300, EVENTS_MAX = 1000, BYTES_MAX = 67108864, RETRY_MS = 500, LEAVE_MIN_MS = 1000, SINK_BACKOFF_MIN_MS = 100, SINK_BACKOFF_MAX_MS = 5000,
       COOPERATIVE_SOUND_VERSION = 0x020b01ff, PRODUCER_FOUND = 3 };

struct daemon {
    struct site site;
    int signals;
    struct source *source;
    struct sink *sink;
    struct pipeline *pipeline;
    struct board *board;
    struct serve serve;
    struct host *host;
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
    sigaddset(&set, SIGTSTP);
    sigaddset(&set, SIGCONT);
    sigaddset(&set, SIGTTIN);
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
        .revoke_ms = (int)c->drain.revoke_ms,
        .rate_events_per_s = c->rate.events_per_s,
        .reapply = strcmp(c->on_rollback, "reapply") == 0,
    };

    memcpy(s.deadline_ms, c->deadline_ms, sizeof s.deadline_ms);
    return s;
}

static void needs_restart(void *context, const char *name)
{
    const struct log *log = context;

    log_warning(log, "a changed setting needs a restart setting=%s", name);
}

/* In the log's own form, so that what reads it line by line is not led astray. */
static void say_problems(const struct daemon *d, const struct config_problems *problems)
{
    for (size_t i = 0; i < problems->count; i++)
        log_error(&d->site.log, "the changed configuration: %s:%d: %s", d->site.config->file, problems->items[i].line, problems->items[i].text);
}

/* The sink makes further producers from d->producer, which points to the configuration's values. */
static void rotate_kafka(struct daemon *d)
{
    const char *user = config_consumer_property(d->site.config, "sasl.username"), *password = config_consumer_property(d->site.config, "sasl.password");
    struct error_text error = {""};
    int r = 0;

    if (d->producer && d->site.config->producer.count)
        memcpy(d->producer + PRODUCER_FOUND, d->site.config->producer.items, d->site.config->producer.count * sizeof *d->producer);
    if (d->source)
        r = kafka_in_set_credentials(source_kafka(d->source), user, password, &error);
    if (!r && d->site.reader)
        r = kafka_reader_set_credentials(d->site.reader, user, password, &error);
    if (!r && d->sink)
        r = sink_set_credentials(d->sink, user, password, &error);
    if (r)
        log_error(&d->site.log, "kafka's changed credentials need a restart error=\"%s\"", error.text);
    else
        log_notice(&d->site.log, "kafka's changed credentials count for every connection made from now on");
}

/* Secrets whose file changed; a password that Redis did not take the last time is tried once more. */
static void rotate(struct daemon *d, struct config *fresh)
{
    struct session *session = d->site.redis.session;
    struct config_rotated rotated = config_rotate(d->site.config, fresh, needs_restart, &d->site.log);

    if (rotated.redis && session_set_password(session, d->site.config->password))
        log_error(&d->site.log, "no memory for the changed password of redis, it needs a restart");
    if (d->pipeline && session_has_former(session))
        pipeline_authenticate(d->pipeline);
    if (rotated.kafka)
        rotate_kafka(d);
}

static bool reload(struct daemon *d)
{
    struct config_problems problems;
    struct pipeline_settings settings;
    struct config *fresh;

    if (config_load(&fresh, d->site.config->file, &problems)) {
        say_problems(d, &problems);
        log_error(&d->site.log, "the changed configuration is refused, the old one stays file=%s problems=%zu", d->site.config->file, problems.errors);
        return false;
    }
    config_adopt(d->site.config, fresh, needs_restart, &d->site.log);
    rotate(d, fresh);
    config_free(fresh);
    site_configure_log(&d->site);
    settings = settings_of(d->site.config);
    if (d->pipeline)
        pipeline_configure(d->pipeline, &settings);
    log_notice(&d->site.log, "configuration reloaded file=%s", d->site.config->file);
    return true;
}

static int64_t stop_by(const struct daemon *d)
{
    return clock_monotonic_ms(d->site.clock) + d->site.config->drain.stop_ms;
}

/* SIGTSTP: quiet; SIGCONT: no longer; SIGTTIN: what is in flight goes to the log. */
static void tell_pipeline(struct daemon *d, uint32_t signal)
{
    if (!d->pipeline)
        log_notice(&d->site.log, "a signal comes too early: no events are taken yet signal=%u", signal);
    else if (signal == SIGTTIN)
        operator_dump(d->pipeline);
    else
        operator_quiet(d->pipeline, signal == SIGTSTP);
}

static void serve_reload(struct daemon *d)
{
    bool taken;

    host_reloading(d->host);
    taken = reload(d);
    host_reloaded(d->host, !taken);
    board_reloaded(d->board, taken);
}

static void signals_serve(struct daemon *d)
{
    struct signalfd_siginfo info;

    while (read(d->signals, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo == SIGHUP) {
            serve_reload(d);
        } else if (info.ssi_signo == SIGTSTP || info.ssi_signo == SIGCONT || info.ssi_signo == SIGTTIN) {
            tell_pipeline(d, info.ssi_signo);
        } else {
            log_notice(&d->site.log, "stopping signal=%s", info.ssi_signo == SIGINT ? "SIGINT" : "SIGTERM");
            d->stop = true;
            host_stopping(d->host, stop_by(d));
        }
    }
}

/* Asked by the site while it waits. */
static bool is_stopped(void *context)
{
    struct daemon *d = context;

    signals_serve(d);
    serve_errands(&d->serve, d->pipeline, d->board, &d->site.log);
    board_see_redis(d->board, session_is_up(d->site.redis.session));
    return d->stop;
}

/* A wait for one answer feeds no watchdog before it is over. */
static void say_long_waits(const struct daemon *d)
{
    const struct config *c = d->site.config;
    const struct {
        const char *name;
        int64_t ms;
    } waits[] = {
        {"redis.connect_timeout_ms", c->redis.connect_timeout_ms},
        {"redis.command_timeout_ms", c->redis.command_timeout_ms},
        {"a question to kafka", SITE_QUESTION_MS},
    };
    int64_t watchdog_ms = host_watchdog_ms(d->host);

    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++)
        if (watchdog_ms && 2 * waits[i].ms > watchdog_ms)
            log_warning(&d->site.log, "one wait may take too much of the watchdog's time, which then ends a daemon that hangs nowhere: WatchdogSec=%lldms needs to be "
                        "%lldms at least, or the wait shorter wait=\"%s\" ms=%lld", (long long)watchdog_ms, (long long)(2 * waits[i].ms), waits[i].name,
                        (long long)waits[i].ms);
}

static int connect_redis(struct daemon *d)
{
    say_long_waits(d);
    host_say(d->host, "waiting for Redis at %s", d->site.config->redis.address);
    return site_connect(&d->site);
}

static int ask_kafka(struct daemon *d)
{
    board_see_redis(d->board, true);
    board_enter(d->board, BOARD_KAFKA);
    host_say(d->host, "waiting for Kafka at %s", d->site.config->kafka.brokers);
    return site_ask_kafka(&d->site);
}

/* What the two ends do not guarantee, said once (DESIGN 4.1, 4.5). */
static void say_limits(const struct daemon *d)
{
    const struct config *c = d->site.config;
    bool cooperative = false;

    if (strcmp(c->redis.durability, "none") == 0)
        log_notice(&d->site.log, "durability=none: outcomes leave before redis promised to keep what they rest on; should it come back older, "
                   "that is found and halts, but what an instance published before it noticed stands");
    for (size_t i = 0; i < c->consumer.count; i++)
        if (strcmp(c->consumer.items[i].name, "partition.assignment.strategy") == 0)
            cooperative = strstr(c->consumer.items[i].value, "cooperative-sticky") != NULL;
    if (cooperative && kafka_library_version() < COOPERATIVE_SOUND_VERSION)
        log_warning(&d->site.log, "partition.assignment.strategy=cooperative-sticky has known defects in librdkafka %s: crashes and hangs on close (before 2.4.0), "
                    "an endless loop (before 2.6.1), and a commit during a rebalance that loses the assignment (#4059, before 2.10.0); use 2.11.1 or later, or range",
                    kafka_library_version_text());
}

static int open_source(struct daemon *d)
{
    struct source_options options = {.kafka = site_consumer(&d->site), .log = &d->site.log};
    struct error_text error = {""};
    int r = source_new(&d->source, &options, &error);

    if (r) {
        log_error(&d->site.log, "no consumer error=\"%s\"", error.text);
        return EX_CONFIG;
    }
    say_limits(d);
    return site_open_reader(&d->site);
}

/* The configuration's properties behind what was found out about the topics. */
static int producer_properties(struct daemon *d, struct kafka_properties *out)
{
    const struct config *c = d->site.config;
    const struct sink_limits *limits = &d->site.topics.limits;
    size_t count = c->producer.count;

    d->producer = calloc(count + PRODUCER_FOUND, sizeof *d->producer);
    if (!d->producer)
        return -ENOMEM;
    snprintf(d->queue_messages, sizeof d->queue_messages, "%lld", (long long)c->queue.messages);
    snprintf(d->queue_kbytes, sizeof d->queue_kbytes, "%lld", (long long)c->queue.kbytes);
    snprintf(d->message_bytes, sizeof d->message_bytes, "%lld",
             (long long)(limits->outcome_bytes > limits->dead_letter_bytes ? limits->outcome_bytes : limits->dead_letter_bytes));
    d->producer[0] = (struct kafka_property){"queue.buffering.max.messages", d->queue_messages};
    d->producer[1] = (struct kafka_property){"queue.buffering.max.kbytes", d->queue_kbytes};
    d->producer[2] = (struct kafka_property){"message.max.bytes", d->message_bytes};
    if (count)
        memcpy(d->producer + PRODUCER_FOUND, c->producer.items, count * sizeof *d->producer);
    *out = (struct kafka_properties){d->producer, count + PRODUCER_FOUND};
    return 0;
}

static int make_sink(struct daemon *d)
{
    const struct config *c = d->site.config;
    struct sink_options options = {
        .brokers = c->kafka.brokers, .outcomes = c->kafka.outcomes, .dead_letters = c->kafka.dead_letters,
        .backoff_min_ms = SINK_BACKOFF_MIN_MS, .backoff_max_ms = SINK_BACKOFF_MAX_MS, .log = &d->site.log, .clock = d->site.clock,
        .reported = pipeline_reported, .context = d->pipeline,
    };
    struct error_text error = {""};

    if (producer_properties(d, &options.properties))
        return EX_OSERR;
    if (sink_new(&d->sink, &options, &error)) {
        log_error(&d->site.log, "no producer error=\"%s\"", error.text);
        return EX_CONFIG;
    }
    sink_set_limits(d->sink, &d->site.topics.limits);
    pipeline_set_sink(d->pipeline, d->sink);
    return 0;
}

static int compare_registry(struct daemon *d)
{
    struct start start = site_start(&d->site, source_kafka(d->source));
    struct error_text why = {""};
    struct refusal refusal = {0};
    int r = 0, code;

    board_enter(d->board, BOARD_REGISTRY);
    sights_watch(d->serve.sights, source_kafka(d->source));
    host_say(d->host, "comparing what Redis and Kafka hold");
    start.evidence.why = &why;
    while (!d->stop && (r = start_run(&start, &refusal)) && !refusal.set) {
        if (r == -EACCES) {
            log_error(&d->site.log, "the registry may not be compared error=\"%s\"", why.text);
            return EX_NOPERM;
        }
        log_warning(&d->site.log, "the registry cannot be compared yet error=\"%s\"", why.text[0] ? why.text : strerror(-r));
        why.text[0] = '\0';
        site_wait_ms(&d->site, RETRY_MS);
        code = site_connect(&d->site);
        if (code)
            return code;
    }
    return refusal.set ? site_refuse(&d->site, &refusal) : 0;
}

static int make_pipeline(struct daemon *d)
{
    const struct config *c = d->site.config;
    struct reapply_options reapply = {.start = site_start(&d->site, source_kafka(d->source)), .kafka = site_consumer(&d->site)};
    struct pipeline_options options = {
        .settings = settings_of(c),
        .turn_max = {EVENTS_MAX, KEYS_MAX, BYTES_MAX},
        .prefetch_events_max = (size_t)c->prefetch.events,
        .file = c->file,
        .prefix = c->redis.prefix,
        .outcomes = c->kafka.outcomes,
        .sharded = strcmp(c->shard, "partition") == 0,
        .reapply = &reapply,
        .session = d->site.redis.session, .source = d->source, .reader = d->site.reader, .clock = d->site.clock, .log = &d->site.log,
    };

    if (pipeline_new(&d->pipeline, &options))
        return EX_OSERR;
    crash_watch(d->pipeline);
    return make_sink(d);
}

/* Finish, flush, commit, leave the group, all within drain.stop_ms. */
static void stop(struct daemon *d, bool drain)
{
    int64_t until = stop_by(d), left;

    board_enter(d->board, BOARD_STOPPING);
    host_stopping(d->host, until);
    serve_no_errands(&d->serve);
    if (drain)
        pipeline_drain(d->pipeline, until);
    left = until - clock_monotonic_ms(d->site.clock);
    if (!source_leave(d->source, left > LEAVE_MIN_MS ? (int)left : LEAVE_MIN_MS))
        log_warning(&d->site.log, "the group was not left in time, it will notice by itself after session.timeout.ms");
    log_notice(&d->site.log, "stopped");
}

static int exit_code(int r)
{
    return r == 0 ? 0 : r == -EPROTO ? EX_CONFIG : r == -EACCES ? EX_NOPERM : EX_SOFTWARE;
}

static int turn_after_turn(struct daemon *d)
{
    struct error_text error;
    int r = source_subscribe(d->source, &error);

    if (r) {
        log_error(&d->site.log, "cannot subscribe error=\"%s\"", error.text);
        return EX_CONFIG;
    }
    board_enter(d->board, BOARD_RUNNING);
    log_notice(&d->site.log, "running group=%s cluster=%s topics=%zu", d->site.config->kafka.group, d->site.topics.cluster, d->site.topics.count);
    while (!d->stop && !r) {
        r = pipeline_step(d->pipeline);
        board_update(d->board, d->pipeline, clock_monotonic_ms(d->site.clock));
        if (!r)
            host_look(d->host, board_latest(d->board));
        signals_serve(d);
        serve_errands(&d->serve, d->pipeline, d->board, &d->site.log);
        log_tend(&d->site.log);
    }
    stop(d, r == 0);
    return exit_code(r);
}

static void close_all(struct daemon *d)
{
    crash_watch(NULL);
    serve_close(&d->serve);
    if (d->sink)
        d->sink = sink_free(d->sink);
    pipeline_free(d->pipeline);
    source_free(d->source);
    free(d->producer);
    board_free(d->board);
    host_free(d->host);
    site_close(&d->site);
    config_free(d->site.config);
    if (d->signals >= 0)
        close(d->signals);
}

/* What watches over the daemon and shows it. */
static int open_service(struct daemon *d)
{
    const struct config *c = d->site.config;
    struct host_options options = {.clock = d->site.clock, .redis = c->redis.address, .brokers = c->kafka.brokers, .group = c->kafka.group};

    if (signals_open(d) || board_new(&d->board) || host_new(&d->host, &options))
        return EX_OSERR;
    return serve_open(&d->serve, &d->site, d->board);
}

int command_run(struct config *config)
{
    struct daemon d = {.signals = -1};
    int (*const steps[])(struct daemon *) = {connect_redis, ask_kafka, open_source, compare_registry, make_pipeline, turn_after_turn};
    int code = site_open(&d.site, config);

    d.site.stopped = is_stopped;
    d.site.context = &d;
    if (!code)
        log_notice(&d.site.log, "orderd starts version=%s librdkafka=%s file=%s", ORDERD_VERSION, kafka_library_version_text(), config->file);
    if (!code)
        code = open_service(&d);
    for (size_t i = 0; !code && !d.stop && i < sizeof steps / sizeof *steps; i++)
        code = steps[i](&d);
    if (d.host)
        host_ended(d.host, code);
    close_all(&d);
    return code;
}
