/* One orderd over the fake seams, put together as daemon/commands/run.c does it, without configuration, signals and process. */
#ifndef ORDERD_TESTS_FAKE_INSTANCE_H
#define ORDERD_TESTS_FAKE_INSTANCE_H

#include "fake/world.h"
#include "ledger/start.h"
#include "store/session.h"
#include "turn/pipeline.h"

enum { INSTANCE_TOPICS_MAX = 4, INSTANCE_MEMORY = 16 << 20 };

/* The outcome topic is "out", the dead letters' "dead". */
struct instance_settings {
    enum durability_kind durability;
    int replicas;
    bool sharded;
    const char *topics[INSTANCE_TOPICS_MAX];   /* sorted by name */
    int32_t partitions[INSTANCE_TOPICS_MAX];
    size_t topics_count;
    int32_t dead_letter_partitions;
    int64_t window_s, ids;
    struct pipeline_settings pipeline;
    enum log_level log_level;
    void (*say)(void *context, const char *line);
    void *context;
};

/* The two ends and what is asked of them: all that an `orderd init` needs too. */
struct ends {
    const struct instance_settings *settings;
    struct node *node;
    struct log log;
    struct clock *clock;
    struct session *session;
    struct source *source;
    struct kafka_reader *reader;
    struct commands commands;
    struct arena *arena;
    struct asker asker;
    struct start_topic topics[INSTANCE_TOPICS_MAX];
};

/* Opens the ends of the node's name and connects nothing. Ends are not moved afterwards. */
void ends_open(struct ends *ends, const char *name, const struct instance_settings *settings);
void ends_close(struct ends *ends);
/* Connects, as often as it takes while the node lives; false: it died, or Redis refuses us for good. */
bool ends_connect(struct ends *ends);
struct start ends_start(struct ends *ends);
struct kafka_in_options ends_kafka(const struct ends *ends);

struct instance;

/* `settings` must outlive it. */
struct instance *instance_new(const char *name, const struct instance_settings *settings);
/* From the first connection to the subscription: 0, -EPROTO when it was refused (said), -ECANCELED when the node died, -EIO when there is
 * no producer (said). */
int instance_begin(struct instance *instance);
/* What pipeline_step says; nothing is done once it said an error or the node is dead. */
int instance_step(struct instance *instance);
/* For what an operator tells it between two steps; it is at work from here on. */
struct pipeline *instance_pipeline(struct instance *instance);
/* SIGTERM: drains and leaves the group. */
void instance_stop(struct instance *instance);
/* Frees it as it stands. */
struct instance *instance_free(struct instance *instance);

#endif
