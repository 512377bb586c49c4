/* An owner at work: daemon/turn/{execute,load,decide,write,commit,assignment}.c. */
#include "steps.h"

#include <string.h>

void assignment_untake_lane(struct instance *me)
{
    me->state = UNTAKEN;
    me->turn = (struct turn){0};
    for (size_t i = 0; i < me->producer_count; i++)
        me->producer[i] |= RECORD_OLD;
}

void sink_purge(struct instance *me)
{
    me->producer_count = 0;
}

/* mark_is_ours, registry_unchanged (PROTOCOL 1): what was read under WATCH is what this owner last wrote. */
static bool is_ours(const struct world *w, const struct instance *me)
{
    const struct redis *redis = &w->s.redis;

    if (redis->epoch != me->epoch && !ABLATED(w, EPOCH_COMPARED))
        return false;
    if ((redis->next != me->next && !ABLATED(w, NEXT_COMPARED)) || (redis->done != me->done && !ABLATED(w, DONE_COMPARED)))
        return false;
    if (redis->era != me->era && !ABLATED(w, ERA_COMPARED))
        return false;
    return !redis->torn && (!redis->halt || ABLATED(w, HALT_LOOKED_AT));
}

/* pipeline.c, ready(): whether a turn may go out now. */
static bool is_ready(const struct world *w, const struct instance *me)
{
    return me->state == OWNED && me->up && !me->turn.kind && (!w->scope->gate || me->gate == GATE_OPEN);
}

/* WATCH, the reads, and what is decided on them. The finished prefix leaves with the turn (decide.c, plan_removals). */
static void load(struct world *w, struct instance *me, enum turn_kind kind)
{
    if (!is_ours(w, me)) {
        assignment_untake_lane(me);
        return;
    }
    me->turn = (struct turn){.kind = (u8)kind, .from = me->next, .by = me->incarnation, .done_from = me->done, .done = me->frontier, .reported = me->reported};
    if (kind == TURN_EVENT)
        me->turn.decision = w->s.market ? REJECTED : APPLIED;
    if (kind == TURN_EXPIRING)
        me->turn.decision = EXPIRED;
}

/* PROTOCOL 1, 4: execute.c fill, load.c turn_put_load, decide.c turn_decide */
bool execute_load_event(struct world *w, struct instance *me)
{
    if (!is_ready(w, me) || me->next >= w->scope->offsets)
        return false;
    load(w, me, me->expiring ? TURN_EXPIRING : TURN_EVENT);
    return true;
}

/* PROTOCOL 7: execute.c flush_due, a turn without events */
bool execute_load_flush(struct world *w, struct instance *me)
{
    if (!is_ready(w, me) || me->frontier == me->done || ABLATED(w, IDLE_FLUSH))
        return false;
    load(w, me, TURN_FLUSH);
    return true;
}

/* write.c, turn_applied: from here on memory holds what Redis holds. */
void execute_applied(struct world *w, struct instance *me)
{
    const struct turn *turn = &me->turn;

    if (turn->kind == TURN_EVENT || turn->kind == TURN_EXPIRING) {
        me->decision[turn->from] = turn->decision;
        me->by[turn->from] = turn->by;
        me->next = (u8)(turn->from + 1);
        me->expiring = false;
    }
    me->done = turn->done;
    if (turn->reported > me->reached)
        me->reached = turn->reported;
    if (w->scope->gate && !ABLATED(w, GATE_ON_TURN))
        me->gate = GATE_CLOSED;
    me->turn = (struct turn){0};
}

/* PROTOCOL 3: EXEC and its answer; array or nil. After nil the turn is loaded again, and the marks compared. */
bool execute_exec(struct world *w, struct instance *me)
{
    if (!me->turn.kind || !me->up)
        return false;
    if (redis_exec(w, &me->turn))
        execute_applied(w, me);
    else
        me->turn = (struct turn){0};
    return true;
}

/* PROTOCOL 6: session_gate_wait; the count that came back was enough */
bool pipeline_gate(struct world *w, struct instance *me)
{
    if (me->state != OWNED || !me->up || me->gate == GATE_OPEN)
        return false;
    if (me->gate == GATE_NEVER ? !ABLATED(w, WAIT_OF_THIS_HISTORY) : !world_is_durable(w))
        return false;
    me->gate = GATE_OPEN;
    return true;
}

/* What is handed over must stand in Redis, where no rollback takes it away. */
static void check_written(struct world *w, u8 record)
{
    const struct redis *redis = w->scope->gate ? &w->s.durable : &w->s.redis;
    u8 at = record_offset(record);

    if (at >= redis->next || redis->decision[at] != record_decision(record) || redis->by[at] != record_by(record))
        world_break(w, WRITTEN_FIRST);
}

/* outbox.c, frontier_move: an entry that --accept-loss wrote has no records, and is finished as soon as those before it are. */
static void frontier_move(struct instance *me)
{
    while (me->frontier < me->published && me->decision[me->frontier] == UNDECIDED)
        me->frontier++;
}

/* PROTOCOL 7: outbox_publish, one record; a full producer waits */
bool commit_publish(struct world *w, struct instance *me)
{
    u8 at = me->published, record;

    if (me->state != OWNED || at >= me->next || me->producer_count == QUEUE_MAX || (w->scope->gate && me->gate != GATE_OPEN))
        return false;
    if (me->decision[at] != UNDECIDED) {
        record = record_of(at, me->decision[at], me->by[at]);
        check_written(w, record);
        me->producer[me->producer_count++] = record;
    }
    me->published++;
    if (me->published > me->handed)
        me->handed = me->published;
    frontier_move(me);
    return true;
}

static u8 producer_pop(struct instance *me)
{
    u8 record = me->producer[0];

    me->producer_count--;
    for (size_t i = 0; i < me->producer_count; i++)
        me->producer[i] = me->producer[i + 1];
    return record;
}

/* PROTOCOL 7: pipeline_reported, outbox_delivered. Also of a process that is no owner any more, or has died meanwhile: what it handed
 * over goes on. */
bool sink_reported(struct world *w, struct instance *me)
{
    u8 record;

    if (!me->producer_count)
        return false;
    record = producer_pop(me);
    kafka_append(w, record);
    if (me->state != OWNED || (record & RECORD_OLD && !ABLATED(w, OLD_REPORTS_IGNORED)))
        return true;
    if (record_offset(record) >= me->frontier && record_offset(record) < me->next)
        me->frontier = (u8)(record_offset(record) + 1);
    frontier_move(me);
    me->reported = w->s.kafka.log_count;
    if (ABLATED(w, REACHED_CONFIRMED))
        me->reached = me->reported;
    return true;
}

/* What is committed must be out, as Redis has it; who still speaks for a former incarnation had delivered what that decided. */
static void check_delivered(struct world *w, const struct instance *me, u8 offset)
{
    const struct redis *redis = &w->s.redis;
    u8 next = redis->incarnation == me->incarnation ? redis->next : 0;

    for (u8 at = 0; at < offset; at++) {
        bool out = at < next && redis->decision[at] == UNDECIDED;     /* lost, and accepted */

        for (size_t i = 0; i < w->s.kafka.log_count; i++) {
            u8 record = w->s.kafka.log[i];

            if (at >= next ? record_offset(record) == at : record == record_of(at, redis->decision[at], redis->by[at]))
                out = true;
        }
        if (!out)
            world_break(w, COMMIT_LAST);
    }
}

/* PROTOCOL 5, 7: commit.c position_fill, with its note. Kafka refuses the commit of a former member of the group. */
bool commit_due(struct world *w, struct instance *me)
{
    u8 offset = ABLATED(w, DELIVERED_BEFORE_COMMIT) ? me->published : me->frontier;
    struct kafka after = w->s.kafka;

    if (me->state != OWNED || &w->s.instances[after.owner] != me || offset < me->committed)
        return false;
    after.committed = offset;
    if (w->scope->durable) {
        after.noted = true;
        after.note_incarnation = me->incarnation;
        after.note_era = me->era;
        after.note_handed = me->handed;
        after.note_reached = me->reached;
    }
    if (memcmp(&after, &w->s.kafka, sizeof after) == 0)
        return false;
    check_delivered(w, me, offset);
    w->s.kafka = after;
    me->committed = offset;
    return true;
}

/* PROTOCOL 5: an idle partition reads the outcome partition's tail, so that the note keeps up; and suspects what it finds there. */
bool commit_tails(struct world *w, struct instance *me)
{
    const struct kafka *kafka = &w->s.kafka;

    if (me->state != OWNED || me->done != me->next || me->turn.kind || me->reached >= kafka->log_count)
        return false;
    for (size_t i = me->reached; i < kafka->log_count; i++)
        if (record_by(kafka->log[i]) > me->incarnation ||
            (record_by(kafka->log[i]) == me->incarnation && record_offset(kafka->log[i]) >= me->next)) {
            assignment_untake_lane(me);
            break;
        }
    me->reached = kafka->log_count;
    return true;
}

/* PROTOCOL 1, 5: an owner at rest, and one that was refused, look at mark and registry now and then; session_probe: whether it is still
 * the same server and history. */
bool assignment_watch(struct world *w, struct instance *me)
{
    if (!me->up || me->turn.kind)
        return false;
    if (me->stale) {
        me->up = false;
        return true;
    }
    if (me->state == OWNED && is_ours(w, me)) {
        if (me->reported <= me->reached)
            return false;
        me->reached = me->reported;
        return true;
    }
    if (me->state != OWNED && (me->state != STOPPED || me->era == w->s.redis.era || ABLATED(w, STOPPED_TRIED_ANEW)))
        return false;
    assignment_untake_lane(me);
    return true;
}
