/* Re-applies published decisions that Redis lost: the whole market, in sequence order, by one instance at a time (DESIGN 4.5).
 *
 * Works in steps of bounded length, so that its caller goes on answering the group. Nothing is decided and nothing is published: what is applied is what
 * the outcome topic says, for exactly the offsets from each mark's `next` to the last one published, and only if all of it is there and can be read,
 * which is looked at before anything is touched. Whoever dies is followed by another, who goes on at the marks. */
#ifndef ORDERD_TURN_REAPPLY_H
#define ORDERD_TURN_REAPPLY_H

#include "ledger/start.h"
#include "turn/playback.h"

struct reapply_options {
    struct start start;                   /* both ends, and names, as the configuration has them */
    struct kafka_in_options kafka;        /* for the journal's readers */
    const struct sink_limits *limits;
    struct turn_bounds bounds;
    int32_t shard;                        /* SHARD_NONE or the number */
    enum playback_mode mode;              /* PLAYBACK_CHANGE: a rollback; PLAYBACK_FOLLOW: a market restored from the log */
    int64_t settle_ms;                    /* so long it waits after it has the lock, that every living instance sees the halt; 0: nobody lives */
    const char *unhalt;                   /* the beginning of the halt that it is to end: "rollback", "restore" */
};

struct reapply_progress {
    enum { REAPPLY_WAITING, REAPPLY_SETTLING, REAPPLY_LOOKING, REAPPLY_APPLYING, REAPPLY_DONE } phase;   /* WAITING: another has the lock */
    int64_t events, of;                   /* applied, and how many there are to apply */
    int64_t differences;                  /* values that were not as the record says they were */
};

struct reapply;

int reapply_new(struct reapply **out, const struct reapply_options *options) MUST_CHECK;
/* Gives the lock up, if it is held. */
struct reapply *reapply_free(struct reapply *reapply);
/* Works for about `ms`. 1: done, the halt is gone and a new era has begun; 0: go on; -EPROTO with a refusal: it cannot be done, nothing (more) was touched;
 * -EAGAIN, -ETIMEDOUT or a lost connection: try again later, it goes on at the marks. */
int reapply_step(struct reapply *reapply, int64_t ms, struct refusal *refusal) MUST_CHECK;
struct reapply_progress reapply_progress(const struct reapply *reapply);

#endif
