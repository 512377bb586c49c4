/* A partition whose outcomes cannot be delivered stands still at its outbox bound (DESIGN 4.7). What is read of it meanwhile would fill
 * the prefetch of all others, so after a moment it is fetched no more, and begun again at its mark when there is room. */
#include "turn/state.h"

enum { PARK_MS = 1000 };

/* It goes on being flushed: its base stays at the mark. */
static void park(struct pipeline *p, struct lane *lane)
{
    struct kafka_position position = partition_position(lane->partition);

    execute_forget(p);
    lane_clear(lane, &p->items);
    lane->base = lane->partition->mark.next;
    lane->parked = true;
    log_notice(p->log, "the outbox is at its bound, the partition waits topic=%s partition=%d next=%lld entries=%zu", lane->partition->topic,
               lane->partition->number, (long long)lane->partition->mark.next, lane->partition->outbox.entries);
    if (source_end(p->options.source, &position, 1))
        assignment_untake_lane(p, lane);
}

static void unpark(struct pipeline *p, struct lane *lane)
{
    struct kafka_position position = partition_position(lane->partition);

    execute_forget(p);
    lane->parked = false;
    lane_start(lane, position.offset);
    log_notice(p->log, "the outbox has room again, the partition goes on topic=%s partition=%d next=%lld", lane->partition->topic,
               lane->partition->number, (long long)position.offset);
    if (source_begin(p->options.source, &position, 1))
        assignment_untake_lane(p, lane);
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
        bool closed = lane->partition->state == PARTITION_OWNED && execute_at_bound(p, lane, 0);

        if (!closed)
            lane->closed_since = 0;
        else if (!lane->closed_since)
            lane->closed_since = now;
        if (lane->parked && lane->partition->state == PARTITION_OWNED && has_room(p, lane))
            unpark(p, lane);
        else if (!lane->parked && closed && lane->count && now - lane->closed_since >= PARK_MS)
            park(p, lane);
    }
}
