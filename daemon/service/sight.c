#include "service/sight.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "service/logs.h"
#include "service/process.h"

struct sights {
    struct sight_options options;
    struct logs *logs;
    _Atomic(struct kafka_in *) kafka;
    struct picture picture;
    struct sight sight;
    uint64_t pulses;              /* as last seen, */
    int64_t pulsed_at;            /* and when they last were others, monotonic ms */
    int64_t tick_at;              /* the same */
    int64_t started_ms;
};

enum { TICK_MS = 500 };

int sights_new(struct sights **out, const struct sight_options *options)
{
    struct sights *sights = calloc(1, sizeof *sights);
    int r = sights ? logs_new(&sights->logs) : -ENOMEM;

    if (r) {
        free(sights);
        return r;
    }
    sights->options = *options;
    sights->pulsed_at = clock_monotonic_ms(options->clock);
    sights->started_ms = process_started_ms();
    picture_init(&sights->picture);
    sights->picture.gate_open = sights->picture.sink_up = true;      /* until somebody says otherwise */
    *out = sights;
    return 0;
}

struct sights *sights_free(struct sights *sights)
{
    if (sights) {
        logs_free(sights->logs);
        picture_deinit(&sights->picture);
        free(sights);
    }
    return NULL;
}

void sights_watch(struct sights *sights, struct kafka_in *in)
{
    sights->kafka = in;
}

static void watch_pulses(struct sights *sights, int64_t now)
{
    uint64_t pulses = clock_pulses(sights->options.clock);

    if (pulses != sights->pulses)
        sights->pulsed_at = now;
    sights->pulses = pulses;
}

/* Before the first picture Kafka counts as there once it was asked; what its connections do is known from the first statistics on. */
static void see(struct sights *sights, int64_t now)
{
    struct sight *sight = &sights->sight;
    bool any = board_read(sights->options.board, &sights->picture);

    *sight = (struct sight){
        .options = &sights->options,
        .phase = board_phase(sights->options.board),
        .picture = &sights->picture,
        .reload_refused = board_reload_refused(sights->options.board),
        .now = clock_realtime_ms(sights->options.clock),
        .started_ms = sights->started_ms,
        .silent_ms = now - sights->pulsed_at,
    };
    sight->redis_up = any ? sights->picture.redis_up : board_redis_seen(sights->options.board);
    sight->kafka_up = any ? sights->picture.kafka_brokers_up != 0 : sight->phase > BOARD_KAFKA;
    logs_complete(sights->logs, &sights->picture, sight->now);
}

const struct sight *sights_look(struct sights *sights)
{
    int64_t now = clock_monotonic_ms(sights->options.clock);

    watch_pulses(sights, now);
    see(sights, now);
    return &sights->sight;
}

static size_t polls(void *context, struct pollfd *fds, size_t max, int *timeout_ms)
{
    (void)context, (void)fds, (void)max, (void)timeout_ms;
    return 0;
}

/* A consumer that is leaving its group is asked nothing more. */
static void serve(void *context, const struct pollfd *fds, size_t count)
{
    struct sights *sights = context;
    int64_t now = clock_monotonic_ms(sights->options.clock);

    (void)fds, (void)count;
    if (now < sights->tick_at)
        return;
    sights->tick_at = now + TICK_MS;
    sights_look(sights);
    if (sights->kafka && sights->sight.phase == BOARD_RUNNING)
        logs_ask(sights->logs, sights->kafka, &sights->picture, now);
}

struct desk_guest sights_guest(struct sights *sights)
{
    return (struct desk_guest){sights, polls, serve};
}
