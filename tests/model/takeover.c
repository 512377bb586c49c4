/* Becoming an owner: daemon/turn/{assignment,torn}.c, daemon/ledger/{takeover,gather,evidence,compare}.c, daemon/store/session.c. */
#include "steps.h"

bool process_start(struct world *w, struct instance *me)
{
    (void)w;
    if (me->state != DOWN)
        return false;
    me->state = IDLE;
    sink_purge(me);
    return true;
}

/* PROTOCOL 2: the group's word */
bool assignment_assigned(struct world *w, struct instance *me)
{
    if (me->state != IDLE || &w->s.instances[w->s.kafka.owner] != me)
        return false;
    me->state = UNTAKEN;
    me->of = NOBODY;
    return true;
}

/* PROTOCOL 2: assignment_drop; what it had handed over stays on its way. The flush and the commit before it are steps of their own. */
bool assignment_revoked(struct world *w, struct instance *me)
{
    if (me->state == DOWN || me->state == IDLE || &w->s.instances[w->s.kafka.owner] == me || me->turn.kind)
        return false;
    assignment_untake_lane(me);
    me->state = IDLE;
    return true;
}

/* PROTOCOL 2.1: a new connection; the own former one is ended, and all is taken over again */
bool session_connect(struct world *w, struct instance *me)
{
    if (me->up || me->state == DOWN || me->state == IDLE)
        return false;
    me->up = true;
    if (me->state == OWNED || me->state == CLAIMED || me->state == GATHERED)
        assignment_untake_lane(me);
    if (w->s.late.kind && &w->s.instances[w->s.late_owner] == me && !ABLATED(w, CLIENT_KILL))
        w->s.late = (struct turn){0};
    return true;
}

/* What the published outcomes and the commit's note show: evidence.c, evidence_read. */
static void read_evidence(struct world *w, struct instance *me)
{
    const struct kafka *kafka = &w->s.kafka;
    bool noted = kafka->noted && kafka->note_incarnation == me->incarnation;
    u8 published = 0;        /* the offset after the last one */

    me->evidence_third = kafka->noted && kafka->note_incarnation > me->incarnation && !ABLATED(w, THIRD_REFUSED);
    for (size_t i = noted ? kafka->note_reached : 0; i < kafka->log_count && !ABLATED(w, TAIL_COUNTS); i++) {
        u8 record = kafka->log[i];

        if (record_by(record) > me->incarnation && !ABLATED(w, THIRD_REFUSED))
            me->evidence_third = true;
        if ((record_by(record) == me->incarnation || ABLATED(w, FORMER_IGNORED)) && record_offset(record) >= published)
            published = (u8)(record_offset(record) + 1);
    }
    if ((noted || (kafka->noted && ABLATED(w, FORMER_IGNORED))) && kafka->note_handed > published && !ABLATED(w, HANDED_COUNTS))
        published = kafka->note_handed;
    me->evidence_published = published;
    me->evidence_committed = noted ? kafka->committed : 0;
    me->evidence_reached = kafka->log_count;
}

static void read_outbox(struct world *w, struct instance *me)
{
    me->gathered = w->s.redis.outbox;
    for (u8 at = me->done; at < me->next; at++) {
        me->decision[at] = w->s.redis.decision[at];
        me->by[at] = w->s.redis.by[at];
    }
}

static void read_mark(struct world *w, struct instance *me)
{
    me->next = w->s.redis.next;
    me->done = w->s.redis.done;
    me->era = w->s.redis.era;
    me->incarnation = w->s.redis.incarnation;
}

static void stop(struct world *w, struct instance *me)
{
    me->state = STOPPED;
    me->era = w->s.redis.era;
    if (!ABLATED(w, PURGE_AT_HALT))
        sink_purge(me);
}

/* PROTOCOL 2.2: takeover.c look and claim: WATCH, what Redis alone shows, and EXEC of a fresh epoch */
bool takeover_epoch(struct world *w, struct instance *me)
{
    struct turn claim = {.kind = TURN_CLAIM};

    if (me->state != UNTAKEN || !me->up)
        return false;
    if (&w->s.instances[w->s.kafka.owner] != me) {
        if (!w->s.left.duel)
            return false;
        w->s.left.duel--;
    }
    if ((w->s.redis.halt && !ABLATED(w, HALT_LOOKED_AT)) || w->s.redis.torn) {
        stop(w, me);
        return true;
    }
    if (ABLATED(w, EVIDENCE_AFTER_EPOCH)) {
        read_mark(w, me);      /* too early: the former owner may still be at work */
        read_evidence(w, me);
        read_outbox(w, me);
        me->state = GATHERED;
        me->epoch = 0;
        return true;
    }
    me->epoch = claim.epoch = ABLATED(w, FRESH_EPOCH) ? w->s.redis.epoch : world_fresh_epoch(w);
    if (!ABLATED(w, FRESH_EPOCH))
        redis_exec(w, &claim);
    read_mark(w, me);
    me->state = CLAIMED;
    return true;
}

/* PROTOCOL 2.3, 2.4: the gate, then gather_outbox and evidence_read. WAIT answers only for what its own connection wrote. */
bool takeover_gather(struct world *w, struct instance *me)
{
    bool gate = w->scope->gate && !ABLATED(w, GATE_ON_TAKEOVER) && !ABLATED(w, FRESH_EPOCH);

    if (me->state != CLAIMED || !me->up || (gate && !world_is_durable(w)))
        return false;
    read_outbox(w, me);
    read_evidence(w, me);
    me->state = GATHERED;
    return true;
}

/* takeover.c, marks_unchanged: the marks once more. */
static bool marks_unchanged(const struct world *w, const struct instance *me)
{
    const struct redis *redis = &w->s.redis;

    if (ABLATED(w, MARKS_READ_AGAIN))
        return true;
    if (redis->epoch != me->epoch && !ABLATED(w, EPOCH_COMPARED))
        return false;
    return redis->next == me->next && redis->done == me->done && !redis->torn;
}

/* compare.c, compare_published and compare_evidence: whether Redis is older than what is out. */
static bool went_back(const struct world *w, const struct instance *me)
{
    u8 published = me->evidence_published;

    if (me->of == me->incarnation && me->handed > published)
        published = me->handed;
    return me->evidence_third || published > me->next || (me->evidence_committed > me->next && !ABLATED(w, COMMIT_COUNTS));
}

/* compare.c, compare_outbox: the entries cover [done, next), and there are no others. */
static bool tiles(const struct instance *me)
{
    return me->gathered == (u8)((1u << me->next) - (1u << me->done));
}

/* takeover.c, own */
static void own(struct world *w, struct instance *me)
{
    if (me->of != me->incarnation)
        me->handed = me->committed = 0;
    me->of = me->incarnation;
    if (me->handed < me->next)
        me->handed = me->next;
    if (me->evidence_committed > me->committed)
        me->committed = me->evidence_committed;
    me->reached = me->evidence_reached;
    me->published = me->frontier = ABLATED(w, REPUBLISHED) ? me->next : me->done;
    if (ABLATED(w, REPUBLISHED_FROM_DONE) && w->s.kafka.committed > me->done)
        me->published = me->frontier = w->s.kafka.committed < me->next ? w->s.kafka.committed : me->next;
    me->gate = GATE_OPEN;
    me->state = OWNED;
}

/* PROTOCOL 5: takeover_halt: WATCH of the registry; another era by now: take over again instead */
static void halt(struct world *w, struct instance *me)
{
    if (!w->s.lost)
        world_break(w, NO_FALSE_REFUSAL);
    if (w->s.redis.era != me->era) {
        assignment_untake_lane(me);
        return;
    }
    w->s.redis.halt = HALT_ROLLBACK;
    world_touch_mark(w, NULL);
    stop(w, me);
}

/* PROTOCOL 2.4 to 2.6, 5: the marks once more, compare, own */
bool takeover_compare(struct world *w, struct instance *me)
{
    if (me->state != GATHERED || !me->up)
        return false;
    if (ABLATED(w, EVIDENCE_AFTER_EPOCH)) {      /* only now, and too late */
        struct turn claim = {.kind = TURN_CLAIM, .epoch = world_fresh_epoch(w)};

        me->epoch = claim.epoch;
        redis_exec(w, &claim);
        me->next = w->s.redis.next;
        me->done = w->s.redis.done;
    }
    if (!marks_unchanged(w, me)) {
        assignment_untake_lane(me);
    } else if (went_back(w, me)) {
        halt(w, me);
    } else if (!tiles(me)) {
        world_break(w, NO_FALSE_REFUSAL);
        stop(w, me);
    } else {
        own(w, me);
    }
    return true;
}

/* PROTOCOL 3: torn.c torn_write: remembered until it is written down, before anything else */
bool torn_write(struct world *w, struct instance *me)
{
    if (!me->torn || !me->up)
        return false;
    w->s.redis.torn = true;
    if (!w->s.redis.halt)
        w->s.redis.halt = HALT_TORN;
    world_touch_mark(w, NULL);
    me->torn = false;
    return true;
}
