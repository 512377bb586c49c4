#include "ledger/vouch.h"

#include <stdio.h>
#include <string.h>

#include "ledger/compare.h"
#include "store/exec.h"

/* An outcome partition's last offsets are its highest, so more of its end need not be read. */
enum { TAIL_MAX = 4096, WRITE_TRIES = 20, TRY_PAUSE_MS = 20 };

bool vouch_stands(const struct session *session, const struct reply *field)
{
    char run[SESSION_RUN_SIZE];

    session_run(session, run);
    return field->type == REPLY_STRING && bytes_equal_text(field->text, run);
}

static bool is_one_of(struct partition *const *own, size_t count, const char *topic, int32_t number)
{
    for (size_t i = 0; i < count; i++)
        if (own[i]->number == number && strcmp(own[i]->topic, topic) == 0)
            return true;
    return false;
}

/* The mark is read behind the outcomes, so that an owner at work is ahead of them. Without one its own take-over says what is wrong. */
static int compare(const struct vouch *v, struct partition *p, struct refusal *refusal)
{
    struct evidence_source source = v->evidence;
    struct evidence evidence;
    struct reply **replies;
    int r;

    source.tail_max = TAIL_MAX;
    r = evidence_of_outcomes(&evidence, &source, p->topic, p->number, &p->shard->registry);
    if (r)
        return r;
    asker_begin(v->redis);
    command_texts(v->redis->commands, "HMGET", p->mark_key, MARK_FIELDS, NULL);
    r = asker_ask(v->redis, &replies);
    if (!r && store_replies_check(replies, 1, v->why))
        r = -EBUSY;
    if (!r && mark_read(&p->mark, replies[0]) == 0)
        compare_outcomes(refusal, p, &evidence);
    return r;
}

static int look_at(const struct vouch *v, struct shard *shard, const char *topic, int32_t number, struct refusal *refusal)
{
    struct partition *p;
    int r = partition_new(&p, topic, number, shard);

    if (r)
        return r;
    r = compare(v, p, refusal);
    partition_free(p, NULL);
    return r;
}

/* All partitions that the registry lists, until one is older. */
static int look_at_all(const struct vouch *v, struct shard *shard, struct partition *const *own, size_t count, size_t *looked, struct refusal *refusal)
{
    const char *at = shard->registry.topics;
    int r = 0;

    while (!r && !refusal->set && *at) {
        char topic[KAFKA_TOPIC_MAX + 1];
        int32_t partitions;

        snprintf(topic, sizeof topic, "%.*s", (int)strcspn(at, "="), at);
        partitions = registry_partitions(&shard->registry, topic);
        for (int32_t n = 0; !r && !refusal->set && n < partitions; n++) {
            if ((shard->number != SHARD_NONE && shard->number != n) || is_one_of(own, count, topic, n))
                continue;
            r = look_at(v, shard, topic, n, refusal);
            ++*looked;
        }
        at += strcspn(at, " ");
        at += *at == ' ';
    }
    return r;
}

/* Under WATCH of the registry, that it is still the one whose partitions were looked at. -EAGAIN: it is not; -EBUSY: somebody wrote meanwhile. */
static int write_once(const struct vouch *v, const struct shard *shard, const char *run)
{
    struct asker *redis = v->redis;
    struct exec_result result;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", shard->meta_key, NULL);
    command_texts(redis->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    r = asker_ask(redis, &replies);
    if (r)
        return r;
    if (store_replies_check(replies, 3, v->why))
        return -EBUSY;
    if (!registry_unchanged(&shard->registry, replies[2]))
        return error_set(v->why, -EAGAIN, "the registry %s has changed meanwhile", shard->meta_key);
    command_texts(redis->commands, "MULTI", NULL);
    command_texts(redis->commands, "HSET", shard->meta_key, VOUCH_FIELD, run, NULL);
    command_texts(redis->commands, "EXEC", NULL);
    r = asker_exec(redis, 1, &result);
    if (r || result.class == EXEC_APPLIED)
        return r;
    return error_set(v->why, -EBUSY, "the registry %s cannot be written: %s", shard->meta_key,
                     result.class == EXEC_CONFLICT ? "it is changed by others all the time" : result.error.text);
}

static int write(const struct vouch *v, const struct shard *shard, const char *run)
{
    int r = -EBUSY;

    for (int i = 0; r == -EBUSY && i < WRITE_TRIES && session_is_up(v->redis->session); i++) {
        if (i)
            clock_sleep_ms(v->clock, clock_random_between(v->clock, 1, TRY_PAUSE_MS));
        r = write_once(v, shard, run);
    }
    return r;
}

int vouch_run(const struct vouch *v, struct shard *shard, struct partition *const *own, size_t count, struct refusal *refusal)
{
    char run[SESSION_RUN_SIZE];
    size_t looked = 0;
    int r = look_at_all(v, shard, own, count, &looked, refusal);

    if (r || refusal->set)
        return r;
    session_run(v->redis->session, run);
    r = write(v, shard, run);
    if (!r && looked)
        log_info(v->log, "redis is another server than before, and nothing that was published is lacking there run=%s partitions=%zu", run, looked + count);
    return r;
}
