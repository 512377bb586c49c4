#include "turn/rate.h"

#include "base/error.h"

enum { MILLION = 1000000, BUCKET_PART = 10, TURN_PART = 100 };

void rate_set(struct rate *rate, int64_t per_s, int64_t now)
{
    ASSERT(per_s >= 0 && per_s <= RATE_MAX);
    *rate = (struct rate){.per_s = per_s, .filled_at = now};
}

/* At least one event, or a slow rate would never let one through. */
static int64_t bucket(const struct rate *rate)
{
    return rate->per_s > BUCKET_PART ? rate->per_s / BUCKET_PART * MILLION : MILLION;
}

size_t rate_allows(struct rate *rate, int64_t now)
{
    int64_t full = bucket(rate), elapsed = now - rate->filled_at;

    if (!rate->per_s)
        return SIZE_MAX;
    rate->filled_at = now;
    if (elapsed > 1000 * (int64_t)MILLION / rate->per_s + 1000)      /* long enough to fill it, and the product below stays small */
        rate->millionths = full;
    else if (elapsed > 0)
        rate->millionths += elapsed * rate->per_s * (MILLION / 1000);
    if (rate->millionths > full)
        rate->millionths = full;
    if (rate->millionths < MILLION || rate->millionths < rate->per_s / TURN_PART * MILLION)
        return 0;
    return (size_t)(rate->millionths / MILLION);
}

void rate_used(struct rate *rate, size_t events)
{
    if (rate->per_s)
        rate->millionths -= (int64_t)events * MILLION;
}
