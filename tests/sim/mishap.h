/* What can go wrong, one row each. To add one: a row here, and in mishap_come.c, mishap_redis.c, mishap_kafka.c or hands.c a function that sets a knob
 * of the fake world, with its row in the table at the end.
 *
 * A mishap comes either at a time, or when a node passes an arrow for the n-th time. Most last for a while and are then taken back. */
#ifndef ORDERD_TESTS_SIM_MISHAP_H
#define ORDERD_TESTS_SIM_MISHAP_H

#include "fake/world.h"

/* X(name, arrow or ARROW_COUNT when it comes at a time, weight, longest duration in ms, sentence). An operator's hands come last: they are drawn
 * by themselves (plan.c), and their weights are among each other. */
#define MISHAPS(X)                                                                                                                             \
    X(crash_connecting,  ARROW_CONNECT,  2, 3000, "the process is killed before it connects to Redis")                                         \
    X(crash_sending,     ARROW_SEND,     4, 3000, "the process is killed before a write to Redis")                                             \
    X(crash_at_exec,     ARROW_EXEC,     4, 3000, "the process is killed when its EXEC arrives")                                               \
    X(crash_executed,    ARROW_EXECUTED, 6, 3000, "the process is killed when its EXEC was executed")                                          \
    X(crash_receiving,   ARROW_RECEIVE,  4, 3000, "the process is killed before it takes a reply")                                             \
    X(crash_taking,      ARROW_TAKE,     2, 3000, "the process is killed before it takes messages")                                            \
    X(crash_assigning,   ARROW_ASSIGN,   2, 3000, "the process is killed before it answers an assignment")                                     \
    X(crash_producing,   ARROW_PRODUCE,  5, 3000, "the process is killed before it hands over a record")                                       \
    X(crash_reporting,   ARROW_REPORT,   5, 3000, "the process is killed before a delivery report")                                            \
    X(crash_committing,  ARROW_COMMIT,   5, 3000, "the process is killed before it commits")                                                   \
    X(crash_asking,      ARROW_ASK,      3, 3000, "the process is killed before a question to Kafka")                                          \
    X(freeze_sending,    ARROW_SEND,     9, 9000, "the process is stopped before a write to Redis and goes on later, perhaps as a zombie")     \
    X(freeze_executed,   ARROW_EXECUTED, 7, 9000, "the process is stopped when its EXEC was executed, and goes on later")                      \
    X(freeze_producing,  ARROW_PRODUCE,  6, 9000, "the process is stopped before it hands over a record, and goes on later")                   \
    X(freeze_committing, ARROW_COMMIT,   6, 9000, "the process is stopped before it commits, and goes on later")                               \
    X(exec_conflicts,    ARROW_EXEC,    10,    0, "somebody touches what the transaction watches")                                             \
    X(exec_lost,         ARROW_SEND,     6,    0, "the connection breaks before the write arrives")                                            \
    X(exec_cut,          ARROW_SEND,     4,    0, "the connection breaks in the middle of the write")                                          \
    X(reply_lost,        ARROW_SEND,     8,    0, "the write arrives and is executed, the connection breaks before the reply")                 \
    X(exec_late,         ARROW_SEND,     8, 4000, "the connection breaks, and the write arrives later all the same")                           \
    X(stop,              ARROW_COUNT,    4, 2000, "SIGTERM; started again later")                                                              \
    X(kill,              ARROW_COUNT,    4, 8000, "SIGKILL; started again later, perhaps after the session timeout")                           \
    X(freeze,            ARROW_COUNT,    6, 9000, "SIGSTOP for a while")                                                                       \
    X(rebalance,         ARROW_COUNT,    8,    0, "the group deals its partitions anew")                                                       \
    X(clock_jumps,       ARROW_COUNT,    2,    0, "a node's wall clock jumps")                                                                 \
    X(foreign_touch,     ARROW_COUNT,    8,  500, "another program writes to the market, blindly and often")                                   \
    X(foreign_loop,      ARROW_COUNT,    4, 1000, "another program sells and buys by the loop of Redis in Action")                             \
    X(foreign_types,     ARROW_COUNT,    2,  500, "another program puts wrong types and odd numbers into the market")                          \
    X(redis_full,        ARROW_COUNT,    3, 2000, "OOM: Redis has no memory left")                                                             \
    X(redis_misconf,     ARROW_COUNT,    2, 2000, "MISCONF: Redis cannot save")                                                                \
    X(redis_readonly,    ARROW_COUNT,    2, 2000, "READONLY: Redis has become a replica")                                                      \
    X(redis_noreplicas,  ARROW_COUNT,    2, 2000, "NOREPLICAS")                                                                                \
    X(redis_loading,     ARROW_COUNT,    2, 2000, "LOADING")                                                                                   \
    X(redis_busy,        ARROW_COUNT,    2, 1000, "BUSY: a script runs")                                                                       \
    X(redis_moody,       ARROW_CONNECT,  4, 1500, "a few writes behind a connection's first: LOADING, BUSY or MASTERDOWN")                     \
    X(redis_masterdown,  ARROW_COUNT,    2, 1000, "MASTERDOWN")                                                                                \
    X(redis_frozen,      ARROW_COUNT,    5, 1500, "Redis is stopped; what was sent is executed when it goes on")                               \
    X(redis_away,        ARROW_COUNT,    4, 2500, "Redis is away: connections are refused, those that were there break")                       \
    X(redis_restarts,    ARROW_COUNT,    3,  500, "Redis restarts and has kept everything")                                                    \
    X(redis_older,       ARROW_COUNT,   10,  500, "Redis comes back with older data: a tail of the log is lost; perhaps beneath its connections")\
    X(redis_forgets,     ARROW_COUNT,    0,  500, "the same while outcomes are on their way, of which nothing is promised but that none is decided twice; drawn by itself (plan.c)")\
    X(redis_failover,    ARROW_COUNT,    8, 1500, "a replica that lags becomes the master; a connection may outlive it")                       \
    X(all_lost,          ARROW_COUNT,    8, 1500, "Redis comes back older, every process was killed, and what shows it may be trimmed or uncommitted") \
    X(redis_lags,        ARROW_COUNT,    6, 2000, "replicas and the append-only file lag: WAIT confirms too few")                              \
    X(redis_clock,       ARROW_COUNT,    2, 2000, "Redis's clock goes back")                                                                   \
    X(killed_in_lag,     ARROW_EXECUTED, 9, 2000, "the replicas stop to follow, and the process is killed or cut off, at once or a little later")         \
    X(redis_torn,        ARROW_EXEC,     3, 2000, "the ACL changes between queueing and EXEC: a part of it fails; it may be hard to say so then")\
    X(redis_denied,      ARROW_COUNT,    3, 1500, "ACL: the user may not run one of the commands")                                            \
    X(redis_cluster,     ARROW_COUNT,    2,  800, "EXEC is answered MOVED, ASK, CLUSTERDOWN, TRYAGAIN, or what nobody knows")                  \
    X(redis_closes,      ARROW_RECEIVE,  4,    0, "the server closes an instance's connection: its user was deleted, a limit")                 \
    X(redis_limits,      ARROW_COUNT,    2,  800, "connections with large replies or large commands are closed")                               \
    X(redis_paused,      ARROW_COUNT,    2, 1500, "CLIENT PAUSE: writes wait")                                                                 \
    X(redis_reloads,     ARROW_COUNT,    2,    0, "DEBUG RELOAD: whoever watches a key gets nil")                                              \
    X(keys_deleted,      ARROW_COUNT,    2,    0, "somebody deletes a mark or a seen list while nothing is on its way")                        \
    X(kill_misses,       ARROW_COUNT,    2, 4000, "CLIENT KILL finds nobody")                                                                  \
    X(broker_away,       ARROW_COUNT,    4, 3000, "the brokers are away")                                                                      \
    X(delivery_late,     ARROW_COUNT,    5, 2000, "nothing of one outcome partition is delivered for a while")                                 \
    X(delivery_fails,    ARROW_COUNT,    6,    0, "a delivery fails, and all behind it")                                                       \
    X(producer_fatal,    ARROW_COUNT,    3,    0, "the idempotent producer meets a fatal error")                                               \
    X(queue_full,        ARROW_COUNT,    3, 1000, "the producer's queue holds next to nothing")                                                \
    X(commits_fail,      ARROW_COUNT,    4, 2000, "commits fail")                                                                              \
    X(commits_late,      ARROW_COUNT,    4, 3000, "commits are answered late, or not at all though they were made")                            \
    X(retention,         ARROW_COUNT,    3,    0, "a log's begin is deleted, perhaps beyond what was decided")                                 \
    X(commit_overtaken,  ARROW_COMMIT,   5, 1500, "a commit takes long, and the connection to Redis breaks meanwhile")                         \
    X(cut_off,           ARROW_COUNT,    4, 8000, "an instance and the brokers do not reach each other")                                       \
    X(fetches_fail,      ARROW_COUNT,    3, 2000, "fetches fail")                                                                              \
    X(questions_fail,    ARROW_COUNT,    4, 2500, "questions to Kafka fail, at once or by their timeout")                                      \
    X(reports_lost,      ARROW_COUNT,    3, 2000, "answers to the producer are lost, and those to what it sends again know no offset")         \
    X(producers_refused, ARROW_COUNT,    2, 2000, "a delivery fails, and no new producer can be made")                                         \
    X(log_gap,           ARROW_COUNT,    4,    0, "transaction markers: a log has offsets without messages")                                   \
    X(compaction,        ARROW_COUNT,    2,    0, "messages that were decided are compacted away")                                             \
    X(outcomes_trimmed,  ARROW_COUNT,    2,    0, "retention: outcomes that every commit's note has passed are deleted")                       \
    X(outcomes_deleted,  ARROW_COUNT,    1,  500, "the outcome topic is deleted, and made anew")                                               \
    X(offsets_reset,     ARROW_COUNT,    1, 3000, "all instances are killed, and the group's offsets are set back by hand or expire")          \
    X(silence,           ARROW_COUNT,    1, 90000, "nothing is ordered for a while")                                                           \
    X(quarantine,        ARROW_COUNT,    2,    0, "an operator quarantines an event that may come")                                            \
    X(moved,             ARROW_COUNT,    4, 2000, "all instances are stopped, and an operator moves a mark, forward or back")                    \
    X(dedupe_differs,    ARROW_COUNT,    1,    0, "the file's dedupe settings change, and the registry's still rule")                             \
    X(op_pauses,         ARROW_COUNT,    4, 8000, "an operator pauses a partition, a topic or all, and lets it go on later, perhaps by another instance") \
    X(op_quiets,         ARROW_COUNT,    2, 6000, "an operator makes an instance quiet, and wakes it later")                                  \
    X(op_slows,          ARROW_COUNT,    2, 3000, "an operator sets the rate of an instance, and lifts it later")                             \
    X(op_skips,          ARROW_COUNT,    5,    0, "an operator has an event skipped: one that is held, is to come, or was decided; the process may be killed at once") \
    X(op_dumps,          ARROW_COUNT,    1,    0, "an operator has what is in flight logged")

enum mishap_kind {
#define X(name, arrow, weight, longest, sentence) MISHAP_##name,
    MISHAPS(X)
#undef X
    MISHAP_COUNT
};

/* In the number of redis_forgets: the connections stay. */
enum { FORGETS_BENEATH = 64 };

struct mishap {
    enum mishap_kind kind;
    int64_t at;                  /* virtual ms; with an arrow: which passing of it, over all nodes */
    int64_t ms;                  /* how long */
    int node;                    /* which, where one is meant */
    uint64_t number;             /* whatever else it needs to choose */
    bool off;                    /* left out by a shrunk plan */
    bool came, passed;
    int64_t came_at;
};

const char *mishap_name(enum mishap_kind kind);
const char *mishap_sentence(enum mishap_kind kind);
enum arrow mishap_arrow(enum mishap_kind kind);
int mishap_weight(enum mishap_kind kind);
int64_t mishap_longest_ms(enum mishap_kind kind);

struct mishap_ways {
    void (*come)(struct mishap *mishap, struct node *node);
    void (*pass)(struct mishap *mishap);      /* NULL: it does not last */
};

/* mishap_redis.c, mishap_kafka.c, hands.c: those that are theirs. */
extern const struct mishap_ways mishap_ways_of_redis[MISHAP_COUNT], mishap_ways_of_kafka[MISHAP_COUNT], mishap_ways_of_hands[MISHAP_COUNT];

/* Lets it come: sets the knobs of the world. `node` is the one at the arrow, or the one that is meant. */
void mishap_come(struct mishap *mishap, struct node *node);
/* Takes back what lasts. */
void mishap_pass(struct mishap *mishap, struct node *node);

#endif
