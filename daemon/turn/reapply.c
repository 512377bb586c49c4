#include "turn/reapply_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"

/* STUCK_MS: without any event, while the lock is held, before it is left to somebody who may have it better. */
enum { RETRY_MS = 500, SAY_MS = 10000, STUCK_MS = 60000, LEAVE_MIN_MS = 10000, LEAVE_MAX_MS = 20000, LINE_SIZE = 1200 };

static int64_t monotonic(const struct reapply *r)
{
    return clock_monotonic_ms(r->options.start.clock);
}

void reapply_say(struct reapply *r, const char *format, ...)
{
    char line[LINE_SIZE];
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (r->options.say)
        r->options.say(r->options.context, line);
    else
        log_notice(r->log, "reapply: %s", line);
}

int reapply_new(struct reapply **out, const struct reapply_options *options)
{
    struct reapply *r = calloc(1, sizeof *r);

    if (!r)
        return -ENOMEM;
    r->options = *options;
    r->log = options->start.log;
    clock_uuid(options->start.clock, r->uuid);
    shard_init(&r->shard, options->start.prefix, options->shard);
    r->changed_at = r->said_at = monotonic(r);
    *out = r;
    return 0;
}

static void drop_readers(struct reapply *r)
{
    if (r->waiting)
        journal_event_free(&r->event);
    r->waiting = false;
    r->playback = playback_free(r->playback);
    r->journal = journal_free(r->journal);
}

struct reapply *reapply_free(struct reapply *r)
{
    if (!r)
        return NULL;
    drop_readers(r);
    if (r->torn && session_is_up(r->options.start.redis->session) && reapply_torn(r))
        log_error(r->log, "what was applied in part cannot be marked so, the market stays halted");
    reapply_unlock(r);
    for (size_t i = 0; i < r->count; i++)
        partition_free(r->partitions[i], &r->pool);
    outbox_pool_deinit(&r->pool);
    free(r->parts);
    free(r->partitions);
    free(r->ranges);
    free(r->letters_from);
    free(r);
    return NULL;
}

/* All that was known is looked at anew. */
static void begin_again(struct reapply *r, int64_t wait_ms)
{
    drop_readers(r);
    r->held = false;
    r->work = WORK_WATCH;
    r->wake_at = monotonic(r) + wait_ms;
}

static int over(struct reapply *r, bool ours)
{
    drop_readers(r);
    r->work = WORK_OVER;
    r->progress.phase = REAPPLY_DONE;
    r->progress.ours = ours;
    return 1;
}

/* --- one piece of each kind of work */

static int watch(struct reapply *r, struct refusal *refusal)
{
    bool waited = r->looked && r->progress.phase == REAPPLY_WAITING;
    int result = reapply_watch(r, refusal);

    if (result == 1)
        return over(r, false);
    if (result)
        return result;
    r->era = r->shard.registry.era;
    r->third[0] = '\0';
    r->from_start = false;
    r->at = 0;
    for (size_t i = 0; i < r->count; i++)
        r->parts[i].outcomes_to = -1;
    if (r->work == WORK_WATCH && !waited && r->lock[0])
        reapply_say(r, "another instance applies published decisions again, or did until lately; it is waited for");
    if (r->work != WORK_WATCH)
        reapply_say(r, "published decisions that redis lost are %s: %s", r->options.dry ? "looked for" : "applied again", r->shard.registry.halt);
    return 0;
}

static int load(struct reapply *r, struct refusal *refusal)
{
    int result = reapply_load(r, refusal);

    r->progress.phase = REAPPLY_SETTLING;
    if (result || ++r->at < r->count)
        return result;
    r->at = 0;
    r->work = WORK_EVIDENCE;
    r->wake_at = monotonic(r) + r->options.settle_ms;
    if (r->options.settle_ms)
        reapply_say(r, "waiting %lld s until every instance has seen the halt and publishes nothing more", (long long)r->options.settle_ms / 1000);
    r->stirred_at = r->wake_at;
    return 0;
}

static int evidence(struct reapply *r, struct refusal *refusal)
{
    int result = reapply_evidence(r, refusal);

    r->progress.phase = REAPPLY_LOOKING;
    if (result)
        return result;
    r->stirred_at = monotonic(r);
    if (++r->at < r->count)
        return 0;
    r->at = 0;
    r->work = WORK_OUTCOMES;
    return reapply_journal(r, false);
}

/* What each partition lacks, as it was found. */
static void say_ranges(struct reapply *r)
{
    if (r->options.dry && !r->found)
        reapply_say(r, "nothing that was published is missing: no decision would be applied again, only the halt would end, in a new era");
    for (size_t i = 0; i < r->count; i++) {
        const struct reapply_part *part = &r->parts[i];
        int64_t next = part->partition->mark.next, from = part->to > next ? part->to : next;

        if (part->last >= next)
            reapply_say(r, "%s: %s %s %s applied again", part->partition->at, number_offsets(next, part->last).text,
                        number_words(part->last - next + 1, "was published, its decision", "were published, their decisions"),
                        r->options.dry ? "would be" : number_words(part->last - next + 1, "is", "are"));
        if (part->handed > from)
            reapply_say(r, "%s: %s %s not in the outcome topic", part->partition->at, number_offsets(from, part->handed - 1).text,
                        number_words(part->handed - from, "was handed to a producer and is", "were handed to a producer and are"));
    }
}

static int outcomes(struct reapply *r, int64_t until, struct refusal *refusal)
{
    int result = reapply_outcomes(r, until, refusal);

    if (result != 1)
        return result;
    if (r->work == WORK_SOURCES)
        return reapply_journal(r, true);
    if (r->options.dry)
        say_ranges(r);
    return r->options.dry ? over(r, true) : 0;
}

static int sources(struct reapply *r, int64_t until, struct refusal *refusal)
{
    int result = reapply_sources(r, until, refusal);

    if (result != 1)
        return result;
    say_ranges(r);
    r->progress.of = r->progress.events + r->found;
    if (r->options.dry)
        return over(r, true);
    r->work = r->found ? WORK_APPLY : WORK_FINISH;
    return 0;
}

/* What was published meanwhile is looked for, from where the outcomes were read up to. */
static int apply(struct reapply *r, int64_t until, struct refusal *refusal)
{
    int result = reapply_apply(r, until, refusal);

    if (result != 1)
        return result;
    drop_readers(r);
    r->at = 0;
    r->work = WORK_EVIDENCE;
    return 0;
}

static int finish(struct reapply *r)
{
    int result = reapply_finish(r);

    if (result)
        return result;
    reapply_say(r, "era %lld begins, the market is no longer halted: %lld %s applied again, %lld %s not as recorded", (long long)r->era + 1,
                (long long)r->progress.events, number_words(r->progress.events, "decision was", "decisions were"), (long long)r->progress.differences,
                number_words(r->progress.differences, "value was", "values were"));
    return over(r, true);
}

static int work(struct reapply *r, int64_t until, struct refusal *refusal)
{
    switch (r->work) {
    case WORK_WATCH:
        return watch(r, refusal);
    case WORK_LOAD:
        return load(r, refusal);
    case WORK_EVIDENCE:
        return evidence(r, refusal);
    case WORK_OUTCOMES:
        return outcomes(r, until, refusal);
    case WORK_SOURCES:
        return sources(r, until, refusal);
    case WORK_APPLY:
        return apply(r, until, refusal);
    case WORK_FINISH:
        return finish(r);
    case WORK_OVER:
        break;
    }
    return 1;
}

/* --- a step */

static void say_progress(struct reapply *r)
{
    int64_t now = monotonic(r);

    if (now - r->said_at < SAY_MS)
        return;
    r->said_at = now;
    log_notice(r->log, "published decisions are applied again phase=%s events=%lld of=%lld", reapply_phase_name(r->progress.phase),
               (long long)r->progress.events, (long long)r->progress.of);
}

/* What stands against it may stand against this instance alone. */
static bool is_stuck(struct reapply *r)
{
    return r->held && r->work > WORK_LOAD && monotonic(r) - r->stirred_at > STUCK_MS;
}

static void leave_it_to_others(struct reapply *r)
{
    log_warning(r->log, "published decisions cannot be applied again by this instance, another may try why=\"%s\"", r->error.text);
    drop_readers(r);
    reapply_unlock(r);
    begin_again(r, clock_random_between(r->options.start.clock, LEAVE_MIN_MS, LEAVE_MAX_MS));
}

/* Now and then: it is tried twice a second. */
static void say_failure(struct reapply *r, int result)
{
    int64_t now = monotonic(r);
    const char *why = r->error.text[0] ? r->error.text : strerror(-result);

    if (result == -EACCES) {
        log_error(r->log, "published decisions may not be applied again error=\"%s\"", why);
    } else if (result != -EPROTO && result != -ESTALE && (!r->failed_at || now - r->failed_at >= SAY_MS)) {
        r->failed_at = now;
        log_warning(r->log, "published decisions cannot be applied again yet error=\"%s\"", why);
    }
}

/* After an error Redis may be another, or a mark somebody else's: the lock is taken once more, and everything looked at. Kafka is asked again as it was. */
static int failed(struct reapply *r, int result)
{
    bool of_kafka = session_is_up(r->options.start.redis->session) && (r->work == WORK_EVIDENCE || r->work == WORK_OUTCOMES || r->work == WORK_SOURCES);

    say_failure(r, result);
    if (result == -EPROTO || result == -EACCES) {
        drop_readers(r);
        reapply_unlock(r);
        r->work = WORK_WATCH;
        return result;
    }
    if (!of_kafka || result == -ESTALE) {
        begin_again(r, RETRY_MS);
    } else if (r->work != WORK_EVIDENCE) {
        drop_readers(r);
        r->at = 0;
        r->work = WORK_EVIDENCE;
        for (size_t i = 0; i < r->count; i++)
            r->parts[i].outcomes_to = -1;
    }
    r->wake_at = monotonic(r) + RETRY_MS;
    return result == -ESTALE ? 0 : result;
}

/* Redis may have come back older once more since the marks were read, and what was found beside them is about another state. */
static int refusal_stands(struct reapply *r, struct refusal *refusal)
{
    int result;

    drop_readers(r);
    result = reapply_confirm(r);
    if (!result)
        return -EPROTO;
    *refusal = (struct refusal){0};
    return result;
}

int reapply_step(struct reapply *r, int64_t ms, struct refusal *refusal)
{
    int64_t until = monotonic(r) + ms;
    int result = 0;

    r->error.text[0] = '\0';
    r->idle = false;
    while (!result && !r->idle && monotonic(r) < until) {
        if (r->torn)
            result = reapply_torn(r);
        if (is_stuck(r))
            leave_it_to_others(r);
        if (r->held && reapply_beat_is_due(r))
            result = reapply_beat(r);
        if (!result && monotonic(r) < r->wake_at)
            break;
        if (!result)
            result = work(r, until, refusal);
    }
    if (result == -EPROTO && r->held)
        result = refusal_stands(r, refusal);
    say_progress(r);
    return result < 0 ? failed(r, result) : result;
}

bool reapply_rests(const struct reapply *r)
{
    return monotonic(r) < r->wake_at && (!r->held || !reapply_beat_is_due(r));
}

struct reapply_progress reapply_progress(const struct reapply *r)
{
    return r->progress;
}

const char *reapply_phase_name(enum reapply_phase phase)
{
#define REAPPLY_PHASE_NAME(constant, name) [REAPPLY_##constant] = #name,
    static const char *const names[] = {REAPPLY_PHASES(REAPPLY_PHASE_NAME)};
#undef REAPPLY_PHASE_NAME

    return names[phase];
}
