/* The protocol of daemon/PROTOCOL.md as a small machine, every state of which is visited.
 *
 * How to read it beside the code. One source partition with two or three offsets, two instances of the daemon, one Redis, one Kafka. A
 * `struct state` is all that these remember. A *step* is one thing that happens: what an instance does (owner.c, takeover.c; each
 * named after the daemon's function that does it, with the section of PROTOCOL.md) or what befalls it (faults.c: each spends one of
 * the scope's budget). A step either cannot happen in a state, or makes the next state of it. steps.c lists them all; checker.c
 * takes every step in every state, breadth first, until there is no new state, so that a violation has a shortest history.
 *
 * What is checked stands in `enum property`: all but the last at the very step that breaks it. The last, LIVE, by going on without
 * faults from every state that was found (checker_settle) until everything is decided, delivered and committed.
 *
 * A *scope* (scopes.c) is what may go wrong, and how often; each is exhausted. An *ablation* (ablations.c) is the protocol with one
 * mechanism taken out: the question ABLATED(w, NAME) stands where the mechanism stands. It must break the property that its row names;
 * or, where the row says so, it breaks nothing, and the mechanism is defence in depth.
 *
 * What is left out, and why nothing depends on it: a turn holds one event (several of one partition are one compare-and-set as well);
 * the seen list and the mark's other fields (written by the same EXEC as `next`); WATCH and the reads behind it are one step, and so are
 * EXEC and the arrival of its answer, because what comes between touches one side only, and what a crash or a lost connection makes
 * of it are steps of their own; of the outcome partition only first copies are kept, and places in it count these.
 *
 * What is assumed is what PROTOCOL.md and DESIGN.md do not promise: without a durability gate, nothing is on its way to Kafka when Redis
 * goes back, and that is noticed before anything else is published; a torn answer arrives, and its owner lives until it is
 * written down; the operator mends the market before --accept-loss. Each assumption has a row in the table, which shows that it is needed. */
#ifndef ORDERD_TESTS_MODEL_H
#define ORDERD_TESTS_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { OFFSETS_MAX = 3, INSTANCES = 2, QUEUE_MAX = 3, LOG_MAX = 8, ERA_MAX = 3, NOBODY = 0xff };

/* One byte each, so that a state without padding is its own key. */
typedef uint8_t u8;

enum decision { UNDECIDED, APPLIED, REJECTED, EXPIRED };   /* by what the market held: two that differ; and the deadline */

/* What rolls back as one: mark, registry, outbox, and what was applied. */
struct redis {
    u8 epoch, next, done, torn;                  /* orderd:mark */
    u8 era, incarnation, halt;                   /* orderd:meta */
    u8 outbox;                                   /* a bit for each offset's entry */
    u8 decision[OFFSETS_MAX], by[OFFSETS_MAX];   /* of entries, kept for the comparison when they left: decision, incarnation */
    u8 effects[OFFSETS_MAX];                     /* how often they were applied */
};

enum halt { RUNNING, HALT_ROLLBACK, HALT_TORN };

enum turn_kind { NO_TURN, TURN_EVENT, TURN_EXPIRING, TURN_FLUSH, TURN_CLAIM };

/* A WATCH that is in force and what its EXEC will write. */
struct turn {
    u8 kind, mark_dirty, keys_dirty;
    u8 from, decision, by;                       /* the event at `from` */
    u8 done_from, done;                          /* the finished prefix that leaves the outbox */
    u8 epoch;                                    /* of a claim */
    u8 reported;                                 /* when it was decided */
};

enum owner_state { DOWN, IDLE, UNTAKEN, CLAIMED, GATHERED, OWNED, STOPPED };   /* CLAIMED and GATHERED: inside takeover_run */
enum gate { GATE_OPEN, GATE_CLOSED, GATE_NEVER };                             /* never: WAIT counts another history's writes */

/* A process's memory: struct partition, struct pipeline, struct sink, struct session of the daemon. */
struct instance {
    u8 state, up, stale;                         /* stale: the connection outlived the server's data */
    u8 epoch, next, done, era, incarnation;      /* mark and registry as last written or read */
    u8 decision[OFFSETS_MAX], by[OFFSETS_MAX];   /* the entries of [done, next) */
    u8 gathered;                                 /* the outbox as gather_outbox found it */
    u8 published, frontier, gate;                /* outbox.unpublished; outbox.frontier; gate_open */
    u8 handed, committed, reached, of;           /* ever, in the incarnation `of` */
    u8 reported;                                 /* outbox.reached: a report named it, and since then the mark was not seen to be ours */
    u8 evidence_published, evidence_committed, evidence_reached, evidence_third;
    u8 expiring, torn;                           /* the event at `next` was in conflict past its deadline; torn_note */
    u8 producer[QUEUE_MAX], producer_count;      /* records handed over and not delivered, in order */
    struct turn turn;
};

struct kafka {
    u8 owner;                                    /* by the group */
    u8 committed, noted, note_incarnation, note_era, note_handed, note_reached;
    u8 log[LOG_MAX], log_count;                  /* the outcome partition: first copies */
};

/* What may still go wrong. */
struct budget {
    u8 conflict, deadline, lost, late, crash, rebalance, failed, rollback, torn;
    u8 duel;                                     /* take-overs by an instance that is in the group no more */
    u8 all;                                      /* of these together, but conflict, deadline and duel */
};

struct state {
    struct redis redis, durable;                 /* `durable`: what a rollback brings back */
    u8 market;                                   /* what a foreign writer changes: decisions depend on it */
    struct instance instances[INSTANCES];
    struct turn late;                            /* an EXEC whose connection its sender has given up */
    u8 late_owner;
    struct kafka kafka;
    struct budget left;
    u8 incarnations;                             /* ever begun, for fresh ones */
    u8 lost;                                     /* a refusal is due: redis went back, or a transaction was torn */
};

enum property {
    HOLDS,
    EFFECT_ONCE,      /* an offset is applied at most once in a history of Redis */
    EFFECTS_ORDERED,  /* ... and only after all below it */
    CURRENT,          /* ... on what the market held at EXEC */
    ONE_OUTCOME,      /* two outcomes of the same incarnation and offset are the same */
    FIRST_COPIES,     /* first copies of an incarnation come in offset order */
    WRITTEN_FIRST,    /* what is handed to a producer was written, and is durable where there is a gate */
    COMMIT_LAST,      /* what is committed was delivered, as it was decided */
    NOT_ANEW,         /* an offset whose outcome is out is not decided again in the same incarnation */
    HALTED,           /* nobody decides in a halted market */
    NO_FALSE_REFUSAL, /* nothing is refused when nothing was lost */
    LIVE,             /* without further faults all is decided, delivered and committed, and the outbox is empty */
    PROPERTIES
};

/* The mechanisms that can be taken out; ablations.c says of each what it is. */
enum mechanism {
    INTACT,
    MARK_WATCHED, KEYS_WATCHED, EPOCH_COMPARED, NEXT_COMPARED, DONE_COMPARED, ERA_COMPARED, FRESH_EPOCH,
    EVIDENCE_AFTER_EPOCH, MARKS_READ_AGAIN, REPUBLISHED, REPUBLISHED_FROM_DONE, READ_BACK, EXPIRY_BY_EXEC, DELIVERED_BEFORE_COMMIT,
    GAP_HOLDS, TORN_STOPS, TORN_REMEMBERED, GATE_ON_TURN, GATE_ON_TAKEOVER, HALT_LOOKED_AT, REMOVAL_COMPARED, HANDED_COUNTS, TAIL_COUNTS, REACHED_CONFIRMED,
    COMMIT_COUNTS, FORMER_IGNORED, THIRD_REFUSED, OLD_REPORTS_IGNORED, NEW_INCARNATION, CLIENT_KILL, PURGE_AT_HALT, IDLE_FLUSH, STOPPED_TRIED_ANEW,
    QUIET_ROLLBACK, NOTICED_ROLLBACK, WAIT_OF_THIS_HISTORY, TORN_AT_ONCE,
    MECHANISMS
};

struct scope {
    const char *name, *about;
    u8 offsets;
    bool gate, durable, beneath;                 /* WAIT before publishing; whether Redis can go back at all; and unnoticed */
    struct budget budget;
};

struct world {
    struct state s;
    const struct scope *scope;
    enum mechanism without;
    enum property only, broken;                  /* the one to look for, HOLDS: any; and what was found */
};

#define ABLATED(w, mechanism) ((w)->without == (mechanism))

struct step {
    const char *name, *section;                  /* the daemon's function, where there is one; of PROTOCOL.md */
    bool (*take)(struct world *w, struct instance *me);   /* false: it cannot happen here */
    bool fault;
    bool once;                                   /* belongs to no instance: taken with the first */
};
extern const struct step steps[];
extern const size_t steps_count;
/* Takes the step, or says that it cannot happen. */
bool steps_take(struct world *w, size_t step, size_t instance);
/* What happens next when nothing goes wrong any more; false: nothing can. */
bool steps_settle(struct world *w);

struct ablation {
    enum mechanism without;
    const char *name, *section, *about;
    const char *scope;
    enum property breaks;                        /* HOLDS: defence in depth, nothing else is broken */
};
extern const struct scope scopes[];
extern const size_t scopes_count;
extern const struct ablation ablations[];
extern const size_t ablations_count;
const struct scope *scope_named(const char *name);

/* world.c */
void world_start(struct world *w, const struct scope *scope, enum mechanism without);
/* Makes states equal that differ in nothing that matters: names of epochs, memory that nobody will read. */
void world_normalise(struct world *w);
bool world_settled(const struct world *w);
void world_break(struct world *w, enum property property);
u8 world_fresh_epoch(const struct world *w);
bool world_is_durable(const struct world *w);
/* Dirties every WATCH of mark and registry but the one whose EXEC writes. */
void world_touch_mark(struct world *w, const struct turn *but);
/* Runs a transaction: false is the nil answer. */
bool redis_exec(struct world *w, struct turn *turn);
/* A record reaches the outcome partition. */
void kafka_append(struct world *w, u8 record);
u8 record_of(u8 offset, u8 decision, u8 by);
u8 record_offset(u8 record);
u8 record_decision(u8 record);
u8 record_by(u8 record);
enum { RECORD_OLD = 0x80 };                      /* handed over before the last take-over: its report is not awaited */

/* owner.c, takeover.c: shared between them and with faults.c */
void assignment_untake_lane(struct instance *me);
void execute_applied(struct world *w, struct instance *me);
void sink_purge(struct instance *me);

/* checker.c */
struct verdict {
    enum property broken;
    size_t states, transitions, depth;
    size_t trace_length;
    uint16_t *trace;                             /* steps from the start, as step * INSTANCES + instance; caller frees */
    double seconds;
};
/* Visits every state. `only`: the property to look for, HOLDS for all. -ENOMEM aborts. */
void checker_run(struct verdict *verdict, const struct scope *scope, enum mechanism without, enum property only);

/* trace.c */
const char *property_name(enum property property);
void trace_print(const struct scope *scope, enum mechanism without, const struct verdict *verdict);

#endif
