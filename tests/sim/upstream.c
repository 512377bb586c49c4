/* The upstream: writes the plan's events to the source topics when their time has come. */
#include "sim/fiber.h"
#include "sim/history.h"

enum { EPOCH_MS = 1700000000, LONG_MS = 1000000, SILENCE_MS = 20 };

void upstream_writes(const struct plan_event *event)
{
    const struct plan *plan = history->plan;
    struct log_partition *partition = kafka_log_partition(&world->kafka, plan->settings.topics[event->topic], event->partition);
    struct logged message = {.offset = partition->end, .timestamp = (int64_t)EPOCH_MS * 1000 + world->now + event->timestamp_shift,
                             .key = bytes_of("k"), .value = event->value, .headers = event->headers, .headers_count = event->headers_count};

    if (event->off) {
        kafka_log_skip(partition, 1);
        witness_ordered(history->witness, plan->settings.topics[event->topic], event->partition, NULL);
        return;
    }
    kafka_log_append(partition, &message);
    witness_ordered(history->witness, plan->settings.topics[event->topic], event->partition, &message);
}

void upstream_run(void *unused)
{
    const struct plan *plan = history->plan;

    (void)unused;
    for (size_t i = 0; i < plan->events_count && !fibers_are_over(); i++) {
        if (plan->events[i].at > world->now)
            fiber_sleep(plan->events[i].at - world->now);
        while ((history->hush || history->silent) && !fibers_are_over())
            fiber_sleep(history->hush ? 1 : SILENCE_MS);
        upstream_writes(&plan->events[i]);
    }
    while (!fibers_are_over())
        fiber_sleep(LONG_MS);
}
