#include "turn/operator.h"

#include <stdarg.h>
#include <stdio.h>

#include "turn/state.h"

void operator_say(struct operator_answer *answer, int error, const char *format, ...)
{
    va_list arguments;

    answer->error = error;
    va_start(arguments, format);
    vsnprintf(answer->text, sizeof answer->text, format, arguments);
    va_end(arguments);
}

void operator_quiet(struct pipeline *p, bool quiet)
{
    if (p->quiet == quiet)
        return;
    p->quiet = quiet;
    if (quiet)
        log_notice(p->log, "quiet by the operator's word: no events are taken, what was decided is delivered, the group is not left partitions=%zu", p->lanes_count);
    else
        log_notice(p->log, "no longer quiet: events are taken again partitions=%zu", p->lanes_count);
    park_lanes(p);
}

void operator_rate(struct pipeline *p, int64_t events_per_s, struct operator_answer *answer)
{
    if (events_per_s < 0 || events_per_s > RATE_MAX) {
        operator_say(answer, -EINVAL, "a rate is a number of events a second from 1 to %d, or off", RATE_MAX);
        return;
    }
    execute_forget(p);      /* what rides was filled at the former rate */
    rate_set(&p->rate, events_per_s, clock_monotonic_ms(p->options.clock));
    if (events_per_s)
        operator_say(answer, 0, "this instance decides at most %lld events a second, until its configuration is read again (rate.events_per_s=%lld there)",
                     (long long)events_per_s, (long long)p->settings.rate_events_per_s);
    else
        operator_say(answer, 0, "this instance decides as fast as it can, until its configuration is read again (rate.events_per_s=%lld there)",
                     (long long)p->settings.rate_events_per_s);
}
