#include "base/log_repeats.h"

void log_repeats_init(struct log_repeats *repeats)
{
    *repeats = (struct log_repeats){.due = INT64_MAX};
}

static struct log_site *site_of(struct log_repeats *repeats, const char *format, int64_t now)
{
    for (size_t i = 0; i < repeats->count; i++)
        if (repeats->sites[i].format == format)
            return &repeats->sites[i];
    if (repeats->count == LOG_SITES_MAX)
        return NULL;
    repeats->sites[repeats->count] = (struct log_site){.format = format, .since = now, .most = LOG_BURST};
    return &repeats->sites[repeats->count++];
}

/* A site that was not limited has its whole burst again; one that was must be quiet for an interval first. */
static void begin_anew(struct log_site *site, int64_t now)
{
    site->most = site->more ? LOG_FLOOD : LOG_BURST;
    site->since = now;
    site->said = 0;
    site->more = 0;
}

bool log_repeats_admit(struct log_repeats *repeats, const char *format, enum log_level level, int64_t now)
{
    struct log_site *site = site_of(repeats, format, now);

    if (!site)
        return true;
    if (!site->more && now - site->since >= LOG_INTERVAL_MS)
        begin_anew(site, now);
    if (site->said < site->most) {
        site->said++;
        return true;
    }
    if (!site->more || level < site->level)
        site->level = level;
    site->more++;
    if (site->since + LOG_INTERVAL_MS < repeats->due)
        repeats->due = site->since + LOG_INTERVAL_MS;
    return false;
}

bool log_repeats_due(struct log_repeats *repeats, int64_t now, bool all, struct log_count *count)
{
    if (now < repeats->due && !all)
        return false;
    repeats->due = INT64_MAX;
    for (size_t i = 0; i < repeats->count; i++) {
        struct log_site *site = &repeats->sites[i];

        if (!site->more)
            continue;
        if (all || now - site->since >= LOG_INTERVAL_MS) {
            *count = (struct log_count){site->format, site->level, site->more, (now - site->since + 999) / 1000};
            begin_anew(site, now);
            repeats->due = now;      /* there may be others */
            return true;
        }
        if (site->since + LOG_INTERVAL_MS < repeats->due)
            repeats->due = site->since + LOG_INTERVAL_MS;
    }
    return false;
}
