/* The inside of the fake consumer: what it fetches, and where it stands with the group. */
#ifndef ORDERD_TESTS_FAKE_KAFKA_CONSUMER_H
#define ORDERD_TESTS_FAKE_KAFKA_CONSUMER_H

#include "fake/world.h"

enum { FETCHED_MAX = LOG_TOPICS_MAX * LOG_PARTITIONS_MAX };

/* A partition that is fetched. */
struct fetched {
    const char *topic;
    int32_t partition;
    int64_t next;                     /* the next to be taken */
    int64_t ahead;                    /* the next to be fetched */
    int64_t due;                      /* when the fetch that is under way is answered */
    struct kafka_message *messages;   /* fetched and not yet taken, from `head` on */
    size_t head, count, capacity;
    bool idle;                        /* at the end, waiting for more */
    bool ended;                       /* and the end was said, or will be with what is held here */
    bool end_taken;                   /* the end was the last that was taken */
    bool failed;                      /* cannot be read on; only another assignment changes that */
};

enum member_phase {
    MEMBER_OUT,                       /* not subscribed, or left */
    MEMBER_JOINING,                   /* waits for the group to deal */
    MEMBER_STEADY,
    MEMBER_REVOKING,                  /* KAFKA_REVOKED waits for its answer */
    MEMBER_ASSIGNING                  /* KAFKA_ASSIGNED does */
};

/* What the member believes; the coordinator may know better. */
struct membership {
    enum member_phase phase;
    bool handed;                      /* what waits for its answer was handed up */
    int id, generation;               /* 0: none */
    bool dealt;                       /* was ever given a share, be it empty */
    bool again;                       /* gave something back and rejoins once the rest is assigned */
    struct shares owned, coming;      /* coming: to be assigned after a revocation was answered */
    int64_t hears_at;                 /* of what the group wants; -1: nothing is on its way */
};

struct group_note {
    struct group_note *next;
    struct kafka_group_event event;
};

struct kafka_in {
    struct node *node;
    const char *const *topics;
    size_t topics_count;
    struct fetched fetched[FETCHED_MAX];
    size_t fetched_count, turn;       /* whose turn it is to be taken from */
    bool paused;                      /* during a cooperative rebalance */
    struct membership member;
    struct group_note *first, *last, *handed;
    bool said_away;
    int64_t commit_due;               /* of the commit before, so that they stay in order */
};

/* Notes an event for kafka_in_serve(); its positions are still to be filled. */
struct kafka_group_event *kafka_in_note(struct kafka_in *in, enum kafka_group_kind kind, size_t count);
/* The topic as the options name it, "" when they do not. */
const char *kafka_in_topic(const struct kafka_in *in, const char *name);

/* kafka_fetch.c */
void fetch_stop(struct kafka_in *in, size_t index);
void fetch_stop_all(struct kafka_in *in);
void fetch_start(struct kafka_in *in, const struct kafka_position *position);
/* The place of the partition among the fetched ones, `fetched_count` when it is not. */
size_t fetch_find(const struct kafka_in *in, const struct kafka_position *position);
/* During a cooperative rebalance nothing is taken, and what was fetched ahead is dropped. */
void fetch_pause(struct kafka_in *in);
void fetch_resume(struct kafka_in *in);

/* kafka_member.c: hears what the group wants, and passes it on as events; and the answers to them. */
void member_subscribe(struct kafka_in *in);
void member_serve(struct kafka_in *in);
void member_answered(struct kafka_in *in, enum kafka_group_kind kind);

/* kafka_commit.c: the process is gone; whether its commits still arrive is drawn. */
void kafka_commits_orphan(struct kafka_in *in);

#endif
