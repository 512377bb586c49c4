#include "ledger/start.h"

#include <stdio.h>
#include <string.h>

#include "ledger/partition.h"
#include "ledger/vouch.h"
#include "store/exec.h"

enum { TRIES = 20, TRY_PAUSE_MS = 50 };

int start_topics_text(const struct start *s, char *out, size_t size)
{
    size_t used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < s->topics_count; i++) {
        int n = snprintf(out + used, size - used, "%s%s=%d", i ? " " : "", s->topics[i].name, s->topics[i].partitions);

        if (n < 0 || (size_t)n >= size - used)
            return -E2BIG;
        used += (size_t)n;
    }
    return 0;
}

/* A registry under the other form of `shard`: the market exists already, with other keys. */
int start_other_form(const struct start *s, struct refusal *refusal)
{
    struct reply **replies;
    struct shard other;
    int r;

    shard_init(&other, s->prefix, s->sharded ? SHARD_NONE : 0);
    asker_begin(s->redis);
    command_texts(s->redis->commands, "EXISTS", other.meta_key, NULL);
    r = asker_ask(s->redis, &replies);
    if (!r)
        r = store_replies_check(replies, 1, s->evidence.why);
    if (r)
        return r;
    if (replies[0]->type == REPLY_INTEGER && replies[0]->integer)
        refusal_say(refusal, "%s exists, so this market was made with shard = \"%s\"; the file says \"%s\"; shard cannot be changed, a new redis.prefix would be right",
                    other.meta_key, s->sharded ? "none" : "partition", s->sharded ? "partition" : "none");
    return 0;
}

void start_compare_topics(const struct start *s, const struct registry *found, struct refusal *refusal)
{
    const char *at = found->topics;

    for (size_t i = 0; i < s->topics_count; i++) {
        int32_t registered = registry_partitions(found, s->topics[i].name);

        if (registered < 0) {
            refusal_say(refusal, "topic %s is configured and not in the registry", s->topics[i].name);
            refusal_resolve(refusal, "--add-topic %s", s->topics[i].name);
        } else if (registered < s->topics[i].partitions) {
            refusal_say(refusal, "topic %s has %d partitions, %d are registered", s->topics[i].name, s->topics[i].partitions, registered);
            refusal_resolve(refusal, "--accept-repartition");
        } else if (registered > s->topics[i].partitions) {
            refusal_say(refusal, "topic %s has %d partitions, %d are registered: it was recreated", s->topics[i].name, s->topics[i].partitions, registered);
            refusal_resolve(refusal, "--adopt");
        }
    }
    while (*at) {
        size_t size = strcspn(at, "=");
        bool configured = false;

        for (size_t i = 0; i < s->topics_count; i++)
            configured |= strlen(s->topics[i].name) == size && memcmp(s->topics[i].name, at, size) == 0;
        if (!configured) {
            refusal_say(refusal, "topic %.*s is in the registry and not configured", (int)size, at);
            refusal_resolve(refusal, "--drop-topic %.*s", (int)size, at);
        }
        at += strcspn(at, " ");
        at += *at == ' ';
    }
}

void start_compare_owner(const struct start *s, const struct registry *found, struct refusal *refusal)
{
    if (strcmp(found->cluster, s->cluster) != 0) {
        refusal_say(refusal, "the registry belongs to Kafka cluster %s, this is cluster %s", found->cluster, s->cluster);
        refusal_resolve(refusal, "--adopt");
    }
    if (strcmp(found->group, s->group) != 0) {
        refusal_say(refusal, "the registry belongs to group \"%s\", the file says \"%s\"", found->group, s->group);
        refusal_resolve(refusal, "--adopt");
    }
}

static void compare(const struct start *s, const struct registry *found, struct refusal *refusal)
{
    start_compare_owner(s, found, refusal);
    start_compare_topics(s, found, refusal);
    if (found->window_s != s->window_s || found->ids != s->ids)
        log_warning(s->log, "the registry's dedupe settings rule, the file's differ window_s=%lld ids=%lld file_window_s=%lld file_ids=%lld resolve=\"orderd init --dedupe\"",
                    (long long)found->window_s, (long long)found->ids, (long long)s->window_s, (long long)s->ids);
}

/* WATCH of registry and marks, and whether any of the market's records exist. */
int start_look(const struct start *s, const struct shard *shard, struct registry *found, int *registry, bool *bare)
{
    char key[PARTITION_KEY_MAX];
    struct reply **replies;
    size_t count = 0;
    int r;

    asker_begin(s->redis);
    command_texts(s->redis->commands, "UNWATCH", NULL);
    command_texts(s->redis->commands, "WATCH", shard->meta_key, shard->outbox_key, NULL);
    command_texts(s->redis->commands, "HMGET", shard->meta_key, REGISTRY_FIELDS, NULL);
    command_texts(s->redis->commands, "EXISTS", shard->meta_key, shard->outbox_key, NULL);
    for (size_t i = 0; i < s->topics_count; i++)
        for (int32_t n = 0; n < s->topics[i].partitions; n++) {
            if (!shard_has(shard, n))
                continue;
            partition_key(key, shard, "mark", s->topics[i].name, n);
            command_texts(s->redis->commands, "WATCH", key, NULL);
            command_texts(s->redis->commands, "EXISTS", key, NULL);
            partition_key(key, shard, "seen", s->topics[i].name, n);
            command_texts(s->redis->commands, "EXISTS", key, NULL);
            count += 3;
        }
    r = asker_ask(s->redis, &replies);
    if (!r)
        r = store_replies_check(replies, 4 + count, s->evidence.why);
    if (r)
        return r;
    *registry = registry_read(found, replies[2]);
    *bare = true;
    for (size_t i = 3; i < 4 + count; i++)
        if (replies[i]->type == REPLY_ERROR || replies[i]->integer)
            *bare = false;
    return 0;
}

void start_missing(const struct shard *shard, const char *because, struct refusal *refusal)
{
    refusal_say(refusal, "the registry %s is missing while %s", shard->meta_key, because);
    refusal_resolve(refusal, "--adopt");
}

int start_known_to_kafka(const struct start *s, const char *topic, int32_t partition, char *because, size_t size, int64_t *log_start)
{
    struct evidence evidence;
    int r = evidence_read(&evidence, &s->evidence, topic, partition, NULL, NULL);

    because[0] = '\0';
    if (r)
        return r;
    *log_start = evidence.log_start;
    if (evidence.committed != KAFKA_OFFSET_NONE || evidence.published_any >= 0)
        snprintf(because, size, "kafka has %s %s:%d", evidence.published_any >= 0 ? "outcomes of" : "committed offsets for", topic, partition);
    return 0;
}

/* Kafka must know nothing either; the log's start of each partition is where its mark will stand. */
static int put_marks(const struct start *s, const struct shard *shard, size_t *queued, struct refusal *refusal)
{
    char key[PARTITION_KEY_MAX], epoch[CLOCK_UUID_SIZE], because[KAFKA_TOPIC_MAX + 96], next[24];
    int64_t log_start;

    for (size_t i = 0; i < s->topics_count; i++)
        for (int32_t n = 0; n < s->topics[i].partitions; n++) {
            int r;

            if (!shard_has(shard, n))
                continue;
            r = start_known_to_kafka(s, s->topics[i].name, n, because, sizeof because, &log_start);
            if (r)
                return r;
            if (because[0]) {
                start_missing(shard, because, refusal);
                return 0;
            }
            partition_key(key, shard, "mark", s->topics[i].name, n);
            snprintf(next, sizeof next, "%lld", (long long)log_start);
            clock_uuid(s->clock, epoch);
            command_texts(s->redis->commands, "HSET", key, "next", next, "done", next, "seen_from", next, "time", "-1", "epoch", epoch, "fp", "",
                          "fp_offset", "-1", NULL);
            ++*queued;
        }
    return 0;
}

static void put_registry(const struct start *s, const struct shard *shard, const char *topics, const char *incarnation)
{
    char window[24], ids[24], run[SESSION_RUN_SIZE];

    session_run(s->redis->session, run);
    snprintf(window, sizeof window, "%lld", (long long)s->window_s);
    snprintf(ids, sizeof ids, "%lld", (long long)s->ids);
    command_texts(s->redis->commands, "HSET", shard->meta_key, "schema", "1", "cluster", s->cluster, "group", s->group, "topics", topics, "shard",
                  s->sharded ? "partition" : "none", "window_s", window, "ids", ids, "incarnation", incarnation, "era", "1", VOUCH_FIELD, run, NULL);
    command_texts(s->redis->commands, "XADD", shard->outbox_key, "0-1", "made", "1", NULL);
    command_texts(s->redis->commands, "XDEL", shard->outbox_key, "0-1", NULL);
}

/* Kafka knows the market: refused only if the registry is seen to be still missing, since another instance may have made it meanwhile. */
static int confirm_missing(const struct start *s, const struct shard *shard, struct refusal *refusal)
{
    struct reply **replies;
    int r;

    commands_reset(s->redis->commands);
    command_texts(s->redis->commands, "EXISTS", shard->meta_key, NULL);
    r = asker_ask(s->redis, &replies);
    if (!r)
        r = store_replies_check(replies, 1, s->evidence.why);
    if (!r && !replies[0]->integer)
        return 0;
    *refusal = (struct refusal){0};
    return r ? r : -EAGAIN;
}

static int make(const struct start *s, const struct shard *shard, const char *topics, struct refusal *refusal)
{
    char incarnation[CLOCK_UUID_SIZE];
    struct exec_result result;
    size_t queued = 3;
    int r;

    clock_uuid(s->clock, incarnation);
    commands_reset(s->redis->commands);
    command_texts(s->redis->commands, "MULTI", NULL);
    put_registry(s, shard, topics, incarnation);
    r = put_marks(s, shard, &queued, refusal);
    command_texts(s->redis->commands, "EXEC", NULL);
    if (!r)
        r = commands_error(s->redis->commands);
    if (!r && refusal->set)
        return confirm_missing(s, shard, refusal);
    if (!r && s->dry)
        return START_WOULD_MAKE;
    if (!r)
        r = asker_exec(s->redis, queued, &result);
    if (r)
        return r;
    if (result.class == EXEC_REFUSED || result.class == EXEC_TORN)
        log_error(s->log, "redis refuses the registry error=\"%s\"", result.error.text);
    if (result.class != EXEC_APPLIED)
        return -EAGAIN;
    log_notice(s->log, "first start: the registry is made key=%s incarnation=%s topics=\"%s\"", shard->meta_key, incarnation, topics);
    return 0;
}

static int start_shard(const struct start *s, const struct shard *shard, const char *topics, struct refusal *refusal)
{
    struct registry found;
    int registry = 0;
    bool bare = false, misfit = true;

    /* What does not fit is looked at twice: another instance may have made it all between two reads. */
    for (int i = 0; misfit && i < 2; i++) {
        int r = start_look(s, shard, &found, &registry, &bare);

        if (r)
            return r;
        misfit = registry != 0 && (registry != -ENOENT || !bare);
    }
    if (registry == 0) {
        compare(s, &found, refusal);
        return 0;
    }
    if (misfit) {
        start_missing(shard, registry == -ENOENT ? "marks, outbox or seen lists exist" : "a hash that cannot be read stands there", refusal);
        return 0;
    }
    return make(s, shard, topics, refusal);
}

int32_t start_markets(const struct start_topic *topics, size_t count, bool sharded)
{
    int32_t most = 1;

    for (size_t i = 0; sharded && i < count; i++)
        if (topics[i].partitions > most)
            most = topics[i].partitions;
    return most;
}

int32_t start_market(bool sharded, int32_t index)
{
    return sharded ? index : SHARD_NONE;
}

int start_run(const struct start *s, struct refusal *refusal)
{
    char topics[sizeof ((struct registry *)0)->topics];
    int32_t markets = start_markets(s->topics, s->topics_count, s->sharded);
    int r = start_topics_text(s, topics, sizeof topics), would = 0;

    if (!r)
        r = start_other_form(s, refusal);
    for (int32_t n = 0; !r && !refusal->set && n < markets; n++) {
        struct shard shard;

        shard_init(&shard, s->prefix, start_market(s->sharded, n));
        r = -EAGAIN;
        for (int i = 0; r == -EAGAIN && i < TRIES && session_is_up(s->redis->session); i++) {
            if (i)
                clock_sleep_ms(s->clock, clock_random_between(s->clock, 1, TRY_PAUSE_MS));
            r = start_shard(s, &shard, topics, refusal);
        }
        if (r == START_WOULD_MAKE) {
            would = r;
            r = 0;
        }
    }
    return r ? r : would;
}
