#include "commands/topics.h"

#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "codec/outcome.h"

enum { QUESTION_MS = 10000, CONFIG_MS = 3000, ASSUMED_BYTES = 1000000, LETTER_EXTRA = 65536 };

static void ignore_report(void *context, const struct kafka_report *report)
{
    (void)context;
    (void)report;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct start_topic *)a)->name, ((const struct start_topic *)b)->name);
}

/* The number of partitions; a missing topic is a refusal. */
static int partitions_of(struct kafka_out *out, const char *topic, int32_t *count, struct refusal *refusal)
{
    int r = kafka_out_partitions(out, topic, count, QUESTION_MS);

    if (r != -ENOENT)
        return r;
    *count = 0;
    refusal_say(refusal, "topic %s does not exist", topic);
    refusal_resolve(refusal, "--create-topics");
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

static int ask_targets(struct topics *t, struct kafka_out *out, const struct config *config, struct refusal *refusal, int32_t most)
{
    int32_t outcomes;
    int r = partitions_of(out, config->kafka.outcomes, &outcomes, refusal);

    if (!r)
        r = partitions_of(out, config->kafka.dead_letters, &t->limits.dead_letter_partitions, refusal);
    if (!r && outcomes < most) {
        refusal_say(refusal, "the outcome topic %s has %d partitions, a source has %d", config->kafka.outcomes, outcomes, most);
        refusal_resolve(refusal, "--create-topics");
    }
    return r;
}

static void ask_sizes(struct topics *t, struct kafka_out *out, const struct config *config, const struct log *log, struct refusal *refusal)
{
    bool told = true;

    t->limits.outcome_bytes = bytes_of_topic(out, config->kafka.outcomes, log, &told);
    t->limits.dead_letter_bytes = bytes_of_topic(out, config->kafka.dead_letters, log, &told);
    if (t->limits.outcome_bytes < OUTCOME_LIMIT_MIN)
        refusal_say(refusal, "the outcome topic %s takes max.message.bytes=%lld; at least %d are needed", config->kafka.outcomes,
                    (long long)t->limits.outcome_bytes, OUTCOME_LIMIT_MIN);
    for (size_t i = 0; i < t->count; i++) {
        int64_t source = bytes_of_topic(out, t->items[i].name, log, &told);

        /* What no broker told cannot be held against anybody. */
        if (told && t->limits.dead_letter_bytes < source + LETTER_EXTRA)
            refusal_say(refusal, "the dead-letter topic %s takes max.message.bytes=%lld; %s takes %lld, so at least %lld are needed",
                        config->kafka.dead_letters, (long long)t->limits.dead_letter_bytes, t->items[i].name, (long long)source,
                        (long long)(source + LETTER_EXTRA));
    }
}

int topics_ask(struct topics *t, const struct config *config, const struct log *log, struct refusal *refusal, struct error_text *error)
{
    struct kafka_out_options options = {
        .brokers = config->kafka.brokers,
        .properties = {config->producer.items, config->producer.count},
        .log = log,
        .reported = ignore_report,
    };
    struct kafka_out *out;
    int32_t most = 0;
    int r = kafka_out_new(&out, &options, error);

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
    kafka_out_free(out);
    return r ? error_set(error, r, "kafka does not answer at %s: %s", config->kafka.brokers, strerror(-r)) : 0;
}
