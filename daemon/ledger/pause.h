/* Which partitions an operator has paused: the hash orderd:paused, field TOPIC:P, beside the marks (PROTOCOL.md 10).
 *
 * No turn watches it and nothing is decided by it: a paused partition is as safe as one whose events are slow to come. It is kept in
 * Redis so that it holds for whichever instance owns the partition, and after a restart. */
#ifndef ORDERD_LEDGER_PAUSE_H
#define ORDERD_LEDGER_PAUSE_H

#include <stdbool.h>
#include <stdint.h>

#include "seam/redis_link.h"

enum { PAUSE_NOTE_MAX = 200 };

struct pause {
    bool set;
    int64_t since;                     /* ms since 1970 */
    char note[PAUSE_NOTE_MAX + 1];     /* who paused it, and why */
};

/* The field's value, "MS NOTE". Returns its size. */
enum { PAUSE_VALUE_SIZE = PAUSE_NOTE_MAX + 24 };
size_t pause_format(char out[PAUSE_VALUE_SIZE], const struct pause *pause);
/* Reads a field's value, one element of HMGET's reply: nil is not paused; whatever else stands there is a pause, however it is written. */
void pause_read(struct pause *out, const struct reply *reply);

#endif
