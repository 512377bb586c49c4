/* The steps of an event's way at which a preloaded library can end the daemon, and the passing of one.
 *
 *     ORDERD_ARROW=exec.send:before:17         SIGKILL when the 17th EXEC is about to be sent
 *     ORDERD_ARROW=publish:after:3:stop        SIGSTOP when the 3rd outcome was handed to the producer
 *
 * The library stands between the shipped daemon and hiredis (arrows_redis.c) and librdkafka (arrows_kafka.c): every function that an
 * arrow of DESIGN 3 goes through is defined here too, and calls the real one. */
#ifndef ORDERD_TESTS_ARROWS_H
#define ORDERD_TESTS_ARROWS_H

/* Conversations with Redis; each has a step "….send" and a step "….receive". */
#define TALKS(X) \
    X(HELLO, "hello")       /* handshake and self-test */ \
    X(START, "start")       /* what is there before the group is joined */ \
    X(FIRST, "first")       /* registry and marks of a first start */ \
    X(LOOK, "look")         /* take-over: WATCH, registry and marks */ \
    X(EPOCH, "epoch")       /* take-over: the EXEC that fences the former owner */ \
    X(OUTBOX, "outbox")     /* take-over: what was not yet delivered */ \
    X(SEEN, "seen")         /* take-over: the duplicate window */ \
    X(MARKS, "marks")       /* take-over: the marks once more */ \
    X(REST, "rest")         /* an owner at rest looks at registry and marks */ \
    X(LOAD, "load")         /* WATCH and the reads of a turn */ \
    X(EXEC, "exec")         /* the turn's transaction */ \
    X(GATE, "gate")         /* WAIT; behind EXEC it is sent with it */ \
    X(FLUSH, "flush")       /* delivered entries leave the outbox without a turn */ \
    X(TORN, "torn")         /* a transaction applied in part is noted */ \
    X(HALT, "halt")         /* the market is halted: WATCH of the registry, then EXEC */

#define CALLS(X) \
    X(SUBSCRIBE, "subscribe") \
    X(SERVE, "serve")               /* the group is polled */ \
    X(ASSIGNED, "assigned")         /* the group gave partitions */ \
    X(REVOKED, "revoked")           /* the group takes partitions */ \
    X(ASSIGN, "assign")             /* fetching begins */ \
    X(UNASSIGN, "unassign")         /* fetching ends */ \
    X(ASSIGN_MORE, "assign-more")   /* the same, cooperatively */ \
    X(ASSIGN_LESS, "assign-less") \
    X(COMMITTED, "committed")       /* take-over: the commit and its note */ \
    X(BOUNDS, "bounds")             /* take-over: where logs begin and end */ \
    X(EVIDENCE, "evidence")         /* take-over: a record is read back */ \
    X(FETCH, "fetch")               /* events are taken */ \
    X(PUBLISH, "publish")           /* an outcome is handed to the producer */ \
    X(LETTER, "letter")             /* a dead letter is */ \
    X(PRODUCE, "produce")           /* a produce request goes out on the wire */ \
    X(REPORT, "report")             /* a delivery report */ \
    X(COMMIT, "commit")             /* a commit is asked for */ \
    X(COMMIT_WIRE, "commit-wire")   /* a commit goes out on the wire */ \
    X(COMMIT_DONE, "commit-done")   /* its answer */ \
    X(COMMIT_LAST, "commit-last")   /* the commit of a revocation or of the end */ \
    X(LEAVE, "leave")               /* the group is left */ \
    X(PURGE, "purge")               /* the producer is emptied and ended */

enum talk {
#define X(name, text) name,
    TALKS(X)
#undef X
    TALKS_COUNT
};

enum step {
    TALK_STEPS = 2 * TALKS_COUNT - 1,
#define X(name, text) STEP_##name,
    CALLS(X)
#undef X
    STEPS_COUNT
};

enum side { BEFORE, AFTER };

#define HIDDEN __attribute__((visibility("hidden")))

/* The names of all steps, in the order of their numbers; NULL ends them. */
extern const char *const arrow_steps[];

/* Ends or stops the process if this is the passing that it waits for. */
HIDDEN void pass(int step, enum side side);

/* The function of that name in the libraries behind this one. */
HIDDEN void *real(const char *name);

#define REAL(name) (__extension__(__typeof__(&name))real(#name))

#endif
