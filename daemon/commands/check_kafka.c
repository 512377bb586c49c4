/* The Kafka cluster: brokers one by one, then the topics, what they keep, and whether they fit each other. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "commands/check.h"

enum { NAME_SIZE = 300, BOOTSTRAP_MS = 4000, TEXT_SIZE = 64 };

/* What is asked of every topic. */
enum setting { IN_SYNC_LEAST, UNCLEAN, BYTES, RETAINED_MS, RETAINED_BYTES, CLEANUP, SETTINGS };
static const char *const setting_names[SETTINGS] = {"min.insync.replicas", "unclean.leader.election.enable", "max.message.bytes", "retention.ms",
                                                    "retention.bytes", "cleanup.policy"};

enum role { SOURCE, OUTCOMES, DEAD_LETTERS };

struct seen_topic {
    const char *name;
    enum role role;
    int found;                           /* of kafka_look_topic */
    struct kafka_topic topic;
    bool told;                           /* settings are */
    struct kafka_value values[SETTINGS];
};

/* The next of "a:1, b:2" into `out`; returns where to go on, NULL behind the last. */
static const char *next_broker(const char *at, char out[NAME_SIZE])
{
    size_t size;

    at += strspn(at, ", ");
    size = strcspn(at, ", ");
    snprintf(out, NAME_SIZE, "%.*s", (int)(size < NAME_SIZE ? size : NAME_SIZE - 1), at);
    return size ? at + size : NULL;
}

static void say_broker_away(struct check *check, int r, const char *why)
{
    if (r == -EACCES)
        check_fail(check, CAUSE_RIGHTS, "%s -> correct the security settings in kafka.client and kafka.secrets", why);
    else if (r == -EINVAL)
        check_fail(check, CAUSE_MISTAKE, "%s -> correct kafka.client, kafka.consumer or kafka.producer", why);
    else
        check_fail(check, CAUSE_AWAY, "%s -> start the broker, or correct kafka.brokers or the security settings in kafka.client", why);
}

/* Each configured broker alone: a list of which one works hides that the others do not. */
static bool ask_bootstrap(struct check *check, const char *broker, struct kafka_cluster *cluster)
{
    struct kafka_in_options options = site_consumer(&check->site);
    struct error_text error = {""};
    struct kafka_look *look;
    int left = check_left_ms(check, BOOTSTRAP_MS), r;

    check_about(check, "kafka %s", broker);
    options.brokers = broker;
    if (!left) {
        check_pass_over(check, "the time is over");
        return false;
    }
    r = kafka_look_new(&look, &options, &error);
    if (!r) {
        r = kafka_look_cluster(look, cluster, left, &error);
        kafka_look_free(look);
    }
    if (r)
        say_broker_away(check, r, error.text);
    return r == 0;
}

static void check_bootstraps(struct check *check)
{
    const char *at = check->site.config->kafka.brokers;
    char *known = check->site.topics.cluster, broker[NAME_SIZE];
    struct kafka_cluster cluster;

    known[0] = '\0';
    while ((at = next_broker(at, broker))) {
        if (!ask_bootstrap(check, broker, &cluster))
            continue;
        if (known[0] && strcmp(known, cluster.id) != 0) {
            check_fail(check, CAUSE_MISTAKE, "it belongs to cluster %s, another one to %s -> name brokers of one cluster in kafka.brokers", cluster.id, known);
            continue;
        }
        check_ok(check, "answers, cluster %s", cluster.id);
        snprintf(known, sizeof check->site.topics.cluster, "%s", cluster.id);
    }
    check->kafka_up = known[0] != '\0';
}

/* The brokers as the cluster names them: what they advertise must be reached from here, too. An answer of any kind will do. */
static void check_brokers(struct check *check, const struct kafka_cluster *cluster)
{
    struct kafka_value nothing;

    for (size_t i = 0; i < cluster->count; i++) {
        int left = check_left_ms(check, CHECK_QUESTION_MS), r;

        check_about(check, "kafka broker %d", cluster->brokers[i].id);
        if (!left) {
            check_pass_over(check, "the time is over");
            continue;
        }
        r = kafka_look_settings(check->look, NULL, cluster->brokers[i].id, &nothing, 0, left);
        if (r == -ETIMEDOUT || r == -EAGAIN)
            check_fail(check, CAUSE_AWAY, "it does not answer at %s, which it advertises: %s -> start it, or correct its advertised.listeners", cluster->brokers[i].address,
                       strerror(-r));
        else
            check_ok(check, "answers at %s", cluster->brokers[i].address);
    }
}

static bool open_look(struct check *check)
{
    struct kafka_in_options options = site_consumer(&check->site);
    struct kafka_cluster cluster;
    struct error_text error;
    int r = kafka_look_new(&check->look, &options, &error);

    if (!r)
        r = kafka_look_cluster(check->look, &cluster, check_left_ms(check, CHECK_QUESTION_MS), &error);
    if (r)
        say_broker_away(check, r, error.text);
    else
        check_brokers(check, &cluster);
    return r == 0;
}

static const char *role_name(enum role role)
{
    return role == SOURCE ? "source" : role == OUTCOMES ? "outcomes" : "dead letters";
}

static void say_topic(struct check *check, const struct seen_topic *t)
{
    const struct kafka_topic *topic = &t->topic;
    char what[TEXT_SIZE];

    snprintf(what, sizeof what, "%s, %d partition%s", role_name(t->role), topic->partitions, check_plural(topic->partitions));
    if (topic->leaderless >= 0)
        check_fail(check, CAUSE_AWAY, "%s; nobody leads %d: it can be neither read nor written -> start the brokers that hold it", what, topic->leaderless);
    else if (topic->replicas == 1)
        check_warn(check, "%s with one replica: what its disk loses is lost -> a replication factor of 3", what);
    else if (topic->in_sync < topic->replicas)
        check_warn(check, "%s; of number %d, %d of %d replicas are in sync -> see what became of the brokers that hold it", what, topic->in_sync_of,
                   topic->in_sync, topic->replicas);
    else
        check_ok(check, "%s, %d replicas, all in sync", what, topic->replicas);
}

/* Partitions and settings of one topic; what is wrong with it alone is said here. */
static void look_at_topic(struct check *check, struct seen_topic *t)
{
    struct refusal refusal = {0};
    int left = check_left_ms(check, CHECK_QUESTION_MS), r;

    check_about(check, "topic %s", t->name);
    t->found = left ? kafka_look_topic(check->look, t->name, &t->topic, left) : -ETIME;
    if (t->found == -ENOENT) {
        topics_compare_missing(t->name, &refusal);
        check_refused(check, &refusal);
    } else if (t->found == -EACCES) {
        check_fail(check, CAUSE_RIGHTS, "it does not exist, or the user may not see it -> allow Describe on it, or orderd init -c %s --create-topics",
                   check->site.config->file);
    } else if (t->found == -ETIME) {
        check_pass_over(check, "the time is over");
    } else if (t->found) {
        check_fail(check, CAUSE_AWAY, "nobody tells its partitions: %s -> see what became of the brokers", strerror(-t->found));
    } else {
        say_topic(check, t);
    }
    if (t->found)
        return;
    for (size_t i = 0; i < SETTINGS; i++)
        t->values[i].name = setting_names[i];
    left = check->settings_silent ? 0 : check_left_ms(check, CHECK_QUESTION_MS);
    r = left ? kafka_look_settings(check->look, t->name, 0, t->values, SETTINGS, left) : -ETIME;
    t->told = r == 0;
    check->settings_silent |= r == -ETIMEDOUT;
    check_about(check, "settings of %s", t->name);
    if (r == -EACCES)
        check_pass_over(check, "DescribeConfigs is not allowed; the daemon then assumes 1000000 bytes for the largest message -> allow DescribeConfigs on it");
    else if (r)
        check_pass_over(check, "%s", check->settings_silent ? "no broker tells them" : r == -ETIME ? "the time is over" : strerror(-r));
}

static int64_t number_of(const struct seen_topic *t, enum setting setting)
{
    int64_t value;

    return number_parse(bytes_of(t->values[setting].text), &value) ? value : -1;
}

/* What acks=all means for this topic. False: something was said. */
static bool is_acknowledged_well(struct check *check, const struct seen_topic *t)
{
    int64_t least = number_of(t, IN_SYNC_LEAST);

    if (t->role == SOURCE)
        return true;
    if (least > t->topic.replicas)
        check_fail(check, CAUSE_MISTAKE, "min.insync.replicas %lld, but it has %d replicas: nothing can be written to it -> lower it, or add replicas", (long long)least, t->topic.replicas);
    else if (least > t->topic.in_sync && t->topic.leaderless < 0)
        check_fail(check, CAUSE_AWAY, "min.insync.replicas %lld, and %d are in sync now: nothing can be written to it -> start the brokers that hold it", (long long)least, t->topic.in_sync);
    else if (t->topic.replicas > 1 && least < 2)
        check_warn(check, "min.insync.replicas %lld of %d: a record counts as written when one broker has it, and is lost with that one -> min.insync.replicas 2",
                   (long long)least, t->topic.replicas);
    else if (t->topic.replicas > 1 && least == t->topic.replicas)
        check_warn(check, "min.insync.replicas %lld of %d: one broker away stops writing -> lower it by one, or add a replica", (long long)least, t->topic.replicas);
    else
        return true;
    return false;
}

static bool is_elected_well(struct check *check, const struct seen_topic *t)
{
    if (strcmp(t->values[UNCLEAN].text, "true") != 0)
        return true;
    check_warn(check, "a replica that lags may lead, and %s that were acknowledged vanish -> unclean.leader.election.enable false",
               t->role == SOURCE ? "events" : t->role == OUTCOMES ? "outcomes" : "dead letters");
    return false;
}

/* Compaction keeps the last record of each key: earlier events are gone before they are decided, earlier outcomes before they are read. */
static bool is_kept_whole(struct check *check, const struct seen_topic *t)
{
    if (!strstr(t->values[CLEANUP].text, "compact"))
        return true;
    check_warn(check, "cleanup.policy %s: of records with one key only the last stays, so %s get lost -> cleanup.policy delete", t->values[CLEANUP].text,
               t->role == SOURCE ? "events that wait" : t->role == OUTCOMES ? "earlier outcomes" : "dead letters");
    return false;
}

static void check_settings(struct check *check, const struct seen_topic *t)
{
    bool good;

    check_about(check, "settings of %s", t->name);
    good = is_acknowledged_well(check, t);
    good &= is_elected_well(check, t);
    good &= is_kept_whole(check, t);
    if (good)
        check_ok(check, "min.insync.replicas %s of %d, no unclean election, cleanup.policy %s", t->values[IN_SYNC_LEAST].text, t->topic.replicas,
                 t->values[CLEANUP].text);
}

static const char *days(int64_t ms, char out[TEXT_SIZE])
{
    if (ms < 0)
        snprintf(out, TEXT_SIZE, "for ever");
    else if (ms >= 86400000)
        snprintf(out, TEXT_SIZE, "for %.1f days", (double)ms / 86400000);
    else
        snprintf(out, TEXT_SIZE, "for %.1f hours", (double)ms / 3600000);
    return out;
}

static bool is_less(int64_t a, int64_t b)
{
    return a >= 0 && (b < 0 || a < b);
}

/* Outcomes tell what was decided of an event: who replays or audits needs both, and evidence of what was published lies there. */
static void check_retention(struct check *check, const struct seen_topic *outcomes, const struct seen_topic *sources, size_t count)
{
    int64_t ms = number_of(outcomes, RETAINED_MS), bytes = number_of(outcomes, RETAINED_BYTES);
    char kept[TEXT_SIZE], longer[TEXT_SIZE];
    bool less = false;

    check_about(check, "retention of %s", outcomes->name);
    for (size_t i = 0; i < count; i++) {
        if (!sources[i].told)
            continue;
        if (is_less(ms, number_of(&sources[i], RETAINED_MS))) {
            check_warn(check, "%s, %s %s: outcomes vanish before their events -> retention.ms at least %s", days(ms, kept), sources[i].name,
                       days(number_of(&sources[i], RETAINED_MS), longer), sources[i].values[RETAINED_MS].text);
            less = true;
        }
        if (is_less(bytes, number_of(&sources[i], RETAINED_BYTES))) {
            check_warn(check, "%lld bytes, %s keeps %s: outcomes vanish before their events -> retention.bytes at least %s", (long long)bytes, sources[i].name,
                       number_of(&sources[i], RETAINED_BYTES) < 0 ? "all" : sources[i].values[RETAINED_BYTES].text,
                       sources[i].values[RETAINED_BYTES].text);
            less = true;
        }
    }
    if (!less)
        check_ok(check, "%s, not less than the sources", days(ms, kept));
}

static void check_sizes(struct check *check, const struct seen_topic *outcomes, const struct seen_topic *letters, const struct seen_topic *sources, size_t count)
{
    struct refusal refusal = {0};
    bool refused = false;

    if (outcomes->told) {
        check_about(check, "record size of %s", outcomes->name);
        topics_compare_outcome_bytes(check->site.config, number_of(outcomes, BYTES), &refusal);
        if (!check_refused(check, &refusal))
            check_ok(check, "max.message.bytes %s", outcomes->values[BYTES].text);
    }
    check_about(check, "record size of %s", letters->name);
    for (size_t i = 0; letters->told && i < count; i++) {
        refusal = (struct refusal){0};
        if (sources[i].told)
            topics_compare_letter_bytes(check->site.config, number_of(letters, BYTES), sources[i].name, number_of(&sources[i], BYTES), &refusal);
        refused |= check_refused(check, &refusal);
    }
    if (letters->told && !refused)
        check_ok(check, "max.message.bytes %s, enough for a whole event and why it is here", letters->values[BYTES].text);
}

/* Partition counts: outcomes go to the number of their source's partition. */
static void check_partitions(struct check *check, const struct seen_topic *outcomes, const struct seen_topic *sources, size_t count)
{
    struct refusal refusal = {0};
    int32_t most = 0;

    for (size_t i = 0; i < count; i++)
        if (!sources[i].found && sources[i].topic.partitions > most)
            most = sources[i].topic.partitions;
    if (outcomes->found || most == 0)
        return;
    check_about(check, "partitions of %s", outcomes->name);
    topics_compare_partitions(check->site.config, outcomes->topic.partitions, most, &refusal);
    if (!check_refused(check, &refusal))
        check_ok(check, "%d, at least as many as each source (%d)", outcomes->topic.partitions, most);
}

static void check_topics(struct check *check, struct seen_topic *topics, size_t sources)
{
    const struct seen_topic *outcomes = &topics[sources], *letters = &topics[sources + 1];

    for (size_t i = 0; i < sources + 2; i++)
        look_at_topic(check, &topics[i]);
    check_partitions(check, outcomes, topics, sources);
    for (size_t i = 0; i < sources + 2; i++)
        if (topics[i].told)
            check_settings(check, &topics[i]);
    check_sizes(check, outcomes, letters, topics, sources);
    if (outcomes->told)
        check_retention(check, outcomes, topics, sources);
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct start_topic *)a)->name, ((const struct start_topic *)b)->name);
}

/* What the market is compared with. */
static void keep_topics(struct check *check, const struct seen_topic *topics, size_t sources)
{
    struct topics *out = &check->site.topics;
    struct kafka_topic offsets;
    int r;

    check->topics_known = !topics[sources].found;
    for (size_t i = 0; i < sources; i++) {
        check->topics_known &= !topics[i].found;
        out->items[out->count++] = (struct start_topic){topics[i].name, topics[i].topic.partitions};
    }
    qsort(out->items, out->count, sizeof *out->items, by_name);
    /* Where this topic is not there yet, a question for the coordinator would have the broker make it. */
    r = kafka_look_topic(check->look, "__consumer_offsets", &offsets, check_left_ms(check, CHECK_QUESTION_MS) + 1);
    check->groups_known = r == 0 || r == -EACCES;
}

void check_kafka(struct check *check)
{
    const struct config *c = check->site.config;
    size_t sources = c->kafka.topics.count;
    struct seen_topic *topics = calloc(sources + 2, sizeof *topics);

    check_bootstraps(check);
    check_about(check, "kafka");
    if (!topics || !check->kafka_up || !open_look(check)) {
        check->kafka_up = false;
        free(topics);
        check_about(check, "topics");
        check_pass_over(check, "Kafka is away");
        return;
    }
    for (size_t i = 0; i < sources; i++)
        topics[i] = (struct seen_topic){.name = c->kafka.topics.items[i], .role = SOURCE};
    topics[sources] = (struct seen_topic){.name = c->kafka.outcomes, .role = OUTCOMES};
    topics[sources + 1] = (struct seen_topic){.name = c->kafka.dead_letters, .role = DEAD_LETTERS};
    check_topics(check, topics, sources);
    keep_topics(check, topics, sources);
    free(topics);
}
