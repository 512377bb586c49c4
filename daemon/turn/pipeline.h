/* The daemon's one loop: take, load, decide, EXEC, publish, commit, over all partitions that the group gave us (DESIGN 3).
 *
 * Everything blocks only in the seams. One call of pipeline_step is one turn, or one short wait when there is nothing. */
#ifndef ORDERD_TURN_PIPELINE_H
#define ORDERD_TURN_PIPELINE_H

#include "base/log.h"
#include "seam/clock.h"
#include "seam/kafka_in.h"
#include "store/session.h"
#include "stream/sink.h"
#include "stream/source.h"
#include "turn/reapply.h"
#include "turn/turn.h"

/* What a reload may change. */
struct pipeline_settings {
    struct turn_bounds turn;
    size_t outbox_entries, outbox_bytes;       /* per partition */
    int64_t outbox_idle_ms;
    size_t prefetch_events, prefetch_bytes;
    int64_t deadline_ms[EVENT_KIND_COUNT];     /* 0: none */
    int64_t commit_interval_ms;
    int conflict_backoff_min_ms, conflict_backoff_max_ms;
    int revoke_ms;
    int64_t rate_events_per_s;                 /* 0: no limit */
    bool reapply;                              /* on_rollback = "reapply" */
};

struct pipeline_options {
    struct pipeline_settings settings;
    struct turn_bounds turn_max;               /* the settings' ranges end there */
    size_t prefetch_events_max;
    const char *file;                          /* of the configuration, for the commands that refusals name */
    const char *prefix, *outcomes;
    bool sharded;                              /* shard = "partition" */
    const struct reapply_options *reapply;     /* ends and names, for settings.reapply; copied. NULL: a rollback halts, whatever is set */
    struct session *session;
    struct source *source;
    struct kafka_reader *reader;
    struct clock *clock;
    const struct log *log;
};

struct pipeline;

int pipeline_new(struct pipeline **out, const struct pipeline_options *options) MUST_CHECK;
/* The sink must be gone before. Takes NULL, returns NULL. */
struct pipeline *pipeline_free(struct pipeline *pipeline);
/* The sink is made with pipeline_reported as its `reported` and the pipeline as its context. */
void pipeline_set_sink(struct pipeline *pipeline, struct sink *sink);
void pipeline_reported(void *pipeline, const struct sink_report *report);
void pipeline_configure(struct pipeline *pipeline, const struct pipeline_settings *settings);

/* The session's password was changed: AUTH between two turns. */
void pipeline_authenticate(struct pipeline *pipeline);

/* 0, or why the daemon must stop: -EPROTO (refused at the first take-over; said), -EACCES (rights), -ENOMEM, -EBADMSG. */
int pipeline_step(struct pipeline *pipeline) MUST_CHECK;
/* Stops: publishes what is applied, waits for its delivery, flushes the outbox, commits; until `until` (monotonic ms) at most. */
void pipeline_drain(struct pipeline *pipeline, int64_t until);
/* Where the pipeline is, for the note of a crash: what is being decoded or decided. Only reads, allocates nothing, takes no lock: it may
 * be called from a signal handler. Returns the size of the text, at most `size`. */
size_t pipeline_crash_note(const struct pipeline *pipeline, char *out, size_t size);

#endif
