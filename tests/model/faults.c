/* What befalls the instances, and what the operator does about it. Every fault spends one of the scope's budget. */
#include "steps.h"

static bool spend(struct world *w, u8 *left)
{
    bool counts = left != &w->s.left.conflict && left != &w->s.left.deadline;

    if (!*left || (counts && !w->s.left.all))
        return false;
    --*left;
    w->s.left.all = (u8)(w->s.left.all - counts);
    return true;
}

/* Another program writes the market key: decisions on it differ from now on. */
bool foreign_write(struct world *w, struct instance *me)
{
    (void)me;
    if (!spend(w, &w->s.left.conflict))
        return false;
    w->s.market = !w->s.market;
    for (size_t i = 0; i < INSTANCES; i++)
        if (w->s.instances[i].turn.kind)
            w->s.instances[i].turn.keys_dirty = true;
    if (w->s.late.kind)
        w->s.late.keys_dirty = true;
    return true;
}

/* PROTOCOL 4, execute.c conflict: alone, past its deadline and answered nil. Believed once the mark was read again, by the next load. */
bool deadline_over(struct world *w, struct instance *me)
{
    if (me->turn.kind != TURN_EVENT || !me->up || (!me->turn.keys_dirty && !me->turn.mark_dirty) || !spend(w, &w->s.left.deadline))
        return false;
    me->expiring = true;
    if (ABLATED(w, EXPIRY_BY_EXEC)) {
        me->turn.decision = EXPIRED;
        execute_applied(w, me);
    }
    me->turn = (struct turn){0};
    return true;
}

/* The connection is gone; what was sent is unknown (PROTOCOL 3). */
static void lose_connection(struct world *w, struct instance *me)
{
    me->up = false;
    if (ABLATED(w, READ_BACK) && me->turn.kind)
        execute_applied(w, me);
    if (ABLATED(w, TORN_REMEMBERED))
        me->torn = false;
    me->turn = (struct turn){0};
}

bool exec_reply_lost(struct world *w, struct instance *me)
{
    if (!me->turn.kind || !me->up || !spend(w, &w->s.left.lost))
        return false;
    redis_exec(w, &me->turn);
    lose_connection(w, me);
    return true;
}

/* Or the connection was lost with nothing on it. */
bool exec_never_sent(struct world *w, struct instance *me)
{
    if (!me->up || !spend(w, &w->s.left.lost))
        return false;
    lose_connection(w, me);
    return true;
}

static bool send_late(struct world *w, struct instance *me, const struct turn *turn)
{
    if (w->s.late.kind || !spend(w, &w->s.left.late))
        return false;
    w->s.late = *turn;
    w->s.late_owner = (u8)(me - w->s.instances);
    return true;
}

bool exec_sent_late(struct world *w, struct instance *me)
{
    if (!me->turn.kind || !me->up || !send_late(w, me, &me->turn))
        return false;
    lose_connection(w, me);
    return true;
}

bool claim_reply_lost(struct world *w, struct instance *me)
{
    struct turn claim = {.kind = TURN_CLAIM, .epoch = world_fresh_epoch(w)};

    if (me->state != UNTAKEN || !me->up || w->s.redis.halt || w->s.redis.torn || !spend(w, &w->s.left.lost))
        return false;
    redis_exec(w, &claim);
    lose_connection(w, me);
    return true;
}

bool claim_sent_late(struct world *w, struct instance *me)
{
    struct turn claim = {.kind = TURN_CLAIM, .epoch = world_fresh_epoch(w)};

    if (me->state != UNTAKEN || !me->up || w->s.redis.halt || w->s.redis.torn || !send_late(w, me, &claim))
        return false;
    lose_connection(w, me);
    return true;
}

/* At any time: its bytes lay in a socket, or its process was frozen between send and receive. */
bool late_exec_runs(struct world *w, struct instance *me)
{
    (void)me;
    if (!w->s.late.kind)
        return false;
    redis_exec(w, &w->s.late);
    w->s.late = (struct turn){0};
    return true;
}

/* What was handed to the producer may still be on its way. */
static void die(struct instance *me)
{
    assignment_untake_lane(me);
    me->state = DOWN;
    me->torn = false;
}

bool crash(struct world *w, struct instance *me)
{
    if (me->state == DOWN || me->state == IDLE || !spend(w, &w->s.left.crash))
        return false;
    die(me);
    return true;
}

bool crash_exec_late(struct world *w, struct instance *me)
{
    if (!me->turn.kind || !me->up || !w->s.left.crash || !send_late(w, me, &me->turn))
        return false;
    w->s.left.crash--;
    die(me);
    return true;
}

/* The former owner does not know it yet. */
bool group_rebalance(struct world *w, struct instance *me)
{
    (void)me;
    if (!spend(w, &w->s.left.rebalance))
        return false;
    w->s.kafka.owner = !w->s.kafka.owner;
    return true;
}

/* PROTOCOL 7: sink.c: what is queued or in flight is purged, and all is taken over again */
bool delivery_failed(struct world *w, struct instance *me)
{
    if (!me->producer_count || me->state == DOWN || !spend(w, &w->s.left.failed))
        return false;
    if (ABLATED(w, GAP_HOLDS)) {
        me->producer_count--;
        for (size_t i = 0; i < me->producer_count; i++)
            me->producer[i] = me->producer[i + 1];
        return true;
    }
    sink_purge(me);
    if (me->state == OWNED)
        assignment_untake_lane(me);
    return true;
}

/* It was delivered, but the producer was told otherwise. */
bool delivery_failed_unknown(struct world *w, struct instance *me)
{
    if (!me->producer_count || me->state == DOWN || !w->s.left.failed || !w->s.left.all)
        return false;
    kafka_append(w, me->producer[0]);
    return delivery_failed(w, me);
}

/* A replica, or the disk, has caught up. */
bool redis_replicate(struct world *w, struct instance *me)
{
    (void)me;
    if (!w->scope->durable || (!w->scope->gate && !w->s.left.rollback) || world_is_durable(w))
        return false;
    w->s.durable = w->s.redis;
    return true;
}

/* Without a gate: nothing is handed over that is not out, or could still be handed over. */
static bool is_quiet(const struct world *w)
{
    for (size_t i = 0; i < INSTANCES; i++)
        if (w->s.instances[i].producer_count || (w->s.instances[i].state == OWNED && w->s.instances[i].published < w->s.instances[i].next))
            return false;
    return true;
}

static bool go_back(struct world *w)
{
    if (world_is_durable(w) || (!w->scope->gate && !ABLATED(w, QUIET_ROLLBACK) && !is_quiet(w)) || !spend(w, &w->s.left.rollback))
        return false;
    w->s.redis = w->s.durable;
    w->s.lost = true;
    return true;
}

/* The server died and came back, or a replica took its place: every connection is gone. */
bool redis_rollback_restart(struct world *w, struct instance *me)
{
    (void)me;
    if (!go_back(w))
        return false;
    for (size_t i = 0; i < INSTANCES; i++) {
        w->s.instances[i].up = false;
        w->s.instances[i].turn = (struct turn){0};
    }
    w->s.late = (struct turn){0};
    return true;
}

/* REPLICAOF and back: the data go from under connections that stay. Every WATCH is dirty. */
bool redis_rollback_beneath(struct world *w, struct instance *me)
{
    (void)me;
    if (!w->scope->beneath && !ABLATED(w, NOTICED_ROLLBACK))
        return false;
    if (!go_back(w))
        return false;
    for (size_t i = 0; i < INSTANCES; i++) {
        struct instance *each = &w->s.instances[i];

        each->stale = each->up;
        each->turn.keys_dirty = each->turn.mark_dirty = each->turn.kind != NO_TURN;
        if (each->gate == GATE_CLOSED)
            each->gate = GATE_NEVER;
    }
    w->s.late.keys_dirty = w->s.late.mark_dirty = w->s.late.kind != NO_TURN;
    return true;
}

/* PROTOCOL 3: torn.c torn_note. The rights changed between queueing and EXEC. */
static bool torn_note(struct world *w, struct instance *me)
{
    w->s.lost = true;
    if (ABLATED(w, TORN_STOPS)) {
        me->turn = (struct turn){0};
        return true;
    }
    assignment_untake_lane(me);
    me->torn = true;
    return true;
}

static bool tears(struct world *w, struct instance *me)
{
    return me->turn.kind == TURN_EVENT && me->up && !me->turn.keys_dirty && !me->turn.mark_dirty && spend(w, &w->s.left.torn);
}

/* Only the market's part was applied. */
bool exec_torn_market(struct world *w, struct instance *me)
{
    if (!tears(w, me))
        return false;
    w->s.redis.effects[me->turn.from]++;
    return torn_note(w, me);
}

/* Only mark and outbox were. */
bool exec_torn_ledger(struct world *w, struct instance *me)
{
    u8 at = me->turn.from;

    if (!tears(w, me))
        return false;
    redis_exec(w, &me->turn);
    w->s.redis.effects[at]--;
    return torn_note(w, me);
}

/* Only the mark was: there is no entry. */
bool exec_torn_mark(struct world *w, struct instance *me)
{
    u8 at = me->turn.from;

    if (!tears(w, me))
        return false;
    redis_exec(w, &me->turn);
    w->s.redis.effects[at]--;
    w->s.redis.outbox &= (u8)~(1u << at);
    w->s.redis.decision[at] = UNDECIDED;
    return torn_note(w, me);
}

static void raise_era(struct world *w)
{
    struct redis *redis = &w->s.redis;

    redis->era = (u8)((w->s.kafka.note_era > redis->era ? w->s.kafka.note_era : redis->era) + 1);
    world_touch_mark(w, NULL);
}

/* resolve_market.c say_rollback: the operator's command reads the same evidence; the halt itself may have been rolled back. */
static bool shows_rollback(const struct world *w)
{
    const struct kafka *kafka = &w->s.kafka;

    for (size_t i = 0; i < kafka->log_count; i++)
        if (record_by(kafka->log[i]) > w->s.redis.incarnation ||
            (record_by(kafka->log[i]) == w->s.redis.incarnation && record_offset(kafka->log[i]) >= w->s.redis.next))
            return true;
    return kafka->noted && kafka->note_incarnation > w->s.redis.incarnation;
}

/* PROTOCOL 5: resolve_market.c accept_rollback; once a daemon has said that it is needed */
bool operator_accept_rollback(struct world *w, struct instance *me)
{
    if (w->s.redis.halt != HALT_ROLLBACK && !(me->state == STOPPED && !w->s.redis.torn && shows_rollback(w)))
        return false;
    if (w->s.redis.era > ERA_MAX)
        return false;
    w->s.redis.epoch = world_fresh_epoch(w);
    w->s.redis.halt = RUNNING;
    if (!ABLATED(w, NEW_INCARNATION))
        w->s.redis.incarnation = ++w->s.incarnations;
    raise_era(w);
    return true;
}

/* PROTOCOL 5: resolve_partition.c accept_loss: an entry without records over every hole. The operator has compared the market with the
 * outcomes and mended it: a torn event is applied if the mark stands behind it, and only then. */
bool operator_accept_loss(struct world *w, struct instance *me)
{
    struct redis *redis = &w->s.redis;

    (void)me;
    if (!redis->torn)
        return false;
    redis->torn = false;
    if (redis->halt == HALT_TORN)
        redis->halt = RUNNING;
    redis->outbox |= (u8)((1u << redis->next) - (1u << redis->done));
    for (u8 at = 0; at < OFFSETS_MAX; at++)
        redis->effects[at] = at < redis->next;
    raise_era(w);
    return true;
}
