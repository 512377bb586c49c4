/* The brokers: what is on its way to them arrives when its time has come, whoever looks first; and the ways to them take their time or fail. */
#ifndef ORDERD_TESTS_FAKE_KAFKA_BROKERS_H
#define ORDERD_TESTS_FAKE_KAFKA_BROKERS_H

#include "fake/kafka_weather.h"
#include "seam/kafka_in.h"

struct node;
struct kafka_commit;
struct kafka_out;

struct brokers {
    struct kafka_out *producers;        /* also closed ones of which something still arrives */
    struct kafka_commit *commits;       /* on their way there or back, oldest first */
};

/* Everything arrives whose time has come. Each call of the seam does it; whoever looks at the logs from outside does it first. */
void kafka_catch_up(void);
/* Nothing is on its way any more. */
bool kafka_is_quiet(void);
void kafka_brokers_deinit(void);

bool kafka_reachable(const struct node *node);
int64_t kafka_drawn_ms(const struct kafka_range *range);
bool kafka_happens(kafka_chance chance);
/* Waits for what comes by itself at `next` (INT64_MAX: unknown), or sooner by another node's doing, but not beyond `until`. May return with
 * nothing new. */
void kafka_wait(struct node *node, int64_t until, int64_t next);
/* There is something new in a log: whoever listens may look. */
void kafka_wake(void);
/* A question on its way there and back: 0, -EAGAIN or -ETIMEDOUT. */
int kafka_question(struct node *node, int timeout_ms) MUST_CHECK;

struct node *kafka_out_node(const struct kafka_out *out);

/* The parts of the above. */
void kafka_records_arrive(void);
void kafka_commits_arrive(void);
bool kafka_producers_are_quiet(void);
void kafka_producers_deinit(void);
void kafka_commits_deinit(void);

#endif
