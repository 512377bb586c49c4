/* Decisions made again, held against those that were recorded; and what other programs wrote in between (orderd replay --verify).
 *
 * A rule sees the market of the replay, and another program's writes are not in it. They show in the record: what a decision rested on does not follow
 * from what the one before it on that key left. The market is then put right before the event is decided, so that such a write is reported as what it is
 * and not as a difference of decisions. Prints nothing. */
#ifndef ORDERD_REPLAY_VERIFY_H
#define ORDERD_REPLAY_VERIFY_H

#include "archive/fold.h"
#include "turn/playback.h"

/* How a decision differs, the first that does. */
#define VERIFY_KINDS(X)                    \
    X(STATUS, "status")                    \
    X(REASON, "reason")                    \
    X(FIRST, "first")                      \
    X(FACTS, "facts")                      \
    X(OTHER, "other")                      \
    X(UNREADABLE, "unreadable")            \
    X(MISSING, "missing")

enum verify_kind {
#define VERIFY_CONSTANT(constant, name) VERIFY_##constant,
    VERIFY_KINDS(VERIFY_CONSTANT)
#undef VERIFY_CONSTANT
    VERIFY_KIND_COUNT
};
const char *verify_kind_name(enum verify_kind kind);

struct verify_difference {
    enum verify_kind kind;
    const char *topic;
    int32_t partition;
    int64_t offset;
    int64_t count;                           /* 1; MISSING: events from `offset` on that have no outcome, below one that has */
    const struct decision *recorded, *now;   /* recorded NULL: unreadable or missing; now NULL: missing */
};

/* A value that did not come from the decisions. */
struct verify_write {
    char key[FOLD_KEY_TEXT_MAX];
    bool known;                              /* `was` is; else no decision had named the key */
    enum view_state was, became;             /* became INVALID: what no rule can use */
    int64_t was_value, became_value;         /* where PRESENT; of a member of a set nothing */
    bool member;                             /* of a set: it is there or not, and has no value */
    const char *topic;                       /* the first event that saw it */
    int32_t partition;
    int64_t offset;
};

struct verify_counts {
    int64_t compared, same, differences[VERIFY_KIND_COUNT];
    int64_t foreign, first_seen;             /* writes of others; values that were there before the first decision that named them */
    int64_t given_up;                        /* events whose outcome an operator had given up */
    int64_t undecided;                       /* events at the ends of the ranges that have no outcome yet */
};

struct verify_options {
    const char *folder;                      /* for what does not fit into `memory` bytes */
    size_t memory;
    size_t ranges;
    bool whole;                              /* verify_know() tells everything that was there before the range: what is not told was empty */
    /* Whether an operator had given up the event's outcome: then that it has none is no difference. */
    bool (*given_up)(void *context, const char *topic, int32_t partition, int64_t offset);
    void (*differs)(void *context, const struct verify_difference *difference);
    void (*foreign)(void *context, const struct verify_write *write, bool first_seen);
    void *context;
};

struct verify;

int verify_new(struct verify **out, const struct verify_options *options, struct error_text *error) MUST_CHECK;
struct verify *verify_free(struct verify *verify);
/* A value that the market has before the first event. */
int verify_know(struct verify *verify, const struct observation *of) MUST_CHECK;
/* An outcome that was replayed by an earlier run: what it left is known from now on. */
int verify_learn(struct verify *verify, const struct journal_event *event) MUST_CHECK;

/* playback's hooks. */
int verify_before(struct verify *verify, const struct journal_event *event, const struct decision *recorded, struct view *view) MUST_CHECK;
int verify_done(struct verify *verify, const struct playback_done *done) MUST_CHECK;

/* Of a run that was stopped and goes on. */
void verify_set_counts(struct verify *verify, const struct verify_counts *counts);
/* Nothing more comes: events without an outcome behind the last recorded one of their partition are not decided yet. */
const struct verify_counts *verify_counts(struct verify *verify);
int64_t verify_differences(const struct verify_counts *counts);

#endif
