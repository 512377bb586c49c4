/* What can be seen of the daemon at this moment, from the desk: the latest picture of the pipeline, completed; what the daemon is at while
 * there is none; and how long the pipeline has not got on. A guest of the desk without descriptors, and for its thread alone. */
#ifndef ORDERD_SERVICE_SIGHT_H
#define ORDERD_SERVICE_SIGHT_H

#include "seam/clock.h"
#include "service/board.h"
#include "service/desk.h"

struct sight_options {
    struct board *board;
    struct clock *clock;                         /* the pipeline's: its pulses show whether it gets on */
    const char *redis, *brokers, *group;         /* names for people; they stay the caller's */
    int64_t silence_max_ms;                      /* without a pulse for longer, the pipeline hangs */
};

struct sight {
    const struct sight_options *options;
    enum board_phase phase;
    const struct picture *picture;               /* an empty one while phase is before BOARD_RUNNING */
    bool redis_up, kafka_up;
    bool reload_refused;                         /* the configuration is older than its file */
    int64_t now, started_ms;                     /* ms since 1970; when the process began */
    int64_t silent_ms;                           /* since the pipeline's last pulse, as far as it was watched */
};

struct sights;

/* Errors: -ENOMEM. */
int sights_new(struct sights **out, const struct sight_options *options) MUST_CHECK;
/* Its desk must be gone before. Takes NULL, returns NULL. */
struct sights *sights_free(struct sights *sights);
struct desk_guest sights_guest(struct sights *sights);
/* From the pipeline's thread: Kafka may be asked from here on, until the desk is gone. */
void sights_watch(struct sights *sights, struct kafka_in *in);
/* The present state; valid until the next call. */
const struct sight *sights_look(struct sights *sights);

#endif
