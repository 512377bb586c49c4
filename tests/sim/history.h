/* One history: a plan carried out to its end, and what is to be said against it.
 *
 * Instances, the upstream, other programs, an operator and the mishaps are fibers of one world. After the plan's busy time it is quiet: then
 * everything must come to rest by itself, and the auditor looks. */
#ifndef ORDERD_TESTS_SIM_HISTORY_H
#define ORDERD_TESTS_SIM_HISTORY_H

#include "sim/coverage.h"
#include "sim/plan.h"
#include "sim/witness.h"

/* An instance, and what is to become of it. */
struct program {
    struct node *node;
    char name[8];
    int64_t down_until;
    bool stop;                        /* SIGTERM */
    bool refused;                     /* it ended with a refusal, and waits for the operator */
};

/* What the running history's programs share. */
struct history {
    struct plan *plan;
    struct world world;
    struct coverage *coverage;
    struct witness *witness;
    bool quiet;                       /* no mishap any more */
    bool hush;                        /* nothing is ordered for a moment */
    bool settled;                     /* and everything is at rest */
    int64_t quiet_at;
    int64_t passings[ARROW_COUNT];
    struct program programs[PLAN_NODES_MAX];
    struct {                          /* what other programs are up to, and until when */
        int64_t touch_until, loop_until, types_until;
    } foreign;
    struct node *torn;                /* whose transaction was applied in part, and who must say so; NULL: none's, or it cannot know */
    struct mishap *ill;               /* what the next transaction on its way to Redis meets; NULL: nothing */
    int64_t redis_skew_ms;            /* of its clock when it is right: far from zero, as a clock is */
    int64_t first_position;           /* of Redis's journal when registry and marks were there: it never comes back older than that */
    char wanted[256];                 /* the resolution that a refusal named last; "": none */
};

extern struct history *history;

/* With `trace` the history's trace is left there. */
void history_run(struct plan *plan, struct coverage *coverage, struct finding *finding, struct buffer *trace);

/* The programs besides the instances: each a fiber that ends when fibers_are_over(). */
void upstream_run(void *unused);
void calamity_run(void *unused);
void operator_run(void *unused);
void foreign_run(void *unused);

/* operator.c: a line of an instance's log. */
void operator_hears(void *name, const char *line);
/* calamity.c: the node passes an arrow. */
void mishap_arrow_passed(struct node *node, enum arrow arrow);
/* mishap_come.c: what becomes of a write of the node's to Redis. */
struct passage mishap_passage(struct node *node, bool has_exec);
/* foreign.c: a transaction of another program was executed; and which market a transaction is about. */
void foreign_executed(struct redis_client *client, enum exec_answer answer);
int32_t foreign_shard(const struct redis_client *client);

#endif
