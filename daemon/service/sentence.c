/* The one sentence: what stands in the way first, since that is what somebody who looks wants to know. */
#include <stdio.h>
#include <string.h>

#include "service/host.h"

/* What keeps all of it from going on; false: nothing does. */
static bool obstacle(const struct host_options *o, const struct picture *p, char *out, size_t size)
{
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
    return false;
}

static const char *plural(size_t count)
{
    return count == 1 ? "" : "s";
}

/* Partitions that do not go on while others do. */
static void exceptions(const struct picture *p, char *out, size_t size)
{
    size_t stopped = picture_count(p, PARTITION_STOPPED), parked = 0, used = 0;

    out[0] = '\0';
    for (size_t i = 0; i < p->partitions_count; i++)
        parked += p->partitions[i].parked;
    if (stopped)
        used = (size_t)snprintf(out, size, "; %zu refused and waiting for an operator", stopped);
    if (parked && used < size)
        snprintf(out + used, size - used, "; %zu waiting for Kafka to take their outcomes", parked);
}

void host_sentence(const struct host_options *options, const struct picture *picture, char *out, size_t size)
{
    size_t all = picture->partitions_count, untaken = picture_count(picture, PARTITION_UNTAKEN), owned = picture_count(picture, PARTITION_OWNED);
    int64_t lag = picture_lag(picture);
    char rest[160];

    if (obstacle(options, picture, out, size))
        return;
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
