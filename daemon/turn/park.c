/* Partitions that are not fetched though they are owned. One that the operator has paused, or all of them while the instance is quiet: nothing
 * of it is decided, what was decided is delivered and committed, and what was read of it is let go.
 *
 * A partition whose outcomes cannot be delivered stands still at its outbox bound (DESIGN 4.7). What is read of it meanwhile would fill
 * the prefetch of all others, so after a moment it is fetched no more, and begun again at its mark when there is room. */
#include "turn/state.h"

enum { PARK_MS = 1000 };

/* It goes on being flushed: its base stays at the mark. */
static void close_lane(struct pipeline *p, struct lane *lane)
{
    struct kafka_position position = partition_position(lane->partition);

    execute_forget(p);
    lane_clear(lane, &p->items);
    lane->base = lane->partition->mark.next;
    lane->parked = true;
    if (source_end(p->options.source, &position, 1))
        assignment_untake_lane(p, lane);
}

static void open_lane(struct pipeline *p, struct lane *lane)
{
    struct kafka_position position = partition_position(lane->partition);

    execute_forget(p);
    lane->parked = false;
    lane_start(lane, position.offset);
    if (source_begin(p->options.source, &position, 1))
        assignment_untake_lane(p, lane);
}

static void park(struct pipeline *p, struct lane *lane)
{
    log_notice(p->log, "the outbox is at its bound, the partition waits topic=%s partition=%d next=%lld entries=%zu", lane->partition->topic,
               lane->partition->number, (long long)lane->partition->mark.next, lane->partition->outbox.entries);
    close_lane(p, lane);
}

static void unpark(struct pipeline *p, struct lane *lane)
{
    log_notice(p->log, "the outbox has room again, the partition goes on topic=%s partition=%d next=%lld", lane->partition->topic,
               lane->partition->number, (long long)lane->partition->mark.next);
    open_lane(p, lane);
}

bool park_wanted(const struct pipeline *p, const struct lane *lane)
{
    return p->quiet || lane->partition->pause.set;
}

static void hold(struct pipeline *p, struct lane *lane)
{
    if (lane->partition->pause.set)
        log_notice(p->log, "the operator has paused the partition topic=%s partition=%d next=%lld why=\"%s\"", lane->partition->topic,
                   lane->partition->number, (long long)lane->partition->mark.next, lane->partition->pause.note);
    lane->held = true;
    if (!lane->parked)
        close_lane(p, lane);
}

/* At an outbox bound it goes on waiting, for that. */
static void release(struct pipeline *p, struct lane *lane, bool room)
{
    log_notice(p->log, "the operator lets the partition go on topic=%s partition=%d next=%lld", lane->partition->topic, lane->partition->number,
               (long long)lane->partition->mark.next);
    lane->held = false;
    if (room)
        open_lane(p, lane);
}

/* Half of it: else a partition that is delivered slowly would be begun again every second. */
static bool has_room(const struct pipeline *p, const struct lane *lane)
{
    const struct outbox *outbox = &lane->partition->outbox;

    return outbox->entries <= p->settings.outbox_entries / 2 && outbox->bytes <= p->settings.outbox_bytes / 2;
}

void park_lanes(struct pipeline *p)
{
    int64_t now = clock_monotonic_ms(p->options.clock);

    for (size_t i = 0; i < p->lanes_count; i++) {
        struct lane *lane = p->lanes[i];
        bool owned = lane->partition->state == PARTITION_OWNED, closed = owned && execute_at_bound(p, lane, 0);

        if (owned && park_wanted(p, lane) != lane->held)
            lane->held ? release(p, lane, has_room(p, lane)) : hold(p, lane);
        if (!closed || lane->held)
            lane->closed_since = 0;
        else if (!lane->closed_since)
            lane->closed_since = now;
        if (lane->held)
            continue;
        if (lane->parked && owned && has_room(p, lane))
            unpark(p, lane);
        else if (!lane->parked && closed && lane->count && now - lane->closed_since >= PARK_MS)
            park(p, lane);
    }
}
