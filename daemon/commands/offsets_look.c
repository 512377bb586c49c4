#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "commands/complain.h"
#include "commands/offsets.h"
#include "ledger/moves.h"
#include "ledger/partition.h"
#include "store/exec.h"

enum { CHUNK_ROWS = 100, REPLIES_OF_ROW = 2 };

static size_t registries_of(const struct offsets *offsets, bool sharded)
{
    return (size_t)start_markets(offsets->site->topics.items, offsets->site->topics.count, sharded);
}

static int make_registries(struct offsets *offsets, bool sharded)
{
    size_t count = registries_of(offsets, sharded);

    offsets->registries = calloc(count, sizeof *offsets->registries);
    if (!offsets->registries)
        return -ENOMEM;
    for (; offsets->registries_count < count; offsets->registries_count++) {
        struct offsets_registry *r = &offsets->registries[offsets->registries_count];

        r->shard = sharded ? (int32_t)offsets->registries_count : SHARD_NONE;
        buffer_init(&r->moved, MOVES_TEXT_MAX);
        r->registry = calloc(1, sizeof *r->registry);
        if (!r->registry)
            return -ENOMEM;
    }
    return 0;
}

static int make_rows(struct offsets *offsets, bool sharded)
{
    const struct topics *topics = &offsets->site->topics;
    size_t count = 0;

    for (size_t i = 0; i < topics->count; i++)
        count += (size_t)topics->items[i].partitions;
    offsets->rows = calloc(count + 1, sizeof *offsets->rows);
    if (!offsets->rows)
        return -ENOMEM;
    for (size_t i = 0; i < topics->count; i++)
        for (int32_t n = 0; n < topics->items[i].partitions; n++)
            offsets->rows[offsets->rows_count++] = (struct offsets_row){
                .topic = topics->items[i].name, .partition = n, .registry = sharded ? (size_t)n : 0,
                .start = -1, .end = -1, .outcomes_end = -1, .committed = -1, .next = -1, .done = -1};
    return 0;
}

int offsets_open(struct offsets *offsets, struct site *site)
{
    struct kafka_in_options consumer = site_consumer(site);
    bool sharded = strcmp(site->config->shard, "partition") == 0;
    struct error_text error = {""};
    int r;

    *offsets = (struct offsets){.site = site, .away = ""};
    r = kafka_in_new(&offsets->in, &consumer, &error);
    if (!r)
        r = kafka_look_new(&offsets->look, &consumer, &error);
    if (r)
        return complain("offsets", EX_CONFIG, "no consumer: %s", error.text);
    return make_registries(offsets, sharded) || make_rows(offsets, sharded) ? EX_OSERR : 0;
}

void offsets_close(struct offsets *offsets)
{
    for (size_t i = 0; i < offsets->registries_count; i++) {
        buffer_deinit(&offsets->registries[i].moved);
        free(offsets->registries[i].registry);
    }
    free(offsets->registries);
    free(offsets->rows);
    kafka_look_free(offsets->look);
    kafka_in_free(offsets->in);
}

/* --- Kafka */

static void take_commit(struct offsets_row *row, const struct kafka_position *position)
{
    row->commit = COMMIT_NONE;
    row->committed = position->offset >= 0 ? position->offset : -1;
    if (row->committed >= 0)
        row->commit = commit_note_parse(position->metadata, &row->note) ? COMMIT_UNKNOWN : COMMIT_NOT_OURS;
}

static int look_at_commits(struct offsets *offsets)
{
    struct kafka_position *positions = calloc(offsets->rows_count + 1, sizeof *positions);
    int r = positions ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < offsets->rows_count; i++) {
        snprintf(positions[i].topic, sizeof positions[i].topic, "%s", offsets->rows[i].topic);
        positions[i].partition = offsets->rows[i].partition;
    }
    if (!r)
        r = kafka_in_committed(offsets->in, positions, offsets->rows_count, SITE_QUESTION_MS);
    for (size_t i = 0; !r && i < offsets->rows_count; i++)
        take_commit(&offsets->rows[i], &positions[i]);
    free(positions);
    return r;
}

/* Sources first, then the outcome partitions of the numbers that they have. */
static int look_at_logs(struct offsets *offsets)
{
    const char *outcomes = offsets->site->config->kafka.outcomes;
    size_t sources = offsets->rows_count, numbers = registries_of(offsets, true);
    struct kafka_bounds *bounds = calloc(sources + numbers, sizeof *bounds);
    int r = bounds ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < sources + numbers; i++) {
        snprintf(bounds[i].topic, sizeof bounds[i].topic, "%s", i < sources ? offsets->rows[i].topic : outcomes);
        bounds[i].partition = i < sources ? offsets->rows[i].partition : (int32_t)(i - sources);
    }
    if (!r)
        r = kafka_in_bounds_of_many(offsets->in, bounds, sources + numbers, SITE_QUESTION_MS);
    for (size_t i = 0; !r && i < sources; i++) {
        offsets->rows[i].start = bounds[i].start;
        offsets->rows[i].end = bounds[i].end;
        offsets->rows[i].outcomes_end = bounds[sources + (size_t)offsets->rows[i].partition].end;
    }
    free(bounds);
    return r;
}

static void copy_host(char out[OFFSETS_NAME_MAX], const char *host)
{
    snprintf(out, OFFSETS_NAME_MAX, "%s", host + (host[0] == '/'));      /* as Java writes an address without a name */
}

static void take_owner(void *context, const struct kafka_owner *owner)
{
    struct offsets *offsets = context;

    for (size_t i = 0; i < offsets->rows_count; i++) {
        struct offsets_row *row = &offsets->rows[i];

        if (row->partition != owner->partition || !bytes_equal_text(owner->topic, row->topic))
            continue;
        snprintf(row->member, sizeof row->member, "%s", owner->member);
        snprintf(row->client, sizeof row->client, "%s", owner->client);
        copy_host(row->host, owner->host);
    }
}

static int look_at_group(struct offsets *offsets)
{
    return kafka_look_owners(offsets->look, offsets->site->config->kafka.group, &offsets->group, take_owner, offsets, SITE_QUESTION_MS);
}

struct search {
    const struct resolve_place *place;
    char *who;
};

static void find_owner(void *context, const struct kafka_owner *owner)
{
    struct search *search = context;
    char host[OFFSETS_NAME_MAX];

    copy_host(host, owner->host);
    if (owner->partition == search->place->partition && bytes_equal_text(owner->topic, search->place->topic))
        snprintf(search->who, RESOLVE_OWNER_MAX, "%.100s at %.100s (member %.100s)", owner->client, host, owner->member);
}

int offsets_owner(void *context, const struct resolve_place *place, char who[RESOLVE_OWNER_MAX])
{
    struct offsets *offsets = context;
    struct search search = {place, who};
    int r = kafka_look_owners(offsets->look, offsets->site->config->kafka.group, &offsets->group, find_owner, &search, SITE_QUESTION_MS);

    if (!r && !who[0] && offsets->group.members && strcmp(offsets->group.state, "Stable") != 0)
        snprintf(who, RESOLVE_OWNER_MAX, "one of the group's %zu members, among which partitions are just given out (%s)", offsets->group.members,
                 offsets->group.state);
    return r;
}

/* --- Redis */

static int read_registry(struct offsets *offsets, struct offsets_registry *r)
{
    struct asker *redis = &offsets->site->redis;
    struct error_text error;
    struct reply **replies;
    struct shard *shard = malloc(sizeof *shard);
    int error_of;

    if (!shard)
        return -ENOMEM;
    shard_init(shard, offsets->site->config->redis.prefix, r->shard);
    snprintf(r->key, sizeof r->key, "%s", shard->meta_key);
    free(shard);
    asker_begin(redis);
    command_texts(redis->commands, "HMGET", r->key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "HGET", r->key, "moved", NULL);
    error_of = asker_ask(redis, &replies);
    if (!error_of)
        error_of = store_replies_check(replies, 2, &error);
    if (error_of)
        return error_of;
    r->read = registry_read(r->registry, replies[0]);
    buffer_reset(&r->moved);
    if (replies[1]->type == REPLY_STRING)
        buffer_put_bytes(&r->moved, replies[1]->text);
    return 0;
}

static void ask_row(struct offsets *offsets, struct shard *shard, const struct offsets_row *row)
{
    struct commands *commands = offsets->site->redis.commands;
    char key[PARTITION_KEY_MAX], at[KAFKA_TOPIC_MAX + 16];

    shard_init(shard, offsets->site->config->redis.prefix, offsets->registries[row->registry].shard);
    partition_key(key, shard, "mark", row->topic, row->partition);
    snprintf(at, sizeof at, "%s:%d", row->topic, row->partition);
    command_texts(commands, "HMGET", key, MARK_FIELDS, NULL);
    command_texts(commands, "HGET", shard->paused_key, at, NULL);
}

static void take_row(struct offsets_row *row, struct reply **replies)
{
    struct mark mark;

    if (mark_read(&mark, replies[0]) == 0) {
        row->next = mark.next;
        row->done = mark.done;
        row->torn = mark.torn;
    }
    row->paused = replies[1]->type == REPLY_STRING;
}

static int read_rows(struct offsets *offsets, struct shard *shard, size_t first, size_t count)
{
    struct asker *redis = &offsets->site->redis;
    struct error_text error;
    struct reply **replies;
    int r;

    asker_begin(redis);
    for (size_t i = first; i < first + count; i++)
        ask_row(offsets, shard, &offsets->rows[i]);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, REPLIES_OF_ROW * count, &error);
    for (size_t i = 0; !r && i < count; i++)
        take_row(&offsets->rows[first + i], replies + REPLIES_OF_ROW * i);
    return r;
}

static int look_at_marks(struct offsets *offsets)
{
    struct shard *shard = malloc(sizeof *shard);
    int r = shard ? 0 : -ENOMEM;

    for (size_t i = 0; !r && i < offsets->registries_count; i++)
        r = read_registry(offsets, &offsets->registries[i]);
    for (size_t i = 0; !r && i < offsets->rows_count; i += CHUNK_ROWS)
        r = read_rows(offsets, shard, i, offsets->rows_count - i < CHUNK_ROWS ? offsets->rows_count - i : CHUNK_ROWS);
    free(shard);
    return r;
}

/* --- both */

static void name_commits(struct offsets *offsets)
{
    for (size_t i = 0; i < offsets->rows_count; i++) {
        struct offsets_row *row = &offsets->rows[i];
        const struct offsets_registry *of = &offsets->registries[row->registry];

        if (row->commit != COMMIT_UNKNOWN || of->read)
            continue;
        if (strcmp(row->note.incarnation, of->registry->incarnation) == 0)
            row->commit = COMMIT_CURRENT;
        else if (registry_is_former(of->registry, bytes_of(row->note.incarnation)))
            row->commit = COMMIT_FORMER;
    }
}

int offsets_look(struct offsets *offsets)
{
    int r;

    offsets->away = "kafka (commits and group)";
    r = look_at_commits(offsets);
    if (!r)
        r = look_at_group(offsets);
    if (r)
        return r;
    offsets->away = "redis";
    r = look_at_marks(offsets);
    if (r)
        return r;
    offsets->away = "kafka (log starts and ends)";
    r = look_at_logs(offsets);
    if (!r)
        name_commits(offsets);
    return r;
}

int64_t offsets_lag(const struct offsets_row *row)
{
    if (row->end < 0 || row->next < 0)
        return -1;
    return row->end > row->next ? row->end - row->next : 0;
}

int64_t offsets_undelivered(const struct offsets_row *row)
{
    return row->next < 0 ? -1 : row->next - row->done;
}
