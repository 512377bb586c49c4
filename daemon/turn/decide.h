/* Deciding a loaded turn: each event in offset order, against the view, into outcome, mark and seen element (DESIGN 3.3).
 *
 * The order of tests is malformed, duplicate, deadline, rule (4.8). Nothing here is seen by anybody before EXEC applied it. */
#ifndef ORDERD_TURN_DECIDE_H
#define ORDERD_TURN_DECIDE_H

#include "seam/clock.h"
#include "turn/turn.h"

struct decide {
    const struct sink_limits *limits;
    struct outbox_pool *pool;
    struct clock *clock;
    struct buffer scratch;       /* working memory of the encoders */
    const struct item *deciding; /* for the note of a crash; NULL: none */
    /* Of a playback (turn/playback.h); the daemon has none of it. */
    int (*before)(void *context, const struct item *item, struct view *view);   /* each event, before it is judged; NULL: nothing */
    void *context;
    struct buffer *aside;        /* outcomes go there, one an event, instead of into the entries; NULL: they do not */
    bool no_outcomes, no_letters; /* none are put into the entries */
};

/* Decides every run: fills its entry, its mark `after` and its seen element. Errors: -ENOMEM, -ENOBUFS: nothing was decided. */
int turn_decide(struct turn *turn, struct decide *decide) MUST_CHECK;

#endif
