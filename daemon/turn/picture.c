#include "turn/picture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "turn/state.h"

void picture_init(struct picture *picture)
{
    memset(picture, 0, sizeof *picture);
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

/* Entries in front that are finished wait for their removal only. */
static const struct outbox_entry *unfinished(const struct outbox *outbox)
{
    const struct outbox_entry *entry = outbox->head;

    for (size_t i = 0; i < outbox->finished; i++)
        entry = entry->next;
    return entry;
}

/* An entry that was read back from Redis does not show its events' timestamps: its id tells when they were decided. */
static int64_t oldest(const struct lane *lane, int64_t next_timestamp)
{
    const struct outbox_entry *entry = unfinished(&lane->partition->outbox);

    if (!entry)
        return next_timestamp;
    return entry->timestamp ? entry->timestamp : (int64_t)entry->sequence.ms;
}

/* Never below the log's start: what was deleted is no lag (DESIGN 4.5 says it otherwise). */
static void look_at_log(struct pipeline *p, const struct lane *lane, struct picture_partition *out)
{
    if (kafka_in_watermarks(source_kafka(p->options.source), out->topic, out->number, &out->start, &out->end))
        out->start = out->end = -1;
    if (lane->end > out->end)
        out->end = lane->end;
    out->lag = -1;
    if (out->end >= 0 && out->state == PARTITION_OWNED) {
        int64_t from = out->next > out->start ? out->next : out->start;

        out->lag = out->end > from ? out->end - from : 0;
    }
}

static void look_at_lane(struct pipeline *p, const struct lane *lane, struct picture_partition *out)
{
    const struct partition *partition = lane->partition;

    *out = (struct picture_partition){
        .number = partition->number,
        .state = partition->state,
        .parked = lane->parked && !lane->held && !park_wanted(p, lane),
        .pause = partition->pause,
        .next = partition->mark.next,
        .done = partition->mark.done,
        .committed = partition->committed,
        .held = lane->count,
        .outbox_entries = partition->outbox.entries,
        .outbox_bytes = partition->outbox.bytes,
    };
    memcpy(out->topic, partition->topic, sizeof out->topic);
    if (lane->head && lane->head->message.timestamp > 0)
        out->next_timestamp = lane->head->message.timestamp;
    out->unfinished_timestamp = oldest(lane, out->next_timestamp);
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
