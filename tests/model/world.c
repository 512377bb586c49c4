/* What Redis, Kafka and the network are, and what is true of every state. */
#include "model.h"

#include <string.h>

void world_start(struct world *w, const struct scope *scope, enum mechanism without)
{
    *w = (struct world){.scope = scope, .without = without};
    w->s.redis.era = 1;
    w->s.durable = w->s.redis;
    w->s.left = scope->budget;
    for (size_t i = 0; i < INSTANCES; i++)
        w->s.instances[i].state = IDLE;
    world_normalise(w);
}

void world_break(struct world *w, enum property property)
{
    if (w->broken == HOLDS && (w->only == HOLDS || w->only == property))
        w->broken = property;
}

u8 record_of(u8 offset, u8 decision, u8 by)
{
    return (u8)(offset | decision << 2 | by << 4);
}

u8 record_offset(u8 record)
{
    return record & 3;
}

u8 record_decision(u8 record)
{
    return record >> 2 & 3;
}

u8 record_by(u8 record)
{
    return record >> 4 & 7;
}

bool world_is_durable(const struct world *w)
{
    return memcmp(&w->s.redis, &w->s.durable, sizeof w->s.redis) == 0;
}

u8 world_fresh_epoch(const struct world *w)
{
    u8 highest = w->s.redis.epoch > w->s.durable.epoch ? w->s.redis.epoch : w->s.durable.epoch;

    for (size_t i = 0; i < INSTANCES; i++)
        if (w->s.instances[i].epoch > highest)
            highest = w->s.instances[i].epoch;
    return (u8)(1 + (w->s.late.epoch > highest ? w->s.late.epoch : highest));
}

void world_touch_mark(struct world *w, const struct turn *but)
{
    for (size_t i = 0; i < INSTANCES; i++)
        if (w->s.instances[i].turn.kind && &w->s.instances[i].turn != but)
            w->s.instances[i].turn.mark_dirty = true;
    if (w->s.late.kind && &w->s.late != but)
        w->s.late.mark_dirty = true;
}

static bool is_out(const struct world *w, u8 offset, u8 by)
{
    for (size_t i = 0; i < w->s.kafka.log_count; i++)
        if (record_offset(w->s.kafka.log[i]) == offset && record_by(w->s.kafka.log[i]) == by)
            return true;
    return false;
}

/* The event at `from` is decided: here the promise is kept or broken. */
static void redis_decide(struct world *w, const struct turn *turn)
{
    struct redis *redis = &w->s.redis;
    u8 at = turn->from;

    if (redis->halt)
        world_break(w, HALTED);
    if (redis->effects[at])
        world_break(w, EFFECT_ONCE);
    for (u8 below = 0; below < at; below++)
        if (!redis->effects[below])
            world_break(w, EFFECTS_ORDERED);
    if (turn->kind == TURN_EVENT && turn->decision != (w->s.market ? REJECTED : APPLIED))
        world_break(w, CURRENT);
    if (is_out(w, at, turn->by))
        world_break(w, NOT_ANEW);
    redis->next = (u8)(at + 1);
    redis->decision[at] = turn->decision;
    redis->by[at] = turn->by;
    redis->outbox |= (u8)(1u << at);
    redis->effects[at] = redis->effects[at] ? 2 : 1;
}

static void redis_remove(struct world *w, const struct turn *turn)
{
    for (u8 at = turn->done_from; at < turn->done; at++)
        w->s.redis.outbox &= (u8)~(1u << at);
    if (turn->done != turn->done_from)
        w->s.redis.done = turn->done;
}

static bool is_dirty(const struct world *w, const struct turn *turn)
{
    if (turn->keys_dirty && turn->kind == TURN_EVENT && !ABLATED(w, KEYS_WATCHED))
        return true;
    if (turn->kind == TURN_FLUSH && ABLATED(w, REMOVAL_COMPARED))
        return false;
    return turn->mark_dirty && !(ABLATED(w, MARK_WATCHED) && turn->kind != TURN_CLAIM);
}

bool redis_exec(struct world *w, struct turn *turn)
{
    if (is_dirty(w, turn))
        return false;
    if (turn->kind == TURN_CLAIM)
        w->s.redis.epoch = turn->epoch;
    if (turn->kind == TURN_EVENT || turn->kind == TURN_EXPIRING)
        redis_decide(w, turn);
    if (turn->kind != TURN_CLAIM)
        redis_remove(w, turn);
    world_touch_mark(w, turn);
    return true;
}

void kafka_append(struct world *w, u8 record)
{
    struct kafka *kafka = &w->s.kafka;

    record &= (u8)~RECORD_OLD;
    for (size_t i = 0; i < kafka->log_count; i++) {
        if (record_by(kafka->log[i]) != record_by(record))
            continue;
        if (kafka->log[i] == record)
            return;                  /* a copy */
        if (record_offset(kafka->log[i]) == record_offset(record))
            world_break(w, ONE_OUTCOME);
        if (record_offset(kafka->log[i]) > record_offset(record))
            world_break(w, FIRST_COPIES);
    }
    if (kafka->log_count < LOG_MAX)
        kafka->log[kafka->log_count++] = record;
}

bool world_settled(const struct world *w)
{
    const struct redis *redis = &w->s.redis;
    u8 all = w->scope->offsets;

    if (redis->next != all || redis->done != all || redis->outbox || redis->halt || redis->torn || w->s.kafka.committed != all)
        return false;
    for (u8 at = 0; at < all; at++)
        if (redis->decision[at] != UNDECIDED && !is_out(w, at, redis->by[at]))
            return false;
    return true;
}

static void forget_turn(struct turn *turn)
{
    if (turn->kind != TURN_EVENT && turn->kind != TURN_EXPIRING)
        turn->from = turn->decision = turn->by = 0;
    if (turn->kind != TURN_CLAIM)
        turn->epoch = 0;
    if (turn->kind != TURN_EVENT)
        turn->keys_dirty = 0;
    if (turn->kind == NO_TURN)
        *turn = (struct turn){0};
}

/* The fields in the order of struct instance; what a state of take-over does not read is cleared. */
static void forget_memory(struct instance *me)
{
    u8 state = me->state;

    if (state == DOWN || state == IDLE) {
        struct instance bare = {.state = state, .producer_count = me->producer_count};

        memcpy(bare.producer, me->producer, sizeof bare.producer);
        *me = bare;
        return;
    }
    if (state != OWNED)
        me->published = me->frontier = me->gate = me->expiring = me->reported = 0;
    if (me->reported <= me->reached)
        me->reported = 0;
    if (state != GATHERED) {
        me->evidence_published = me->evidence_committed = me->evidence_reached = me->evidence_third = 0;
        me->gathered = 0;
    }
    if (state == UNTAKEN || state == STOPPED) {
        me->epoch = me->next = me->done = me->incarnation = 0;
        me->era = state == STOPPED ? me->era : 0;
    }
    for (u8 at = 0; at < OFFSETS_MAX; at++)
        if ((state != OWNED && state != GATHERED) || at < me->done || at >= me->next)
            me->decision[at] = me->by[at] = 0;
    if (!me->up)
        me->stale = 0;
}

static void rename_epoch(u8 *epoch, u8 names[16], u8 *known)
{
    if (*epoch == 0)
        return;
    if (!names[*epoch])
        names[*epoch] = ++*known;
    *epoch = names[*epoch];
}

/* A second copy whose report nobody awaits changes nothing any more. */
static void forget_copies(const struct world *w, struct instance *me)
{
    size_t kept = 0;

    for (size_t i = 0; i < me->producer_count; i++) {
        u8 record = me->producer[i];
        bool copy = record & RECORD_OLD && !ABLATED(w, OLD_REPORTS_IGNORED) &&
                    memchr(w->s.kafka.log, record & ~RECORD_OLD, w->s.kafka.log_count);

        if (!copy)
            me->producer[kept++] = record;
    }
    me->producer_count = (u8)kept;
    for (; kept < QUEUE_MAX; kept++)
        me->producer[kept] = 0;
}

/* Where Redis cannot go back, no decision rests on the commit's note. */
static void forget_evidence(struct world *w)
{
    struct kafka *kafka = &w->s.kafka;

    kafka->noted = kafka->note_incarnation = kafka->note_era = kafka->note_handed = kafka->note_reached = 0;
    for (size_t i = 0; i < INSTANCES; i++)
        w->s.instances[i].handed = w->s.instances[i].reached = w->s.instances[i].reported = w->s.instances[i].turn.reported = 0;
    w->s.durable = (struct redis){0};
}

void world_normalise(struct world *w)
{
    struct state *s = &w->s;
    u8 names[16] = {0}, known = 0;

    for (size_t i = 0; i < INSTANCES; i++) {
        forget_turn(&s->instances[i].turn);
        forget_memory(&s->instances[i]);
        forget_copies(w, &s->instances[i]);
    }
    if (!w->scope->durable)
        forget_evidence(w);
    forget_turn(&s->late);
    s->late.reported = 0;
    s->late_owner = s->late.kind ? s->late_owner : 0;
    if (!w->scope->gate && !s->left.rollback)
        s->durable = (struct redis){0};
    rename_epoch(&s->redis.epoch, names, &known);
    rename_epoch(&s->durable.epoch, names, &known);
    for (size_t i = 0; i < INSTANCES; i++)
        rename_epoch(&s->instances[i].epoch, names, &known);
    rename_epoch(&s->late.epoch, names, &known);
}
