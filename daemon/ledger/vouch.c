#include "ledger/vouch.h"

#include <stdio.h>
#include <string.h>

#include "ledger/compare.h"
#include "store/exec.h"

/* PATIENCE_MS: of one call. */
enum { WRITE_TRIES = 20, TRY_PAUSE_MS = 20, PATIENCE_MS = 200, LOOK_PAUSE_MS = 10 };

bool vouch_stands(const struct session *session, const struct reply *field)
{
    char run[SESSION_RUN_SIZE];

    session_run(session, run);
    return field->type == REPLY_STRING && bytes_equal_text(field->text, run);
}

/* --- the partitions of the registry that are not the caller's, one after the other */

struct walk {
    const struct shard *shard;
    struct partition *const *own;
    size_t own_count;
    const char *at;                  /* in the registry's list of topics */
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partitions, next, number;
};

static struct walk walk_begin(const struct shard *shard, struct partition *const *own, size_t own_count)
{
    return (struct walk){.shard = shard, .own = own, .own_count = own_count, .at = shard->registry.topics};
}

static bool is_own(const struct walk *walk)
{
    for (size_t i = 0; i < walk->own_count; i++)
        if (walk->own[i]->number == walk->number && strcmp(walk->own[i]->topic, walk->topic) == 0)
            return true;
    return false;
}

/* The next one: `topic` and `number`. False: there is none. */
static bool walk_on(struct walk *walk)
{
    while (walk->next < walk->partitions || registry_next_topic(&walk->at, walk->topic)) {
        if (walk->next >= walk->partitions) {
            walk->partitions = registry_partitions(&walk->shard->registry, walk->topic);
            walk->next = 0;
            continue;
        }
        walk->number = walk->next++;
        if (shard_has(walk->shard, walk->number) && !is_own(walk))
            return true;
    }
    return false;
}

static bool has_others(struct walk walk)
{
    return walk_on(&walk);
}

/* --- what is written */

/* Under WATCH: the registry, and with `own` the marks, must be as they are known here. -EAGAIN: they are not. */
static int watch(const struct vouch *v, const struct shard *shard, struct partition *const *own, size_t count)
{
    struct asker *redis = v->redis;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", shard->meta_key, NULL);
    command_texts(redis->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    for (size_t i = 0; i < count; i++) {
        command_texts(redis->commands, "WATCH", own[i]->mark_key, NULL);
        command_texts(redis->commands, "HMGET", own[i]->mark_key, MARK_TURN_FIELDS, NULL);
    }
    r = asker_ask(redis, &replies);
    if (r)
        return r;
    if (store_replies_check(replies, 3 + 2 * count, v->why))
        return -EBUSY;
    if (!registry_unchanged(&shard->registry, replies[2]))
        return error_set(v->why, -EAGAIN, "the registry %s has changed meanwhile", shard->meta_key);
    for (size_t i = 0; i < count; i++)
        if (!mark_is_ours(&own[i]->mark, replies[4 + 2 * i]))
            return error_set(v->why, -EAGAIN, "another instance took %s over meanwhile", own[i]->at);
    return 0;
}

/* The server's name into these marks, or with none into the registry. -EBUSY: somebody wrote meanwhile. */
static int write_once(const struct vouch *v, const struct shard *shard, struct partition *const *own, size_t count)
{
    struct asker *redis = v->redis;
    struct exec_result result;
    char run[SESSION_RUN_SIZE];
    int r = watch(v, shard, own, count);

    if (r)
        return r;
    session_run(redis->session, run);
    command_texts(redis->commands, "MULTI", NULL);
    for (size_t i = 0; i < count; i++)
        command_texts(redis->commands, "HSET", own[i]->mark_key, VOUCH_FIELD, run, NULL);
    if (!count)
        command_texts(redis->commands, "HSET", shard->meta_key, VOUCH_FIELD, run, NULL);
    command_texts(redis->commands, "EXEC", NULL);
    r = asker_exec(redis, count ? count : 1, &result);
    if (r || result.class == EXEC_APPLIED)
        return r;
    return error_set(v->why, -EBUSY, "marks or registry of %s cannot be written: %s", shard->meta_key,
                     result.class == EXEC_CONFLICT ? "they are changed by others all the time" : result.error.text);
}

static int write(const struct vouch *v, const struct shard *shard, struct partition *const *own, size_t count)
{
    int r = -EBUSY;

    for (int i = 0; r == -EBUSY && i < WRITE_TRIES && session_is_up(v->redis->session); i++) {
        if (i)
            clock_sleep_ms(v->clock, clock_random_between(v->clock, 1, TRY_PAUSE_MS));
        r = write_once(v, shard, own, count);
    }
    return r;
}

/* --- what the others have written */

/* How many marks lack the server's name. -EAGAIN: the registry is another by now. */
static int count_lacking(const struct vouch *v, const struct shard *shard, struct walk walk, size_t *lacking)
{
    char key[PARTITION_KEY_MAX];
    struct reply **replies;
    size_t count = 0;
    int r;

    asker_begin(v->redis);
    command_texts(v->redis->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    for (; walk_on(&walk); count++) {
        partition_key(key, shard, "mark", walk.topic, walk.number);
        command_texts(v->redis->commands, "HGET", key, VOUCH_FIELD, NULL);
    }
    r = asker_ask(v->redis, &replies);
    if (r)
        return r;
    if (!registry_unchanged(&shard->registry, replies[0]))
        return error_set(v->why, -EAGAIN, "the registry %s has changed meanwhile", shard->meta_key);
    *lacking = 0;
    for (size_t i = 0; i < count; i++)
        *lacking += !vouch_stands(v->redis->session, replies[1 + i]);
    return 0;
}

/* Until none lacks it, or PATIENCE_MS or VOUCH_SETTLE_MS are over. */
static int wait_for_others(const struct vouch *v, const struct shard *shard, struct walk walk, size_t *lacking)
{
    int64_t settled = session_up_since(v->redis->session) + VOUCH_SETTLE_MS, until = clock_monotonic_ms(v->clock) + PATIENCE_MS;
    int r = count_lacking(v, shard, walk, lacking);

    while (!r && *lacking && clock_monotonic_ms(v->clock) < settled) {
        if (clock_monotonic_ms(v->clock) >= until)
            return error_set(v->why, -EAGAIN, "redis is another server than before, and other instances are waited for that may know whether it is older");
        clock_sleep_ms(v->clock, LOOK_PAUSE_MS);
        r = count_lacking(v, shard, walk, lacking);
    }
    return r;
}

/* --- where nobody has compared */

static int ask_mark(const struct vouch *v, struct reply ***replies)
{
    int r = asker_ask(v->redis, replies);

    return !r && store_replies_check(*replies, 1, v->why) ? -EBUSY : r;
}

/* The mark is read behind the outcomes, so that an owner at work is ahead of them. Without one its own take-over says what is wrong. */
static int compare(const struct vouch *v, struct partition *p, struct refusal *refusal)
{
    struct evidence evidence;
    struct reply **replies;
    int r;

    asker_begin(v->redis);
    command_texts(v->redis->commands, "HGET", p->mark_key, VOUCH_FIELD, NULL);
    r = ask_mark(v, &replies);
    if (r || vouch_stands(v->redis->session, replies[0]))
        return r;
    r = evidence_of_outcomes(&evidence, &v->evidence, p->topic, p->number, &p->shard->registry);
    if (r)
        return r;
    asker_begin(v->redis);
    command_texts(v->redis->commands, "HMGET", p->mark_key, MARK_FIELDS, NULL);
    r = ask_mark(v, &replies);
    if (!r && mark_read(&p->mark, replies[0]) == 0)
        compare_outcomes(refusal, p, &evidence);
    return r;
}

/* Of all that are not the caller's, until one is older. */
static int compare_others(const struct vouch *v, struct shard *shard, struct walk walk, struct refusal *refusal)
{
    int r = 0;

    while (!r && !refusal->set && walk_on(&walk)) {
        struct partition *p;

        r = partition_new(&p, walk.topic, walk.number, shard);
        if (r)
            return r;
        r = compare(v, p, refusal);
        partition_free(p, NULL);
    }
    return r;
}

int vouch_run(const struct vouch *v, struct shard *shard, struct partition *const *own, size_t count, struct refusal *refusal)
{
    struct walk others = walk_begin(shard, own, count);
    size_t lacking = 0;
    int r = count && has_others(others) ? write(v, shard, own, count) : 0;

    if (!r)
        r = wait_for_others(v, shard, others, &lacking);
    if (!r && lacking)
        r = compare_others(v, shard, others, refusal);
    if (r || refusal->set)
        return r;
    r = write(v, shard, NULL, 0);
    if (!r)
        log_info(v->log, "redis is another server than before, and nothing that was published is lacking there own=%zu asked_of_kafka=%zu", count, lacking);
    return r;
}
