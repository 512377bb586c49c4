/* Telling a story: daemons over the fake world, what happens to them, and the trace that is expected of it.
 *
 * A daemon is put together as daemon/commands/run.c does it, without configuration, signals and process. Topics: "orders" (the source),
 * "out" (outcomes), "dead" (dead letters). */
#ifndef ORDERD_TESTS_STORY_STORY_H
#define ORDERD_TESTS_STORY_STORY_H

#include "check.h"
#include "fake/group.h"
#include "fake/world.h"
#include "store/session.h"
#include "turn/pipeline.h"

struct daemon;

/* What a story may set before it starts a daemon; 0 and false: the default. */
struct story_settings {
    enum durability_kind durability;
    int replicas;
    int64_t deadline_ms;          /* of every kind */
    size_t turn_events, outbox_entries;
    bool sharded;
    int32_t partitions;           /* of the source */
    bool reapply;                 /* on_rollback = "reapply" */
};

void story_begin(const struct story_settings *settings);
void story_end(void);

/* An event of the source, with the time that the world has. */
void produce(int32_t partition, const char *value);
void produce_at(int32_t partition, const char *value, int64_t timestamp);
/* What another program does to Redis, "ZADD market: 9 a.s". */
void redis(const char *command);

/* Redis' data as they are now: kept until the story ends. */
void keep_redis(void);
/* Redis has such data from now on, NULL: those that were kept. */
void redis_is_as(const struct keyspace *data);
/* The same as another process, to which every connection is new; and that with what was kept. */
void redis_comes_back_as(const struct keyspace *data);
void redis_comes_back(void);

/* A daemon of that name: its registry is made or compared, and it waits for the group. */
struct daemon *daemon_start(const char *name);
/* A world with such a market ("HSET users:b funds 5", … NULL), and daemon A at rest in it, given partition 0; 100 ms have passed. */
struct daemon *story_at_rest(const struct story_settings *settings, const char *const *market);
/* Turn after turn, for so many ms of virtual time, or until it is dead or must stop. Returns what pipeline_step did. */
int daemon_run(struct daemon *daemon, int64_t ms);
/* One step, if it lives. */
int daemon_step(struct daemon *daemon);
/* For what an operator tells it. */
struct pipeline *daemon_pipeline(struct daemon *daemon);
/* SIGTERM: drained, then gone. */
void daemon_stop(struct daemon *daemon);
/* Gone as it stands; what its producer holds is lost. */
void daemon_crash(struct daemon *daemon);

/* For world->executed: when a transaction was torn, Redis is full from then on. */
void story_full_once_torn(struct node *node, struct redis_client *client, enum exec_answer answer, bool late);

/* The operator runs `orderd init` with these words ("--accept-gap orders:0"); what it says is logged. Returns what the resolution did. */
int operator_runs(const char *words);

/* The trace since the last expectation, the market, and the commit of partition 0. */
#define expect(c, trace) expect_trace((c), __FILE__, __LINE__, (trace))
void expect_trace(struct checks *c, const char *file, int line, const char *trace);
/* Forgets the trace up to here. */
void skip(void);
void expect_market(struct checks *c, const char *market);
void expect_committed(struct checks *c, int64_t offset);
/* Partition 0's outcomes: all copies of one are equal byte for byte, and without copies they are "0 applied, 1 not_listed". */
#define expect_outcomes(c, outcomes) expect_records((c), __FILE__, __LINE__, (outcomes))
void expect_records(struct checks *c, const char *file, int line, const char *outcomes);
/* Whether a line that the daemons logged holds the text. */
bool was_logged(const char *text);
int times_logged(const char *text);

#endif
