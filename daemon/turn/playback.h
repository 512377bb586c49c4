/* Plays events in a given order through turns into a market that nobody else works: replay, restore, reapply.
 *
 * The turns are those of the daemon: WATCH, read, decide, MULTI … EXEC with mark, outbox entry and seen element (PROTOCOL.md 1 and 4), so what was
 * applied is applied once, whoever is killed, and whoever goes on begins at the marks. */
#ifndef ORDERD_TURN_PLAYBACK_H
#define ORDERD_TURN_PLAYBACK_H

#include "history/journal.h"
#include "codec/record.h"
#include "history/observe.h"
#include "turn/turn.h"

enum playback_mode {
    /* The rules decide. Taken as recorded is only what did not come from log and state: expired (contention), quarantined and skipped (an operator),
     * state_invalid (another program's key), a duplicate of what lies before the range, and all of an event whose message was compacted away. */
    PLAYBACK_DECIDE,
    /* Nothing is decided: what the recorded decision changed is changed by as much (numbers by their difference, members come or go). A write of another
     * program that the market has and the log does not know stays. */
    PLAYBACK_CHANGE,
    /* The same, but the market becomes what the record says it was before and after: what other programs had written is taken from the facts. */
    PLAYBACK_FOLLOW
};

/* A value of the market that was not as the record says: what was there. */
struct playback_difference {
    const struct observation *recorded;
    enum view_state state;
    int64_t value;                        /* where VIEW_PRESENT */
};

/* An event that EXEC has applied. Everything lives until the callback returns. */
struct playback_done {
    const struct journal_event *event;
    const struct partition *partition;
    enum status status;                   /* as decided now (or as recorded) */
    enum reason reason;
    bool taken;                           /* as recorded, not decided */
    const struct decision *recorded;      /* NULL: none, or it cannot be read */
    const struct record *outcome;         /* as decided now, without ce_sequence; NULL unless wanted */
    const struct playback_difference *differences;   /* of a decision that was not made anew */
    size_t differences_count;
    struct stream_id id;                  /* what Redis gave its entry */
    uint32_t place;
};

struct playback_options {
    enum playback_mode mode;
    bool keep_outcomes;                   /* entries of the outbox hold the outcomes until they are delivered, and the caller delivers them */
    bool show_outcomes;                   /* `done` is shown them. PLAYBACK_DECIDE only, both. */
    bool letters;                         /* entries hold the dead letters of malformed events, for the next owner; what lies between two of them is one
                                           * entry. Without outcomes and letters they leave the outbox by themselves. */
    const int64_t *letters_from;          /* by range: the letters of what lies below were delivered. NULL: nothing is known of it */
    struct turn_bounds bounds;
    size_t events_max, bytes_max;         /* held between push and EXEC; at least two turns, so that one can be put together while Redis works */
    struct session *session;
    struct clock *clock;
    const struct log *log;
    struct outbox_pool *pool;             /* of the partitions' entries */
    const struct sink_limits *limits;
    struct shard *shard;                  /* known; with under_halt set its registry may carry a halt, which must stay as it is */
    struct partition *const *partitions;  /* by the journal's range: marks owned (epoch written), seen lists loaded */
    size_t partitions_count;
    const int64_t *begins;                /* by range: where the marks stood at first; a duplicate of what lies below is taken as recorded. NULL: seen_from */
    /* Before an event is decided, with the view loaded: may put right what another program wrote (replay --verify). It comes again after a conflict. NULL:
     * nothing. `recorded` as in playback_done. */
    int (*before)(void *context, const struct journal_event *event, const struct decision *recorded, struct view *view);
    /* Each event, in order, once it is applied. NULL: nothing. Errors end the playback, and are handed up. */
    int (*done)(void *context, const struct playback_done *done);
    void *context;
};

struct playback;

int playback_new(struct playback **out, const struct playback_options *options) MUST_CHECK;
/* What was pushed and not applied is dropped. The partitions stay the caller's. Takes NULL, returns NULL. */
struct playback *playback_free(struct playback *playback);
/* Takes the event over, which must be the next one in order. False: there is no room, run first. */
bool playback_push(struct playback *playback, struct journal_event *event);
/* One step: takes the answer to the turn before, and sends the next one, if enough was pushed for a whole turn; `last`: nothing more comes now, so what
 * there is goes out. What is on the way is taken by the next step: push until there is no room, run, and so on until playback_is_idle().
 * 0; -EBUSY: Redis is not ready, wait and run again. Anything else ends the playback, which is freed then, and what was not applied begins again at the
 * marks: -ESTALE: a mark or the registry is not as written, somebody else works here; -EPROTO: a record that cannot be applied (said); -ENOTRECOVERABLE: torn; -EACCES;
 * -EBADMSG: the outbox gave an id that is not above the last; `done`'s; or a lost connection (session_is_up() says so). */
int playback_run(struct playback *playback, bool last) MUST_CHECK;
/* Takes the answer that is due, and sends nothing more: the connection is free for others, what was not applied stays held, and playback_run() goes on.
 * Errors as there. */
int playback_pause(struct playback *playback) MUST_CHECK;
/* Whether everything pushed was applied. */
bool playback_is_idle(const struct playback *playback);
/* Takes finished entries out of the outbox, so that `done` is where it can be; idle only. Errors as playback_run(). */
int playback_flush(struct playback *playback) MUST_CHECK;
/* How often another program's write forced a turn to be made anew. */
int64_t playback_conflicts(const struct playback *playback);

/* Sets a value of the market in the view: PRESENT with `value` (funds, stock, price), or MISSING (of funds and stock: 0 where something is). Errors:
 * -EPROTO: the key holds what it cannot. */
int playback_set(struct view *view, const struct observation *of, enum view_state state, int64_t value) MUST_CHECK;
/* What the view holds of it. */
enum view_state playback_look(const struct view *view, const struct observation *of, int64_t *value);

#endif
