/* The market as Redis and Kafka hold it: registry, marks, outbox, and whether they fit what the file says and what Kafka shows.
 *
 * A daemon may be at work meanwhile. So a partition's mark is read after what Kafka shows of decisions, and the log's end after the mark:
 * whoever is further by then was not so by a rollback or a recreated topic. */
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "commands/check.h"
#include "ledger/compare.h"
#include "ledger/partition.h"
#include "store/exec.h"

enum { TAIL_MAX = 1000, BECAUSE_SIZE = KAFKA_TOPIC_MAX + 96 };

struct market {
    struct check *check;
    struct start start;
    struct kafka_in *in;                 /* NULL: what Kafka shows of decisions is not asked */
    struct error_text why;
    struct shard shard;
    int registry;                        /* registry_read's result */
    bool bare, outbox;
    bool paused;                         /* the partition whose mark was read last */
    int64_t waiting;                     /* entries of the outbox */
};

/* Sums over a topic's partitions that are as they should be. */
struct sums {
    int32_t good, partitions, paused;
    int64_t behind, undelivered;
};

static void say_redis(struct market *m, int r)
{
    if (r == -EACCES)
        check_fail(m->check, CAUSE_RIGHTS, "it may not be read: %s -> see the README's ACL line", m->why.text);
    else
        check_fail(m->check, CAUSE_AWAY, "Redis does not tell it: %s -> see what became of the server", m->why.text[0] ? m->why.text : strerror(-r));
}

/* No registry, no mark, nothing: a first start, unless Kafka knows the market. */
static void check_first_start(struct market *m)
{
    char because[BECAUSE_SIZE] = "";
    struct refusal refusal = {0};
    int64_t log_start;
    int r = 0;

    for (size_t i = 0; !r && !because[0] && i < m->start.topics_count; i++)
        for (int32_t n = 0; !r && !because[0] && n < m->start.topics[i].partitions; n++)
            if (m->in && shard_has(&m->shard, n))
                r = check_left_ms(m->check, 1) ? start_known_to_kafka(&m->start, m->start.topics[i].name, n, because, sizeof because, &log_start) : -ETIME;
    if (r) {
        check_pass_over(m->check, "there is none, and Kafka does not tell whether it knows the market: %s", m->why.text[0] ? m->why.text : strerror(-r));
    } else if (because[0]) {
        start_missing(&m->shard, because, &refusal);
        check_refused(m->check, &refusal);
    } else {
        check_ok(m->check, "there is none yet: the first start makes it, with marks at the start of each log (or as orderd init --from says)");
    }
}

static void check_dedupe(struct market *m)
{
    const struct registry *r = &m->shard.registry;

    if (r->window_s == m->start.window_s && r->ids == m->start.ids)
        return;
    check_warn(m->check, "its dedupe settings rule (window_s %lld, ids %lld), the file's differ (%lld, %lld) -> orderd init -c %s --dedupe", (long long)r->window_s,
               (long long)r->ids, (long long)m->start.window_s, (long long)m->start.ids, m->check->site.config->file);
}

/* Each comparison by itself, so that every misfit is said and not the first alone. False: its marks cannot be held against this Kafka. */
static bool check_registry(struct market *m)
{
    const struct registry *r = &m->shard.registry;
    struct refusal halt = {0}, owner = {0}, topics = {0};
    bool refused;

    if (r->halt[0])
        compare_halt(&halt, r->halt);
    refused = check_refused(m->check, &halt);
    start_compare_owner(&m->start, r, &owner);
    refused |= check_refused(m->check, &owner);
    start_compare_topics(&m->start, r, &topics);
    refused |= check_refused(m->check, &topics);
    check_dedupe(m);
    if (!refused)
        check_ok(m->check, "incarnation %s, era %lld, group %s%s%s", r->incarnation, (long long)r->era, r->group, r->quarantine[0] ? ", quarantined: " : "",
                 r->quarantine);
    return !halt.set && !owner.set;
}

/* The mark, the outbox's type, and whether an operator paused the partition, read together. */
static int read_mark(struct market *m, struct partition *p, struct refusal *refusal)
{
    struct asker *redis = &m->check->site.redis;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "HMGET", p->mark_key, MARK_FIELDS, NULL);
    command_texts(redis->commands, "TYPE", m->shard.outbox_key, NULL);
    command_texts(redis->commands, "HGET", m->shard.paused_key, p->at, NULL);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, 2, &m->why);
    m->paused = !r && replies[2]->type == REPLY_STRING;
    if (!r && replies[2]->type == REPLY_ERROR)
        refusal_say(refusal, "%s tells what is paused and cannot be read, so that the partition is not taken over: %.*s -> give the user +hget on it, or "
                    "remove what stands there", m->shard.paused_key, (int)replies[2]->text.size, replies[2]->text.data);
    else if (!r)
        compare_first_look(refusal, p, m->registry, replies[1], replies[0]);
    return r;
}

/* Kafka's evidence first, then the mark, then the log's end: see above. */
static int weigh(struct market *m, struct partition *p, struct refusal *refusal, int64_t *end)
{
    struct evidence evidence;
    int r = read_mark(m, p, refusal);

    if (r || refusal->set || !m->in)
        return r;
    if (!check_left_ms(m->check, 1))
        return -ETIME;
    m->start.evidence.timeout_ms = check_left_ms(m->check, CHECK_QUESTION_MS);
    r = evidence_read(&evidence, &m->start.evidence, p->topic, p->number, &m->shard.registry, p->mark.fingerprint_offset >= 0 ? &p->mark : NULL);
    if (!r)
        r = read_mark(m, p, refusal);
    if (!r)
        r = kafka_in_bounds(m->in, p->topic, p->number, &evidence.log_start, &evidence.log_end, m->start.evidence.timeout_ms);
    if (r || refusal->set)
        return r;
    *end = evidence.log_end;
    compare_evidence(refusal, p, &evidence);
    if (!refusal->set && p->mark.done < p->mark.next && m->waiting == 0) {
        refusal_say(refusal, "outcomes of %s are not yet delivered, and the outbox is empty", number_offsets(p->mark.done, p->mark.next - 1).text);
        refusal_resolve(refusal, "--accept-loss %s", p->at);
    }
    return 0;
}

static int check_mark(struct market *m, const char *topic, int32_t number, struct sums *sums)
{
    struct refusal refusal = {0};
    struct partition *p;
    int64_t end = -1;
    int r = partition_new(&p, topic, number, &m->shard);

    if (r)
        return r;
    check_about(m->check, "mark %s", p->at);
    m->why.text[0] = '\0';
    r = weigh(m, p, &refusal, &end);
    if (r)
        check_pass_over(m->check, "%s", r == -ETIME ? "the time is over" : m->why.text[0] ? m->why.text : strerror(-r));
    else if (!check_refused(m->check, &refusal)) {
        sums->good++;
        sums->behind += end > p->mark.next ? end - p->mark.next : 0;
        sums->undelivered += p->mark.next - p->mark.done;
    }
    sums->partitions++;
    sums->paused += m->paused;
    partition_free(p, NULL);
    return r;
}

static void say_sums(struct market *m, const char *topic, const struct sums *sums)
{
    char paused[64] = "";

    if (sums->paused)
        snprintf(paused, sizeof paused, "; %d paused by an operator", sums->paused);
    check_about(m->check, "marks of %s", topic);
    if (m->in)
        check_ok(m->check, "%d of %d partitions fit what Kafka shows; %lld %s behind, outcomes of %lld %s on their way%s", sums->good, sums->partitions,
                 (long long)sums->behind, number_words(sums->behind, "event", "events"), (long long)sums->undelivered, number_words(sums->undelivered, "offset", "offsets"), paused);
    else
        check_ok(m->check, "%d of %d partitions have one; outcomes of %lld %s on their way%s", sums->good, sums->partitions, (long long)sums->undelivered,
                 number_words(sums->undelivered, "offset", "offsets"), paused);
}

static void check_marks(struct market *m)
{
    int r = 0;

    for (size_t i = 0; !r && i < m->start.topics_count; i++) {
        const char *topic = m->start.topics[i].name;
        struct sums sums = {0};

        /* What is not registered was told of with the registry. */
        for (int32_t n = 0; !r && n < m->start.topics[i].partitions && n < registry_partitions(&m->shard.registry, topic); n++)
            if (shard_has(&m->shard, n))
                r = check_mark(m, topic, n, &sums);
        if (!sums.good)
            continue;
        say_sums(m, topic, &sums);
    }
}

static int read_outbox(struct market *m)
{
    struct asker *redis = &m->check->site.redis;
    struct reply **replies;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "XLEN", m->shard.outbox_key, NULL);
    r = asker_ask(redis, &replies);
    if (!r)
        r = store_replies_check(replies, 1, &m->why);
    m->outbox = !r && replies[0]->type == REPLY_INTEGER;
    m->waiting = m->outbox ? replies[0]->integer : 0;
    return r;
}

static void check_outbox(struct market *m)
{
    check_about(m->check, "%s", m->shard.outbox_key);
    if (read_outbox(m))
        check_pass_over(m->check, "%s", m->why.text);
    else if (m->outbox)
        check_ok(m->check, "%lld entr%s wait%s until outcomes are delivered", (long long)m->waiting, m->waiting == 1 ? "y" : "ies", m->waiting == 1 ? "s" : "");
}

static void check_shard(struct market *m)
{
    struct refusal refusal = {0};
    bool comparable;
    int r;

    check_about(m->check, "%s", m->shard.meta_key);
    r = start_look(&m->start, &m->shard, &m->shard.registry, &m->registry, &m->bare);
    if (r) {
        say_redis(m, r);
    } else if (m->registry == -ENOENT && m->bare) {
        check_first_start(m);
    } else if (m->registry) {
        start_missing(&m->shard, m->registry == -ENOENT ? "marks, outbox or seen lists exist" : "a hash that cannot be read stands there", &refusal);
        check_refused(m->check, &refusal);
    } else {
        m->shard.known = true;
        comparable = check_registry(m);
        check_outbox(m);
        if (comparable) {
            check_marks(m);
        } else {
            check_about(m->check, "marks");
            check_pass_over(m->check, "what stands against the registry must be resolved first");
        }
    }
}

/* What other programs may have made of the market's own key. */
static void check_market_key(struct market *m)
{
    struct asker *redis = &m->check->site.redis;
    char key[SHARD_KEY_MAX];
    struct reply **replies;

    snprintf(key, sizeof key, "%smarket:", m->shard.prefix);
    check_about(m->check, "%s", key);
    asker_begin(redis);
    command_texts(redis->commands, "TYPE", key, NULL);
    if (asker_ask(redis, &replies) || replies[0]->type != REPLY_STATUS)
        return;
    if (bytes_equal_text(replies[0]->text, "none") || bytes_equal_text(replies[0]->text, "zset"))
        return;
    check_fail(m->check, CAUSE_MISTAKE, "it is a %.*s, not a sorted set: list, unlist and purchase would all be rejected (state_invalid) -> another redis.prefix, or rename it",
               (int)replies[0]->text.size, replies[0]->text.data);
}

static void check_shards(struct market *m)
{
    struct refusal refusal = {0};
    int32_t markets = start_markets(m->start.topics, m->start.topics_count, m->start.sharded);

    check_about(m->check, "shard");
    if (start_other_form(&m->start, &refusal) == 0)
        check_refused(m->check, &refusal);
    for (int32_t n = 0; !refusal.set && n < markets && session_is_up(m->check->site.redis.session); n++) {
        shard_init(&m->shard, m->start.prefix, start_market(m->start.sharded, n));
        check_market_key(m);
        check_shard(m);
    }
}

void check_market(struct check *check)
{
    struct market *m;

    check_about(check, "market");
    if (!check->redis_up || !check->topics_known) {
        check_pass_over(check, "registry and marks: %s", check->redis_up ? "the topics must be known first" : "Redis is away");
        return;
    }
    m = calloc(1, sizeof *m);
    if (!m)
        return;
    m->check = check;
    if (check->in && site_open_reader(&check->site) == 0)
        m->in = check->in;
    m->start = site_start(&check->site, m->in);
    m->start.evidence.timeout_ms = check_left_ms(check, CHECK_QUESTION_MS);
    m->start.evidence.tail_max = TAIL_MAX;
    m->start.evidence.why = &m->why;
    check_shards(m);
    free(m);
}
