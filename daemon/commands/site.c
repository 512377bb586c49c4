#include "commands/site.h"

#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "commands/complain.h"

enum { RETRY_MS = 500, BELIEVE_MS = 10000, SLICE_MS = 50, WORKING_MEMORY = 256 << 20, COMMANDS_LIMIT = 256 << 20 };

static int session_make(struct site *site)
{
    const struct config *c = site->config;
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
        .clock = site->clock,
        .log = &site->log,
    };

    if (strcmp(c->redis.durability, "aof") == 0)
        options.durability = DURABILITY_AOF;
    if (strncmp(c->redis.durability, "replicas:", 9) == 0) {
        options.durability = DURABILITY_REPLICAS;
        options.replicas = (int)strtol(c->redis.durability + 9, NULL, 10);
    }
    return session_new(&site->redis.session, &options);
}

static int64_t realtime_ms(void *context)
{
    return clock_realtime_ms(context);
}

static int64_t monotonic_ms(void *context)
{
    return clock_monotonic_ms(context);
}

void site_configure_log(struct site *site)
{
    enum log_format format;
    enum log_level level;

    ASSERT(log_level_parse(site->config->log.level, &level) && log_format_parse(site->config->log.format, &format));
    log_set(&site->log, level, format);
}

int site_config(struct config **out, const char *file)
{
    struct config_problems problems;
    int r = config_load(out, file, &problems);

    config_problems_print(&problems, file, stderr);
    return r ? EX_CONFIG : 0;
}

int site_open_quietly(struct site *site, struct config *config, const char *command)
{
    int code = site_open(site, config);

    site->log.command = command;
    if (site->log.level > LOG_LEVEL_WARNING)
        site->log.level = LOG_LEVEL_WARNING;
    return code;
}

int site_open(struct site *site, struct config *config)
{
    struct log_clock times = {realtime_ms, monotonic_ms, NULL};

    *site = (struct site){.config = config, .log = {.fd = STDERR_FILENO}};
    site_configure_log(site);
    commands_init(&site->commands, COMMANDS_LIMIT);
    site->redis.commands = &site->commands;
    if (clock_new(&site->clock))
        return EX_OSERR;
    times.context = site->clock;
    return log_open(&site->log, &times) || arena_new(&site->redis.arena, WORKING_MEMORY) || session_make(site) ? EX_OSERR : 0;
}

void site_close(struct site *site)
{
    kafka_reader_free(site->reader);
    session_free(site->redis.session);
    arena_free(site->redis.arena);
    commands_deinit(&site->commands);
    log_close(&site->log);
    clock_free(site->clock);
}

int site_command(const char *file, const char *command, int (*work)(struct site *site, void *context), void *context)
{
    struct config *config;
    struct site site;
    int code = site_config(&config, file);

    if (code)
        return code;
    code = site_open_quietly(&site, config, command);
    if (!code)
        code = work(&site, context);
    site_close(&site);
    config_free(config);
    return code;
}

static bool stopped(struct site *site)
{
    return site->stopped && site->stopped(site->context);
}

void site_wait_ms(struct site *site, int64_t ms)
{
    int64_t until = clock_monotonic_ms(site->clock) + ms;

    while (!stopped(site) && clock_monotonic_ms(site->clock) < until) {
        log_tend(&site->log);
        clock_sleep_ms(site->clock, SLICE_MS);
    }
}

int site_connect(struct site *site)
{
    const struct config *c = site->config;
    struct error_text error;

    while (!stopped(site) && !session_is_up(site->redis.session)) {
        int r = session_connect(site->redis.session, &error);

        if (r == -EACCES || r == -ENOTSUP) {
            log_error(&site->log, "redis cannot be used as configured address=%s error=\"%s\"", c->redis.address, error.text);
            return r == -EACCES ? EX_NOPERM : EX_CONFIG;
        }
        if (!r)
            log_notice(&site->log, "redis is there address=%s promise=\"%s\" durability=%s", c->redis.address,
                       session_promise(site->redis.session), c->redis.durability);
        else
            log_at(&site->log, session_failure_is_news(site->redis.session) ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG,
                   "redis is away address=%s error=\"%s\"", c->redis.address, error.text);
        if (r && !site->stopped)
            return EX_UNAVAILABLE;
        if (r)
            site_wait_ms(site, session_connect_at(site->redis.session) - clock_monotonic_ms(site->clock));
    }
    return 0;
}

int site_refuse(const struct site *site, const struct refusal *refusal)
{
    if (site->log.command && refusal->resolve[0])
        return complain(site->log.command, EX_CONFIG, "%s; this resolves it: orderd init -c %s %s", refusal->found, site->config->file, refusal->resolve);
    if (site->log.command)
        return complain(site->log.command, EX_CONFIG, "%s", refusal->found);
    refusal_log(refusal, &site->log, site->config->file, NULL, 0);
    return EX_CONFIG;
}

/* One broker learns later than another what was just made or changed: a refusal is believed when it still stands some seconds later. */
static bool believed(struct site *site, const struct refusal *refusal, int64_t *first)
{
    int64_t now = clock_monotonic_ms(site->clock);

    if (*first < 0) {
        *first = now;
        log_notice(&site->log, "not every broker may know the topics yet, they are looked at for %d s found=\"%s\"", BELIEVE_MS / 1000, refusal->found);
    }
    return now - *first >= BELIEVE_MS;
}

int site_ask_kafka(struct site *site)
{
    struct refusal refusal = {0};
    struct error_text error;
    int64_t first = -1;
    int r;

    while (!stopped(site)) {
        refusal = (struct refusal){0};
        r = topics_ask(&site->topics, site->config, &site->log, &refusal, &error);
        if (!r && (!refusal.set || believed(site, &refusal, &first)))
            break;
        if (r)
            log_warning(&site->log, "kafka cannot be asked error=\"%s\"", error.text);
        if (r == -EINVAL)
            return EX_CONFIG;
        if (r == -EACCES)
            return EX_NOPERM;
        if (r && !site->stopped)
            return EX_UNAVAILABLE;
        site_wait_ms(site, RETRY_MS);
    }
    return refusal.set ? site_refuse(site, &refusal) : 0;
}

struct kafka_in_options site_consumer(const struct site *site)
{
    const struct config *c = site->config;

    return (struct kafka_in_options){c->kafka.brokers, c->kafka.group, (const char *const *)c->kafka.topics.items, c->kafka.topics.count,
                                     {c->consumer.items, c->consumer.count}, &site->log, site->clock};
}

int site_open_reader(struct site *site)
{
    struct kafka_in_options options = site_consumer(site);
    struct error_text error = {""};
    int r = kafka_reader_new(&site->reader, &options, &error);

    if (r)
        log_error(&site->log, "no consumer error=\"%s\"", error.text);
    return r ? EX_CONFIG : 0;
}

struct start site_start(struct site *site, struct kafka_in *in)
{
    const struct config *c = site->config;

    return (struct start){
        .redis = &site->redis, .clock = site->clock, .log = &site->log,
        .evidence = {.in = in, .reader = site->reader, .outcomes = c->kafka.outcomes, .timeout_ms = SITE_QUESTION_MS},
        .prefix = c->redis.prefix, .cluster = site->topics.cluster, .group = c->kafka.group,
        .topics = site->topics.items, .topics_count = site->topics.count,
        .sharded = strcmp(c->shard, "partition") == 0,
        .window_s = c->dedupe.window_s, .ids = c->dedupe.ids,
    };
}

void site_hear_refusal(void *site, const char *line)
{
    complain(((const struct site *)site)->log.command, 0, "%s", line);
}
