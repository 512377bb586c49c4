#include "ledger/takeover.h"

#include <stdio.h>
#include <string.h>

#include "ledger/compare.h"
#include "ledger/vouch.h"
#include "store/exec.h"

enum { CLAIM_TRIES = 20, TRY_PAUSE_MS = 20 };

/* WATCH and the first look: only what Redis alone can show. */
static int look(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals)
{
    struct asker *redis = &t->gather.redis;
    struct reply **replies;
    struct registry found;
    int r;

    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_begin(redis->commands, count + 2);
    command_text(redis->commands, "WATCH");
    command_text(redis->commands, shard->meta_key);
    for (size_t i = 0; i < count; i++)
        command_text(redis->commands, ps[i]->mark_key);
    command_texts(redis->commands, "HMGET", shard->meta_key, REGISTRY_FIELDS, NULL);
    command_texts(redis->commands, "TYPE", shard->outbox_key, NULL);
    command_texts(redis->commands, "HGET", shard->meta_key, VOUCH_FIELD, NULL);
    for (size_t i = 0; i < count; i++)
        command_texts(redis->commands, "HMGET", ps[i]->mark_key, MARK_FIELDS, NULL);
    r = asker_ask(redis, &replies);
    if (r)
        return r;
    r = store_replies_check(replies, count + 5, &t->why);
    if (r)
        return r == -EACCES ? -EPERM : -EBUSY;
    r = registry_read(&found, replies[2]);
    if (!r) {
        if (shard->known && (found.era != shard->registry.era || strcmp(found.incarnation, shard->registry.incarnation) != 0))
            shard->last = (struct stream_id){0, 0};
        shard->registry = found;
        shard->known = true;
    }
    t->vouched = vouch_stands(redis->session, replies[4]);
    for (size_t i = 0; i < count; i++)
        compare_first_look(&refusals[i], ps[i], r, replies[3], replies[5 + i]);
    return 0;
}

/* By its class: the rights are gone, the wrong server, or one that is not ready. */
static int refused(struct takeover *t, const struct exec_result *result)
{
    t->why = result->error;
    if (result->trouble == TROUBLE_STOP)
        return -EPERM;
    if (result->trouble == TROUBLE_SERVER)
        session_drop(t->gather.redis.session, "this server cannot be written to");
    return -EBUSY;
}

/* The epochs, in one EXEC: 0, -EAGAIN on conflict, and as refused() says. */
static int claim(struct takeover *t, struct partition *const *ps, size_t count, const struct refusal *refusals)
{
    struct asker *redis = &t->gather.redis;
    struct exec_result result;
    size_t queued = 0;
    int r;

    command_texts(redis->commands, "MULTI", NULL);
    for (size_t i = 0; i < count; i++) {
        if (refusals[i].set)
            continue;
        clock_uuid(t->gather.clock, ps[i]->mark.epoch);
        command_texts(redis->commands, "HSET", ps[i]->mark_key, "epoch", ps[i]->mark.epoch, NULL);
        queued++;
    }
    command_texts(redis->commands, "EXEC", NULL);
    r = asker_exec(redis, queued, &result);
    if (r)
        return r;
    if (result.class == EXEC_APPLIED)
        return 0;
    if (result.class == EXEC_REFUSED)
        return refused(t, &result);
    return error_set(&t->why, -EAGAIN, result.class == EXEC_CONFLICT ? "registry or marks are changed by others all the time" : "the epochs' transaction has no whole answer");
}

/* The marks once more: nobody may have taken them over between the epoch and here. Those that do not fit too: what was held against
 * them may be the next owner's work. What the operator wants of them comes with it. */
static int marks_unchanged(struct takeover *t, struct partition *const *ps, size_t count, const bool *claimed)
{
    struct asker *redis = &t->gather.redis;
    struct reply **replies;
    size_t at = 0;
    int r;

    arena_reset(redis->arena);
    for (size_t i = 0; i < count; i++)
        if (claimed[i]) {
            command_texts(redis->commands, "HMGET", ps[i]->mark_key, MARK_TURN_FIELDS, NULL);
            command_texts(redis->commands, "HGET", ps[i]->shard->paused_key, ps[i]->at, NULL);
        }
    r = asker_ask(redis, &replies);
    for (size_t i = 0; !r && i < count; i++) {
        if (!claimed[i])
            continue;
        if (!mark_is_ours(&ps[i]->mark, replies[at]))
            r = error_set(&t->why, -EAGAIN, "another instance took %s over meanwhile", ps[i]->at);
        else if (replies[at + 1]->type == REPLY_ERROR)
            r = error_set(&t->why, -EAGAIN, "what the operator has paused cannot be read: %.*s", (int)replies[at + 1]->text.size,
                          replies[at + 1]->text.data);
        pause_read(&ps[i]->pause, replies[at + 1]);
        at += 2;
    }
    return r;
}

static void own(struct takeover *t, struct partition *p, const struct evidence *evidence, struct gathered *gathered)
{
    if (strcmp(p->incarnation, p->shard->registry.incarnation) != 0) {
        memcpy(p->incarnation, p->shard->registry.incarnation, sizeof p->incarnation);
        p->handed = 0;
        p->committed = p->asked = -1;
    }
    if (p->reapplied != p->shard->registry.reapplied) {
        p->reapplied = p->shard->registry.reapplied;
        p->handed = 0;
    }
    p->era = p->shard->registry.era;
    outbox_reset(&p->outbox, t->gather.pool, p->mark.done);
    while (gathered->first) {
        struct outbox_entry *entry = gathered->first;

        gathered->first = entry->next;
        outbox_append(&p->outbox, entry);
    }
    if (p->handed < p->mark.next)
        p->handed = p->mark.next;
    if (evidence->noted && evidence->committed > p->committed)
        p->committed = evidence->committed;
    if (p->asked < p->committed)
        p->asked = p->committed;
    p->reached = evidence->reached;
    p->state = PARTITION_OWNED;
    log_info(t->gather.log, "took over topic=%s partition=%d next=%lld done=%lld outbox=%zu seen=%zu", p->topic, p->number,
             (long long)p->mark.next, (long long)p->mark.done, p->outbox.entries, seen_records(p->seen));
}

/* Everything after the epoch, for one partition; its refusal is set where something does not fit. */
static int examine(struct takeover *t, struct partition *p, struct gathered *gathered, struct evidence *evidence, struct refusal *refusal)
{
    int r = evidence_read(evidence, &t->evidence, p->topic, p->number, &p->shard->registry,
                          p->mark.fingerprint_offset >= 0 ? &p->mark : NULL);

    if (!r)
        r = gather_seen(&t->gather, p, gathered);
    if (r)
        return r;
    compare_evidence(refusal, p, evidence);
    compare_outbox(refusal, p, gathered->first);
    if (!gathered->seen_whole)
        compare_seen(refusal, p, gathered->seen_problem);
    if (evidence->from_start && p->mark.next > 0)
        log_notice(t->gather.log, "the commit carries no note, so the outcome partition was read from its start topic=%s partition=%d", p->topic, p->number);
    return 0;
}

/* The rest of the market, where not all of it was compared at this server yet. It is halted where that is older, whatever these partitions are like. */
static int look_elsewhere(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, const struct refusal *refusals)
{
    struct vouch vouch = {&t->gather.redis, t->gather.clock, t->gather.log, t->evidence, &t->why};
    struct partition *right[TAKEOVER_MAX];
    struct refusal older = {0};
    size_t right_count = 0;
    int r;

    if (t->vouched)
        return 0;
    for (size_t i = 0; i < count; i++) {
        if (refusals[i].set && refusals[i].market)
            return 0;      /* halted at any rate */
        if (!refusals[i].set)
            right[right_count++] = ps[i];
    }
    r = vouch_run(&vouch, shard, right, right_count, &older);
    return r || !older.set ? r : takeover_halt(t, shard, older.found);
}

static int read_and_compare(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals,
                            struct gathered *gathered, struct evidence *evidence)
{
    int r = gather_outbox(&t->gather, shard, ps, count, gathered);
    bool claimed[TAKEOVER_MAX];

    for (size_t i = 0; i < count; i++)
        claimed[i] = !refusals[i].set;
    for (size_t i = 0; !r && i < count; i++)
        if (claimed[i])
            r = examine(t, ps[i], &gathered[i], &evidence[i], &refusals[i]);
    if (!r)
        r = look_elsewhere(t, shard, ps, count, refusals);
    return r ? r : marks_unchanged(t, ps, count, claimed);
}

/* Every partition is owned or refused afterwards; a halt that was just written refuses all of them. */
static int finish(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals,
                  struct gathered *gathered, const struct evidence *evidence)
{
    int r = 0;

    for (size_t i = 0; i < count && !r; i++)
        if (refusals[i].set && refusals[i].market && !shard->registry.halt[0])
            r = takeover_halt(t, shard, refusals[i].found);
    if (r)
        return r;
    for (size_t i = 0; i < count; i++) {
        if (!refusals[i].set && shard->registry.halt[0])
            compare_halt(&refusals[i], shard->registry.halt);
        if (refusals[i].set)
            ps[i]->state = PARTITION_STOPPED;
        else
            own(t, ps[i], &evidence[i], &gathered[i]);
    }
    return 0;
}

int takeover_run(struct takeover *t, struct shard *shard, struct partition *const *ps, size_t count, struct refusal *refusals)
{
    struct asker *redis = &t->gather.redis;
    struct gathered gathered[TAKEOVER_MAX] = {{0}};
    struct evidence evidence[TAKEOVER_MAX];
    bool any = false;
    int r = -EAGAIN;

    ASSERT(count > 0 && count <= TAKEOVER_MAX);
    for (int i = 0; r == -EAGAIN && i < CLAIM_TRIES && session_is_up(redis->session); i++) {
        t->why.text[0] = '\0';
        if (i)
            clock_sleep_ms(t->gather.clock, clock_random_between(t->gather.clock, 1, TRY_PAUSE_MS));
        memset(refusals, 0, count * sizeof *refusals);
        r = look(t, shard, ps, count, refusals);
        any = false;
        for (size_t k = 0; k < count; k++)
            any |= !refusals[k].set;
        if (!r && any)
            r = claim(t, ps, count, refusals);
    }
    if (!r && any) {
        r = session_gate_wait(redis->session, redis->arena, t->gate_ms);
        if (r == -EAGAIN)
            error_set(&t->why, r, "what was written is not yet as durable as configured");
    }
    if (!r && any)
        r = read_and_compare(t, shard, ps, count, refusals, gathered, evidence);
    if (!r)
        r = finish(t, shard, ps, count, refusals, gathered, evidence);
    gathered_free(&t->gather, gathered, count);
    return r;
}

int takeover_halt(struct takeover *t, struct shard *shard, const char *reason)
{
    struct asker *redis = &t->gather.redis;
    struct exec_result result;
    struct reply **replies;
    int r;

    t->why.text[0] = '\0';
    asker_begin(redis);
    command_texts(redis->commands, "UNWATCH", NULL);
    command_texts(redis->commands, "WATCH", shard->meta_key, NULL);
    command_texts(redis->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    r = asker_ask(redis, &replies);
    if (r)
        return r;
    if (store_replies_check(replies, 3, &t->why))
        return -EBUSY;
    if (!registry_unchanged(&shard->registry, replies[2]))
        return -ESTALE;
    command_texts(redis->commands, "MULTI", NULL);
    command_texts(redis->commands, "HSET", shard->meta_key, "halt", reason, NULL);
    command_texts(redis->commands, "EXEC", NULL);
    r = asker_exec(redis, 1, &result);
    if (r)
        return r;
    if (result.class == EXEC_REFUSED)
        return refused(t, &result);
    if (result.class != EXEC_APPLIED)
        return -EAGAIN;
    snprintf(shard->registry.halt, sizeof shard->registry.halt, "%s", reason);
    log_error(t->gather.log, "the market is halted: %s", reason);
    return 0;
}
