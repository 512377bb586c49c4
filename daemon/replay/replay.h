/* A replay: source events through the rules, or as they were recorded, into a namespace of its own; in steps, so that its caller can show how far it is.
 *
 * Prints nothing. What it needs of a market is in replay/target.h, where outcomes go in replay/emit.h, what is compared in replay/verify.h. */
#ifndef ORDERD_REPLAY_REPLAY_H
#define ORDERD_REPLAY_REPLAY_H

#include "replay/emit.h"
#include "replay/target.h"
#include "replay/verify.h"

struct replay_options {
    struct journal_options journal;      /* all but ranges and sources */
    struct target *target;               /* open */
    struct emit *emit;                   /* NULL: outcomes go nowhere */
    struct verify *verify;               /* NULL: nothing is compared */
    struct session *session;
    struct clock *clock;
    const struct log *log;
    const struct sink_limits *limits;
    struct turn_bounds bounds;
    int64_t rate_per_s;                  /* 0: no limit */
    /* Whether an operator had the event passed over: where it has no outcome it is passed over here as well. NULL: none was. */
    bool (*passed_over)(void *context, const char *topic, int32_t partition, int64_t offset);
    void *context;
};

struct replay_counts {
    int64_t events, statuses[STATUS_COUNT], reasons[REASON_COUNT];
    int64_t taken;                       /* decided as recorded: expired, an operator's word, first decided before the range, a message compacted away */
    int64_t conflicts;
    int64_t passed_over;                 /* of this run */
    int64_t uncounted;                   /* offsets that a run applied, and was ended before it could count them */
};

struct replay;

int replay_new(struct replay **out, const struct replay_options *options) MUST_CHECK;
struct replay *replay_free(struct replay *replay);
/* Works for about `ms`. With `stop` nothing more is begun. 1: everything, or with `stop` everything begun, is applied and its outcomes are where they shall be;
 * 0: go on; an error with a sentence: -ESTALE: somebody else works in the namespace; -EPROTO, -EBADMSG, -ERANGE (retention ate a part), -EACCES, -EIO …
 * Redis and Kafka away are waited for. */
int replay_step(struct replay *replay, int64_t ms, bool stop, struct error_text *error) MUST_CHECK;
/* How many offsets are behind it, of how many in all; while it reads what an earlier run had replayed (`learning`): of that. */
int64_t replay_done(const struct replay *replay);
int64_t replay_of(const struct replay *replay);
bool replay_is_learning(const struct replay *replay);
/* Whether everything is applied; after replay_step() said 1. */
bool replay_is_over(const struct replay *replay);
const struct replay_counts *replay_counts(const struct replay *replay);
struct journal_counts replay_journal_counts(const struct replay *replay);
/* Of a run that was stopped and goes on. */
void replay_set_counts(struct replay *replay, const struct replay_counts *counts);

#endif
