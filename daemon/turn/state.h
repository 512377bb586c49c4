/* The pipeline's inside, shared by the files that carry out its parts and by nobody else. */
#ifndef ORDERD_TURN_STATE_H
#define ORDERD_TURN_STATE_H

#include "ledger/takeover.h"
#include "turn/deadline.h"
#include "turn/hot.h"
#include "turn/meters.h"
#include "turn/decide.h"
#include "turn/operator.h"
#include "turn/pipeline.h"
#include "turn/rate.h"
#include "turn/write.h"
#include "base/number.h"

enum { LANES_MAX = 4096, TAKE_MAX = 512, SKIPS_MAX = 64 };

/* An event that the operator wants passed over, until its partition is beyond it. */
struct skip {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    int64_t offset;
    char why[OPERATOR_TEXT_MAX + 1];
    /* Decided: and its partition was owned since. Before: it was not, and may have come back older. Passed: no event was there to be skipped. Lost:
     * the partition went to another instance. */
    enum { SKIP_WAITS, SKIP_DECIDED, SKIP_BEFORE, SKIP_PASSED, SKIP_LOST } state;
};

struct pipeline {
    struct pipeline_options options;
    struct pipeline_settings settings;
    struct sink *sink;
    struct log const *log;

    struct lane **lanes;
    size_t lanes_count, rotation;        /* whose events a turn takes first */
    struct shard **shards;
    size_t shards_count;
    struct item_pool items;
    struct kafka_message taken[TAKE_MAX]; /* between the source and the lanes */
    struct outbox_pool pool;

    struct turn turns[2];                /* the one at `at`, and the one that rides behind its EXEC */
    int at;
    struct commands exec;
    struct arena *arena;                 /* of EXEC's replies */
    struct decide decide;
    const struct kafka_message *decoding; /* for the note of a crash; NULL: nothing is being decoded */
    bool unwatch;                        /* a WATCH may be in force that no EXEC ended */
    bool gate_open;                      /* everything applied is as durable as configured */

    size_t events_limit;                 /* lowered by conflicts */
    size_t recent_events;                /* about how many events a turn holds at present */
    int conflicts;                       /* in a row */
    int trouble_pause_ms;                /* after an error reply; 0: none was */
    int64_t exec_sent_at;                /* deadline clock */
    int64_t exec_sent_us;                /* monotonic */
    struct meters meters;
    struct hot *hot;

    struct reapply_options reapply_options;
    struct reapply *reapply;             /* at work in one halted market; NULL: in none */
    struct shard *reapply_shard;         /* that market */

    struct takeover takeover;
    struct commands ask;
    struct arena *ask_arena;
    struct deadline deadline;
    int64_t commit_at, watch_at, tail_at, pause_until, gate_said_at, commit_said_at, retry_said_at, torn_at, torn_said_at;
    bool authenticate;                   /* the password was changed, and the connection has not heard of it */
    int retry_said;                      /* why a take-over is tried again, as said last */
    bool draining;                       /* only flushes, no events */
    bool joined;                         /* the group has answered once */
    uint64_t steps;
    bool settled;                        /* the first take-over round is over */
    bool hold;                           /* after a new connection: no turn before every partition was taken over again (DESIGN 4.2) */
    struct lane *recent;                 /* where the last message went; NULL: unknown */
    bool quiet;                          /* by the operator's word no events are taken, of any partition */
    struct rate rate;
    struct skip skips[SKIPS_MAX];        /* the oldest first */
    size_t skips_count;
};

/* pipeline.c: asks whether what was applied is durable by now */
void pipeline_gate(struct pipeline *p);

/* count.c: what happened, into meters and hot keys */
void count_taken(struct pipeline *p, const struct item *item);
/* Before its events leave their lanes, or are decided once more. */
void count_exec(struct pipeline *p, struct turn *turn, enum exec_class class);
/* A turn's reads have come. */
void count_loaded(struct pipeline *p, const struct turn *turn);
/* Before the entry is told of the report. */
void count_report(struct pipeline *p, const struct outbox_entry *entry, bool delivered);
void count_commit(struct pipeline *p, const struct kafka_position *position);

/* intake.c: messages into lanes */
void intake_take(struct pipeline *p, int timeout_ms);
struct lane *intake_lane(struct pipeline *p, const char *topic, int32_t partition);

/* assignment.c: the group's word, and taking over */
void assignment_serve(struct pipeline *p);
/* Partitions that could not be read on: taken over again. */
void assignment_serve_failures(struct pipeline *p);
void assignment_untake(struct pipeline *p, const struct shard *shard);
void assignment_untake_lane(struct pipeline *p, struct lane *lane);
int assignment_take_over(struct pipeline *p) MUST_CHECK;
void assignment_watch(struct pipeline *p);
/* Refused partitions are tried again, and said again where they still are: those of the shard (NULL: all) that were not refused in `but_era`.
 * Another connection may lead to another state of Redis: one that was restored, or one from before a resolution. */
void assignment_retry_stopped(struct pipeline *p, const struct shard *shard, int64_t but_era);
void assignment_drop(struct pipeline *p, struct lane *lane);
/* The shard of a partition number, made when it is not known yet; NULL: memory is out. */
struct shard *assignment_shard(struct pipeline *p, int32_t partition);

/* park.c: partitions at their outbox bound, and those that the operator holds */
void park_lanes(struct pipeline *p);
/* Whether the operator wants nothing of it to be decided. */
bool park_wanted(const struct pipeline *p, const struct lane *lane);

/* operator.c: fills the answer */
void operator_say(struct operator_answer *answer, int error, const char *format, ...) PRINTF_LIKE(3, 4);

/* skip.c: events that the operator passes over */
void skip_taken(struct pipeline *p, struct lane *lane, struct item *item);
size_t skip_waiting(const struct pipeline *p);
void skip_decided(struct pipeline *p, const struct lane *lane, const struct item *item);
/* The partition is owned no more, or must be taken over anew. */
void skip_untaken(struct pipeline *p, const struct lane *lane);

/* tell.c: what is said of single events */
void tell_malformed(const struct pipeline *p, const struct partition *partition, const struct item *item);
void tell_expired(const struct pipeline *p, const struct partition *partition, const struct item *item);
void tell_refused(const struct pipeline *p, const struct turn *turn, const char *error);
void tell_undelivered(const struct pipeline *p, const struct outbox_entry *entry, const struct sink_report *report);

/* rollback.c: a market that came back older, and is to be brought forward again */
/* Whether that is going to be tried, so that its halt is no reason to end. */
bool rollback_has_hope(const struct pipeline *p, const struct shard *shard);
/* Works at it for a moment. Errors: as pipeline_step(), when it cannot be done and the daemon has only just begun. */
int rollback_serve(struct pipeline *p) MUST_CHECK;
/* Another connection, another state of Redis: what could not be done may be possible. */
void rollback_hope_anew(struct pipeline *p);
/* Leaves it to others. */
void rollback_end(struct pipeline *p);

/* torn.c: a transaction that was applied in part */
void torn_note(struct pipeline *p, const struct turn *turn, const char *error);
/* Writes what is due; false: not yet, nothing else may be done. */
bool torn_write(struct pipeline *p);
/* The same, however short ago it was tried. */
bool torn_write_now(struct pipeline *p);

/* commit.c: publishing what is applied, and committing what is delivered */
void commit_publish(struct pipeline *p);
/* What has moved, asynchronously, when the interval is over. */
void commit_due(struct pipeline *p);
/* Waits for the result until `until` (monotonic ms), and a moment at least. */
void commit_now(struct pipeline *p, const struct kafka_position *positions, size_t count, int64_t until);
void commit_all(struct pipeline *p, int64_t until);
void commit_result(struct pipeline *p, const struct kafka_position *positions, size_t count);
void commit_tails(struct pipeline *p);
/* Publishes, waits for reports, flushes the outbox, until `until` (monotonic ms) at most. */
void commit_flush(struct pipeline *p, int64_t until);

/* execute.c: one turn through Redis */
int execute_turn(struct pipeline *p, bool *worked) MUST_CHECK;
/* Whether the partition's outbox takes no more; `coming`: entries of a turn that goes out before. */
bool execute_at_bound(const struct pipeline *p, const struct lane *lane, size_t coming);
/* Throws both turns away; what rides is received or its connection dropped, and the next WATCH begins with UNWATCH. */
void execute_forget(struct pipeline *p);

#endif
