#include "turn/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/state.h"

void picture_init(struct picture *picture)
{
    memset(picture, 0, sizeof *picture);
    meters_init(&picture->meters);
}

void picture_deinit(struct picture *picture)
{
    free(picture->partitions);
    picture->partitions = NULL;
    picture->partitions_count = picture->partitions_capacity = 0;
}

static int make_room(struct picture *picture, size_t count)
{
    struct picture_partition *partitions;

    if (count <= picture->partitions_capacity)
        return 0;
    partitions = reallocarray(picture->partitions, count, sizeof *partitions);
    if (!partitions)
        return -ENOMEM;
    picture->partitions = partitions;
    picture->partitions_capacity = count;
    return 0;
}

int picture_copy(struct picture *to, const struct picture *from)
{
    struct picture_partition *partitions = to->partitions;
    size_t capacity = to->partitions_capacity;
    int r;

    *to = *from;
    to->partitions = partitions;
    to->partitions_capacity = capacity;
    to->partitions_count = 0;
    r = make_room(to, from->partitions_count);
    if (r)
        return r;
    to->partitions_count = from->partitions_count;
    if (from->partitions_count)
        memcpy(to->partitions, from->partitions, from->partitions_count * sizeof *to->partitions);
    return 0;
}

/* The older of two timestamps, of which either may be 0: none. */
static int64_t older(int64_t a, int64_t b)
{
    return !a || (b && b < a) ? b : a;
}

/* A partition that was never taken over has no place in the log yet. */
static void look_at_log(struct pipeline *p, const struct lane *lane, struct picture_partition *out)
{
    if (kafka_in_watermarks(source_kafka(p->options.source), out->topic, out->number, &out->start, &out->end))
        out->start = out->end = -1;
    if (lane->end > out->end)
        out->end = lane->end;
    out->lag = -1;
    if (lane->partition->mark.epoch[0])
        picture_learn_log(out, out->start, out->end);
}

static void look_at_lane(struct pipeline *p, const struct lane *lane, struct picture_partition *out)
{
    const struct partition *partition = lane->partition;

    *out = (struct picture_partition){
        .number = partition->number,
        .state = partition->state,
        .parked = lane->parked && !lane->held && !park_wanted(p, lane),
        .paused = park_wanted(p, lane),
        .pause = partition->pause,
        .next = partition->mark.epoch[0] ? partition->mark.next : -1,
        .done = partition->mark.done,
        .committed = partition->committed,
        .held = lane->count,
        .outbox_entries = partition->outbox.entries,
        .outbox_bytes = partition->outbox.bytes,
    };
    memcpy(out->topic, partition->topic, sizeof out->topic);
    out->next_timestamp = lane_timestamp(lane, out->next);
    out->unfinished_timestamp = older(lane_owed(lane), out->next_timestamp);
    if (partition->state == PARTITION_STOPPED)
        memcpy(out->refusal, lane->refusal, sizeof out->refusal);
    look_at_log(p, lane, out);
}

static void look_at_markets(const struct pipeline *p, struct picture *out)
{
    out->halt[0] = out->incarnation[0] = '\0';
    out->era = 0;
    for (size_t i = p->shards_count; i-- > 0;) {
        const struct shard *shard = p->shards[i];
        const char *halt = shard->torn[0] ? shard->torn : shard->known ? shard->registry.halt : "";

        if (halt[0])
            snprintf(out->halt, sizeof out->halt, "%.*s", PICTURE_TEXT_MAX - 1, halt);
        if (!shard->known)
            continue;
        memcpy(out->incarnation, shard->registry.incarnation, sizeof out->incarnation);
        out->era = shard->registry.era;
    }
}

static void look_at_reapply(const struct pipeline *p, struct picture *out)
{
    struct reapply_progress at;

    out->reapply.phase = NULL;
    if (!p->reapply)
        return;
    at = reapply_progress(p->reapply);
    out->reapply.phase = reapply_phase_name(at.phase);
    out->reapply.events = at.events;
    out->reapply.of = at.of;
    out->reapply.differences = at.differences;
}

int pipeline_look(struct pipeline *p, struct picture *out)
{
    int64_t now = clock_monotonic_ms(p->options.clock);
    int r;

    out->monotonic_ms = now;
    out->realtime_ms = clock_realtime_ms(p->options.clock);
    out->steps = p->steps;
    out->redis_up = session_is_up(p->options.session);
    out->sink_up = p->sink && !sink_is_down(p->sink);
    out->gate_open = p->gate_open;
    out->kafka_brokers_up = kafka_in_brokers_up(source_kafka(p->options.source));
    out->joined = p->joined;
    out->settled = p->settled;
    out->quiet = p->quiet;
    out->rate = p->rate.per_s;
    out->skips = skip_waiting(p);
    snprintf(out->redis_promise, sizeof out->redis_promise, "%s", out->redis_up ? session_promise(p->options.session) : "");
    look_at_markets(p, out);
    look_at_reapply(p, out);
    out->held = p->items.used;
    out->held_max = p->settings.prefetch_events;
    out->in_flight = p->sink ? sink_in_flight(p->sink) : 0;
    out->events_limit = p->events_limit < p->settings.turn.events ? p->events_limit : p->settings.turn.events;
    out->meters = p->meters;
    out->hot_writes_count = hot_top(p->hot, false, out->hot_writes, now);
    out->hot_conflicts_count = hot_top(p->hot, true, out->hot_conflicts, now);
    out->partitions_count = 0;
    r = make_room(out, p->lanes_count);
    for (size_t i = 0; !r && i < p->lanes_count; i++)
        look_at_lane(p, p->lanes[i], &out->partitions[out->partitions_count++]);
    return r;
}

size_t picture_count(const struct picture *picture, enum partition_state state)
{
    size_t count = 0;

    for (size_t i = 0; i < picture->partitions_count; i++)
        count += picture->partitions[i].state == state;
    return count;
}

int64_t picture_lag(const struct picture *picture)
{
    int64_t lag = 0;

    for (size_t i = 0; i < picture->partitions_count; i++)
        lag += picture->partitions[i].lag > 0 ? picture->partitions[i].lag : 0;
    return lag;
}

/* Never below the log's start: what was deleted is no lag (DESIGN 4.5 says it otherwise). */
void picture_learn_log(struct picture_partition *partition, int64_t start, int64_t end)
{
    int64_t from;

    if (start > partition->start)
        partition->start = start;
    if (end > partition->end)
        partition->end = end;
    if (partition->next < 0 || partition->end < 0)
        return;
    from = partition->next > partition->start ? partition->next : partition->start;
    partition->lag = partition->end > from ? partition->end - from : 0;
}

int64_t picture_lag_ms(const struct picture_partition *partition, int64_t now)
{
    if (partition->lag <= 0)
        return partition->lag;
    if (!partition->next_timestamp)
        return -1;
    return now > partition->next_timestamp ? now - partition->next_timestamp : 0;
}

enum picture_state picture_state(const struct picture_partition *partition)
{
    if (partition->state != PARTITION_OWNED)
        return partition->state == PARTITION_STOPPED ? PICTURE_STOPPED : PICTURE_UNTAKEN;
    if (partition->paused)
        return PICTURE_PAUSED;
    return partition->parked ? PICTURE_PARKED : PICTURE_OWNED;
}

const char *picture_state_name(enum picture_state state)
{
#define PICTURE_STATE_NAME(constant, name) [PICTURE_##constant] = #name,
    static const char *const names[] = {PICTURE_STATES(PICTURE_STATE_NAME)};
#undef PICTURE_STATE_NAME

    return names[state];
}
