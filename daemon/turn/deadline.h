/* The clock that deadlines run on: monotonic, standing still while Redis or Kafka is away (DESIGN 4.4). */
#ifndef ORDERD_TURN_DEADLINE_H
#define ORDERD_TURN_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/event.h"
#include "turn/lane.h"

struct deadline {
    int64_t away_ms;       /* time that does not count */
    int64_t away_since;    /* monotonic ms; -1: both are there */
};

void deadline_init(struct deadline *deadline);
/* Says whether Redis or Kafka is away now. */
void deadline_mark(struct deadline *deadline, bool away, int64_t monotonic);
/* The deadline clock's time, ms. */
int64_t deadline_now(const struct deadline *deadline, int64_t monotonic);
/* Whether the event's time is over: its own deadline_ms where that is shorter, else its kind's; a kind with 0 has none. */
bool deadline_over(const struct item *item, const int64_t limits[EVENT_KIND_COUNT], int64_t now);

#endif
