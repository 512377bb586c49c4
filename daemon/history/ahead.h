/* A journal read by a thread of its own, some batches of events ahead of who takes them: so that reading and judging the log share two cores. */
#ifndef ORDERD_HISTORY_AHEAD_H
#define ORDERD_HISTORY_AHEAD_H

#include "history/journal.h"

struct ahead;

/* How the thread reads: as journal_next does, and what was read by then. */
struct ahead_source {
    int (*next)(void *context, int timeout_ms, struct journal_event *out, struct error_text *error);
    struct journal_counts (*counts)(void *context);
    void *context;                 /* the thread's alone until ahead_free */
};

/* Begins to read. Errors: -ENOMEM, -EAGAIN (no thread is to be had). */
int ahead_new(struct ahead **out, const struct ahead_source *source) MUST_CHECK;
/* Ends the thread, within a fifth of a second or so, and frees what it read. Takes NULL, returns NULL. */
struct ahead *ahead_free(struct ahead *ahead);
/* As journal_next. */
int ahead_next(struct ahead *ahead, int timeout_ms, struct journal_event *out, struct error_text *error) MUST_CHECK;
/* What had been read when the event that was handed out last came. */
struct journal_counts ahead_counts(const struct ahead *ahead);

#endif
