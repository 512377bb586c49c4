/* Without a snapshot: a market that is empty, with its marks at the first event of each log. What came of it the outcome topic tells, if it still holds all of
 * it, of one incarnation. */
#include <stdio.h>
#include <stdlib.h>

#include "archive/restore_inside.h"
#include "base/number.h"

struct found {
    struct registry incarnations;        /* in `former` */
    int64_t era;                         /* the highest that a commit shows */
};

static bool in_market(int32_t market, int32_t partition)
{
    return market == SHARD_NONE || market == partition;
}

static int check_outcomes(const struct restore *restore, int32_t partition, struct refusal *refusal, struct error_text *error)
{
    const struct evidence_source *kafka = &restore->start.evidence;
    int64_t start, end;
    int r = kafka_in_bounds(kafka->in, kafka->outcomes, partition, &start, &end, kafka->timeout_ms);

    if (r)
        return error_set(error, r, "kafka does not tell where %s:%d begins: %s", kafka->outcomes, partition, strerror(-r));
    if (start > 0)
        refusal_say(refusal, "%s:%d begins at offset %lld, the outcomes before it are deleted, so the log does not tell the whole market; a snapshot is needed", kafka->outcomes,
                    partition, (long long)start);
    return 0;
}

static int check_partition(const struct restore *restore, const char *topic, int32_t partition, struct found *found, struct refusal *refusal,
                           struct error_text *error)
{
    struct evidence_source source = restore->start.evidence;
    struct evidence evidence;
    int64_t waiting;
    int r = check_outcomes(restore, partition, refusal, error);

    if (r || refusal->set)
        return r;
    source.why = error;
    source.collect = &found->incarnations;
    r = evidence_read(&evidence, &source, topic, partition, NULL, NULL);
    if (r)
        return r;
    if (evidence.log_start > 0)
        refusal_say(refusal, "%s:%d begins at offset %lld, the events before it are deleted, so the log does not tell the whole market; a snapshot is needed", topic, partition,
                    (long long)evidence.log_start);
    if (evidence.note.era > found->era)
        found->era = evidence.note.era;
    waiting = evidence.log_end - evidence.published_any - 1;
    restore_say(restore, "%s:%d: published decisions will be applied from the first event on, up to offset %lld; %lld %s to be decided", topic, partition,
                (long long)evidence.published_any + 1, (long long)waiting, number_words(waiting, "event waits", "events wait"));
    return 0;
}

static void check_incarnations(const struct found *found, const struct shard *shard, struct refusal *refusal)
{
    const struct registry *all = &found->incarnations;

    /* One shard of several may have been idle since ever: it begins as an empty one. */
    if (all->former_count == 0 && shard->number == SHARD_NONE)
        refusal_say(refusal, "kafka shows no decision of %s, so there is nothing to be restored; a daemon that is started makes a new market", shard->meta_key);
    if (all->former_count > 1)
        refusal_say(refusal, "kafka shows outcomes of %zu incarnations (%s, %s%s): a resolution (orderd init, orderd offsets --move) came between, and no log tells which decisions of "
                    "the former one stand; a snapshot taken after it would be right; without one, put the market's keys there by other means, and orderd init --adopt goes on with them "
                    "at the committed offsets",
                    all->former_count, all->former[0], all->former[1], all->former_count > 2 ? ", …" : "");
}

static int check_market(const struct restore *restore, const struct shard *shard, struct found *found, struct refusal *refusal, struct error_text *error)
{
    const struct start *start = &restore->start;
    int r = restore_check_namespace(restore, shard, refusal, error);

    for (size_t i = 0; i < start->topics_count; i++)
        for (int32_t n = 0; !r && !refusal->set && n < start->topics[i].partitions; n++)
            if (in_market(shard->number, n))
                r = check_partition(restore, start->topics[i].name, n, found, refusal, error);
    if (!r && !refusal->set)
        check_incarnations(found, shard, refusal);
    return r;
}

int restore_log_check(struct restore *restore, struct refusal *refusal, struct error_text *error)
{
    struct found *found = calloc(1, sizeof *found);
    int r = found ? 0 : -ENOMEM;

    restore->incarnations = calloc((size_t)start_markets(restore->start.topics, restore->start.topics_count, restore->start.sharded), sizeof *restore->incarnations);
    if (!restore->incarnations)
        r = -ENOMEM;
    for (int32_t i = 0; !r && !refusal->set && i < start_markets(restore->start.topics, restore->start.topics_count, restore->start.sharded); i++) {
        struct shard shard;

        *found = (struct found){.era = 1};
        shard_init(&shard, restore->start.prefix, start_market(restore->start.sharded, i));
        r = check_market(restore, &shard, found, refusal, error);
        if (found->incarnations.former_count)
            memcpy(restore->incarnations[i], found->incarnations.former[0], CLOCK_UUID_SIZE);
        else
            clock_uuid(restore->start.clock, restore->incarnations[i]);
        if (found->era > restore->era)
            restore->era = found->era;
    }
    free(found);
    return r;
}

static int put_registry(const struct restore *restore, const struct shard *shard, const char *incarnation, struct error_text *error)
{
    struct commands *c = restore->start.redis->commands;
    const struct start *s = &restore->start;
    char topics[sizeof ((struct registry *)0)->topics], window[24], ids[24], era[24];

    if (start_topics_text(s, topics, sizeof topics))
        return error_set(error, -E2BIG, "there are too many topics");
    snprintf(window, sizeof window, "%lld", (long long)s->window_s);
    snprintf(ids, sizeof ids, "%lld", (long long)s->ids);
    snprintf(era, sizeof era, "%lld", (long long)restore->era);
    command_texts(c, "HSET", shard->meta_key, "schema", "1", "cluster", s->cluster, "group", s->group, "topics", topics, "shard",
                  s->sharded ? "partition" : "none", "window_s", window, "ids", ids, "incarnation", incarnation, "era", era, "halt",
                  RESTORE_HALT_WRITTEN, NULL);
    command_texts(c, "XADD", shard->outbox_key, "0-1", "made", "1", NULL);
    command_texts(c, "XDEL", shard->outbox_key, "0-1", NULL);
    return 0;
}

static void put_marks(const struct restore *restore, const struct shard *shard)
{
    const struct start *s = &restore->start;
    char key[PARTITION_KEY_MAX], epoch[CLOCK_UUID_SIZE];

    for (size_t i = 0; i < s->topics_count; i++)
        for (int32_t n = 0; n < s->topics[i].partitions; n++) {
            if (!in_market(shard->number, n))
                continue;
            partition_key(key, shard, "mark", s->topics[i].name, n);
            clock_uuid(s->clock, epoch);
            command_texts(s->redis->commands, "HSET", key, "next", "0", "done", "0", "seen_from", "0", "time", "-1", "epoch", epoch, "fp", "", "fp_offset",
                          "-1", NULL);
        }
}

int restore_log_write(struct restore *restore, struct error_text *error)
{
    struct registry *found = calloc(1, sizeof *found);
    int r = found ? 0 : -ENOMEM;

    for (int32_t i = 0; !r && i < start_markets(restore->start.topics, restore->start.topics_count, restore->start.sharded); i++) {
        struct shard shard;
        int64_t lines;

        shard_init(&shard, restore->start.prefix, start_market(restore->start.sharded, i));
        r = restore_look(restore, &shard, &lines, found, error);
        if (r || lines == RESTORE_WRITTEN)
            continue;
        r = restore_chunk_begin(restore, &shard, RESTORE_NONE, error);
        if (!r)
            r = put_registry(restore, &shard, restore->incarnations[i], error);
        if (!r) {
            put_marks(restore, &shard);
            r = restore_chunk_end(restore, &shard, RESTORE_WRITTEN, error);
        }
    }
    free(found);
    return r;
}
