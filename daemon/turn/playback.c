/* Two turns as in the daemon: while Redis executes the one and reads for the other, the caller pushes what comes behind them. */
#include "turn/playback.h"

#include <stdlib.h>
#include <string.h>

#include "turn/decide.h"
#include "turn/played.h"
#include "turn/tails.h"
#include "turn/write.h"

enum { EXEC_LIMIT = 512 << 20, REPLIES_LIMIT = 256 << 20, SCRATCH_LIMIT = 64 << 20, CONFLICT_PAUSE_MAX_MS = 500 };

struct playback {
    struct playback_options options;
    struct lane *lanes;                /* by range */
    struct tail *tails;                /* the same */
    struct item_pool items;
    struct played *ring;               /* what was pushed and not applied, in order */
    size_t first, held;
    bool crowded;                      /* a push found no room */

    struct turn turns[2];              /* the one at `at`, and the one that rides behind its EXEC */
    int at;
    bool sent;                         /* its EXEC is on the way */
    bool unwatch;                      /* a WATCH may be in force that no EXEC ended */
    size_t queued, events_limit;
    int conflict_pause_ms;
    int64_t conflicts;
    struct commands exec;
    struct arena *arena;
    struct decide decide;
    struct buffer outcomes;            /* of the turn that is sent, one an event; show_outcomes without keep_outcomes */
    struct record record;              /* the one that `done` is shown */
    struct error_text problem;         /* why the turn could not be put together */
};

static struct played *played_at(const struct playback *p, size_t index)
{
    return &p->ring[(p->first + index) % p->options.events_max];
}

static struct played *played_of(const struct item *item)
{
    return (struct played *)((char *)item->taken - offsetof(struct played, taken));
}

static int before(void *context, const struct item *item, struct view *view)
{
    struct playback *p = context;
    struct played *played = played_of(item);
    int r = 0;

    if (played->taken.how == TAKEN_WHOLLY || p->options.mode != PLAYBACK_DECIDE)
        r = played_change(played, p->options.mode, view);
    else if (p->options.before)
        r = p->options.before(p->options.context, &played->event, played->readable ? &played->decision : NULL, view);
    if (r == -EPROTO && played->problem.text[0])
        log_error(p->options.log, "a recorded decision cannot be applied topic=%s partition=%d offset=%lld error=\"%s\"", item->message.topic,
                  item->message.partition, (long long)played->event.offset, played->problem.text);
    return r;
}

static int memory_init(struct playback *p)
{
    const struct turn_bounds *bounds = &p->options.bounds;
    int r = item_pool_init(&p->items, p->options.events_max);

    p->ring = calloc(p->options.events_max, sizeof *p->ring);
    p->lanes = calloc(p->options.partitions_count ? p->options.partitions_count : 1, sizeof *p->lanes);
    p->tails = calloc(p->options.partitions_count ? p->options.partitions_count : 1, sizeof *p->tails);
    if (!r && (!p->ring || !p->lanes || !p->tails))
        r = -ENOMEM;
    for (int i = 0; !r && i < 2; i++)
        r = turn_init(&p->turns[i], bounds->keys, bounds->events);
    return r ? r : arena_new(&p->arena, REPLIES_LIMIT);
}

int playback_new(struct playback **out, const struct playback_options *options)
{
    struct playback *p = calloc(1, sizeof *p);
    bool aside = options->show_outcomes && !options->keep_outcomes;
    int r;

    if (!p)
        return -ENOMEM;
    ASSERT(options->events_max >= options->bounds.events && (options->mode == PLAYBACK_DECIDE || (!options->keep_outcomes && !options->show_outcomes)));
    p->options = *options;
    p->events_limit = options->bounds.events;
    commands_init(&p->exec, EXEC_LIMIT);
    buffer_init(&p->decide.scratch, SCRATCH_LIMIT);
    buffer_init(&p->outcomes, EXEC_LIMIT);
    r = memory_init(p);
    if (r) {
        playback_free(p);
        return r;
    }
    for (size_t i = 0; i < options->partitions_count; i++) {
        p->lanes[i].partition = options->partitions[i];
        if (options->partitions[i])
            lane_start(&p->lanes[i], options->partitions[i]->mark.next);
    }
    p->decide.limits = options->limits;
    p->decide.pool = options->pool;
    p->decide.clock = options->clock;
    p->decide.before = before;
    p->decide.context = p;
    p->decide.aside = aside ? &p->outcomes : NULL;
    p->decide.no_outcomes = !options->keep_outcomes;
    p->decide.no_letters = !options->letters;
    p->unwatch = true;
    *out = p;
    return 0;
}

/* The source message is the item's; what is left of the event is ours. */
static void played_release(struct played *played)
{
    played->event.source = (struct kafka_message){0};
    played->event.sourced = false;
    journal_event_free(&played->event);
}

struct playback *playback_free(struct playback *p)
{
    if (!p)
        return NULL;
    for (int i = 0; i < 2; i++) {
        turn_reset(&p->turns[i], p->options.pool);
        turn_deinit(&p->turns[i]);
    }
    for (size_t i = 0; p->lanes && i < p->options.partitions_count; i++)
        if (p->lanes[i].partition)
            lane_clear(&p->lanes[i], &p->items);
    for (size_t i = 0; i < p->held; i++)
        played_release(played_at(p, i));
    item_pool_deinit(&p->items);
    commands_deinit(&p->exec);
    buffer_deinit(&p->decide.scratch);
    buffer_deinit(&p->outcomes);
    arena_free(p->arena);
    free(p->lanes);
    free(p->tails);
    free(p->ring);
    free(p);
    return NULL;
}

/* What stands for the message of an event that was compacted away: place and key, which the outcome has too. */
static struct kafka_message stand_in(const struct playback *p, const struct journal_event *event)
{
    const struct partition *partition = p->options.partitions[event->range];

    return (struct kafka_message){.kind = KAFKA_END, .topic = partition->topic, .partition = partition->number, .offset = event->offset, .timestamp = -1,
                                  .key = event->outcome.key};
}

bool playback_push(struct playback *p, struct journal_event *event)
{
    struct lane *lane = &p->lanes[event->range];
    struct played *played;
    struct kafka_message message;
    struct item *item;

    ASSERT(event->sourced || event->recorded);
    if (p->held == p->options.events_max || (p->held && p->items.bytes >= p->options.bytes_max)) {
        p->crowded = true;
        return false;
    }
    ASSERT(event->offset >= lane->position);
    played = played_at(p, p->held++);
    played->event = *event;
    message = event->sourced ? event->source : stand_in(p, event);
    item = lane_append(lane, &p->items, &message);
    played_prepare(played, item, p->options.mode, p->options.begins ? p->options.begins[event->range] : lane->partition->mark.seen_from);
    played->taken.told = p->options.letters_from && played->event.offset < p->options.letters_from[played->event.range];
    *event = (struct journal_event){0};
    return true;
}

/* How many events from there on are of one partition. */
static size_t piece(const struct playback *p, size_t at)
{
    size_t range = played_at(p, at)->event.range, count = 1;

    while (at + count < p->held && count < p->options.bounds.events && played_at(p, at + count)->event.range == range)
        count++;
    return count;
}

/* A contiguous part of the order, so that the entries' ids follow it: a partition has one run in a turn, and the next event of one that has its run
 * already ends the turn. `before` is the turn whose EXEC goes out first. */
static void fill(struct playback *p, struct turn *turn, struct turn *ahead)
{
    size_t at = ahead ? ahead->events : 0;

    while (at < p->held) {
        struct lane *lane = &p->lanes[played_at(p, at)->event.range];
        const struct run *run = ahead ? turn_run_of(ahead, lane) : NULL;
        struct turn_bounds bounds = p->options.bounds;
        size_t count = piece(p, at), had = turn->events;

        bounds.events = p->events_limit < had + count ? p->events_limit : had + count;
        if (turn_run_of(turn, lane) || !turn_add(turn, lane, run ? run->count : 0, &bounds, false) || turn->events < had + count)
            break;
        at += count;
    }
}

static bool enough(const struct playback *p, const struct turn *ahead, bool last)
{
    size_t taken = ahead ? ahead->events : 0;

    return p->held > taken && (last || p->crowded || p->held - taken >= p->options.bounds.events);
}

static void forget(struct playback *p)
{
    for (int i = 0; i < 2; i++)
        turn_forget(&p->turns[i], p->options.session, p->options.pool);
    p->sent = false;
    p->unwatch = true;
}

static int failed(struct playback *p, int r, const char *what, const struct error_text *error)
{
    forget(p);
    if (!session_is_up(p->options.session))
        return r ? r : -ECONNRESET;
    if (r == -EBUSY)
        log_warning(p->options.log, "redis is not ready, events wait error=\"%s\"", error->text);
    else
        log_error(p->options.log, "%s error=\"%s\"", what, error->text);
    return r;
}

static int load(struct playback *p, struct turn *turn)
{
    struct error_text error = {""};
    struct lane *whose = NULL;
    int r = 0;

    if (!turn->riding) {
        r = turn_put_load(turn, p->unwatch, 0);
        p->unwatch = true;
        if (!r)
            r = session_send(p->options.session, &turn->load);
    }
    if (!r)
        r = turn_receive_load(turn, p->options.session, &whose, &error);
    if (!r)
        return 0;
    if (r == -ESTALE && whose)
        log_error(p->options.log, "somebody else works this market topic=%s partition=%d", whose->partition->topic, whose->partition->number);
    return failed(p, r == -EAGAIN ? -EBUSY : r, "the market cannot be read", &error);
}

/* EXEC, and the next turn's WATCH and reads right behind it. */
static int send(struct playback *p, struct turn *turn, struct turn *next, bool last)
{
    int r;

    commands_reset(&p->exec);
    r = turn_put_exec(turn, &p->exec, &p->queued);
    if (!r)
        r = session_send(p->options.session, &p->exec);
    p->sent = r == 0;
    if (r || p->conflict_pause_ms || !enough(p, turn, last))
        return r;
    fill(p, next, turn);
    r = next->runs_count ? turn_put_load(next, false, 0) : 0;
    if (r) {
        turn_reset(next, p->options.pool);      /* it is made anew without a ride; EXEC's answer is due all the same */
        return 0;
    }
    if (next->runs_count)
        r = session_send(p->options.session, &next->load);
    next->riding = r == 0 && next->runs_count;
    return r;
}

/* The events of a turn are the first ones held, in order. */
static int tell_run(struct playback *p, struct run *run, struct reader *outcomes, size_t *at)
{
    struct item *item = run->first;
    int r = 0;

    for (size_t i = 0; !r && i < run->count; i++, item = item->next) {
        struct played *played = played_at(p, (*at)++);
        struct playback_done done = {&played->event, run->lane->partition, item->status, item->why, played->taken.how != TAKEN_NOTHING, played->readable ? &played->decision : NULL, NULL, NULL, 0,
                                     run->entry->id, (uint32_t)i};
        struct playback_difference differences[OBSERVATIONS_MAX];

        ASSERT(item->taken == &played->taken);
        if (p->options.show_outcomes && record_next(outcomes, &p->record) == 0)
            done.outcome = &p->record;
        for (int n = 0; n < played->observations_count; n++)
            if (played->differs >> n & 1)
                differences[done.differences_count++] = played->found[n];
        done.differences = differences;
        r = p->options.done(p->options.context, &done);
    }
    return r;
}

static int tell(struct playback *p, struct turn *turn)
{
    struct reader aside = reader_of(buffer_bytes(&p->outcomes));
    size_t at = 0;
    int r = 0;

    for (size_t i = 0; !r && i < turn->runs_count; i++) {
        struct run *run = &turn->runs[i];
        struct reader kept;

        if (!run->count)
            continue;
        kept = reader_of(buffer_bytes(&run->entry->records));
        r = tell_run(p, run, p->decide.aside ? &aside : &kept, &at);
    }
    return r;
}

/* Entries without records are finished at once: the next turn takes them out of Redis. */
static int finish_entries(struct playback *p, struct turn *turn)
{
    int64_t handed;
    int r = 0;

    if (p->options.keep_outcomes || p->options.letters)
        return 0;
    for (size_t i = 0; !r && i < turn->runs_count; i++)
        r = outbox_publish(&turn->runs[i].lane->partition->outbox, NULL, &handed);
    return r;
}

static int applied(struct playback *p, struct turn *turn, const struct exec_result *result)
{
    struct error_text error = {""};
    size_t events = turn->events;
    int r = turn_identify(turn, result->array, &error);

    if (r)
        return failed(p, r, "this cannot go on", &error);
    if (p->options.letters)
        tails_note(p->tails, p->lanes, turn);
    r = p->options.done ? tell(p, turn) : 0;
    if (!r)
        r = turn_confirm(turn, &p->items, p->options.pool, clock_monotonic_ms(p->options.clock));
    if (!r)
        r = finish_entries(p, turn);
    for (size_t i = 0; !r && i < events; i++, p->first = (p->first + 1) % p->options.events_max, p->held--)
        played_release(&p->ring[p->first]);
    if (r)
        return forget(p), r;
    turn_reset(turn, p->options.pool);
    p->at = !p->at;
    p->unwatch = p->crowded = false;
    p->conflict_pause_ms = 0;
    if (p->events_limit < p->options.bounds.events)
        p->events_limit *= 2;
    return 0;
}

/* A program that writes into the same market: the turn is made anew, and smaller. */
static int conflict(struct playback *p, struct turn *turn)
{
    p->conflicts++;
    p->events_limit = turn->events > 1 ? turn->events / 2 : 1;
    p->conflict_pause_ms = p->conflict_pause_ms ? 2 * p->conflict_pause_ms : 1;
    if (p->conflict_pause_ms > CONFLICT_PAUSE_MAX_MS)
        p->conflict_pause_ms = CONFLICT_PAUSE_MAX_MS;
    forget(p);
    clock_sleep_ms(p->options.clock, clock_random_between(p->options.clock, 0, p->conflict_pause_ms));
    return 0;
}

static int receive(struct playback *p)
{
    struct turn *turn = &p->turns[p->at];
    struct exec_result result;

    p->sent = false;
    arena_reset(p->arena);
    exec_receive(p->options.session, p->queued, p->arena, &result);
    switch (result.class) {
    case EXEC_APPLIED:
        return applied(p, turn, &result);
    case EXEC_CONFLICT:
        return conflict(p, turn);
    case EXEC_REFUSED:
        if (result.trouble == TROUBLE_SERVER)
            session_drop(p->options.session, "this server cannot be written to");
        return failed(p, result.trouble == TROUBLE_STOP ? -EACCES : -EBUSY, "redis refuses to be written to", &result.error);
    case EXEC_TORN:
        return failed(p, -ENOTRECOVERABLE, "a transaction was applied in part", &result.error);
    case EXEC_UNKNOWN:
        break;
    }
    return failed(p, -ECONNRESET, "connection lost", &result.error);
}

static int go(struct playback *p, bool last)
{
    struct turn *turn = &p->turns[p->at];
    int r = load(p, turn);

    if (r)
        return r;
    buffer_reset(&p->outcomes);
    r = turn_decide(turn, &p->decide);
    if (!r)
        r = buffer_error(&p->outcomes);
    if (!r && p->options.letters)
        tails_join(p->tails, p->lanes, turn);
    if (!r)
        r = send(p, turn, &p->turns[!p->at], last);
    if (r)
        forget(p);
    return r;
}

int playback_run(struct playback *p, bool last)
{
    struct turn *turn;
    int r = p->sent ? receive(p) : 0;

    if (r)
        return r;
    turn = &p->turns[p->at];
    if (!turn->runs_count && enough(p, NULL, last))
        fill(p, turn, NULL);
    return turn->runs_count ? go(p, last) : 0;
}

int playback_pause(struct playback *p)
{
    int r = p->sent ? receive(p) : 0;

    if (!r)
        forget(p);
    return r;
}

bool playback_is_idle(const struct playback *p)
{
    return p->held == 0 && !p->sent;
}

/* A turn without events, of every partition that has something to take out. */
static size_t fill_flush(struct playback *p, struct turn *turn)
{
    struct turn_bounds bounds = p->options.bounds;

    bounds.events = 0;
    for (size_t i = 0; i < p->options.partitions_count; i++) {
        struct lane *lane = &p->lanes[i];

        if (lane->partition && lane->partition->outbox.finished && !turn_add(turn, lane, 0, &bounds, true))
            break;
    }
    return turn->runs_count;
}

int playback_flush(struct playback *p)
{
    int r = 0;

    ASSERT(playback_is_idle(p));
    while (!r && fill_flush(p, &p->turns[p->at])) {
        r = go(p, false);
        if (!r)
            r = receive(p);
    }
    return r;
}

int64_t playback_conflicts(const struct playback *p)
{
    return p->conflicts;
}
