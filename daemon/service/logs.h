/* Where the sources' logs begin and end, asked now and then beside the pipeline: librdkafka knows it of what it fetches only, and a
 * partition that is stopped, paused or parked is not fetched. Without it its lag would stand still, which is when somebody looks. */
#ifndef ORDERD_SERVICE_LOGS_H
#define ORDERD_SERVICE_LOGS_H

#include "turn/picture.h"

/* How often it is asked, and how long an answer may take: twice as long may whoever asks stand still. */
enum { LOGS_INTERVAL_MS = 10000, LOGS_QUESTION_MS = 500 };

struct logs;

/* Errors: -ENOMEM. */
int logs_new(struct logs **out) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct logs *logs_free(struct logs *logs);

/* Asks of all partitions of the picture when it is time, or when one is new. `now`: monotonic ms. */
void logs_ask(struct logs *logs, struct kafka_in *in, const struct picture *picture, int64_t now);
/* Completes the picture by what is known. Where the next event's timestamp is not known, since nothing is fetched, it is taken for as old as
 * its offset has been seen to wait: at least that is true. `now`: ms since 1970. */
void logs_complete(struct logs *logs, struct picture *picture, int64_t now);

#endif
