/* One table: a row is a metric with its type, its help, and how its samples are put. Rows of plain numbers are an expression. */
#include "service/metrics.h"

#include "base/number.h"
#include "rules/rules.h"
#include "seam/redis_link.h"
#include "service/health.h"
#include "service/process.h"

struct scrape {
    struct buffer *out;
    const struct sight *sight;
    const struct picture *picture;
    const struct meters *meters;
    struct process process;
    bool live, ready;
};

/* name, type, help, scale of the value, value (below 0: not known, and no sample) */
#define PLAIN(X)                                                                                                                                   \
    X(orderd_live, gauge, "Whether the pipeline gets on, as /livez says: 1, or 0 when it hangs and should be restarted.", 1, s->live)             \
    X(orderd_ready, gauge, "Whether events are worked, as /readyz says: 1, or 0 when something they need is missing.", 1, s->ready)               \
    X(orderd_redis_up, gauge, "Whether Redis is connected.", 1, s->sight->redis_up)                                                               \
    X(orderd_kafka_up, gauge, "Whether a broker is connected, as of the last 5 seconds; absent while it was not asked yet.", 1,                   \
      s->sight->phase == BOARD_REDIS ? -1 : s->sight->kafka_up)                                                                                   \
    X(orderd_producer_up, gauge, "Whether outcomes are taken: 0 while a failed producer is made anew.", 1, s->picture->sink_up)                   \
    X(orderd_durability_gate_open, gauge, "Whether everything applied is as durable as configured: at 0 outcomes and turns wait.", 1,             \
      s->picture->gate_open)                                                                                                                      \
    X(orderd_halted, gauge, "Whether the market is halted: an operator must resolve it.", 1, s->picture->halt[0] != '\0')                         \
    X(orderd_reapplying, gauge, "Whether published decisions are applied again, or another instance is waited for that does: see on_rollback.", 1,     \
      s->picture->reapply.phase != NULL)                                                                                                            \
    X(orderd_group_joined, gauge, "Whether the consumer group has answered since the start.", 1, s->picture->joined)                              \
    X(orderd_config_last_reload_successful, gauge, "Whether the last reload was taken over; at 0 the file is refused and the old one in force.", 1, \
      !s->sight->reload_refused)                                                                                                                  \
    X(orderd_quiet, gauge, "Whether the instance is quiet on purpose: it decides nothing and stays in the group.", 1, s->picture->quiet)           \
    X(orderd_rate_limit_events_per_second, gauge, "The most events that this instance decides in a second; 0: no limit.", 1, s->picture->rate)    \
    X(orderd_events_held, gauge, "Events read and not yet decided.", 1, (int64_t)s->picture->held)                                                \
    X(orderd_events_held_limit, gauge, "How many events may be held: prefetch.events.", 1, (int64_t)s->picture->held_max)                         \
    X(orderd_records_in_flight, gauge, "Outcomes and dead letters with the producer, not yet reported.", 1, (int64_t)s->picture->in_flight)       \
    X(orderd_turn_events_limit, gauge, "Events that a turn may hold at present: less than turn.events under conflicts.", 1,                       \
      (int64_t)s->picture->events_limit)                                                                                                          \
    X(orderd_last_commit_timestamp_seconds, gauge, "When offsets were last committed; 0: not yet.", 1000, s->meters->committed_at)                \
    X(orderd_last_progress_timestamp_seconds, gauge, "When the pipeline last got on; waiting for Redis or Kafka is getting on.", 1000,            \
      s->sight->now - s->sight->silent_ms)                                                                                                        \
    X(orderd_execs_total, counter, "EXECs sent, whatever came of them.", 1, (int64_t)s->meters->execs)                                            \
    X(orderd_exec_conflicts_total, counter, "EXECs that found a watched key changed.", 1, (int64_t)s->meters->conflicts)                          \
    X(orderd_exec_retries_total, counter, "Events that were decided once more after a conflict.", 1, (int64_t)s->meters->retries)                 \
    X(orderd_exec_refusals_total, counter, "EXECs that Redis answered with an error, nothing applied.", 1, (int64_t)s->meters->refused)           \
    X(orderd_exec_torn_total, counter, "EXECs that Redis applied in part: the market halts.", 1, (int64_t)s->meters->torn)                        \
    X(orderd_exec_unknown_total, counter, "EXECs without a reply: whether they were applied is read back.", 1, (int64_t)s->meters->unknown)       \
    X(orderd_reapplied_decisions_total, counter, "Published decisions that were applied again after Redis came back older.", 1,                       \
      (int64_t)s->meters->reapplied)                                                                                                                \
    X(orderd_takeovers_total, counter, "Partitions taken over.", 1, (int64_t)s->meters->takeovers)                                                \
    X(orderd_takeover_retries_total, counter, "Take-overs that have to be tried again.", 1, (int64_t)s->meters->takeover_retries)                 \
    X(orderd_partition_refusals_total, counter, "Partitions refused at take-over.", 1, (int64_t)s->meters->refusals)                              \
    X(orderd_redis_connects_total, counter, "Connections to Redis that were made anew.", 1, (int64_t)s->meters->reconnects)                       \
    X(orderd_outcome_delivery_failures_total, counter, "Records that a failed producer gave up; they are published again.", 1,                    \
      (int64_t)s->meters->delivery_failures)                                                                                                      \
    X(orderd_commits_total, counter, "Offsets committed, by partition.", 1, (int64_t)s->meters->commits)                                          \
    X(orderd_commit_failures_total, counter, "Commits that failed, by partition; they are made again.", 1, (int64_t)s->meters->commit_failures)   \
    X(process_cpu_seconds_total, counter, "User and system time.", 1000, s->process.cpu_ms)                                                       \
    X(process_resident_memory_bytes, gauge, "Resident memory.", 1, s->process.resident_bytes)                                                     \
    X(process_virtual_memory_bytes, gauge, "Virtual memory.", 1, s->process.virtual_bytes)                                                        \
    X(process_open_fds, gauge, "Open file descriptors.", 1, s->process.open_fds)                                                                  \
    X(process_max_fds, gauge, "File descriptors that may be open.", 1, s->process.max_fds)                                                        \
    X(process_start_time_seconds, gauge, "When the process started.", 1000, s->sight->started_ms)                                                 \
    X(process_threads, gauge, "Threads, with those of libraries.", 1, s->process.threads)

/* name, type, help; put_NAME puts the samples */
#define LABELLED(X)                                                                                                                                \
    X(orderd_build_info, gauge, "Versions, the value is always 1.")                                                                               \
    X(orderd_events_consumed_total, counter, "Events taken from Kafka, again after a take-over that begins anew.")                                \
    X(orderd_events_total, counter, "Events decided and applied, once each, by type and outcome.")                                                \
    X(orderd_event_reasons_total, counter, "Why events were not applied.")                                                                        \
    X(orderd_dead_letters_total, counter, "Malformed events, put into the dead-letter topic.")                                                    \
    X(orderd_transaction_duration_seconds, histogram, "From the sending of EXEC to its reply.")                                                   \
    X(orderd_turn_events, histogram, "Events of one applied transaction.")                                                                        \
    X(orderd_end_to_end_seconds, histogram, "From the timestamp of an event to the delivery of its outcome.")                                     \
    X(orderd_partitions, gauge, "Partitions of this instance by state.")                                                                          \
    X(orderd_partition_state, gauge, "1 for the state that the partition is in: owned, untaken (its take-over is due), paused (on purpose), parked (its outbox is full), stopped (refused: an operator must resolve it).") \
    X(orderd_consumer_lag_messages, gauge, "Events between the next one and the end of the log; not below the start of the log.")                 \
    X(orderd_consumer_lag_seconds, gauge, "Age of the next event, 0 when there is none; of one that is not fetched, how long it has been seen to wait.") \
    X(orderd_partition_next_offset, gauge, "Offset that is decided next.")                                                                        \
    X(orderd_partition_committed_offset, gauge, "Offset last committed by this instance.")                                                        \
    X(orderd_oldest_unfinished_timestamp_seconds, gauge, "Timestamp of the oldest event that was read or applied and whose outcome is not known to be delivered; absent without one.") \
    X(orderd_outbox_entries, gauge, "Transactions whose outcomes lie in Redis and are not known to be delivered.")                                \
    X(orderd_outbox_bytes, gauge, "Bytes of the same.")                                                                                           \
    X(orderd_hot_key_writes_per_second, gauge, "Transactions that wrote the key, for keys in 5 % of them or more; the last full 10 seconds.")     \
    X(orderd_hot_key_conflicts_per_second, gauge, "Conflicts over the key, for keys in 5 % of them or more; the last full 10 seconds.")

struct metric {
    const char *name, *type, *help;
    void (*put)(struct scrape *s, const struct metric *metric);
};

static struct labels one_label(const char *name, const char *value)
{
    return (struct labels){.items = {{name, bytes_of(value)}}, .count = 1};
}

static void put_count(struct scrape *s, const struct metric *metric, const struct labels *labels, uint64_t count)
{
    exposition_sample(s->out, metric->name, labels, (int64_t)count, 1);
}

static void put_orderd_build_info(struct scrape *s, const struct metric *metric)
{
    struct labels labels = {.items = {{"version", bytes_of(ORDERD_VERSION)}, {"librdkafka", bytes_of(kafka_library_version_text())},
                                      {"hiredis", bytes_of(redis_library_version_text())}}, .count = 3};

    put_count(s, metric, &labels, 1);
}

static const char *type_name(size_t type)
{
    return type == METERS_TYPE_UNKNOWN ? "unknown" : rules_kind_name((enum event_kind)type);
}

static void put_orderd_events_consumed_total(struct scrape *s, const struct metric *metric)
{
    for (size_t type = 0; type < METERS_TYPES; type++) {
        struct labels labels = one_label("type", type_name(type));

        put_count(s, metric, &labels, s->meters->consumed[type]);
    }
}

static void put_orderd_events_total(struct scrape *s, const struct metric *metric)
{
    for (size_t type = 0; type < METERS_TYPES; type++)
        for (size_t status = 0; status < STATUS_COUNT; status++) {
            struct labels labels = {.items = {{"type", bytes_of(type_name(type))}, {"outcome", bytes_of(status_name((enum status)status))}}, .count = 2};

            put_count(s, metric, &labels, s->meters->decided[type][status]);
        }
}

static void put_reasons(struct scrape *s, const struct metric *metric, const uint64_t counts[REASON_COUNT], enum reason first)
{
    for (size_t reason = first; reason < REASON_COUNT; reason++) {
        struct labels labels = one_label("reason", reason_name((enum reason)reason));

        put_count(s, metric, &labels, counts[reason]);
    }
}

static void put_orderd_event_reasons_total(struct scrape *s, const struct metric *metric)
{
    put_reasons(s, metric, s->meters->reasons, REASON_NONE + 1);
}

/* The decoder's reasons, and the operator's, stand last. */
static void put_orderd_dead_letters_total(struct scrape *s, const struct metric *metric)
{
    put_reasons(s, metric, s->meters->dead_letters, REASON_NO_VALUE);
}

static void put_orderd_transaction_duration_seconds(struct scrape *s, const struct metric *metric)
{
    exposition_histogram(s->out, metric->name, &s->meters->exec_us, 1000000);
}

static void put_orderd_turn_events(struct scrape *s, const struct metric *metric)
{
    exposition_histogram(s->out, metric->name, &s->meters->turn_events, 1);
}

static void put_orderd_end_to_end_seconds(struct scrape *s, const struct metric *metric)
{
    exposition_histogram(s->out, metric->name, &s->meters->end_to_end_ms, 1000);
}

static void put_orderd_partitions(struct scrape *s, const struct metric *metric)
{
    uint64_t counts[PICTURE_STATE_COUNT] = {0};

    for (size_t i = 0; i < s->picture->partitions_count; i++)
        counts[picture_state(&s->picture->partitions[i])]++;
    for (size_t state = 0; state < PICTURE_STATE_COUNT; state++) {
        struct labels labels = one_label("state", picture_state_name((enum picture_state)state));

        put_count(s, metric, &labels, counts[state]);
    }
}

static struct labels partition_labels(const struct picture_partition *partition, char number[NUMBER_TEXT_MAX])
{
    size_t size = number_format(number, partition->number);

    return (struct labels){.items = {{"topic", bytes_of(partition->topic)}, {"partition", {number, size}}}, .count = 2};
}

static void put_orderd_partition_state(struct scrape *s, const struct metric *metric)
{
    char number[NUMBER_TEXT_MAX];

    for (size_t i = 0; i < s->picture->partitions_count; i++) {
        const struct picture_partition *partition = &s->picture->partitions[i];
        struct labels labels = partition_labels(partition, number);

        labels.count = 3;
        for (size_t state = 0; state < PICTURE_STATE_COUNT; state++) {
            labels.items[2] = (struct label){"state", bytes_of(picture_state_name((enum picture_state)state))};
            put_count(s, metric, &labels, picture_state(partition) == (enum picture_state)state);
        }
    }
}

/* One sample a partition, but where the value is not known, which is below 0. */
static void put_each_partition(struct scrape *s, const struct metric *metric, int64_t scale,
                               int64_t (*value)(const struct scrape *s, const struct picture_partition *partition))
{
    char number[NUMBER_TEXT_MAX];

    for (size_t i = 0; i < s->picture->partitions_count; i++) {
        const struct picture_partition *partition = &s->picture->partitions[i];
        struct labels labels = partition_labels(partition, number);
        int64_t found = value(s, partition);

        if (found >= 0)
            exposition_sample(s->out, metric->name, &labels, found, scale);
    }
}

#define EACH_PARTITION(name, scale, expression)                                                       \
    static int64_t value_##name(const struct scrape *s, const struct picture_partition *partition)    \
    {                                                                                                 \
        (void)s;                                                                                      \
        return expression;                                                                            \
    }                                                                                                 \
    static void put_##name(struct scrape *s, const struct metric *metric)                             \
    {                                                                                                 \
        put_each_partition(s, metric, scale, value_##name);                                           \
    }

EACH_PARTITION(orderd_consumer_lag_messages, 1, partition->lag)
EACH_PARTITION(orderd_consumer_lag_seconds, 1000, picture_lag_ms(partition, s->sight->now))
EACH_PARTITION(orderd_partition_next_offset, 1, partition->next)
EACH_PARTITION(orderd_partition_committed_offset, 1, partition->committed)
EACH_PARTITION(orderd_oldest_unfinished_timestamp_seconds, 1000, partition->unfinished_timestamp ? partition->unfinished_timestamp : -1)
EACH_PARTITION(orderd_outbox_entries, 1, (int64_t)partition->outbox_entries)
EACH_PARTITION(orderd_outbox_bytes, 1, (int64_t)partition->outbox_bytes)

static void put_hot_key(struct scrape *s, const struct metric *metric, const struct hot_key *key, double per_second)
{
    char text[HOT_KEY_TEXT_MAX];
    struct labels labels;

    hot_key_text(text, key);
    labels = one_label("key", text);
    exposition_sample(s->out, metric->name, &labels, (int64_t)(per_second * 1000 + 0.5), 1000);
}

static void put_orderd_hot_key_writes_per_second(struct scrape *s, const struct metric *metric)
{
    for (size_t i = 0; i < s->picture->hot_writes_count; i++) {
        const struct hot_key *key = &s->picture->hot_writes[i];

        if (key->writes_share >= METRICS_HOT_SHARE && key->writes >= METRICS_HOT_WRITES_PER_S)
            put_hot_key(s, metric, key, key->writes);
    }
}

static void put_orderd_hot_key_conflicts_per_second(struct scrape *s, const struct metric *metric)
{
    for (size_t i = 0; i < s->picture->hot_conflicts_count; i++) {
        const struct hot_key *key = &s->picture->hot_conflicts[i];

        if (key->conflicts_share >= METRICS_HOT_SHARE && key->conflicts >= METRICS_HOT_CONFLICTS_PER_S)
            put_hot_key(s, metric, key, key->conflicts);
    }
}

static void put_plain(struct scrape *s, const struct metric *metric, int64_t value, int64_t scale)
{
    if (value >= 0)
        exposition_sample(s->out, metric->name, NULL, value, scale);
}

#define PLAIN_FUNCTION(id, type, help, scale, expression)                     \
    static void put_##id(struct scrape *s, const struct metric *metric)     \
    {                                                                         \
        put_plain(s, metric, expression, scale);                              \
    }
#define PLAIN_ROW(id, type, help, scale, expression) {#id, #type, help, put_##id},
#define LABELLED_ROW(id, type, help) {#id, #type, help, put_##id},

PLAIN(PLAIN_FUNCTION)
static const struct metric metrics[] = {PLAIN(PLAIN_ROW) LABELLED(LABELLED_ROW)};

void metrics_put(struct buffer *out, const struct sight *sight)
{
    struct scrape scrape = {.out = out, .sight = sight, .picture = sight->picture, .meters = &sight->picture->meters};
    struct health health;

    process_look(&scrape.process);
    health_live(&health, sight);
    scrape.live = health_level(&health) != HEALTH_FAILED;
    health_ready(&health, sight);
    scrape.ready = health_level(&health) != HEALTH_FAILED;
    for (size_t i = 0; i < sizeof metrics / sizeof *metrics; i++) {
        exposition_family(out, metrics[i].name, metrics[i].type, metrics[i].help);
        metrics[i].put(&scrape, &metrics[i]);
    }
}
