/* Re-applies published decisions that Redis lost: the whole market, in sequence order, by one instance at a time (PROTOCOL.md 5).
 *
 * Works in steps of bounded length, so that its caller goes on answering the group. Nothing is decided and nothing is published: what is applied is what
 * the outcome topic says, for exactly the offsets from each mark's `next` to the last one published, and only if all of it is there and can be read,
 * which is looked at before anything is touched. Whoever dies is followed by another, who goes on at the marks. */
#ifndef ORDERD_TURN_REAPPLY_H
#define ORDERD_TURN_REAPPLY_H

#include "ledger/start.h"
#include "turn/playback.h"

/* More than twice as long as an instance needs to look at the registry again (turn/assignment.c). */
enum { REAPPLY_SETTLE_MS = 7000 };

struct reapply_options {
    struct start start;                   /* both ends, and names, as the configuration has them */
    struct kafka_in_options kafka;        /* for the journal's readers */
    const struct sink_limits *limits;
    struct turn_bounds bounds;
    int32_t shard;                        /* SHARD_NONE or the number */
    enum playback_mode mode;              /* PLAYBACK_CHANGE: a rollback; PLAYBACK_FOLLOW: a market restored from the log */
    int64_t settle_ms;                    /* so long it waits after it has the lock, that every living instance sees the halt; 0: nobody lives */
    const char *unhalt;                   /* the beginning of the halt that it is to end: "rollback", "restore" */
    bool dry;                             /* looks and says, takes no lock and writes nothing */
    void (*say)(void *context, const char *line);   /* what a person wants to know, a line each; NULL: the log gets it */
    void *context;
};

/* Constant, name. WAITING: another has the lock. */
#define REAPPLY_PHASES(X)    \
    X(WAITING, waiting)      \
    X(SETTLING, settling)    \
    X(LOOKING, looking)      \
    X(APPLYING, applying)    \
    X(DONE, done)

enum reapply_phase {
#define REAPPLY_PHASE_CONSTANT(constant, name) REAPPLY_##constant,
    REAPPLY_PHASES(REAPPLY_PHASE_CONSTANT)
#undef REAPPLY_PHASE_CONSTANT
};

struct reapply_progress {
    enum reapply_phase phase;
    bool ours;                            /* DONE: by this one; false: there was nothing to be done, or another did it */
    int64_t events, of;                   /* applied, and how many there are to apply as far as is known */
    int64_t differences;                  /* values that were not as the record says they were */
};

struct reapply;

/* Options are copied; what they point to is the caller's. Errors: -ENOMEM. */
int reapply_new(struct reapply **out, const struct reapply_options *options) MUST_CHECK;
/* Gives the lock up, if it is held. Takes NULL, returns NULL. */
struct reapply *reapply_free(struct reapply *reapply);
/* Works for about `ms`, and leaves nothing on the connection. 1: done, the halt is gone and a new era has begun (dry: looked); 0: go on, after a moment;
 * -EPROTO with a refusal: it cannot be done, nothing (more) was touched; -EACCES (said); anything else: try again later, it goes on at the marks. */
int reapply_step(struct reapply *reapply, int64_t ms, struct refusal *refusal) MUST_CHECK;
/* Whether a step now would only wait, for another or for a moment. */
bool reapply_rests(const struct reapply *reapply);
struct reapply_progress reapply_progress(const struct reapply *reapply);
const char *reapply_phase_name(enum reapply_phase phase);

#endif
