/* Messages into lanes: decoded and in order, up to the bounds of prefetch (DESIGN 4.7). */
#include <string.h>

#include "turn/state.h"

enum { AHEAD_TURNS = 4, AHEAD_MIN = 256 };

static bool is_of(const struct lane *lane, const char *topic, int32_t partition)
{
    return lane->partition->number == partition && strcmp(lane->partition->topic, topic) == 0;
}

struct lane *intake_lane(struct pipeline *p, const char *topic, int32_t partition)
{
    if (p->recent && is_of(p->recent, topic, partition))      /* messages come in runs */
        return p->recent;
    for (size_t i = 0; i < p->lanes_count; i++)
        if (is_of(p->lanes[i], topic, partition))
            return p->recent = p->lanes[i];
    return NULL;
}

/* The partition cannot be read from where its mark stands. A turn may be in flight, so it is only noted here; the take-over
 * will say what is the matter. */
static void failed(struct pipeline *p, struct lane *lane, const struct kafka_message *message)
{
    if (!lane->failed)
        log_error(p->log, "the partition cannot be read topic=%s partition=%d offset=%lld error=\"%s\"", lane->partition->topic,
                  lane->partition->number, (long long)message->offset, message->reason);
    lane->failed = true;
}

static void sort(struct pipeline *p, struct kafka_message *message)
{
    struct lane *lane = intake_lane(p, message->topic, message->partition);

    if (!lane || lane->position < 0) {
        kafka_message_free(message);
    } else if (message->kind == KAFKA_MESSAGE && message->offset >= lane->position) {
        p->decoding = message;
        lane_push(lane, &p->items, message);
        p->decoding = NULL;
        count_taken(p, lane->tail);
        if (p->skips_count)
            skip_taken(p, lane, lane->tail);
    } else {
        if (message->kind == KAFKA_FAILED)
            failed(p, lane, message);
        else if (message->kind == KAFKA_END && message->offset >= lane->position)
            lane->end = message->offset;
        kafka_message_free(message);
    }
}

/* How many more events may be read: some turns ahead of what turns take at present, since what lies here longer has left the
 * processor's cache when its turn comes; and never beyond prefetch. */
static size_t room_for(const struct pipeline *p)
{
    size_t most = p->settings.prefetch_events < p->items.count ? p->settings.prefetch_events : p->items.count;
    size_t ahead = p->recent_events > AHEAD_MIN / AHEAD_TURNS ? AHEAD_TURNS * p->recent_events : AHEAD_MIN;

    if (most > ahead)
        most = ahead;
    if (most <= p->items.used || p->items.bytes >= p->settings.prefetch_bytes)
        return 0;
    return most - p->items.used < TAKE_MAX ? most - p->items.used : TAKE_MAX;
}

void intake_take(struct pipeline *p, int timeout_ms)
{
    size_t room = room_for(p), count;

    if (!room) {
        if (timeout_ms)
            clock_sleep_ms(p->options.clock, 1);
        return;
    }
    count = source_take(p->options.source, p->taken, room, timeout_ms);
    for (size_t i = 0; i < count; i++)
        sort(p, &p->taken[i]);
}
