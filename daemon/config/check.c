/* What values must be, one by one and together (DESIGN 2.4); each problem says what would be right. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/number.h"
#include "config/table.h"

#define PROPERTY_LETTERS "abcdefghijklmnopqrstuvwxyz0123456789._"

enum { SOCKET_PATH_MAX = 100 };      /* with $RUNTIME_DIRECTORY before it, it must fit into sun_path (unix(7)) */

struct checking {
    struct config *config;
    struct config_problems *problems;
    line_of line;
    void *context;
};

#define wrong(c, name, ...) problem_add((c)->problems, (c)->line((c)->context, name), false, __VA_ARGS__)
#define unwise(c, name, ...) problem_add((c)->problems, (c)->line((c)->context, name), true, __VA_ARGS__)

static void check_topic(struct checking *c, const char *setting, const char *topic)
{
    size_t size = strlen(topic);
    bool good = size >= 1 && size <= KAFKA_TOPIC_MAX && strcmp(topic, ".") != 0 && strcmp(topic, "..") != 0;

    for (size_t i = 0; good && i < size; i++)
        good = isalnum((unsigned char)topic[i]) || strchr("._-", topic[i]);
    if (!good)
        wrong(c, setting, "%s: \"%.60s\" is no topic name: 1 to %d of a-z A-Z 0-9 . _ -", setting, topic, KAFKA_TOPIC_MAX);
}

/* A required setting that is missing was named already. */
static bool given(const struct checking *c, const char *name)
{
    return c->line(c->context, name) != 0;
}

/* A setting whose value could not be taken was named already, and is empty since. */
static bool complained(const struct checking *c, const char *name)
{
    int line = c->line(c->context, name);

    for (size_t i = 0; i < c->problems->count; i++)
        if (c->problems->items[i].line == line && strncmp(c->problems->items[i].text, name, strlen(name)) == 0)
            return true;
    return false;
}

/* Is this source topic one that was named before? */
static bool repeated(const struct config_texts *topics, size_t index)
{
    for (size_t i = 0; i < index; i++)
        if (strcmp(topics->items[i], topics->items[index]) == 0)
            return true;
    return false;
}

static void check_sources(struct checking *c)
{
    const struct config *config = c->config;
    const struct config_texts *topics = &config->kafka.topics;

    if (topics->count > KAFKA_TOPICS_MAX || (topics->count < 1 && given(c, "kafka.topics") && !complained(c, "kafka.topics")))
        wrong(c, "kafka.topics", "kafka.topics names %zu topics; 1 to %d are right", topics->count, KAFKA_TOPICS_MAX);
    for (size_t i = 0; i < topics->count; i++) {
        if (repeated(topics, i)) {
            wrong(c, "kafka.topics", "kafka.topics names \"%.60s\" twice; once is right", topics->items[i]);
            continue;
        }
        check_topic(c, "kafka.topics", topics->items[i]);
        if (strcmp(topics->items[i], config->kafka.outcomes) == 0)
            wrong(c, "kafka.outcomes", "kafka.outcomes is the source topic \"%.60s\": outcomes would be read as events", topics->items[i]);
        if (strcmp(topics->items[i], config->kafka.dead_letters) == 0)
            wrong(c, "kafka.dead_letters", "kafka.dead_letters is the source topic \"%.60s\": dead letters would be read as events", topics->items[i]);
    }
}

static void check_topics(struct checking *c)
{
    const struct config *config = c->config;

    check_sources(c);
    if (given(c, "kafka.outcomes") && !complained(c, "kafka.outcomes"))
        check_topic(c, "kafka.outcomes", config->kafka.outcomes);
    if (given(c, "kafka.dead_letters") && !complained(c, "kafka.dead_letters"))
        check_topic(c, "kafka.dead_letters", config->kafka.dead_letters);
    if (*config->kafka.outcomes && strcmp(config->kafka.outcomes, config->kafka.dead_letters) == 0)
        wrong(c, "kafka.dead_letters", "kafka.dead_letters and kafka.outcomes are the same topic \"%.60s\"; two are needed", config->kafka.outcomes);
}

/* Properties that the promise rests on, with what sets them instead or why they stay as they are. */
static const struct { const char *name, *why; } refused[] = {
    {"bootstrap.servers", "set kafka.brokers"},
    {"metadata.broker.list", "set kafka.brokers"},
    {"group.id", "set kafka.group"},
    {"auto.offset.reset", "it is always \"error\": a gap must stop the partition, not be skipped"},
    {"enable.auto.commit", "offsets are committed after the outcome was delivered, by orderd alone"},
    {"enable.auto.offset.store", "offsets are committed after the outcome was delivered, by orderd alone"},
    {"enable.partition.eof", "it is always true: the ends of logs are read by it"},
    {"isolation.level", "it is always \"read_committed\": an aborted event must not be applied"},
    {"statistics.interval.ms", "it is always 5000: whether Kafka is there is told by it"},
    {"enable.idempotence", "it is always true: outcomes of a partition keep their order"},
    {"enable.gapless.guarantee", "it is always true: a lost outcome must end the producer"},
    {"acks", "it is always \"all\": an outcome counts as delivered when every in-sync replica has it"},
    {"request.required.acks", "acks is always \"all\""},
    {"message.timeout.ms", "it is always 0: an outcome is never given up"},
    {"delivery.timeout.ms", "it is always 0: an outcome is never given up"},
    {"transactional.id", "Kafka's transactions cannot include Redis"},
    {"partitioner", "an outcome goes to its source's partition number"},
    {"queue.buffering.max.messages", "set queue.messages"},
    {"queue.buffering.max.kbytes", "set queue.kbytes"},
    {"message.max.bytes", "it is taken from the topics' max.message.bytes"},
};

static const char *const secret_names[] = {"sasl.password", "ssl.key.password", "ssl.key.pem", "ssl.keystore.password",
                                           "sasl.oauthbearer.client.secret", "sasl.oauthbearer.config"};

static void check_property(struct checking *c, const char *setting, const char *text, bool secret)
{
    const char *equals = strchr(text, '=');
    char name[128];
    struct error_text error;

    if (!equals || equals == text || equals - text >= (ptrdiff_t)sizeof name) {
        /* A secret may stand behind whatever was written in place of the equals sign. */
        wrong(c, setting, "%s: \"%.*s…\" is no \"%s\"", setting, (int)strspn(text, PROPERTY_LETTERS), text, secret ? "name=FILE" : "name=value");
        return;
    }
    snprintf(name, sizeof name, "%.*s", (int)(equals - text), text);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (strcmp(name, refused[i].name) == 0) {
            wrong(c, setting, "%s: %s may not be set: %s", setting, name, refused[i].why);
            return;
        }
    for (size_t i = 0; !secret && i < sizeof secret_names / sizeof *secret_names; i++)
        if (strcmp(name, secret_names[i]) == 0) {
            wrong(c, setting, "%s: %s is a secret; put it into a file and \"%s=FILE\" into kafka.secrets", setting, name, name);
            return;
        }
    if (!secret && kafka_in_property_check(name, equals + 1, &error))
        wrong(c, setting, "%s: %s", setting, error.text);
}

static void check_properties(struct checking *c)
{
    const struct config *config = c->config;
    const struct { const char *name; const struct config_texts *list; bool secret; } lists[] = {
        {"kafka.client", &config->kafka.client, false},
        {"kafka.consumer", &config->kafka.consumer, false},
        {"kafka.producer", &config->kafka.producer, false},
        {"kafka.secrets", &config->kafka.secrets, true},
    };

    for (size_t i = 0; i < sizeof lists / sizeof *lists; i++)
        for (size_t k = 0; k < lists[i].list->count; k++)
            check_property(c, lists[i].name, lists[i].list->items[k], lists[i].secret);
}

/* The last value given for a consumer property, or what librdkafka takes. */
static int64_t consumer_number(const struct config *config, const char *name, int64_t otherwise)
{
    const struct config_texts *lists[] = {&config->kafka.client, &config->kafka.consumer};
    size_t size = strlen(name);
    int64_t value;

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < lists[i]->count; k++)
            if (strncmp(lists[i]->items[k], name, size) == 0 && lists[i]->items[k][size] == '=' &&
                number_parse(bytes_of(lists[i]->items[k] + size + 1), &value))
                otherwise = value;
    return otherwise;
}

/* Of two settings that do not go together, the one that the file gives. */
static const char *culprit(const struct checking *c, const char *setting, const char *other)
{
    return given(c, setting) ? setting : other;
}

static void check_times(struct checking *c)
{
    const struct config *config = c->config;
    int64_t session = consumer_number(config, "session.timeout.ms", 45000), poll = consumer_number(config, "max.poll.interval.ms", 300000);
    static const char *const names[] = {
#define NAME(constant, kind, value) "deadline_ms." #kind,
        EVENT_KINDS(NAME)
#undef NAME
    };

    if (config->drain.revoke_ms >= session)
        wrong(c, culprit(c, "drain.revoke_ms", "kafka.consumer"), "drain.revoke_ms = %lld is not below session.timeout.ms = %lld: the group would give the partitions away before they are drained",
              (long long)config->drain.revoke_ms, (long long)session);
    if (poll < session)
        wrong(c, "kafka.consumer", "kafka.consumer: max.poll.interval.ms = %lld is below session.timeout.ms = %lld; librdkafka takes it the other way only",
              (long long)poll, (long long)session);
    for (size_t i = 0; i < EVENT_KIND_COUNT; i++)
        if (config->deadline_ms[i] >= poll)
            wrong(c, culprit(c, names[i], "kafka.consumer"), "%s = %lld is not below max.poll.interval.ms = %lld", names[i], (long long)config->deadline_ms[i], (long long)poll);
    if (config->redis.backoff_min_ms > config->redis.backoff_max_ms)
        wrong(c, "redis.backoff_min_ms", "redis.backoff_min_ms = %lld is above redis.backoff_max_ms = %lld",
              (long long)config->redis.backoff_min_ms, (long long)config->redis.backoff_max_ms);
    if (config->conflict.backoff_min_ms > config->conflict.backoff_max_ms)
        wrong(c, "conflict.backoff_min_ms", "conflict.backoff_min_ms = %lld is above conflict.backoff_max_ms = %lld",
              (long long)config->conflict.backoff_min_ms, (long long)config->conflict.backoff_max_ms);
    if (config->prefetch.events < config->turn.events)
        wrong(c, "prefetch.events", "prefetch.events = %lld is below turn.events = %lld: turns could never be full",
              (long long)config->prefetch.events, (long long)config->turn.events);
    if (config->prefetch.events < 2 * config->turn.events)
        unwise(c, "prefetch.events", "prefetch.events = %lld is less than two turns of %lld: the next turn cannot be ready while one is in flight",
               (long long)config->prefetch.events, (long long)config->turn.events);
}

/* The whole text is a number in the range: "2x" is none. */
static bool number_within(const char *text, int64_t low, int64_t high)
{
    int64_t number;

    return number_parse(bytes_of(text), &number) && number >= low && number <= high;
}

static void check_redis(struct checking *c)
{
    const struct config *config = c->config;
    const char *durability = config->redis.durability, *prefix = config->redis.prefix, *address = config->redis.address;
    const char *colon = strrchr(address, ':');
    bool good = strlen(prefix) <= 64, replicas = strncmp(durability, "replicas:", 9) == 0 && number_within(durability + 9, 1, 16);

    if (strcmp(durability, "none") != 0 && strcmp(durability, "aof") != 0 && !replicas)
        wrong(c, "redis.durability", "redis.durability = \"%.40s\": \"none\", \"aof\" or \"replicas:1\" to \"replicas:16\" are right", durability);
    for (const char *at = prefix; good && *at; at++)
        good = isgraph((unsigned char)*at) && *at != '{' && *at != '}';
    if (!good)
        wrong(c, "redis.prefix", "redis.prefix = \"%.70s\": up to 64 printable characters without space and braces are right", prefix);
    if (address[0] != '/' && (!colon || colon == address || !number_within(colon + 1, 1, 65535)))
        wrong(c, "redis.address", "redis.address = \"%.80s\": the path of a socket or \"host:port\" is right", address);
    if (config->redis.user[0] && !config->redis.password_file[0])
        wrong(c, "redis.user", "redis.user = \"%.40s\" needs a redis.password_file", config->redis.user);
}

/* Absolute, or a name within $RUNTIME_DIRECTORY; sun_path has 108 bytes. */
static void check_service(struct checking *c)
{
    const struct config *config = c->config;
    const char *address = config->http.address, *colon = strrchr(address, ':'), *socket = config->control.socket, *format = config->log.format;

    if (address[0] && (!colon || colon == address || !number_within(colon + 1, 1, 65535)))
        wrong(c, "http.address", "http.address = \"%.80s\": \"host:port\", or \"\" for none, is right", address);
    if (strlen(socket) > SOCKET_PATH_MAX || strstr(socket, ".."))
        wrong(c, "control.socket", "control.socket = \"%.120s\": a path of up to %d bytes without \"..\", or \"\" for none, is right", socket, SOCKET_PATH_MAX);
    if (strcmp(format, "text") != 0 && strcmp(format, "json") != 0)
        wrong(c, "log.format", "log.format = \"%.40s\": \"text\" or \"json\" are right", format);
}

void check_values(struct config *config, struct config_problems *problems, line_of line, void *context)
{
    struct checking c = {config, problems, line, context};
    enum log_level level;

    check_topics(&c);
    check_properties(&c);
    check_times(&c);
    check_redis(&c);
    check_service(&c);
    if (given(&c, "kafka.brokers") && !config->kafka.brokers[0] && !complained(&c, "kafka.brokers"))
        wrong(&c, "kafka.brokers", "kafka.brokers is empty; \"host:port\", several separated by commas, is right");
    if (strlen(config->kafka.group) < 1 || strlen(config->kafka.group) > 249)
        wrong(&c, "kafka.group", "kafka.group has %zu characters; 1 to 249 are right", strlen(config->kafka.group));
    if (strcmp(config->shard, "none") != 0 && strcmp(config->shard, "partition") != 0)
        wrong(&c, "shard", "shard = \"%.40s\": \"none\" or \"partition\" are right", config->shard);
    if (strcmp(config->on_rollback, "halt") != 0 && strcmp(config->on_rollback, "reapply") != 0)
        wrong(&c, "on_rollback", "on_rollback = \"%.40s\": \"halt\" or \"reapply\" are right", config->on_rollback);
    if (!log_level_parse(config->log.level, &level))
        wrong(&c, "log.level", "log.level = \"%.40s\": \"error\", \"warning\", \"notice\", \"info\" or \"debug\" are right", config->log.level);
}
