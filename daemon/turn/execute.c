/* One turn through Redis: fill, load, decide, EXEC, and what each class of its reply means (DESIGN 3, 4.3).
 *
 * The next turn's WATCH and reads ride right behind EXEC, before its reply: one round trip a turn. While Redis works, the turn
 * before is published and new messages are taken. */
#include <stdio.h>
#include <string.h>

#include "turn/state.h"

enum { TROUBLE_PAUSE_MIN_MS = 100, TROUBLE_PAUSE_MAX_MS = 3200, FINISHED_MAX = 64 };

static int64_t monotonic(const struct pipeline *p)
{
    return clock_monotonic_ms(p->options.clock);
}

bool execute_at_bound(const struct pipeline *p, const struct lane *lane, size_t coming)
{
    const struct outbox *outbox = &lane->partition->outbox;

    return outbox->entries + coming >= p->settings.outbox_entries || outbox->bytes >= p->settings.outbox_bytes;
}

/* Whether the partition has something to write without any event: finished entries, or the log's end. */
static bool flush_due(const struct pipeline *p, const struct lane *lane, int64_t now)
{
    const struct partition *partition = lane->partition;
    bool something = partition->outbox.finished || (lane->count == 0 && lane->end > partition->mark.next);

    return something && (p->draining || partition->outbox.finished >= FINISHED_MAX || execute_at_bound(p, lane, 0) ||
                         now - lane->turned_at >= p->settings.outbox_idle_ms);
}

static bool may_decide(const struct lane *lane)
{
    return lane->partition->state == PARTITION_OWNED && lane->base == lane->partition->mark.next;
}

/* `before` is the turn whose EXEC goes out first; its events are skipped. */
static void fill(struct pipeline *p, struct turn *turn, const struct turn *before)
{
    struct turn_bounds bounds = p->settings.turn;
    int64_t now = monotonic(p);
    size_t coming = before ? before->events : 0, allowed = rate_allows(&p->rate, now);
    bool single, slowed = allowed <= coming;

    if (p->events_limit < bounds.events)
        bounds.events = p->events_limit;
    single = bounds.events == 1;       /* an event that may expire must be alone, and a flush goes by itself */
    if (!slowed && allowed - coming < bounds.events)
        bounds.events = allowed - coming;
    for (size_t i = 0; i < p->lanes_count && turn->events < bounds.events; i++) {
        struct lane *lane = p->lanes[(p->rotation + i) % p->lanes_count];
        const struct run *run = before ? turn_run_of((struct turn *)before, lane) : NULL;
        bool closed = p->draining || slowed || park_wanted(p, lane) || execute_at_bound(p, lane, run && run->count); /* no events, only the flush */
        bool due = !before && flush_due(p, lane, now) && !(single && ((lane->count && !closed) || turn->runs_count));

        if (single && turn->runs_count)
            break;
        if (!may_decide(lane) || (before && before->shard != lane->partition->shard))
            continue;
        if (closed ? due : lane->count > (run ? run->count : 0) || due) {
            struct turn_bounds mine = bounds;

            if (closed)
                mine.events = turn->events;
            if (!turn_add(turn, lane, run ? run->count : 0, &mine, due) && turn->runs_count)
                break;
        }
    }
    p->rotation++;
}

static int64_t deadline_clock(const struct pipeline *p)
{
    return deadline_now(&p->deadline, monotonic(p));
}

/* The server is not ready: nothing is sent for a while, longer each time until a turn was applied. */
static void pause_for_trouble(struct pipeline *p)
{
    p->trouble_pause_ms = p->trouble_pause_ms ? 2 * p->trouble_pause_ms : TROUBLE_PAUSE_MIN_MS;
    if (p->trouble_pause_ms > TROUBLE_PAUSE_MAX_MS)
        p->trouble_pause_ms = TROUBLE_PAUSE_MAX_MS;
    p->pause_until = monotonic(p) + p->trouble_pause_ms;
}

/* What a load's failure means: nothing of it was decided. */
static int load_failed(struct pipeline *p, struct turn *turn, int r, struct lane *whose, const struct error_text *error)
{
    const struct shard *shard = turn->shard;

    if (r == -ESTALE) {
        if (whose)
            log_notice(p->log, "taking over again why=\"%s\" topic=%s partition=%d next=%lld", error->text, whose->partition->topic,
                       whose->partition->number, (long long)whose->partition->mark.next);
        else
            log_notice(p->log, "taking over again why=\"%s\"", error->text);
        execute_forget(p);
        if (whose)
            assignment_untake_lane(p, whose);
        else
            assignment_untake(p, shard);
        return 0;
    }
    execute_forget(p);
    if (r == -EAGAIN) {
        log_warning(p->log, "redis is not ready, events wait error=\"%s\"", error->text);
        pause_for_trouble(p);
        return 0;
    }
    if (!session_is_up(p->options.session))
        return 0;
    log_error(p->log, "redis refuses to be read error=\"%s\"", error->text);
    return r;
}

static int load(struct pipeline *p, struct turn *turn)
{
    struct error_text error = {""};
    struct lane *whose = NULL;
    int r = 0;

    if (!turn->riding) {
        r = turn_put_load(turn, p->unwatch, deadline_clock(p));
        p->unwatch = true;
        if (!r)
            r = session_send(p->options.session, &turn->load);
    }
    if (!r)
        r = turn_receive_load(turn, p->options.session, &whose, &error);
    if (r)
        return load_failed(p, turn, r, whose, &error);
    count_loaded(p, turn);
    return 0;
}

void execute_forget(struct pipeline *p)
{
    for (int i = 0; i < 2; i++)
        turn_forget(&p->turns[i], p->options.session, &p->pool);
    p->unwatch = true;
}

/* The next turn's load, right behind EXEC: Redis works on the one while the other is put together. After a conflict, and when the
 * registry is due to be looked at, nothing rides. */
static int send_next(struct pipeline *p, const struct turn *turn, struct turn *next)
{
    int r;

    if (p->conflicts || p->draining || monotonic(p) >= p->watch_at)
        return 0;
    fill(p, next, turn);
    if (!next->runs_count)
        return 0;
    r = turn_put_load(next, false, deadline_clock(p));
    if (!r)
        r = session_send(p->options.session, &next->load);
    next->riding = r == 0;
    return r;
}

/* EXEC and the gate's question; then what rides behind them. */
static int send(struct pipeline *p, struct turn *turn, struct turn *next, size_t *queued, size_t *gates)
{
    int r;

    commands_reset(&p->exec);
    r = turn_put_exec(turn, &p->exec, queued);
    *gates = session_gate_append(p->options.session, &p->exec);
    if (!r)
        r = commands_error(&p->exec);
    p->exec_sent_us = clock_monotonic_us(p->options.clock);
    p->exec_sent_at = deadline_clock(p);
    if (!r)
        r = session_send(p->options.session, &p->exec);
    return r ? r : send_next(p, turn, next);
}

static void count_attempts(struct turn *turn)
{
    for (size_t i = 0; i < turn->runs_count; i++) {
        struct item *item = turn->runs[i].first;

        for (size_t n = 0; n < turn->runs[i].count; n++, item = item->next)
            item->attempts++;
    }
}

/* Smaller turns with jittered pauses, down to one event; that one, alone and past its deadline, expires (DESIGN 4.4). */
static int conflict(struct pipeline *p, struct turn *turn)
{
    struct item *first = turn->runs[0].first;
    size_t events = turn->events;
    bool expiring = turn->expiring, over = first && deadline_over(first, p->settings.deadline_ms, p->exec_sent_at);
    int pause;

    count_attempts(turn);
    if (events == 1 && turn->runs_count == 1 && over)
        first->expiring = true;      /* believed once its mark and registry, read again, are unchanged */
    execute_forget(p);
    p->conflicts++;
    if (!expiring)
        p->events_limit = events > 1 ? events / 2 : 1;
    pause = p->settings.conflict_backoff_min_ms << (p->conflicts < 16 ? p->conflicts - 1 : 15);
    if (pause > p->settings.conflict_backoff_max_ms || pause <= 0)
        pause = p->settings.conflict_backoff_max_ms;
    if (!over && !expiring)
        clock_sleep_ms(p->options.clock, clock_random_between(p->options.clock, 0, pause));
    return 0;
}

static int torn(struct pipeline *p, const struct turn *turn, const struct exec_result *result)
{
    torn_note(p, turn, result->error.text);
    execute_forget(p);
    return 0;
}

static int refused(struct pipeline *p, const struct turn *turn, const struct exec_result *result)
{
    tell_refused(p, turn, result->error.text);
    execute_forget(p);
    if (result->trouble == TROUBLE_STOP)
        return -EACCES;
    if (result->trouble == TROUBLE_SERVER)
        session_drop(p->options.session, "this server cannot be written to");
    pause_for_trouble(p);
    return 0;
}

static int applied(struct pipeline *p, struct turn *turn, const struct exec_result *result, size_t gates)
{
    struct error_text error = {""};
    bool expiring = turn->expiring;
    struct reply *answer;
    int r;

    p->gate_open = gates == 0;
    r = gates ? session_receive(p->options.session, p->arena, &answer) : 0;
    if (r)
        return execute_forget(p), 0;
    if (gates)
        p->gate_open = session_gate_confirms(p->options.session, answer);
    r = turn_applied(turn, result->array, &p->items, &p->pool, monotonic(p), &error);
    if (r) {
        log_error(p->log, "nothing further is published error=\"%s\"", error.text);
        return r;
    }
    p->recent_events = turn->events > p->recent_events ? turn->events : (7 * p->recent_events + turn->events) / 8;
    turn_reset(turn, &p->pool);
    p->at = !p->at;
    p->unwatch = false;
    p->conflicts = 0;
    p->trouble_pause_ms = 0;
    if (!p->gate_open) {         /* the question will be asked again: nothing may ride before its answer */
        execute_forget(p);
    }
    if (!expiring && p->events_limit < p->settings.turn.events)
        p->events_limit *= 2;
    return 0;
}

/* While Redis works: the turn before goes out, reports come in, new messages are decoded. */
static void meanwhile(struct pipeline *p)
{
    if (p->gate_open)
        commit_publish(p);
    sink_poll(p->sink, 0);
    if (!p->draining)
        intake_take(p, 0);
}

static int receive(struct pipeline *p, struct turn *turn, size_t queued, size_t gates)
{
    struct exec_result result;
    struct reply *gate;

    arena_reset(p->arena);
    exec_receive(p->options.session, queued, p->arena, &result);
    if (result.class != EXEC_APPLIED && result.class != EXEC_UNKNOWN && gates && session_is_up(p->options.session) &&
        session_receive(p->options.session, p->arena, &gate))
        result.class = EXEC_UNKNOWN;
    count_exec(p, turn, result.class);
    switch (result.class) {
    case EXEC_APPLIED:
        return applied(p, turn, &result, gates);
    case EXEC_CONFLICT:
        return conflict(p, turn);
    case EXEC_REFUSED:
        return refused(p, turn, &result);
    case EXEC_TORN:
        return torn(p, turn, &result);
    case EXEC_UNKNOWN:
        break;
    }
    /* The connection is gone: everything is taken over again on the next one. Was it closed because a turn of that size is too large for
     * something on the way, the next one is smaller. */
    if (!turn->expiring && turn->events > 1)
        p->events_limit = turn->events / 2;
    execute_forget(p);
    return 0;
}

int execute_turn(struct pipeline *p, bool *worked)
{
    struct turn *turn = &p->turns[p->at], *next = &p->turns[!p->at];
    size_t queued = 0, gates = 0;
    int r;

    *worked = false;
    if (!turn->runs_count)
        fill(p, turn, NULL);
    if (!turn->runs_count) {
        commit_publish(p);
        return 0;
    }
    *worked = true;
    r = turn->loaded ? 0 : load(p, turn);
    if (r || !turn->loaded)
        return r;
    p->decide.limits = sink_limits(p->sink);
    r = turn_decide(turn, &p->decide);
    if (!r)
        r = send(p, turn, next, &queued, &gates);
    if (r && session_is_up(p->options.session))
        return r;
    if (r)
        return execute_forget(p), 0;
    meanwhile(p);
    r = receive(p, turn, queued, gates);
    if (!r && p->gate_open && !p->turns[p->at].runs_count)
        commit_publish(p);
    return r;
}
