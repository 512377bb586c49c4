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
    uint64_t looked;                  /* when it has WATCHed registry and marks, or written them, last: a moment */
    bool stop;                        /* SIGTERM */
    bool refused;                     /* it ended with a refusal, and waits for the operator */
};

/* What the running history's programs share. */
struct history {
    struct plan *plan;
    struct instance_settings settings;    /* of the instances and the operator, as they are by now */
    struct world world;
    struct coverage *coverage;
    struct witness *witness;
    bool quiet;                       /* no mishap any more */
    bool silent;                      /* nothing is ordered for a longer while */
    bool older_before;                /* Redis's data has been put back once */
    bool muddled;                     /* what was decided last is none that could be replayed */
    bool redone;                      /* published decisions were applied again once */
    bool resolving;                   /* the operator's command runs */
    bool hush;                        /* nothing is ordered for a moment */
    bool settled;                     /* and everything is at rest */
    int64_t away_until;               /* nobody is started before */
    bool moved_back;                  /* a mark was, so that what was decided is decided again */
    int64_t rests_from;               /* not before: a Redis from before a move looks as if it were at rest until an instance has looked */
    bool let_go;                      /* the operator ends whatever pause is left */
    int64_t quiet_at;
    int64_t passings[ARROW_COUNT];
    struct program programs[PLAN_NODES_MAX];
    struct {                          /* what other programs are up to, and until when */
        int64_t touch_until, loop_until, types_until;
    } foreign;
    struct node *torn;                /* whose transaction was applied in part, and who must say so; NULL: none's, or it cannot know */
    uint64_t moment, changed;         /* looks and changes, counted; the last change of registry or marks */
    int64_t registry_at;              /* when a registry or a mark was made or changed last, or put back: who looked before has seen the former state */
    void (*watched)(void *context, struct redis_client *client, const struct bytes *keys, size_t count);      /* who heard it before */
    struct mishap *ill;               /* what the next transaction on its way to Redis meets; NULL: nothing */
    struct {                          /* what befalls a node when it has written to Redis so many times more; NULL: nothing */
        struct mishap *mishap;
        void (*comes)(struct mishap *mishap, struct node *node);
        struct node *node;
        int writes;
    } soon;
    unsigned when_torn;               /* a set of conditions that begin when a transaction is torn */
    bool outcomes_gone;               /* what was published is not all in Kafka any more: each commit must carry its note */
    bool outcomes_stay;               /* or the other way round: one carries none */
    int64_t redis_skew_ms;            /* of its clock when it is right: far from zero, as a clock is */
    int64_t first_position;           /* of Redis's journal when registry and marks were there: it never comes back older than that */
    char wanted[1024];                /* the resolutions that refusals named, a line each */
};

extern struct history *history;

/* With `trace` the history's trace is left there. */
void history_run(struct plan *plan, struct coverage *coverage, struct finding *finding, struct buffer *trace);

/* The programs besides the instances: each a fiber that ends when fibers_are_over(). */
void upstream_run(void *unused);
void calamity_run(void *unused);
void operator_run(void *unused);
void foreign_run(void *name);

/* upstream.c: a message more. */
void upstream_writes(const struct plan_event *event);
/* operator.c: a line of an instance's log. */
void operator_hears(void *name, const char *line);
/* A resolution to be carried out when those named before are. */
void operator_wants(const char *command, size_t size);
/* calamity.c: the node passes an arrow. */
void mishap_arrow_passed(struct node *node, enum arrow arrow);
/* calamity.c: lets `comes` befall the node when it is about to write to Redis for the n-th time from now. */
void mishap_soon(struct mishap *mishap, struct node *node, int writes, void (*comes)(struct mishap *mishap, struct node *node));
/* mishap_come.c: what becomes of a write of the node's to Redis. */
struct passage mishap_passage(struct node *node, bool has_exec);
/* mishap_come.c: without a durability gate nobody promises anything about what is published while Redis loses it (DESIGN 4.5). What is promised is
 * that a loss of what was published before is noticed: so nothing is ordered until all is delivered, or it took too long (false). Whoever
 * calls it ends the hush. */
bool mishap_hush(void);
/* mishap_kafka.c: deletes the outcomes that every note has passed. */
void mishap_trim_outcomes(void);
/* mishap_kafka.c: every commit's note says that all outcomes were read. */
bool mishap_all_is_noted(void);
/* The same without a care for what the marks say of it yet. */
bool mishap_hush_delivered(void);
/* The same, and until nothing is left to be decided. */
bool mishap_hush_out(void);
void mishap_kill_all(int64_t down_ms);
/* And every commit is where its mark is. */
bool mishap_all_is_committed(void);
int32_t history_outcome_partitions(void);
/* The program of the node, NULL when it is none of an instance. */
struct program *history_program(const struct node *node);
/* foreign.c: whether the node is another program; a transaction of one was executed; and which market a transaction is about. */
bool foreign_is(const struct node *node);
void foreign_executed(struct redis_client *client, enum exec_answer answer);
int32_t foreign_shard(const struct redis_client *client);

#endif
