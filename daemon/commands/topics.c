#include "commands/topics.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/number.h"
#include "codec/outcome.h"

enum { QUESTION_MS = 10000, CONFIG_MS = 3000, ASSUMED_BYTES = 1000000, LETTER_EXTRA = 65536, CREATED_TRIES = 100,
       CREATED_PAUSE_US = 50000 };

static void ignore_report(void *context, const struct kafka_report *report)
{
    (void)context;
    (void)report;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct start_topic *)a)->name, ((const struct start_topic *)b)->name);
}

void topics_compare_missing(const char *topic, struct refusal *refusal)
{
    refusal_say(refusal, "topic %s does not exist", topic);
    refusal_resolve(refusal, "--create-topics");
}

/* The number of partitions; a missing topic is a refusal. */
static int partitions_of(struct kafka_out *out, const char *topic, int32_t *count, struct refusal *refusal)
{
    int r = kafka_out_partitions(out, topic, count, QUESTION_MS);

    if (r != -ENOENT)
        return r;
    *count = 0;
    topics_compare_missing(topic, refusal);
    return 0;
}

/* A topic's max.message.bytes; where the broker does not tell it, what every broker takes by default. One that did not answer
 * once (`*told` is false then) is not asked again: each question would wait its whole time. */
static int64_t bytes_of_topic(struct kafka_out *out, const char *topic, const struct log *log, bool *told)
{
    char text[32];
    int64_t value;

    if (*told && kafka_out_topic_config(out, topic, "max.message.bytes", text, sizeof text, CONFIG_MS) == 0 &&
        number_parse(bytes_of(text), &value) && value > 0)
        return value;
    if (*told)
        log_warning(log, "the broker does not tell max.message.bytes, %d is assumed for every topic first=%s", ASSUMED_BYTES, topic);
    *told = false;
    return ASSUMED_BYTES;
}

static int ask_sources(struct topics *t, struct kafka_out *out, const struct config *config, struct refusal *refusal, int32_t *most)
{
    for (size_t i = 0; i < config->kafka.topics.count; i++) {
        struct start_topic *topic = &t->items[t->count++];
        int r;

        topic->name = config->kafka.topics.items[i];
        r = partitions_of(out, topic->name, &topic->partitions, refusal);
        if (r)
            return r;
        if (topic->partitions > *most)
            *most = topic->partitions;
    }
    qsort(t->items, t->count, sizeof *t->items, by_name);
    return 0;
}

void topics_compare_partitions(const struct config *config, int32_t outcomes, int32_t most, struct refusal *refusal)
{
    if (outcomes >= most)
        return;
    refusal_say(refusal, "the outcome topic %s has %d partitions, a source has %d", config->kafka.outcomes, outcomes, most);
    refusal_resolve(refusal, "--create-topics");
}

void topics_compare_outcome_bytes(const struct config *config, int64_t outcomes, struct refusal *refusal)
{
    if (outcomes < OUTCOME_LIMIT_MIN)
        refusal_say(refusal, "the outcome topic %s takes max.message.bytes=%lld; at least %d would be right", config->kafka.outcomes,
                    (long long)outcomes, OUTCOME_LIMIT_MIN);
}

void topics_compare_letter_bytes(const struct config *config, int64_t letters, const char *topic, int64_t source, struct refusal *refusal)
{
    if (letters < source + LETTER_EXTRA)
        refusal_say(refusal, "the dead-letter topic %s takes max.message.bytes=%lld; %s takes %lld, so at least %lld would be right",
                    config->kafka.dead_letters, (long long)letters, topic, (long long)source, (long long)(source + LETTER_EXTRA));
}

static int ask_targets(struct topics *t, struct kafka_out *out, const struct config *config, struct refusal *refusal, int32_t most)
{
    int32_t outcomes;
    int r = partitions_of(out, config->kafka.outcomes, &outcomes, refusal);

    if (!r)
        r = partitions_of(out, config->kafka.dead_letters, &t->limits.dead_letter_partitions, refusal);
    if (!r)
        topics_compare_partitions(config, outcomes, most, refusal);
    return r;
}

static void ask_sizes(struct topics *t, struct kafka_out *out, const struct config *config, const struct log *log, struct refusal *refusal)
{
    bool told = true;

    t->limits.outcome_bytes = bytes_of_topic(out, config->kafka.outcomes, log, &told);
    t->limits.dead_letter_bytes = bytes_of_topic(out, config->kafka.dead_letters, log, &told);
    topics_compare_outcome_bytes(config, t->limits.outcome_bytes, refusal);
    for (size_t i = 0; i < t->count; i++) {
        int64_t source = bytes_of_topic(out, t->items[i].name, log, &told);

        /* What no broker told cannot be held against anybody. */
        if (told)
            topics_compare_letter_bytes(config, t->limits.dead_letter_bytes, t->items[i].name, source, refusal);
    }
}

static int open_kafka(struct kafka_out **out, const struct config *config, const struct log *log, struct error_text *error)
{
    struct kafka_out_options options = {
        .brokers = config->kafka.brokers,
        .properties = {config->producer.items, config->producer.count},
        .log = log,
        .reported = ignore_report,
    };

    return kafka_out_new(out, &options, error);
}

int topics_ask(struct topics *t, const struct config *config, const struct log *log, struct refusal *refusal, struct error_text *error)
{
    struct kafka_out *out;
    int32_t most = 0;
    int r = open_kafka(&out, config, log, error);

    *t = (struct topics){0};
    if (r)
        return r;
    r = kafka_out_cluster_id(out, t->cluster, QUESTION_MS);
    if (!r)
        r = ask_sources(t, out, config, refusal, &most);
    if (!r)
        r = ask_targets(t, out, config, refusal, most);
    if (!r && !refusal->set)
        ask_sizes(t, out, config, log, refusal);
    if (r) {
        const char *trouble = kafka_out_trouble(out);

        error_set(error, r, "kafka does not answer at %s: %s", config->kafka.brokers, trouble[0] ? trouble : strerror(-r));
    }
    kafka_out_free(out);
    return r;
}

struct creation {
    struct kafka_out *out;
    bool dry;
    void (*say)(void *context, const char *line);
    void *context;
    struct error_text *error;
};

/* Creates or grows one topic; `*partitions` is what it has afterwards (0 in a dry run of a new source). */
static int create(struct creation *c, const char *topic, int32_t *partitions, struct kafka_properties settings)
{
    int32_t wanted = *partitions, have = 0;
    char line[KAFKA_TOPIC_MAX + 160];
    int r = kafka_out_partitions(c->out, topic, &have, QUESTION_MS);

    if (r && r != -ENOENT)
        return error_set(c->error, r, "topic %s: %s", topic, strerror(-r));
    if (r == 0 && have >= wanted) {
        *partitions = have;
        snprintf(line, sizeof line, "topic %s is there with %d %s", topic, have, number_words(have, "partition", "partitions"));
        c->say(c->context, line);
        return 0;
    }
    r = c->dry ? 0 : kafka_out_create_topic(c->out, topic, wanted, settings, QUESTION_MS, c->error);
    for (int i = 0; !r && !c->dry && i < CREATED_TRIES && (kafka_out_partitions(c->out, topic, &have, QUESTION_MS) || have < wanted); i++)
        usleep(CREATED_PAUSE_US);
    if (r)
        return r;
    *partitions = have > wanted ? have : wanted > 0 ? wanted : 1;
    snprintf(line, sizeof line, "topic %s %s with %d %s%s%s", topic, c->dry ? "would be made" : "is made", *partitions, number_words(*partitions, "partition", "partitions"),
             settings.count ? " and max.message.bytes=" : "", settings.count ? settings.items[0].value : "");
    c->say(c->context, line);
    return 0;
}

static int create_all(struct creation *c, const struct config *config, const struct log *log)
{
    struct kafka_property size = {"max.message.bytes", NULL};
    int64_t largest = 0, source;
    int32_t most = 1;
    bool told = true;
    char text[24];
    int r = 0;

    for (size_t i = 0; !r && i < config->kafka.topics.count; i++) {
        int32_t partitions = -1;

        r = create(c, config->kafka.topics.items[i], &partitions, (struct kafka_properties){NULL, 0});
        most = partitions > most ? partitions : most;
        source = r ? 0 : bytes_of_topic(c->out, config->kafka.topics.items[i], log, &told);
        largest = source > largest ? source : largest;
    }
    snprintf(text, sizeof text, "%lld", (long long)largest + LETTER_EXTRA);
    size.value = text;
    if (!r)
        r = create(c, config->kafka.outcomes, &(int32_t){most}, (struct kafka_properties){NULL, 0});
    if (!r)
        r = create(c, config->kafka.dead_letters, &(int32_t){most}, (struct kafka_properties){&size, 1});
    return r;
}

int topics_create(const struct config *config, const struct log *log, bool dry, void (*say)(void *context, const char *line), void *context,
                  struct error_text *error)
{
    struct creation creation = {.dry = dry, .say = say, .context = context, .error = error};
    int r = open_kafka(&creation.out, config, log, error);

    if (r)
        return r;
    r = create_all(&creation, config, log);
    kafka_out_free(creation.out);
    return r;
}
