/* The one sentence: what stands in the way first, since that is what somebody who looks wants to know. */
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "service/host.h"
#include "service/pen.h"

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* A halt that needs no operator. */
static bool reapplying(const struct picture *p, char *out, size_t size)
{
    char events[PEN_NUMBER_SIZE], of[PEN_NUMBER_SIZE];

    if (strcmp(p->reapply.phase, "applying") == 0)
        return snprintf(out, size, "reapplying %s of %s published decisions: %s", pen_count(events, p->reapply.events), pen_count(of, p->reapply.of), p->halt);
    if (strcmp(p->reapply.phase, "waiting") == 0)
        return snprintf(out, size, "halted while another instance applies published decisions again: %s", p->halt);
    return snprintf(out, size, "halted while published decisions are looked for, to be applied again: %s", p->halt);
}

/* What keeps all of it from going on; false: nothing does. */
static bool obstacle(const struct host_options *o, const struct picture *p, char *out, size_t size)
{
    if (p->reapply.phase)
        return reapplying(p, out, size);
    if (p->halt[0])
        return snprintf(out, size, "halted, and waits for an operator: %s", p->halt);
    if (!p->redis_up)
        return snprintf(out, size, "waiting for Redis at %s", o->redis);
    if (p->kafka_brokers_up == 0)
        return snprintf(out, size, "waiting for Kafka at %s", o->brokers);
    if (!p->joined)
        return snprintf(out, size, "joining the group %s", o->group);
    if (!p->sink_up)
        return snprintf(out, size, "waiting for Kafka, the producer is made anew");
    if (!p->gate_open)
        return snprintf(out, size, "waiting for Redis: what was applied is not yet as durable as configured");
    if (p->quiet)
        return snprintf(out, size, "quiet, as an operator asked: it keeps its %zu partition%s and decides nothing", p->partitions_count, plural(p->partitions_count));
    return false;
}

static size_t add(char *out, size_t size, size_t used, size_t count, const char *what)
{
    int n = count && used < size ? snprintf(out + used, size - used, "; %zu %s", count, what) : 0;

    return used + (size_t)n;
}

/* Partitions that do not go on while others do, and what holds up the others. */
static void exceptions(const struct picture *p, char *out, size_t size)
{
    size_t parked = 0, paused = 0, used;

    out[0] = '\0';
    for (size_t i = 0; i < p->partitions_count; i++) {
        parked += p->partitions[i].parked;
        paused += p->partitions[i].paused;
    }
    used = add(out, size, 0, picture_count(p, PARTITION_STOPPED), "refused and waiting for an operator");
    used = add(out, size, used, paused, "paused on purpose");
    used = add(out, size, used, parked, "waiting for Kafka to take their outcomes");
    add(out, size, used, (size_t)p->rate, "events a second at most");
}

/* What goes on. */
static void progress(const struct host_options *options, const struct picture *picture, char *out, size_t size)
{
    size_t all = picture->partitions_count, untaken = picture_count(picture, PARTITION_UNTAKEN), owned = picture_count(picture, PARTITION_OWNED);
    int64_t lag = picture_lag(picture);
    char rest[160];

    exceptions(picture, rest, sizeof rest);
    if (!all)
        snprintf(out, size, "standing by: the group %s has no partition for this instance", options->group);
    else if (picture_count(picture, PARTITION_STOPPED) == all)
        snprintf(out, size, "nothing goes on: %zu partition%s refused, waiting for an operator", all, plural(all));
    else if (untaken)
        snprintf(out, size, "taking over %zu of %zu partition%s%s", untaken, all, plural(all), rest);
    else if (lag)
        snprintf(out, size, "running with %zu partition%s, %lld event%s behind%s", owned, plural(owned), (long long)lag, plural((size_t)lag), rest);
    else
        snprintf(out, size, "running with %zu partition%s%s", owned, plural(owned), rest);
}

/* A halt's reason comes from Redis: a line feed in it would be an assignment of its own to the service manager. */
void host_sentence(const struct host_options *options, const struct picture *picture, char *out, size_t size)
{
    if (!obstacle(options, picture, out, size))
        progress(options, picture, out, size);
    text_clean(out);
}
