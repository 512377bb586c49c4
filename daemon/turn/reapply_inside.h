/* The inside of turn/reapply.h, shared by the files that carry it out and by nobody else. */
#ifndef ORDERD_TURN_REAPPLY_INSIDE_H
#define ORDERD_TURN_REAPPLY_INSIDE_H

#include "ledger/gather.h"
#include "turn/reapply.h"

/* The bound of what is fetched ahead, over all readers; of events between journal and EXEC; how long Kafka is waited for at a time. */
enum { REAPPLY_KBYTES = 32768, REAPPLY_SLICE_MS = 20, REAPPLY_LOCK_SIZE = CLOCK_UUID_SIZE + 24 };

/* A partition of the registry, and what is known of its log. */
struct reapply_part {
    struct partition *partition;          /* its mark: as read, then as written by us */
    int64_t log_start, log_end;
    int64_t outcomes_from, outcomes_to;   /* where its outcomes are looked for; outcomes_to < 0: not looked at yet */
    int64_t outcomes_start;               /* of the outcome partition's log */
    bool reaches_back;                    /* that log holds everything from before the mark on: nothing that was lost can have been deleted */
    int64_t committed, handed;            /* in this incarnation; `handed` as far as it counts (ledger/compare.h) */
    int64_t last;                         /* the highest offset with an outcome; -1: none at or above the mark */
    int64_t to;                           /* below here every source message must have its outcome */
    bool below;                           /* an outcome from below the mark was seen: the reading began early enough */
};

/* What is done next. */
enum reapply_work {
    WORK_WATCH,       /* whose turn it is; taking the lock */
    WORK_LOAD,        /* outboxes and seen lists, then settling */
    WORK_EVIDENCE,    /* what Kafka says of each partition */
    WORK_OUTCOMES,    /* every outcome from there on, to learn up to where decisions were published */
    WORK_SOURCES,     /* the same with their source messages: all of it is there, and can be read */
    WORK_APPLY,
    WORK_FINISH,
    WORK_OVER
};

struct reapply {
    struct reapply_options options;
    const struct log *log;
    char uuid[CLOCK_UUID_SIZE];           /* of the lock's holder, if it is us */
    char lock[REAPPLY_LOCK_SIZE];         /* as last read */
    int64_t beats;
    bool held;                            /* as far as is known */
    bool looked;                          /* registry and marks were read once */
    enum reapply_work work;
    int64_t wake_at;                      /* monotonic ms: nothing is to be done before */
    int64_t changed_at;                   /* the same: lock or marks were seen to change */
    int64_t beat_at, stirred_at, said_at, failed_at;
    struct shard shard;
    struct reapply_part *parts;
    struct journal_range *ranges;         /* of the journal at work, one for each part */
    int64_t *letters_from;                /* the same: what lies below was committed, so its dead letters were delivered */
    struct partition **partitions;        /* the same as in parts, for ledger/gather.h and the playback */
    size_t count, at;                     /* at: the part that is worked */
    struct outbox_pool pool;
    bool from_start;                      /* outcomes are looked for from the start of their logs */
    int64_t era;                          /* the highest that anything shows */
    char third[CLOCK_UUID_SIZE];          /* an incarnation that the registry does not know; "": none */
    struct error_text error;
    struct journal *journal;
    struct playback *playback;
    struct journal_event event;           /* `waiting`: for room in the playback */
    bool waiting;
    bool idle;                            /* Kafka gave nothing for now: the step is over */
    bool torn;                            /* a transaction was applied in part, and that is not written down yet */
    int64_t found;                        /* events in the range that is looked at */
    struct reapply_progress progress;
    uint64_t named;                       /* differences said in full */
};

/* reapply_lock.c: each 0, or an error as reapply_step() has it */
/* Reads registry, lock and marks; takes the lock if it is free or its holder is dead, and writes fresh epochs. 1: no halt of ours is there. */
int reapply_watch(struct reapply *r, struct refusal *refusal) MUST_CHECK;
/* Raises the number in the lock, so that others see that its holder lives. -ESTALE: it is not ours any more. */
int reapply_beat(struct reapply *r) MUST_CHECK;
/* Whether registry, lock and marks are still as we left them: 0, or -ESTALE. They are watched then. */
int reapply_confirm(struct reapply *r) MUST_CHECK;
bool reapply_beat_is_due(const struct reapply *r);
/* The last EXEC: no halt, no lock, a new era; marks rise over control records up to the commit. -ESTALE as above. */
int reapply_finish(struct reapply *r) MUST_CHECK;
/* A transaction was applied in part: every mark is marked torn, and the halt says so from now on. */
int reapply_torn(struct reapply *r) MUST_CHECK;
/* Gives the lock up, as well as it can. */
void reapply_unlock(struct reapply *r);

/* reapply_look.c */
/* Outbox and seen list of the part at r->at. */
int reapply_load(struct reapply *r, struct refusal *refusal) MUST_CHECK;
/* What Kafka says of the part at r->at. */
int reapply_evidence(struct reapply *r, struct refusal *refusal) MUST_CHECK;
/* One pass through the journal, until it is over (1) or the time is (0). */
int reapply_outcomes(struct reapply *r, int64_t until, struct refusal *refusal) MUST_CHECK;
int reapply_sources(struct reapply *r, int64_t until, struct refusal *refusal) MUST_CHECK;
/* Opens the journal over what the parts say. */
int reapply_journal(struct reapply *r, bool sources) MUST_CHECK;
/* The next event in time: 1; 0: it did not come in time; -ENODATA: there is none. */
int reapply_next(struct reapply *r, int64_t until, struct journal_event *event, struct refusal *refusal) MUST_CHECK;

/* reapply_apply.c: 1: all of it is applied */
int reapply_apply(struct reapply *r, int64_t until, struct refusal *refusal) MUST_CHECK;

/* reapply.c: a line for whoever asked for it, or for the log. */
void reapply_say(struct reapply *r, const char *format, ...) PRINTF_LIKE(2, 3);

#endif
