/* What the group gives and takes away, and the take-over that comes before anything is decided (DESIGN 4.2). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/state.h"

enum { RETRY_MIN_MS = 50, RETRY_MAX_MS = 500, WATCH_MS = 3000, CUT_SAY_MS = 3600000, RETRY_SAY_MS = 10000 };

static int64_t monotonic(const struct pipeline *p)
{
    return clock_monotonic_ms(p->options.clock);
}

struct shard *assignment_shard(struct pipeline *p, int32_t partition)
{
    int32_t number = p->options.sharded ? partition : SHARD_NONE;
    struct shard **shards;

    for (size_t i = 0; i < p->shards_count; i++)
        if (p->shards[i]->number == number)
            return p->shards[i];
    shards = reallocarray(p->shards, p->shards_count + 1, sizeof *shards);
    if (!shards)
        return NULL;
    p->shards = shards;
    shards[p->shards_count] = calloc(1, sizeof **shards);
    if (!shards[p->shards_count])
        return NULL;
    shard_init(shards[p->shards_count], p->options.prefix, number);
    return shards[p->shards_count++];
}

static int lane_add(struct pipeline *p, const char *topic, int32_t number)
{
    struct shard *shard = assignment_shard(p, number);
    struct lane **lanes = reallocarray(p->lanes, p->lanes_count + 1, sizeof *lanes);
    struct lane *lane = calloc(1, sizeof *lane);
    int r = -ENOMEM;

    if (lanes)
        p->lanes = lanes;
    if (shard && lanes && lane && p->lanes_count < LANES_MAX)
        r = partition_new(&lane->partition, topic, number, shard);
    if (r) {
        free(lane);
        return r;
    }
    lane->base = lane->position = lane->end = -1;
    lanes[p->lanes_count++] = lane;
    return 0;
}

void assignment_drop(struct pipeline *p, struct lane *lane)
{
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i] == lane)
            p->lanes[i] = p->lanes[--p->lanes_count];
    p->recent = NULL;
    skip_untaken(p, lane);
    lane_clear(lane, &p->items);
    partition_free(lane->partition, &p->pool);
    free(lane);
}

void assignment_untake_lane(struct pipeline *p, struct lane *lane)
{
    lane->owed_timestamp = lane_owed(lane);
    skip_untaken(p, lane);
    lane->partition->state = PARTITION_UNTAKEN;
    lane->retry_at = monotonic(p) + clock_random_between(p->options.clock, RETRY_MIN_MS, RETRY_MAX_MS);
    outbox_reset(&lane->partition->outbox, &p->pool, 0);
}

void assignment_untake(struct pipeline *p, const struct shard *shard)
{
    for (size_t i = 0; i < p->lanes_count; i++)
        if ((!shard || p->lanes[i]->partition->shard == shard) && p->lanes[i]->partition->state == PARTITION_OWNED) {
            assignment_untake_lane(p, p->lanes[i]);
            p->lanes[i]->retry_at = 0;
        }
}

void assignment_serve_failures(struct pipeline *p)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct lane *lane = p->lanes[i];

        if (!lane->failed)
            continue;
        lane->failed = false;
        execute_forget(p);
        assignment_untake_lane(p, lane);
        lane_clear(lane, &p->items);
    }
}

static void assigned(struct pipeline *p, const struct kafka_group_event *event)
{
    for (size_t i = 0; i < event->count; i++)
        if (!intake_lane(p, event->positions[i].topic, event->positions[i].partition) &&
            lane_add(p, event->positions[i].topic, event->positions[i].partition))
            log_error(p->log, "no room for another partition topic=%s partition=%d bound=%d", event->positions[i].topic,
                      event->positions[i].partition, LANES_MAX);
    log_info(p->log, "assigned by the group partitions=%zu", event->count);
}

/* What was applied is published, delivered and committed first, within revoke_ms; of lost partitions nothing is committed. */
static void revoked(struct pipeline *p, const struct kafka_group_event *event)
{
    struct kafka_position *positions = event->positions;

    execute_forget(p);
    if (session_is_up(p->options.session))
        (void)torn_write_now(p);      /* the next owner would not know */
    if (!event->lost) {
        int64_t until = monotonic(p) + p->settings.revoke_ms;

        commit_flush(p, until - p->settings.revoke_ms / 4);      /* a quarter is kept for the commit */
        commit_now(p, positions, event->count, until);
    }
    if (source_end(p->options.source, positions, event->count))
        log_warning(p->log, "the revocation could not be answered");
    for (size_t i = 0; i < event->count; i++) {
        struct lane *lane = intake_lane(p, positions[i].topic, positions[i].partition);

        if (lane)
            assignment_drop(p, lane);
    }
    log_info(p->log, "revoked by the group partitions=%zu lost=%s", event->count, event->lost ? "yes" : "no");
}

void assignment_serve(struct pipeline *p)
{
    struct kafka_group_event event;

    while (source_serve(p->options.source, &event)) {
        switch (event.kind) {
        case KAFKA_ASSIGNED:
            p->joined = true;
            assigned(p, &event);
            break;
        case KAFKA_REVOKED:
            revoked(p, &event);
            break;
        case KAFKA_COMMITTED:
            commit_result(p, event.positions, event.count);
            break;
        case KAFKA_TROUBLE:
            log_warning(p->log, "kafka is in trouble error=\"%s\"", event.text.text);
            break;
        }
    }
}

/* Fetching goes on where it stood when what is held fits the mark, else it begins anew at `next`. In another era events are
 * decoded again: the operator may have quarantined one. */
static bool goes_on(struct pipeline *p, struct lane *lane)
{
    const struct partition *partition = lane->partition;
    bool same_era = lane->era == partition->shard->registry.era;

    lane->era = partition->shard->registry.era;
    lane->parked = lane->held = false;
    for (struct item *item = lane->head; item; item = item->next)
        item->expiring = false;
    if (lane->base >= 0 && same_era && lane_skip_to(lane, &p->items, partition->mark.next))
        return true;
    lane_clear(lane, &p->items);
    lane_start(lane, partition->mark.next);
    return false;
}

/* What the operator holds is flushed and not fetched. Whether it was fetched until now. */
static bool stays_closed(struct pipeline *p, struct lane *lane)
{
    bool fetched = lane->position >= 0;

    lane->era = lane->partition->shard->registry.era;
    lane->parked = true;
    lane_clear(lane, &p->items);
    lane->base = lane->partition->mark.next;
    return fetched;
}

/* Begins to fetch what was taken over; what was refused is fetched no more, so that it cannot fill the prefetch. */
static int begin(struct pipeline *p, struct lane *const *lanes, size_t count)
{
    struct kafka_position begun[TAKEOVER_MAX], ended[TAKEOVER_MAX];
    size_t begun_count = 0, ended_count = 0;
    int r = 0;

    for (size_t i = 0; i < count; i++) {
        struct partition *partition = lanes[i]->partition;

        if (partition->state == PARTITION_OWNED) {
            p->meters.takeovers++;
            if (park_wanted(p, lanes[i])) {
                if (stays_closed(p, lanes[i]))
                    ended[ended_count++] = partition_position(partition);
            } else if (!goes_on(p, lanes[i])) {
                begun[begun_count++] = partition_position(partition);
            }
            continue;
        }
        lanes[i]->stopped_era = partition->shard->known ? partition->shard->registry.era : 0;
        if (lanes[i]->base >= 0) {
            lane_clear(lanes[i], &p->items);
            ended[ended_count++] = partition_position(partition);
        }
    }
    if (ended_count)
        r = source_end(p->options.source, ended, ended_count);
    if (!r && begun_count)
        r = source_begin(p->options.source, begun, begun_count);
    return r;
}

static size_t due_of_one_shard(struct pipeline *p, struct lane **lanes, int64_t now)
{
    struct shard *shard = NULL;
    size_t count = 0;

    for (size_t i = 0; i < p->lanes_count && count < TAKEOVER_MAX; i++) {
        struct lane *lane = p->lanes[i];

        if (lane->partition->state != PARTITION_UNTAKEN || lane->retry_at > now || (shard && lane->partition->shard != shard))
            continue;
        shard = lane->partition->shard;
        lanes[count++] = lane;
    }
    return count;
}

/* A rollback that is going to be mended needs nobody. */
static void say_hope(struct pipeline *p, struct lane *lane, const struct refusal *refusal)
{
    snprintf(lane->refusal, sizeof lane->refusal, "%s; the decisions that were published are applied again", refusal->found);
    if (!lane->shown)
        log_warning(p->log, "a partition waits until the decisions that were published are applied again topic=%s partition=%d", lane->partition->topic,
                    lane->partition->number);
    lane->shown = true;
}

/* Another era has begun since these were taken over, and the registry that is known is that era's: what they hold is as it was before, and their
 * marks may be others' by now. Nothing of it may be decided, published or committed under the new one's name. */
static void untake_former(struct pipeline *p, const struct shard *shard)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        const struct partition *partition = p->lanes[i]->partition;

        if (partition->shard != shard || partition->state != PARTITION_OWNED ||
            (partition->era == shard->registry.era && strcmp(partition->incarnation, shard->registry.incarnation) == 0))
            continue;
        assignment_untake_lane(p, p->lanes[i]);
        p->lanes[i]->retry_at = 0;
    }
}

/* Says each refusal once; the first take-over of what was assigned first decides whether the daemon starts. */
static int say_refusals(struct pipeline *p, struct lane *const *lanes, size_t count, const struct refusal *refusals)
{
    bool refused = false, hope = false;

    for (size_t i = 0; i < count; i++) {
        if (!refusals[i].set) {
            lanes[i]->shown = false;
            continue;
        }
        if (refusals[i].market && rollback_has_hope(p, lanes[i]->partition->shard)) {
            hope = true;
            say_hope(p, lanes[i], &refusals[i]);
            continue;
        }
        refused = true;
        p->meters.refusals += !lanes[i]->shown;
        snprintf(lanes[i]->refusal, sizeof lanes[i]->refusal, refusals[i].resolve[0] ? "%s; orderd init -c %s %s" : "%s", refusals[i].found,
                 p->options.file, refusals[i].resolve);
        if (!lanes[i]->shown)
            refusal_log(&refusals[i], p->log, p->options.file, lanes[i]->partition->topic, lanes[i]->partition->number);
        lanes[i]->shown = true;
    }
    if (refused && !p->settled)
        return -EPROTO;
    if (hope && !p->settled)
        return 0;
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->partition->state == PARTITION_UNTAKEN)
            return 0;
    p->settled = true;
    return 0;
}

/* A halted market: what the producer still holds must not come out any more (DESIGN 4.5). */
static void purge_if_halted(struct pipeline *p, size_t count, const struct refusal *refusals)
{
    for (size_t i = 0; i < count; i++)
        if (refusals[i].set && refusals[i].market) {
            log_warning(p->log, "the market is halted: the producer is ended with all that it had not yet delivered records=%zu", sink_in_flight(p->sink));
            sink_purge(p->sink);
            return;
        }
}

/* A take-over is tried again several times a second; that is said now and then. */
static void say_retry(struct pipeline *p, size_t count, int error)
{
    int64_t now = monotonic(p);

    if (p->retry_said_at && p->retry_said == error && now - p->retry_said_at < RETRY_SAY_MS)
        return;
    p->retry_said_at = now;
    p->retry_said = error;
    if (error == -ENOENT)
        log_warning(p->log, "the take-over is tried again, a topic does not exist: a source, or the outcomes partitions=%zu outcomes=%s", count, p->options.outcomes);
    else
        log_notice(p->log, "the take-over is tried again partitions=%zu error=\"%s\"", count, p->takeover.why.text[0] ? p->takeover.why.text : strerror(-error));
}

static int take_over(struct pipeline *p, struct lane *const *lanes, size_t count)
{
    struct partition *partitions[TAKEOVER_MAX];
    struct refusal refusals[TAKEOVER_MAX];
    int r;

    execute_forget(p);
    for (size_t i = 0; i < count; i++) {
        partitions[i] = lanes[i]->partition;
        lanes[i]->retry_at = monotonic(p) + clock_random_between(p->options.clock, RETRY_MIN_MS, RETRY_MAX_MS);
    }
    r = takeover_run(&p->takeover, partitions[0]->shard, partitions, count, refusals);
    untake_former(p, partitions[0]->shard);
    if (r == -EPERM) {
        log_error(p->log, "redis refuses the take-over error=\"%s\"", p->takeover.why.text[0] ? p->takeover.why.text : strerror(-r));
        return -EACCES;
    }
    if (r) {
        p->meters.takeover_retries++;
        say_retry(p, count, r);
        return 0;
    }
    purge_if_halted(p, count, refusals);
    r = say_refusals(p, lanes, count, refusals);
    if (!r && begin(p, lanes, count)) {
        log_warning(p->log, "fetching could not begin, the partitions are taken over again partitions=%zu", count);
        for (size_t i = 0; i < count; i++) {
            lane_clear(lanes[i], &p->items);
            assignment_untake_lane(p, lanes[i]);
        }
    }
    p->commit_at = 0;
    return r;
}

/* Refusals take a hundred kilobytes of stack, so a step without a take-over stays clear of them. */
int assignment_take_over(struct pipeline *p)
{
    struct lane *lanes[TAKEOVER_MAX];
    size_t count = sink_is_down(p->sink) ? 0 : due_of_one_shard(p, lanes, monotonic(p));

    return count ? take_over(p, lanes, count) : 0;
}

void assignment_retry_stopped(struct pipeline *p, const struct shard *shard, int64_t but_era)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct lane *lane = p->lanes[i];

        if ((!shard || lane->partition->shard == shard) && lane->partition->state == PARTITION_STOPPED && lane->stopped_era != but_era) {
            lane->shown = false;
            assignment_untake_lane(p, lane);
        }
    }
}

/* A resolution has raised the era since these were refused. */
static void retry_resolved(struct pipeline *p, const struct shard *shard, const struct reply *registry)
{
    int64_t era;

    if (registry->type == REPLY_ARRAY && registry->count == REGISTRY_TURN_FIELDS_COUNT && registry->elements[0]->type == REPLY_STRING && number_parse(registry->elements[0]->text, &era))
        assignment_retry_stopped(p, shard, era);
}

/* Registry and marks of one shard as they stand now (DESIGN 4.1: an owner at rest looks every few seconds). */
static void look(struct pipeline *p, struct shard *shard)
{
    struct asker *redis = &p->takeover.gather.redis;
    struct reply **replies;
    size_t at = 1;

    asker_begin(redis);
    command_texts(redis->commands, "HMGET", shard->meta_key, REGISTRY_TURN_FIELDS, NULL);
    for (size_t i = 0; i < p->lanes_count; i++)
        if (p->lanes[i]->partition->shard == shard && p->lanes[i]->partition->state == PARTITION_OWNED) {
            command_texts(redis->commands, "HMGET", p->lanes[i]->partition->mark_key, MARK_TURN_FIELDS, NULL);
            command_texts(redis->commands, "HGET", shard->paused_key, p->lanes[i]->partition->at, NULL);
        }
    if (asker_ask(redis, &replies))
        return;
    retry_resolved(p, shard, replies[0]);
    if (!registry_unchanged(&shard->registry, replies[0])) {
        assignment_untake(p, shard);
        return;
    }
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct partition *partition = p->lanes[i]->partition;

        if (partition->shard != shard || partition->state != PARTITION_OWNED)
            continue;
        if (replies[at + 1]->type != REPLY_ERROR)      /* else it stays as it was */
            pause_read(&partition->pause, replies[at + 1]);
        if (mark_is_ours(&partition->mark, replies[at]))
            partition_confirm(partition, partition->outbox.reached);
        else
            assignment_untake_lane(p, p->lanes[i]);
        at += 2;
    }
}

/* DESIGN 4.8: when the count ends the window before the time does, that is said. */
static void say_cut_windows(struct pipeline *p, int64_t now)
{
    for (size_t i = 0; i < p->lanes_count; i++) {
        struct lane *lane = p->lanes[i];
        const struct registry *registry = &lane->partition->shard->registry;

        if (lane->partition->state != PARTITION_OWNED || !seen_was_cut(lane->partition->seen) ||
            (lane->cut_said_at && now - lane->cut_said_at < CUT_SAY_MS))
            continue;
        lane->cut_said_at = now;
        log_notice(p->log, "dedupe.ids ends the duplicate window before dedupe.window_s is over topic=%s partition=%d ids=%lld window_s=%lld",
                   lane->partition->topic, lane->partition->number, (long long)registry->ids, (long long)registry->window_s);
    }
}

void assignment_watch(struct pipeline *p)
{
    int64_t now = monotonic(p);

    /* At rest a lost connection is noticed at once, so that another instance need not wait for this one (ledger/vouch.h). */
    if (p->turns[p->at].riding || !session_notice(p->options.session) || now < p->watch_at)
        return;
    p->watch_at = now + WATCH_MS;
    if (p->authenticate && session_authenticate(p->options.session))
        return;
    p->authenticate = false;
    say_cut_windows(p, now);
    if (session_probe(p->options.session))
        return;
    for (size_t i = 0; i < p->shards_count && session_is_up(p->options.session); i++)
        look(p, p->shards[i]);
}
