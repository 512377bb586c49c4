/* The configuration: one file of libconfig, read whole, checked whole, every problem named with its line (DESIGN 2.4). */
#ifndef ORDERD_CONFIG_CONFIG_H
#define ORDERD_CONFIG_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "rules/event.h"
#include "seam/kafka_in.h"

struct config_texts {
    char **items;
    size_t count;
};

/* "name=value" strings taken apart, and the secrets behind them. */
struct config_properties {
    struct kafka_property *items;
    size_t count;
};

/* Values as the file gives them, or the defaults. All memory is the configuration's own. */
struct config {
    char *file;
    struct {
        char *brokers, *group, *outcomes, *dead_letters;
        struct config_texts topics, client, consumer, producer, secrets;
    } kafka;
    struct {
        char *address, *user, *password_file, *prefix, *durability;
        int64_t database, connect_timeout_ms, command_timeout_ms, backoff_min_ms, backoff_max_ms;
    } redis;
    char *shard, *on_rollback;
    int64_t deadline_ms[EVENT_KIND_COUNT];
    struct { int64_t events, keys, bytes; } turn;
    struct { int64_t entries, bytes, idle_ms; } outbox;
    struct { int64_t events, bytes; } prefetch;
    struct { int64_t messages, kbytes; } queue;
    struct { int64_t interval_ms; } commit;
    struct { int64_t backoff_min_ms, backoff_max_ms; } conflict;
    struct { int64_t stop_ms, revoke_ms; } drain;
    struct { int64_t window_s, ids; } dedupe;
    struct { char *level, *format; } log;
    struct { char *address; } http;
    struct { char *socket; } control;
    struct { int64_t events_per_s; } rate;

    char *password;                                     /* read from redis.password_file; "" : none */
    struct config_properties consumer, producer;        /* client, then its own, then secrets */
};

enum { CONFIG_PROBLEMS_MAX = 64, CONFIG_PROBLEM_TEXT = 400 };

struct config_problem {
    int line;                        /* 0: none */
    bool warning;                    /* works, but is unwise */
    char number[32];                 /* set: found in the file's text, and not yet known whose value this is; its beginning */
    char text[CONFIG_PROBLEM_TEXT];
};

struct config_problems {
    struct config_problem items[CONFIG_PROBLEMS_MAX];
    size_t count, errors;            /* count is bounded; errors counts on */
};

/* Reads and checks the file. 0 and a configuration, or -EINVAL and problems; warnings come with success too. */
int config_load(struct config **out, const char *file, struct config_problems *problems) MUST_CHECK;
/* Wipes the secrets. Takes NULL, returns NULL. */
struct config *config_free(struct config *config);

/* One line a problem: "FILE:LINE: …"; in the journal with its priority. */
void config_problems_print(const struct config_problems *problems, const char *file, FILE *out);
/* The effective values as a file that loads again to the same; what is a secret shows its file only. */
void config_print(const struct config *config, FILE *out);

/* Takes the reloadable values of `from` over; calls `other` with the name of each setting that differs and needs a restart. */
void config_adopt(struct config *config, const struct config *from, void (*other)(void *context, const char *name), void *context);

/* Takes over what a reload found changed in files of secrets: the password of Redis, user and password of Kafka's SASL where it is PLAIN or SCRAM (former
 * values are wiped; pointers into `consumer` and `producer` change). Calls `other` for a changed secret that needs a restart. After config_adopt. */
struct config_rotated {
    bool redis, kafka;
};
struct config_rotated config_rotate(struct config *config, struct config *from, void (*other)(void *context, const char *name), void *context);
/* The value that counts of the consumer's properties, the last one; NULL: not given. */
const char *config_consumer_property(const struct config *config, const char *name);

#endif
