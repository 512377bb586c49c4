#include "archive/snapshot.h"

#include <stdio.h>
#include <stdlib.h>

#include "archive/take.h"

enum { ATTEMPTS = 5, ATTEMPT_PAUSE_MS = 300, RECORD_LIMIT = 512 << 20, KEY_LIMIT = 1 << 20 };

static int refuse(struct take *take, const char *why)
{
    return error_set(take->error, -EPROTO, "%s: %s", take->shard.meta_key, why);
}

static int read_registry(struct take *take)
{
    struct asker *redis = take->options->start.redis;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "HMGET", take->shard.meta_key, REGISTRY_FIELDS, NULL);
    r = take_ask(take, &replies);
    if (r)
        return r;
    r = registry_read(&take->shard.registry, replies[0]);
    if (r == -ENOENT)
        return refuse(take, "there is no registry, so there is no market to take a snapshot of");
    if (r)
        return refuse(take, "the registry cannot be read; orderd check --connect says more");
    if (strncmp(take->shard.registry.halt, "restore", 7) == 0)
        return refuse(take, "the market is being restored; take a snapshot when that is done");
    return 0;
}

static int add_partition(struct take *take, const char *topic, int32_t number)
{
    struct take_partition *partitions = reallocarray(take->partitions, take->count + 1, sizeof *partitions), *p;

    if (!partitions)
        return -ENOMEM;
    take->partitions = partitions;
    p = &take->partitions[take->count++];
    *p = (struct take_partition){.number = number};
    snprintf(p->topic, sizeof p->topic, "%s", topic);
    snprintf(p->at, sizeof p->at, "%s:%d", p->topic, number);
    partition_key(p->mark_key, &take->shard, "mark", p->topic, number);
    partition_key(p->seen_key, &take->shard, "seen", p->topic, number);
    return 0;
}

/* As the registry has them, whatever the configuration says. */
static int list_partitions(struct take *take)
{
    const struct registry *registry = &take->shard.registry;
    const char *at = registry->topics;
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t most = 0;
    int r = 0;

    while (!r && registry_next_topic(&at, topic)) {
        int32_t partitions = registry_partitions(registry, topic);

        most = partitions > most ? partitions : most;
        for (int32_t n = 0; !r && n < partitions; n++)
            if (shard_has(&take->shard, n))
                r = add_partition(take, topic, n);
    }
    take->outcomes_count = take->shard.number == SHARD_NONE ? (size_t)most : 1;
    take->begins = calloc(3 * take->outcomes_count + 1, sizeof *take->begins);
    if (!take->begins)
        return -ENOMEM;
    take->befores = take->begins + take->outcomes_count;
    take->ends = take->befores + take->outcomes_count;
    return r;
}

/* Where the outcome partitions begin and end now. */
static int ask_bounds(struct take *take, struct kafka_bounds *bounds)
{
    const struct evidence_source *kafka = &take->options->start.evidence;
    int r;

    for (size_t i = 0; i < take->outcomes_count; i++) {
        bounds[i] = (struct kafka_bounds){.partition = take->shard.number == SHARD_NONE ? (int32_t)i : take->shard.number};
        snprintf(bounds[i].topic, sizeof bounds[i].topic, "%s", kafka->outcomes);
    }
    r = kafka_in_bounds_of_many(kafka->in, bounds, take->outcomes_count, kafka->timeout_ms);
    for (size_t i = 0; !r && i < take->outcomes_count; i++)
        if (bounds[i].start < 0 || bounds[i].end < 0)
            return error_set(take->error, -EAGAIN, "kafka does not tell where %s:%d ends", kafka->outcomes, bounds[i].partition);
    return r ? error_set(take->error, r, "kafka does not tell where %s ends: %s", kafka->outcomes, strerror(-r)) : 0;
}

/* After the outcomes' ends: what is decided behind these marks is published behind them. */
static int read_marks(struct take *take)
{
    struct reply **replies;
    int r;

    take_chunk_begin(take);
    for (size_t i = 0; i < take->count; i++)
        command_texts(take->options->start.redis->commands, "HMGET", take->partitions[i].mark_key, MARK_FIELDS, NULL);
    r = take_chunk_end(take, take->count, &replies);
    for (size_t i = 0; !r && i < take->count; i++) {
        if (mark_read(&take->partitions[i].begin, replies[i]))
            return error_set(take->error, -EPROTO, "the mark %s is missing or cannot be read; orderd check --connect says more", take->partitions[i].mark_key);
        take->partitions[i].seen.seen_from = take->partitions[i].begin.seen_from;
    }
    return r;
}

/* Published decisions that are applied again are not published behind the first marks. */
static int compare_halt(struct take *take)
{
    bool halted = take->shard.registry.halt[0] || take->taken->halt[0], moved = false;

    for (size_t i = 0; i < take->count; i++)
        moved |= take->partitions[i].end.next != take->partitions[i].begin.next;
    return halted && moved ? refuse(take, "it is halted and moves, since published decisions are applied again; take a snapshot when that is done") : 0;
}

static int collect(struct take *take)
{
    int r = read_registry(take);

    if (!r)
        r = list_partitions(take);
    if (!r)
        r = ask_bounds(take, take->begins);
    if (!r)
        r = read_marks(take);
    if (!r)
        r = take_scan(take);
    if (!r)
        r = take_seen_lists(take);
    if (!r)
        r = take_outbox(take);
    if (!r)
        r = ask_bounds(take, take->befores);
    if (!r)
        r = take_outbox(take);
    if (!r)
        r = take_seen_lists(take);
    if (!r)
        r = take_moment(take);
    if (!r)
        r = take_seen_finish(take);
    if (!r)
        r = compare_halt(take);
    if (!r)
        r = ask_bounds(take, take->ends);
    return r ? r : take_log(take);
}

struct writing {
    const struct take *take;
    struct snapshot_writer *writer;
};

static int write_value(void *context, struct bytes key, struct bytes record)
{
    struct writing *writing = context;
    struct take_value value;

    if (!key.size || key.data[0] == TAKE_CHUNK)
        return 0;
    if (take_value_read(&value, record))
        return -EBADMSG;
    if (!value.gone && (value.shown.type != SNAPSHOT_ENTRY || take_entry_waits(writing->take, &value.shown.entry)))
        snapshot_write(writing->writer, &value.shown);
    return snapshot_writer_error(writing->writer);
}

static int write_market(struct take *take, struct snapshot_writer *writer)
{
    struct writing writing = {take, writer};

    snapshot_write_market(writer, take->shard.number, take->last.ms ? take->last : (struct stream_id){0, 1});
    for (size_t i = 0; i < take->outcomes_count; i++)
        snapshot_write_outcomes_from(writer, take->befores[i].partition, take->befores[i].end);
    return table_each(take->table, write_value, &writing);
}

static void take_free(struct take *take)
{
    for (size_t i = 0; i < take->count; i++)
        free(take->partitions[i].seen.froms);
    free(take->partitions);
    free(take->begins);
    table_free(take->table);
    buffer_deinit(&take->key);
    buffer_deinit(&take->record);
    buffer_deinit(&take->text);
    buffer_deinit(&take->entry);
}

/* One attempt at one market. What it read is written only if it is whole. */
static int take_once(const struct snapshot_options *options, int32_t shard, struct snapshot_writer *writer, struct snapshot_taken *taken,
                     struct error_text *error)
{
    struct take take = {.options = options, .taken = taken, .error = error};
    int64_t before = taken->decisions, left_out = taken->left_out;
    int r;

    shard_init(&take.shard, options->start.prefix, shard);
    buffer_init(&take.key, KEY_LIMIT);
    buffer_init(&take.record, RECORD_LIMIT);
    buffer_init(&take.text, KEY_LIMIT);
    buffer_init(&take.entry, RECORD_LIMIT);
    r = table_new(&take.table, options->work, error);
    taken->in_file = r != 0;
    if (!r)
        r = collect(&take);
    if (!r && (r = write_market(&take, writer)) && !error->text[0])
        error_set(error, r, "the snapshot cannot be written: %s", strerror(-r));
    if (r && table_error(take.table)) {
        taken->in_file = true;
        error_set(error, r, "the temporary file in %s: %s", options->work, r == -EIO ? "it cannot be written or read, its disk may be full" : strerror(-r));
    }
    if (r) {
        taken->decisions = before;
        taken->left_out = left_out;
    }
    take_free(&take);
    return r;
}

/* A lost connection leaves nothing to go on from; the next attempt begins anew on another. */
static bool may_try_again(const struct snapshot_options *options, int r)
{
    struct error_text error;

    if (session_is_up(options->start.redis->session))
        return r == -ESTALE;
    return session_visit(options->start.redis->session, &error) == 0;
}

static int take_market(const struct snapshot_options *options, int32_t shard, struct snapshot_writer *writer, struct snapshot_taken *taken,
                       struct error_text *error)
{
    int r = -ESTALE;

    for (int i = 1; i <= ATTEMPTS; i++) {
        error->text[0] = '\0';
        if (i > taken->attempts)
            taken->attempts = i;
        r = take_once(options, shard, writer, taken, error);
        if (!r || r == -ECANCELED || taken->in_file || snapshot_writer_error(writer) || !may_try_again(options, r))
            break;
        log_notice(options->start.log, "the snapshot begins anew attempt=%d reason=\"%s\"", i + 1, error->text);
        clock_sleep_ms(options->start.clock, ATTEMPT_PAUSE_MS);
    }
    if (r && !error->text[0])
        error_set(error, r, "%s", strerror(-r));
    return r;
}

static int make_header(const struct snapshot_options *options, struct snapshot_header *out, struct error_text *error)
{
    const struct start *start = &options->start;

    *out = (struct snapshot_header){.markets = start_markets(start->topics, start->topics_count, start->sharded)};
    text_time(out->taken_at, clock_realtime_ms(start->clock));
    snprintf(out->orderd, sizeof out->orderd, "%s", options->release);
    snprintf(out->cluster, sizeof out->cluster, "%s", start->cluster);
    snprintf(out->group, sizeof out->group, "%s", start->group);
    snprintf(out->outcomes, sizeof out->outcomes, "%s", start->evidence.outcomes);
    snprintf(out->shard, sizeof out->shard, "%s", start->sharded ? "partition" : "none");
    snprintf(out->prefix, sizeof out->prefix, "%s", start->prefix);
    return start_topics_text(start, out->topics, sizeof out->topics) ? error_set(error, -E2BIG, "there are too many topics") : 0;
}

/* That it is this configuration's market, before a file is begun. */
static int look(const struct snapshot_options *options, struct error_text *error)
{
    struct snapshot_taken ignored = {.values = 0};
    struct take take = {.options = options, .taken = &ignored, .error = error};
    struct refusal refusal = {0};
    int r = start_other_form(&options->start, &refusal);

    shard_init(&take.shard, options->start.prefix, options->start.sharded ? 0 : SHARD_NONE);
    if (r && !refusal.set)
        return error_set(error, r, "redis cannot be asked: %s", strerror(-r));
    if (!refusal.set && (r = read_registry(&take)))
        return r;
    if (!refusal.set)
        start_compare_owner(&options->start, &take.shard.registry, &refusal);
    return refusal.set ? error_set(error, -EPROTO, "%s", refusal.found) : 0;
}

int snapshot_take(const struct snapshot_options *options, struct snapshot_taken *taken, struct error_text *error)
{
    struct snapshot_writer *writer = NULL;
    struct snapshot_header header;
    int r;

    *taken = (struct snapshot_taken){.values = 0};
    error->text[0] = '\0';
    r = look(options, error);
    if (!r)
        r = make_header(options, &header, error);
    if (!r && (r = snapshot_writer_new(&writer, options->out, &header, error)))
        taken->in_file = true;
    taken->made = writer != NULL;
    for (int32_t n = 0; !r && n < header.markets; n++)
        r = take_market(options, options->start.sharded ? n : SHARD_NONE, writer, taken, error);
    if (!r)
        r = snapshot_writer_finish(writer, error);
    if (writer && snapshot_writer_error(writer))
        taken->in_file = true;
    if (!r) {
        snprintf(taken->digest, sizeof taken->digest, "%s", snapshot_writer_digest(writer));
        taken->values = snapshot_writer_values(writer);
    }
    snapshot_writer_free(writer);
    return r;
}
