#include "service/host.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "seam/notify.h"

enum { SAY_MS = 1000, EXTEND_EVERY_MS = 5000, EXTEND_MS = 30000, GRACE_MS = 5000, SENTENCE_MAX = 480, MESSAGE_MAX = SENTENCE_MAX + 120 };

struct host {
    struct host_options options;
    bool heard, ready, stopping;
    bool refused;                             /* the last reload was */
    bool unsaid;                              /* the sentence waits for its time */
    int64_t watchdog_ms;
    int64_t fed_at, extended_at, said_at;     /* monotonic ms */
    int64_t until;                            /* when it must have stopped */
    int64_t looked_at;                        /* the time of the latest picture that was looked at */
    char sentence[SENTENCE_MAX], said[SENTENCE_MAX];
};

static int64_t monotonic(const struct host *host)
{
    return clock_monotonic_ms(host->options.clock);
}

static void send_with_sentence(struct host *host, const char *before)
{
    char message[MESSAGE_MAX];

    snprintf(message, sizeof message, "%sSTATUS=%s", before, host->sentence);
    notify_send(message);
    memcpy(host->said, host->sentence, sizeof host->said);
    host->unsaid = false;
    host->said_at = monotonic(host);
}

static void say_when_due(struct host *host, int64_t now)
{
    if (host->unsaid && now - host->said_at >= SAY_MS)
        send_with_sentence(host, "");
}

/* The sentence was made anew. */
static void changed(struct host *host)
{
    host->unsaid = strcmp(host->sentence, host->said) != 0;
    say_when_due(host, monotonic(host));
}

static void feed(struct host *host, int64_t now)
{
    if (!host->watchdog_ms || now - host->fed_at < host->watchdog_ms / 2)
        return;
    host->fed_at = now;
    notify_send("WATCHDOG=1");
}

/* Starting and stopping have a time of their own with the manager: it is asked for more as long as there are pulses. */
static void extend(struct host *host, int64_t now)
{
    int64_t ms = host->stopping && host->until - now + GRACE_MS < EXTEND_MS ? host->until - now + GRACE_MS : EXTEND_MS;
    char message[64];

    if ((host->ready && !host->stopping) || (host->stopping && now >= host->until) || now - host->extended_at < EXTEND_EVERY_MS)
        return;
    host->extended_at = now;
    snprintf(message, sizeof message, "EXTEND_TIMEOUT_USEC=%lld", (long long)ms * 1000);
    notify_send(message);
}

static void pulsed(void *context)
{
    struct host *host = context;
    int64_t now = monotonic(host);

    feed(host, now);
    extend(host, now);
    say_when_due(host, now);
}

int host_new(struct host **out, const struct host_options *options)
{
    struct host *host = calloc(1, sizeof *host);

    if (!host)
        return -ENOMEM;
    host->options = *options;
    host->heard = notify_is_heard();
    host->watchdog_ms = host->heard ? notify_watchdog_ms() : 0;
    host->said_at = host->extended_at = monotonic(host) - EXTEND_EVERY_MS;
    if (host->heard)
        clock_watch(options->clock, pulsed, host);
    *out = host;
    return 0;
}

struct host *host_free(struct host *host)
{
    if (host)
        clock_watch(host->options.clock, NULL, NULL);
    free(host);
    return NULL;
}

int64_t host_watchdog_ms(const struct host *host)
{
    return host->watchdog_ms;
}

void host_say(struct host *host, const char *format, ...)
{
    va_list arguments;

    if (!host->heard)
        return;
    va_start(arguments, format);
    vsnprintf(host->sentence, sizeof host->sentence, format, arguments);
    va_end(arguments);
    changed(host);
}

static bool is_ready(const struct picture *picture)
{
    return picture->redis_up && picture->joined && picture_count(picture, PARTITION_UNTAKEN) == 0;
}

void host_look(struct host *host, const struct picture *picture)
{
    size_t used;

    if (!host->heard || !picture || host->stopping || picture->monotonic_ms == host->looked_at)
        return;
    host->looked_at = picture->monotonic_ms;
    host_sentence(&host->options, picture, host->sentence, sizeof host->sentence);
    used = strlen(host->sentence);
    if (host->refused)
        snprintf(host->sentence + used, sizeof host->sentence - used, "; the last reload was refused, see the log");
    if (!host->ready && is_ready(picture)) {
        host->ready = true;
        send_with_sentence(host, "READY=1\n");
    }
    changed(host);
}

/* Before it is ready the manager expects no reload, and the READY=1 at its end would be believed. */
void host_reloading(struct host *host)
{
    if (host->heard && host->ready && !host->stopping)
        notify_reloading();
}

void host_reloaded(struct host *host, bool refused)
{
    host->refused = refused;
    if (host->heard && host->ready && !host->stopping)
        notify_send("READY=1");
}

void host_stopping(struct host *host, int64_t until)
{
    int64_t now = monotonic(host);

    if (!host->heard)
        return;
    host->until = until;
    if (host->stopping)
        return;
    host->stopping = true;
    snprintf(host->sentence, sizeof host->sentence, "stopping: delivers and commits what is applied, within %lld s",
             (long long)(until > now ? (until - now + 999) / 1000 : 0));
    send_with_sentence(host, "STOPPING=1\n");
    host->extended_at = now - EXTEND_EVERY_MS;
    extend(host, now);
}

void host_ended(struct host *host, int code)
{
    static const struct {
        int code, error;
        const char *sentence;
    } ends[] = {
        {0, 0, "stopped"},
        {EX_NOPERM, EACCES, "ended: it lacks rights; the log names them"},
        {EX_CONFIG, 0, "ended: refused; the log says what was found and what resolves it"},
        {EX_OSERR, 0, "ended: the system lacks something; the log may name it"},
    };
    char before[32] = "";

    if (!host->heard)
        return;
    snprintf(host->sentence, sizeof host->sentence, "ended by a defect, exit code %d; the log tells more", code);
    for (size_t i = 0; i < sizeof ends / sizeof *ends; i++)
        if (ends[i].code == code) {
            snprintf(host->sentence, sizeof host->sentence, "%s", ends[i].sentence);
            if (ends[i].error)
                snprintf(before, sizeof before, "ERRNO=%d\n", ends[i].error);
        }
    send_with_sentence(host, before);
}
