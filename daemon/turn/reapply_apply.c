/* The second pass: what was published is applied through turns that decide nothing (PROTOCOL.md 5). */
#include <stdio.h>
#include <string.h>

#include "turn/reapply_inside.h"

/* NAMED_MAX: differences said in full; the rest is counted. Two turns may be held, so that one is put together while Redis works. */
enum { NAMED_MAX = 20, BUSY_MS = 100, SETTLE_MS = 200, TURNS_HELD = 2 };

static int64_t monotonic(const struct reapply *r)
{
    return clock_monotonic_ms(r->options.start.clock);
}

/* The key as Redis has it. */
static void name_key(char *out, size_t size, const struct reapply *r, const struct observation *seen)
{
    const char *prefix = shard_market_word(seen->kind);
    int used = snprintf(out, size, "%s%s%.*s", r->shard.prefix, prefix, seen->owner ? (int)seen->owner->size : 0, seen->owner ? seen->owner->text : "");

    if (seen->item && used > 0 && (size_t)used < size)
        snprintf(out + used, size - (size_t)used, " %.*s%s%.*s", (int)seen->item->size, seen->item->text, seen->seller ? "." : "",
                 seen->seller ? (int)seen->seller->size : 0, seen->seller ? seen->seller->text : "");
}

static void value_text(char out[32], enum view_state state, int64_t value)
{
    if (state == VIEW_PRESENT)
        snprintf(out, 32, "%lld", (long long)value);
    else
        snprintf(out, 32, "%s", state == VIEW_MISSING ? "missing" : "of another type");
}

/* A write of another program was lost with the rest, or came since: what the decision changed is changed by as much all the same. */
static void say_difference(struct reapply *r, const struct journal_event *event, const struct playback_difference *difference)
{
    char key[320], recorded[32], found[32];

    r->progress.differences++;
    if (++r->named > NAMED_MAX)
        return;
    name_key(key, sizeof key, r, difference->recorded);
    value_text(recorded, difference->recorded->before, difference->recorded->before_value);
    value_text(found, difference->state, difference->value);
    reapply_say(r, "%s@%lld: %s was %s when it was decided and is %s now: a write of another program was lost, or came since",
                r->partitions[event->range]->at, (long long)event->offset, key, recorded, found);
}

static int applied(void *context, const struct playback_done *done)
{
    struct reapply *r = context;

    r->progress.events++;
    for (size_t i = 0; i < done->differences_count; i++)
        say_difference(r, done->event, &done->differences[i]);
    return 0;
}

static int begin(struct reapply *r)
{
    int result = reapply_journal(r, true);      /* makes letters_from anew */
    struct playback_options options = {
        .mode = r->options.mode, .letters = true, .letters_from = r->letters_from, .bounds = r->options.bounds, .events_max = TURNS_HELD * r->options.bounds.events,
        .bytes_max = TURNS_HELD * r->options.bounds.bytes, .session = r->options.start.redis->session, .clock = r->options.start.clock, .log = r->log, .pool = &r->pool,
        .limits = r->options.limits, .shard = &r->shard, .partitions = r->partitions, .partitions_count = r->count, .done = applied, .context = r,
    };

    for (size_t i = 0; !result && i < r->count; i++)
        r->letters_from[i] = r->parts[i].committed;
    r->shard.under_halt = true;
    return result ? result : playback_new(&r->playback, &options);
}

/* From the journal into the playback: 1: there is no room; 0: nothing more comes for now; -ENODATA: nothing more comes at all. */
static int fill(struct reapply *r, int64_t until, struct refusal *refusal)
{
    struct journal_event event;
    int result;

    while ((result = r->waiting ? 1 : reapply_next(r, until, &event, refusal)) == 1) {
        if (!r->waiting)
            r->event = event;
        r->waiting = !playback_push(r->playback, &r->event);
        if (r->waiting)
            return 1;
    }
    return result;
}

/* Whatever is on the way has come, and the connection is free for others. Where another program is in the way all the time, the rest waits for the
 * next step. */
static int settle(struct reapply *r)
{
    int64_t until = monotonic(r) + SETTLE_MS;
    int result = 0;

    while (!result && !playback_is_idle(r->playback) && monotonic(r) < until) {
        result = playback_run(r->playback, true);
        r->stirred_at = monotonic(r);
    }
    return result || playback_is_idle(r->playback) ? result : playback_pause(r->playback);
}

/* Between two steps others use the connection: what they have watched must not fail the next turn. */
static int unwatch(struct reapply *r)
{
    struct reply **replies;

    asker_begin(r->options.start.redis);
    command_texts(r->options.start.redis->commands, "UNWATCH", NULL);
    return asker_ask(r->options.start.redis, &replies);
}

int reapply_apply(struct reapply *r, int64_t until, struct refusal *refusal)
{
    int result = r->playback ? unwatch(r) : begin(r), filled = 0;

    r->progress.phase = REAPPLY_APPLYING;
    while (!result && filled >= 0 && !r->idle && monotonic(r) < until) {
        filled = fill(r, until, refusal);
        if (filled > 0)
            result = playback_run(r->playback, false);
    }
    if (!result)
        result = settle(r);
    for (size_t i = 0; i < r->count; i++)
        outbox_reset(&r->partitions[i]->outbox, &r->pool, r->partitions[i]->mark.done);
    r->torn |= result == -ENOTRECOVERABLE;
    if (result == -EPROTO && !refusal->set) {
        refusal_say(refusal, "a decision that was published cannot be applied again, as the log says; restore a newer state of redis, or give it up");
        refusal_resolve(refusal, "--accept-rollback");
    }
    if (result == -EBUSY) {
        r->wake_at = monotonic(r) + BUSY_MS;
        return 0;
    }
    if (result)
        return result;
    return filled == -ENODATA ? playback_is_idle(r->playback) : filled < 0 ? filled : 0;
}
