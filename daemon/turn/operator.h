/* An operator's hands in the running pipeline: pause and let go on, slow down, pass over an event, look at what is in flight.
 *
 * All of it is called between two steps, in the pipeline's own thread, and may ask Redis one question. What only this instance knows (quiet, the
 * rate, events that are waited for) is gone with it; pauses are kept in Redis. Each answer is a sentence for a person. */
#ifndef ORDERD_TURN_OPERATOR_H
#define ORDERD_TURN_OPERATOR_H

#include <stdbool.h>
#include <stdint.h>

#include "turn/pipeline.h"

enum { OPERATOR_TEXT_MAX = 160, OPERATOR_ANSWER_MAX = 512 };

/* What a command is about. */
struct operator_place {
    const char *topic;      /* NULL: every partition of the market */
    int32_t partition;      /* -1: all of the topic */
};

struct operator_answer {
    int error;              /* 0, or as each command says */
    char text[OPERATOR_ANSWER_MAX];
};

/* From when this returns this instance decides nothing more of these partitions, and within seconds no other does, until they are resumed; they
 * stay where the group has put them, and are flushed and committed. `note` (up to PAUSE_NOTE_MAX bytes): who, and why. Errors: -ENOENT (no such
 * partition), -EAGAIN (Redis is away: nothing is decided now, and nothing could be kept), -EIO (Redis refuses to keep it), -ENOMEM. */
void operator_pause(struct pipeline *pipeline, const struct operator_place *place, const char *note, struct operator_answer *answer);
/* The opposite, with the same errors; of every partition it ends quiet too. */
void operator_resume(struct pipeline *pipeline, const struct operator_place *place, struct operator_answer *answer);

/* Whether this instance takes events at all. It stays in the group with what it owns. */
void operator_quiet(struct pipeline *pipeline, bool quiet);
/* The most events a second, until the configuration is read again; 0: no limit. Errors: -EINVAL (out of range). */
void operator_rate(struct pipeline *pipeline, int64_t events_per_s, struct operator_answer *answer);

/* The event at this offset is decided malformed, reason `skipped`, with `why` (1 to OPERATOR_TEXT_MAX bytes of UTF-8 without control characters), now
 * if it is held and as soon as it comes if not. Asked again it answers how far that is: 0: it was decided so; -EINPROGRESS: it waits. Errors:
 * -EALREADY (the partition is past it), -EREMOTE (not owned here), -EBUSY (being taken over, or stopped), -ENOSPC (too many are waited for),
 * -EINVAL (`why`). */
void operator_skip(struct pipeline *pipeline, const struct operator_place *place, int64_t offset, const char *why, struct operator_answer *answer);

/* The wish is taken back, if it was not decided yet. Errors: -ENOENT (there is none), -EBUSY (the partition is being taken over). */
void operator_skip_not(struct pipeline *pipeline, const struct operator_place *place, int64_t offset, struct operator_answer *answer);

/* What is in flight goes to the log, in a bounded number of lines. */
void operator_dump(struct pipeline *pipeline);

#endif
