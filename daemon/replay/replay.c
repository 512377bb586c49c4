#include "replay/replay.h"

#include <stdlib.h>
#include <string.h>

#include "turn/rate.h"

enum { TURNS_HELD = 4, BYTES_HELD = 64 << 20, BURST = 64, IDLE_MS = 20, RETRY_MS = 200 };

enum phase { PHASE_OPEN, PHASE_LEARN, PHASE_PLAY, PHASE_FINISH };

struct replay {
    struct replay_options options;
    enum phase phase;
    struct journal *journal;
    struct playback *playback;
    struct journal_event next;      /* taken from the journal, and not yet pushed */
    bool has_next, ended;           /* the journal has no more */
    bool learned, opened;           /* opened: once, so that the market must be taken over before it is again */
    int64_t *applied;               /* by range: the offset after the last event that was counted */
    int64_t learn_of, waited_until;
    struct rate rate;
    struct replay_counts counts;
    struct journal_counts read;     /* of journals that are closed */
};

static int64_t now(const struct replay *p)
{
    return clock_monotonic_ms(p->options.clock);
}

int replay_new(struct replay **out, const struct replay_options *options)
{
    struct replay *p = calloc(1, sizeof *p);
    const struct target *t = options->target;

    if (!p)
        return -ENOMEM;
    p->options = *options;
    p->applied = calloc(t->count ? t->count : 1, sizeof *p->applied);
    if (!p->applied) {
        replay_free(p);
        return -ENOMEM;
    }
    for (size_t i = 0; i < t->count; i++)
        p->applied[i] = t->ranges[i].from;
    for (size_t i = 0; options->verify && i < t->count; i++)
        p->learn_of += t->ranges[i].from - t->begins[i];
    p->learned = p->learn_of == 0;
    rate_set(&p->rate, options->rate_per_s, now(p));
    *out = p;
    return 0;
}

static struct journal_counts sum(struct journal_counts a, struct journal_counts b)
{
    return (struct journal_counts){a.events + b.events, a.bytes + b.bytes, a.recorded + b.recorded, a.copies + b.copies, a.foreign + b.foreign,
                                   a.unreadable + b.unreadable, a.displaced + b.displaced, a.read + b.read};
}

/* Back to where the market must be taken over. */
static void close_all(struct replay *p)
{
    if (p->has_next)
        journal_event_free(&p->next);
    p->has_next = p->ended = false;
    if (p->playback)
        p->counts.conflicts += playback_conflicts(p->playback);
    p->playback = playback_free(p->playback);
    if (p->journal)
        p->read = sum(p->read, journal_counts(p->journal));
    p->journal = journal_free(p->journal);
    p->phase = PHASE_OPEN;
}

struct replay *replay_free(struct replay *p)
{
    if (p) {
        close_all(p);
        free(p->applied);
        free(p);
    }
    return NULL;
}

static int done(void *context, const struct playback_done *event)
{
    struct replay *p = context;
    int r = 0;

    p->counts.events++;
    p->counts.statuses[event->status]++;
    p->counts.reasons[event->reason]++;
    p->applied[event->event->range] = event->event->offset + 1;
    if (event->taken || event->reason == REASON_QUARANTINED || event->reason == REASON_SKIPPED)
        p->counts.taken++;
    if (p->options.emit)
        r = emit_done(p->options.emit, event);
    if (!r && p->options.verify)
        r = verify_done(p->options.verify, event);
    return r;
}

static int before(void *context, const struct journal_event *event, const struct decision *recorded, struct view *view)
{
    struct replay *p = context;

    return verify_before(p->options.verify, event, recorded, view);
}

static int open_playback(struct replay *p)
{
    const struct target *t = p->options.target;
    struct playback_options options = {
        .mode = PLAYBACK_DECIDE,
        .keep_outcomes = p->options.emit != NULL,
        .show_outcomes = p->options.emit || p->options.verify,
        .bounds = p->options.bounds,
        .events_max = TURNS_HELD * p->options.bounds.events,
        .bytes_max = BYTES_HELD,
        .session = p->options.session,
        .clock = p->options.clock,
        .log = p->options.log,
        .pool = &p->options.target->pool,
        .limits = p->options.limits,
        .shard = &p->options.target->shard,
        .partitions = t->partitions,
        .partitions_count = t->count,
        .begins = t->begins,
        .before = p->options.verify ? before : NULL,
        .done = done,
        .context = p,
    };

    return playback_new(&p->playback, &options);
}

static int open_journal(struct replay *p, const struct journal_range *ranges, bool sources, struct error_text *error)
{
    struct journal_options options = p->options.journal;

    options.ranges = ranges;
    options.ranges_count = p->options.target->count;
    options.sources = sources;
    return journal_new(&p->journal, &options, error);
}

/* What an earlier run replayed is read once more, so that the values that its decisions left are known. */
static int open_learning(struct replay *p, struct error_text *error)
{
    const struct target *t = p->options.target;
    struct journal_range *ranges = calloc(t->count ? t->count : 1, sizeof *ranges);
    int r;

    if (!ranges)
        return -ENOMEM;
    for (size_t i = 0; i < t->count; i++) {
        ranges[i] = t->ranges[i];
        ranges[i].from = t->begins[i];
        ranges[i].to = t->ranges[i].from;
    }
    r = open_journal(p, ranges, false, error);
    free(ranges);
    if (!r)
        p->phase = PHASE_LEARN;
    return r;
}

/* What was applied and not counted: its process was killed, or the connection lost before the answer. */
static void count_lost(struct replay *p)
{
    const struct target *t = p->options.target;

    for (size_t i = 0; i < t->count; i++)
        if (t->ranges[i].from > p->applied[i]) {
            p->counts.uncounted += t->ranges[i].from - p->applied[i];
            p->applied[i] = t->ranges[i].from;
        }
}

static int open_play(struct replay *p, struct error_text *error)
{
    int r = 0;

    p->opened = true;
    if (p->options.emit)
        r = emit_again(p->options.emit);
    if (!r)
        r = open_journal(p, p->options.target->ranges, true, error);
    if (!r)
        r = open_playback(p);
    if (!r)
        p->phase = PHASE_PLAY;
    return r;
}

/* The connection, the marks, and readers from there. */
static int open_all(struct replay *p, struct error_text *error)
{
    struct session *session = p->options.session;
    int r = 0;

    if (!p->learned)
        return open_learning(p, error);
    if (!session_is_up(session)) {
        if (now(p) < session_connect_at(session))
            return clock_sleep_ms(p->options.clock, IDLE_MS), 0;
        r = session_connect(session, error);
        if (r == -EACCES || r == -ENOTSUP)
            return r;
        if (r) {
            log_at(p->options.log, session_failure_is_news(session) ? LOG_LEVEL_WARNING : LOG_LEVEL_DEBUG, "redis is away error=\"%s\"", error->text);
            return 0;
        }
    }
    if (p->opened) {
        r = target_take_over(p->options.target, error);
        if (r == -EAGAIN)
            clock_sleep_ms(p->options.clock, RETRY_MS);
        if (r)
            return session_is_up(session) && r != -EAGAIN ? r : 0;
        count_lost(p);
    }
    return open_play(p, error);
}

static int learn(struct replay *p, struct error_text *error)
{
    struct journal_event event;
    int r = 1;

    for (int i = 0; r == 1 && i < BURST; i++) {
        r = journal_next(p->journal, IDLE_MS, &event, error);
        if (r == 1) {
            int learned = verify_learn(p->options.verify, &event);

            journal_event_free(&event);
            if (learned)
                return learned;
        }
    }
    if (r == 0) {
        p->journal = journal_free(p->journal);
        p->learned = true;
        p->phase = PHASE_OPEN;
    }
    return r < 0 && r != -EAGAIN ? r : 0;
}

static bool is_passed_over(const struct replay *p)
{
    const struct journal_range *range = &p->options.target->ranges[p->next.range];

    return !p->next.recorded && p->options.passed_over && p->options.passed_over(p->options.context, range->topic, range->partition, p->next.offset);
}

/* From the journal into the playback; 0: all that may be is there (or there is no room), -EAGAIN: nothing comes just now. */
static int push(struct replay *p, int wait_ms, struct error_text *error)
{
    size_t allowed = rate_allows(&p->rate, now(p));

    for (; allowed > 0; allowed--) {
        if (!p->has_next) {
            int r = journal_next(p->journal, wait_ms, &p->next, error);

            p->ended = r == 0;
            if (r <= 0)
                return r;
            p->has_next = true;
            if (is_passed_over(p)) {
                journal_event_free(&p->next);
                p->has_next = false;
                p->counts.passed_over++;
                continue;
            }
        }
        if (!playback_push(p->playback, &p->next))
            return 0;
        p->has_next = false;
        rate_used(&p->rate, 1);
        wait_ms = 0;
    }
    return -EAGAIN;
}

/* What ended a playback, where nobody has said more. */
static const char *what(int r)
{
    if (r == -ESTALE)
        return "somebody else works in the namespace";
    if (r == -ENOTRECOVERABLE)
        return "a transaction was applied in part: another namespace would be right";
    if (r == -EPROTO)
        return "a recorded decision cannot be applied, see above";
    return strerror(-r);
}

/* Redis away, or a producer that failed: begins again at the marks. */
static int again(struct replay *p, int r, struct error_text *error)
{
    bool lost = !session_is_up(p->options.session);

    if (r < 0 && !lost)
        return error->text[0] ? r : error_set(error, r, "%s", what(r));
    close_all(p);
    return 0;
}

static int serve_emit(struct replay *p, bool everything, struct error_text *error)
{
    int r = p->options.emit ? emit_serve(p->options.emit, everything, error) : 0;

    if (r == 1 && session_is_up(p->options.session))
        session_drop(p->options.session, "outcomes must be read back and sent once more");
    return r;
}

static int play(struct replay *p, bool stop, struct error_text *error)
{
    bool full = p->options.emit && emit_is_full(p->options.emit), idle = playback_is_idle(p->playback), waiting = false;
    int r = 0;

    if (now(p) < p->waited_until)
        return clock_sleep_ms(p->options.clock, IDLE_MS), 0;
    if (!stop && !full && !p->ended) {
        r = push(p, idle ? IDLE_MS : 0, error);
        waiting = r == -EAGAIN;
        if (waiting)
            error->text[0] = '\0';
    }
    if (r < 0 && !waiting)
        return r;
    r = playback_run(p->playback, waiting || full || stop || p->ended);
    if (r == -EBUSY) {
        p->waited_until = now(p) + RETRY_MS;
        r = 0;
    }
    if (!r)
        r = serve_emit(p, false, error);
    if (r)
        return again(p, r, error);
    if (full && playback_is_idle(p->playback))
        clock_sleep_ms(p->options.clock, 1);
    if (playback_is_idle(p->playback) && (p->ended || stop))
        p->phase = PHASE_FINISH;
    return 0;
}

static int finish(struct replay *p, struct error_text *error)
{
    int r = serve_emit(p, true, error);

    if (r)
        return again(p, r, error);
    if (p->options.emit && !emit_is_idle(p->options.emit))
        return clock_sleep_ms(p->options.clock, 1), 0;
    r = playback_flush(p->playback);
    if (r == -EBUSY)
        return clock_sleep_ms(p->options.clock, RETRY_MS), 0;
    return r ? again(p, r, error) : 1;
}

int replay_step(struct replay *p, int64_t ms, bool stop, struct error_text *error)
{
    int64_t until = now(p) + ms;
    int r = 0;

    error->text[0] = '\0';
    while (!r && now(p) < until) {
        switch (p->phase) {
        case PHASE_OPEN:
            if (stop)
                return 1;
            r = open_all(p, error);
            break;
        case PHASE_LEARN:
            if (stop)
                return 1;
            r = learn(p, error);
            break;
        case PHASE_PLAY:
            r = play(p, stop, error);
            break;
        case PHASE_FINISH:
            r = finish(p, error);
            break;
        }
    }
    return r;
}

bool replay_is_learning(const struct replay *p)
{
    return !p->learned;
}

int64_t replay_done(const struct replay *p)
{
    const struct target *t = p->options.target;
    int64_t done = 0;

    for (size_t i = 0; i < t->count; i++)
        done += p->learned ? p->applied[i] - t->begins[i] : p->journal ? journal_position(p->journal, i) - t->begins[i] : 0;
    return done;
}

int64_t replay_of(const struct replay *p)
{
    const struct target *t = p->options.target;
    int64_t of = 0;

    for (size_t i = 0; p->learned && i < t->count; i++)
        of += t->ranges[i].to - t->begins[i];
    return p->learned ? of : p->learn_of;
}

bool replay_is_over(const struct replay *p)
{
    return p->ended && p->phase == PHASE_FINISH;
}

const struct replay_counts *replay_counts(const struct replay *p)
{
    return &p->counts;
}

struct journal_counts replay_journal_counts(const struct replay *p)
{
    return p->journal ? sum(p->read, journal_counts(p->journal)) : p->read;
}

void replay_set_counts(struct replay *p, const struct replay_counts *counts)
{
    p->counts = *counts;
}
