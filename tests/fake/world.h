/* The world that the fake seams live in: one Redis, one Kafka, virtual time, and a trace of what the daemons do to them.
 *
 * A daemon knows the world by its node: the node's name stands where an address would (redis.address, brokers). Several nodes make
 * several daemons over the same Redis and Kafka. Time moves only where somebody waits or an EXEC is run.
 *
 * Stories and the simulator live in the same world. What differs hangs on two hooks: who works while a node waits, and what happens to
 * a node at an arrow. */
#ifndef ORDERD_TESTS_FAKE_WORLD_H
#define ORDERD_TESTS_FAKE_WORLD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "fake/group.h"
#include "fake/kafka_brokers.h"
#include "fake/kafka_log.h"
#include "fake/redis_server.h"

enum { NODES_MAX = 8, FAULTS_MAX = 256 };

/* What may happen to an EXEC. */
enum fault {
    FAULT_NONE,
    FAULT_CONFLICT,      /* somebody writes to the market's keys between WATCH and EXEC */
    FAULT_REFUSED,       /* OOM: nothing is applied */
    FAULT_TORN,          /* the last command fails, the others are applied */
    FAULT_LOST_BEFORE,   /* the connection breaks, the transaction never arrives */
    FAULT_LOST_AFTER,    /* it is applied, the reply is lost */
    FAULT_LATE           /* the connection breaks, and the transaction arrives when world_late() says so */
};

/* Where a node deals with the rest of the world; each is a place to crash, to be frozen, or to let others go first. */
enum arrow {
    ARROW_CONNECT,       /* to Redis */
    ARROW_SEND,          /* one write to Redis */
    ARROW_EXEC,          /* an EXEC arrives */
    ARROW_EXECUTED,      /* its answer goes out */
    ARROW_RECEIVE,       /* one reply of Redis */
    ARROW_SERVE,         /* the group's word */
    ARROW_TAKE,          /* messages */
    ARROW_ASSIGN,
    ARROW_PRODUCE,       /* one record */
    ARROW_REPORT,        /* one delivery report */
    ARROW_COMMIT,
    ARROW_ASK,           /* a question to Kafka beside the group: offsets, bounds, a reader's next message */
    ARROW_COUNT
};

/* What becomes of one write to Redis and of the replies to it. All zeros: it arrives at once, and so do they. */
struct passage {
    int64_t there_ms, back_ms;        /* on the way there, and back */
    bool cut;                         /* only the first `cut_at` bytes ever arrive, and the connection is gone */
    size_t cut_at;
    bool reset;                       /* the node's connection breaks behind the write; what was written arrives all the same */
    bool silent;                      /* no reply comes back any more, and the node finds out by its timeout */
};

struct node {
    char name[8];
    bool dead;                        /* crashed: whatever it still does has no effect */
    int64_t afterlife;                /* ms that passed for it alone since it is dead, so that what waits for a time ends */
    int64_t clock_skew;               /* of its wall clock, ms */
    int64_t frozen_until;             /* whoever stops it says so here: no heartbeat of it comes meanwhile */
    bool kafka_away;                  /* the brokers and this node do not reach each other */
    bool listens;                     /* it waits for something of Kafka, which may come sooner than its wait ends */
    struct kafka_in *in;
    struct redis_link *link;
};

struct world {
    int64_t now;                      /* virtual ms */
    uint64_t random;
    struct redis_server redis;
    struct kafka_log kafka;
    struct kafka_weather weather;     /* of Kafka: its latencies and failures */
    struct brokers brokers;
    struct group group;
    struct node nodes[NODES_MAX];     /* in the order of their first words */
    size_t nodes_count;
    struct node *at_work;             /* whose code is running; set by whoever lets it run */
    int64_t late;                     /* the client whose transaction is still on its way */
    const char *exec_answer;          /* what became of the last EXEC */
    const char *exec_note;            /* what the trace says instead */
    bool redis_away;
    unsigned execs;                   /* EXECs so far, self-tests not counted */
    struct { unsigned exec; enum fault fault; } faults[FAULTS_MAX];
    size_t faults_count;
    void (*before_exec)(unsigned exec);   /* called before each EXEC is run; may let another node work */
    bool deliveries_held;             /* nothing arrives and nothing is reported */
    int32_t held_partition;           /* the same for partitions of this number, counted from one; 0: none */
    int delivery_failures;            /* so many of the next deliveries fail */
    unsigned arrows, crash_at;        /* arrows so far, and before which of them its node crashes; 0: never */
    bool jitter;                      /* clock_random_between draws; else it is always the middle, so that a trace keeps its times */
    void (*wait)(struct node *node, int64_t ms);            /* NULL: time just passes */
    void (*wake)(struct node *node);                        /* a wait of one that listens may end now; NULL: it looks by itself */
    void (*passes)(struct node *node, enum arrow arrow);    /* NULL: nothing happens */
    struct passage (*passage)(struct node *node, bool has_exec);   /* of each write to Redis; NULL: a story, by its script of faults */
    /* At each EXEC; late: its node has given up the connection, so it will not hear of it. NULL: nobody cares. */
    void (*executed)(struct node *node, struct redis_client *client, enum exec_answer answer, bool late);
    bool silent;                      /* nothing is traced */
    struct buffer trace;
    size_t line;                      /* where the trace's last line begins */
};

/* The one that is there now; the seams have no other way to find it. */
extern struct world *world;

void world_begin(struct world *made);
void world_end(void);

/* Hears what the server executes, whoever sent it (redis_link.c); part of the beginning. */
void world_listen(void);

/* The node of that name, made when there is none. */
struct node *world_node(const char *name);
/* The fault that the script has for this EXEC. */
enum fault world_fault(unsigned exec);
void world_plan(unsigned exec, enum fault fault);
/* Called at each arrow before anything is done: false when the node is dead, or dies now. */
bool world_arrow(struct node *node, enum arrow arrow);
/* The node does nothing for so long. Whoever models something that takes time (a timeout, a latency) waits here and nowhere else. */
void world_wait(struct node *node, int64_t ms);
/* Drawn from the world's seed: [0, bound). */
uint32_t world_draw(uint32_t bound);
/* The transaction of FAULT_LATE arrives now; its answer, "applied" or "nil", or "killed" when its connection was. */
const char *world_late(void);

/* A line "[  3] A verb text"; the same verb at the same time goes on in the last line, behind a comma. */
void trace(const struct node *node, const char *verb, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
