/* One turn: the events of a group commit, partition by partition, with the view that they are decided against.
 *
 * A turn is filled from the lanes, loaded (WATCH and reads), decided, executed and applied; after a conflict it is thrown away
 * and filled anew: the events stay in their lanes until EXEC has applied them. */
#ifndef ORDERD_TURN_TURN_H
#define ORDERD_TURN_TURN_H

#include <stdbool.h>
#include <stdint.h>

#include "rules/view.h"
#include "store/exec.h"
#include "turn/lane.h"

enum { TURN_RUNS_MAX = 128, TURN_REMOVALS_MAX = 256 };

/* A partition's part of a turn: one contiguous run of its events, in offset order. */
struct run {
    struct lane *lane;
    struct item *first;           /* NULL: no events, only what is due besides (a flush, the log's end) */
    size_t count;
    struct mark after;            /* the mark that EXEC writes */
    struct outbox_entry *entry;   /* NULL: `next` does not move */
    struct seen_change seen;
    size_t element_at, element_size;   /* its seen element in turn->elements */
    size_t removals;              /* finished outbox entries that leave with it */
    int64_t reached;              /* what reports had named when it was decided; the applied EXEC confirms it */
    size_t id_at;                 /* index of XADD's reply in EXEC's array */
    bool joins;                   /* its entry takes the place of `joined`, which is right before it and like it holds no record (turn/playback.c) */
    struct stream_id joined;
};

struct turn_bounds {
    size_t events, keys, bytes;
};

struct turn {
    struct shard *shard;          /* whose partitions these are; NULL: empty */
    struct view *view;
    struct run runs[TURN_RUNS_MAX];
    size_t runs_count, events, bytes;
    bool expiring;                /* holds events that are decided expired, and watches marks and registry only */
    bool loaded;                  /* the view holds what was read under WATCH */
    bool riding;                  /* its WATCH and reads were sent behind an EXEC, their replies are due */
    struct commands load;         /* WATCH and reads */
    struct buffer elements;       /* the seen elements of its runs, one behind the other */
    struct arena *arena;          /* of the replies to the load */
};

int turn_init(struct turn *turn, size_t keys_max, size_t events_max) MUST_CHECK;
void turn_deinit(struct turn *turn);
/* Empty again; entries that were not applied go back to the pool. */
void turn_reset(struct turn *turn, struct outbox_pool *pool);

/* Takes events of the lane, beginning with the `skip`-th, as far as the bounds go. False when the lane's shard is another, or
 * nothing fits any more. A lane without events joins with an empty run when `due` (a flush). */
bool turn_add(struct turn *turn, struct lane *lane, size_t skip, const struct turn_bounds *bounds, bool due);
/* The events of a lane that the turn holds; NULL: none. */
struct run *turn_run_of(struct turn *turn, const struct lane *lane);

/* Encodes WATCH and reads into turn->load. `now` stamps the first WATCH of its events (deadline clock, ms). */
int turn_put_load(struct turn *turn, bool unwatch, int64_t now) MUST_CHECK;
/* Receives the replies to the load and fills the view: 0; -ESTALE: a mark or the registry is not as written (4.1), `*whose` is
 * the lane (NULL: the registry); -EAGAIN: the server is not ready; -EACCES; or a lost connection. */
int turn_receive_load(struct turn *turn, struct session *session, struct lane **whose, struct error_text *error) MUST_CHECK;
/* Throws the turn away; the replies to a load that rides are taken from the connection first, or it is lost. */
void turn_forget(struct turn *turn, struct session *session, struct outbox_pool *pool);

#endif
