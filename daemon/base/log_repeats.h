/* How often each call site of the log has spoken lately, so that a flood becomes some lines and a count. Inside of base/ only, and for tests.
 *
 * A call site is known by the address of its format. No locks: the log has one. */
#ifndef ORDERD_BASE_LOG_REPEATS_H
#define ORDERD_BASE_LOG_REPEATS_H

#include <stddef.h>

#include "base/log.h"

/* Call sites that are counted; the daemon has fewer, and what comes beyond is not limited. */
enum { LOG_SITES_MAX = 256 };

struct log_site {
    const char *format;
    enum log_level level;             /* the gravest of those left out */
    int64_t since;                    /* when the interval began, monotonic ms */
    int most, said;                   /* in the interval */
    unsigned long long more;          /* left out of it */
};

struct log_repeats {
    struct log_site sites[LOG_SITES_MAX];
    size_t count;
    int64_t due;                      /* before when no count is due; INT64_MAX: none is */
};

/* What was left out in an interval that is over. */
struct log_count {
    const char *format;
    enum log_level level;
    unsigned long long more;
    int64_t seconds;
};

void log_repeats_init(struct log_repeats *repeats);
/* Whether a line of this call site may be said now; it is counted else. */
bool log_repeats_admit(struct log_repeats *repeats, const char *format, enum log_level level, int64_t now);
/* The next count whose interval is over at `now`, or of `all` the next one; its interval begins anew. */
bool log_repeats_due(struct log_repeats *repeats, int64_t now, bool all, struct log_count *count);

#endif
