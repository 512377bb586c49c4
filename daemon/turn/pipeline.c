#include "turn/pipeline.h"

#include <stdlib.h>
#include <string.h>

#include "turn/state.h"

enum {
    EXEC_LIMIT = 512 << 20, REPLIES_LIMIT = 256 << 20, ASK_LIMIT = 1 << 22, SCRATCH_LIMIT = 64 << 20,
    QUESTION_MS = 10000, GATE_MS = 5000, IDLE_MS = 20, IDLE_BUSY_MS = 1, GATE_SLICE_MS = 200, GATE_SAY_MS = 5000
};

static int64_t monotonic(const struct pipeline *p)
{
    return clock_monotonic_ms(p->options.clock);
}

static int memory_init(struct pipeline *p)
{
    int r = item_pool_init(&p->items, p->options.prefetch_events_max);

    for (int i = 0; !r && i < 2; i++)
        r = turn_init(&p->turns[i], p->options.turn_max.keys, p->options.turn_max.events);
    if (!r)
        r = hot_new(&p->hot, (p->options.turn_max.events + 1) * VIEW_KEYS_PER_EVENT_MAX);
    if (!r)
        r = arena_new(&p->arena, REPLIES_LIMIT);
    if (!r)
        r = arena_new(&p->ask_arena, REPLIES_LIMIT);
    commands_init(&p->exec, EXEC_LIMIT);
    commands_init(&p->ask, ASK_LIMIT);
    buffer_init(&p->decide.scratch, SCRATCH_LIMIT);
    return r;
}

int pipeline_new(struct pipeline **out, const struct pipeline_options *options)
{
    struct pipeline *p = calloc(1, sizeof *p);
    int r = p ? 0 : -ENOMEM;

    if (r)
        return r;
    p->options = *options;
    p->settings = options->settings;
    p->log = options->log;
    p->events_limit = options->settings.turn.events;
    p->gate_open = true;
    rate_set(&p->rate, options->settings.rate_events_per_s, monotonic(p));
    deadline_init(&p->deadline);
    meters_init(&p->meters);
    r = memory_init(p);
    if (r) {
        pipeline_free(p);
        return r;
    }
    if (options->reapply)
        p->reapply_options = *options->reapply;
    p->decide.pool = &p->pool;
    p->decide.clock = options->clock;
    p->takeover = (struct takeover){
        .gather = {{options->session, &p->ask, p->ask_arena}, options->clock, options->log, &p->pool},
        .evidence = {.in = source_kafka(options->source), .reader = options->reader, .outcomes = options->outcomes, .timeout_ms = QUESTION_MS,
                     .why = &p->takeover.why},
        .gate_ms = GATE_MS,
    };
    *out = p;
    return 0;
}

struct pipeline *pipeline_free(struct pipeline *p)
{
    if (!p)
        return NULL;
    rollback_end(p);
    for (int i = 0; i < 2; i++)
        turn_reset(&p->turns[i], &p->pool);
    while (p->lanes_count)
        assignment_drop(p, p->lanes[0]);
    for (int i = 0; i < 2; i++)
        turn_deinit(&p->turns[i]);
    for (size_t i = 0; i < p->shards_count; i++)
        free(p->shards[i]);
    free(p->shards);
    free(p->lanes);
    hot_free(p->hot);
    item_pool_deinit(&p->items);
    outbox_pool_deinit(&p->pool);
    commands_deinit(&p->exec);
    commands_deinit(&p->ask);
    buffer_deinit(&p->decide.scratch);
    arena_free(p->arena);
    arena_free(p->ask_arena);
    free(p);
    return NULL;
}

void pipeline_set_sink(struct pipeline *p, struct sink *sink)
{
    p->sink = sink;
}

void pipeline_configure(struct pipeline *p, const struct pipeline_settings *settings)
{
    p->settings = *settings;
    if (p->rate.per_s != settings->rate_events_per_s)      /* an operator's rate ends here too */
        rate_set(&p->rate, settings->rate_events_per_s, monotonic(p));
    if (p->events_limit > settings->turn.events || !p->conflicts)
        p->events_limit = settings->turn.events;
}

/* Nothing rides while the registry is due to be looked at, and there AUTH finds its place. */
void pipeline_authenticate(struct pipeline *p)
{
    p->authenticate = true;
    p->watch_at = 0;
}

/* Connects when it is time; until then polling goes on and nothing is decided. A new connection means: take all over again. */
static bool connected(struct pipeline *p)
{
    struct session *session = p->options.session;
    struct error_text error;

    if (session_is_up(session))
        return true;
    execute_forget(p);
    assignment_untake(p, NULL);
    deadline_mark(&p->deadline, true, monotonic(p));
    if (monotonic(p) < session_connect_at(session))
        return false;
    if (session_connect(session, &error)) {
        log_at(p->log, session_failure_is_news(session) ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "redis is away error=\"%s\"", error.text);
        return false;
    }
    p->meters.reconnects++;
    log_notice(p->log, "redis is there promise=\"%s\"", session_promise(session));
    p->unwatch = false;
    p->gate_open = true;
    p->hold = true;
    p->authenticate = false;
    rollback_hope_anew(p);
    assignment_retry_stopped(p, NULL, -1);
    return true;
}

static bool all_taken_over(const struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->partition->state == PARTITION_UNTAKEN)
            return false;
    return true;
}

/* A failed producer's records are published again from what Redis holds: by taking over once more (DESIGN 4.7). */
static void serve_sink(struct pipeline *p)
{
    sink_poll(p->sink, 0);
    if (sink_is_down(p->sink) || sink_renewed(p->sink)) {
        execute_forget(p);
        assignment_untake(p, NULL);
    }
}

static bool outstanding(const struct pipeline *p)
{
    return sink_in_flight(p->sink) > 0;
}

void pipeline_gate(struct pipeline *p)
{
    int64_t now = monotonic(p);

    arena_reset(p->ask_arena);
    p->gate_open = session_gate_wait(p->options.session, p->ask_arena, GATE_SLICE_MS) == 0;
    if (p->gate_open || (p->gate_said_at && now - p->gate_said_at < GATE_SAY_MS))
        return;
    p->gate_said_at = now;
    log_warning(p->log, "what was applied is not yet as durable as configured, outcomes and further turns wait");
}

/* Whether a turn may go out now. */
static bool ready(struct pipeline *p)
{
    if (monotonic(p) < p->pause_until || sink_is_down(p->sink))
        return false;
    if (p->hold && !all_taken_over(p))
        return false;
    p->hold = false;
    if (!p->gate_open)
        pipeline_gate(p);
    return p->gate_open && session_is_up(p->options.session);
}

int pipeline_step(struct pipeline *p)
{
    bool worked = false;
    int r = 0;

    p->steps++;
    clock_pulse(p->options.clock);
    assignment_serve(p);
    assignment_serve_failures(p);
    park_lanes(p);
    serve_sink(p);
    if (connected(p) && torn_write(p)) {
        r = assignment_take_over(p);
        if (!r && session_is_up(p->options.session))
            assignment_watch(p);
        if (!r && session_is_up(p->options.session))
            r = rollback_serve(p);
        if (!r && ready(p)) {
            deadline_mark(&p->deadline, false, monotonic(p));
            r = execute_turn(p, &worked);
        } else {
            deadline_mark(&p->deadline, true, monotonic(p));
        }
        commit_due(p);
        commit_tails(p);
    }
    if (!r && !worked) {
        intake_take(p, outstanding(p) ? IDLE_BUSY_MS : IDLE_MS);
        if (!p->items.used && outstanding(p))
            sink_hurry(p->sink, IDLE_BUSY_MS);
    }
    return r;
}

void pipeline_drain(struct pipeline *p, int64_t until)
{
    execute_forget(p);
    rollback_end(p);
    if (session_is_up(p->options.session))
        (void)torn_write_now(p);
    commit_flush(p, until - (until - monotonic(p)) / 4);      /* a quarter is kept for commits and for leaving */
    commit_all(p, until);
}
