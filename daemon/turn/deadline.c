#include "turn/deadline.h"

void deadline_init(struct deadline *deadline)
{
    *deadline = (struct deadline){.away_since = -1};
}

void deadline_mark(struct deadline *deadline, bool away, int64_t monotonic)
{
    if (away && deadline->away_since < 0) {
        deadline->away_since = monotonic;
    } else if (!away && deadline->away_since >= 0) {
        deadline->away_ms += monotonic - deadline->away_since;
        deadline->away_since = -1;
    }
}

int64_t deadline_now(const struct deadline *deadline, int64_t monotonic)
{
    return (deadline->away_since >= 0 ? deadline->away_since : monotonic) - deadline->away_ms;
}

bool deadline_over(const struct item *item, const int64_t limits[EVENT_KIND_COUNT], int64_t now)
{
    int64_t limit;

    if (item->decoded.reason != REASON_NONE || item->watched_at < 0)
        return false;
    limit = limits[item->decoded.event.kind];
    if (item->decoded.event.deadline_ms && (!limit || item->decoded.event.deadline_ms < limit))
        limit = item->decoded.event.deadline_ms;
    return limit && now - item->watched_at >= limit;
}
