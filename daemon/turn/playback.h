/* Plays events in a given order through turns into a market that nobody else works: replay, restore, reapply.
 *
 * The turns are those of the daemon: WATCH, read, decide, MULTI … EXEC with mark, outbox entry and seen element (PROTOCOL.md 1 and 4), so what was
 * applied is applied once, whoever is killed, and whoever goes on begins at the marks. */
#ifndef ORDERD_TURN_PLAYBACK_H
#define ORDERD_TURN_PLAYBACK_H

#include "history/journal.h"
#include "history/observe.h"
#include "turn/turn.h"

enum playback_mode {
    /* The rules decide. Taken as recorded is only what did not come from log and state: expired (contention), quarantined and skipped (an operator), and
     * a duplicate of what lies before the range. */
    PLAYBACK_DECIDE,
    /* Nothing is decided: what the recorded decision changed is changed by as much (numbers by their difference, members come or go). A write of another
     * program that the market has and the log does not know stays. */
    PLAYBACK_CHANGE,
    /* The same, but the market becomes what the record says it was before and after: what other programs had written is taken from the facts. */
    PLAYBACK_FOLLOW
};

/* An event that EXEC has applied. Everything lives until the callback returns. */
struct playback_done {
    const struct journal_event *event;
    const struct partition *partition;
    enum status status;                   /* as decided now (or as recorded) */
    enum reason reason;
    struct record outcome;                /* as decided now; PLAYBACK_DECIDE only, without ce_sequence */
    struct stream_id id;                  /* what Redis gave its entry */
    uint32_t place;
};

struct playback_options {
    enum playback_mode mode;
    bool keep_outcomes;                   /* entries of the outbox hold the outcomes until they are delivered; else only what `letters` says */
    bool letters;                         /* and dead letters of malformed events */
    struct turn_bounds bounds;
    size_t events_max;                    /* held between push and EXEC */
    struct session *session;
    struct clock *clock;
    const struct log *log;
    const struct sink_limits *limits;
    struct shard *shard;                  /* known; its registry may carry a halt, which must stay as it is */
    struct partition *const *partitions;  /* by the journal's range: marks owned (epoch written), seen lists loaded */
    size_t partitions_count;
    /* Before an event is decided, with the view loaded: may put right what another program wrote (replay --verify). NULL: nothing. */
    int (*before)(void *context, const struct journal_event *event, struct view *view);
    /* Each event, in order, once it is applied. NULL: nothing. Errors end the playback, and are handed up. */
    int (*done)(void *context, const struct playback_done *done);
    void *context;
};

struct playback;

int playback_new(struct playback **out, const struct playback_options *options) MUST_CHECK;
struct playback *playback_free(struct playback *playback);
/* Takes the event over, which must be the next one in order. False: there is no room, run first. */
bool playback_push(struct playback *playback, struct journal_event *event);
/* One turn of what was pushed, if any; `last`: nothing more will come, so a turn that is not full goes too. 0; -ESTALE: a mark or the registry is not as
 * written, somebody else works here; -EBUSY: Redis is not ready, try again; -EPROTO: torn, or a recorded decision that cannot be applied (said); or a
 * lost connection: take over again (what was pushed and not applied is dropped, the marks say where to go on). */
int playback_run(struct playback *playback, bool last) MUST_CHECK;
/* Whether everything pushed was applied. */
bool playback_is_idle(const struct playback *playback);

#endif
