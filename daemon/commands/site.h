/* Both ends of a market as one configuration names them: Redis connected, Kafka asked. What every command begins with. */
#ifndef ORDERD_COMMANDS_SITE_H
#define ORDERD_COMMANDS_SITE_H

#include "commands/topics.h"
#include "config/config.h"
#include "ledger/start.h"

/* The longest that a question to Kafka may take. */
enum { SITE_QUESTION_MS = 10000 };

struct site {
    struct config *config;
    struct log log;
    struct clock *clock;
    struct asker redis;
    struct commands commands;            /* behind the asker */
    struct kafka_reader *reader;
    struct topics topics;
    bool (*stopped)(void *context);      /* asked while waiting; NULL: nothing is waited for, the first failure counts */
    void *context;
};

/* Reads the file of a command and says what is wrong in it, on stderr. Exit code, 0 for success; the configuration is the caller's then. */
int site_config(struct config **out, const char *file) MUST_CHECK;
/* Clock, log and working memory; connects nothing. The configuration stays the caller's. Exit code, 0 for success; so for all here. */
int site_open(struct site *site, struct config *config) MUST_CHECK;
/* The same for a command that somebody waits for: of the log only what is a warning or worse, as the command's own sentences (commands/complain.h). */
int site_open_quietly(struct site *site, struct config *config, const char *command) MUST_CHECK;
void site_close(struct site *site);
/* A command's whole frame: the file read, the site opened quietly, `work` done with it, all closed. Exit code. */
int site_command(const char *file, const char *command, int (*work)(struct site *site, void *context), void *context) MUST_CHECK;
/* Level and format as the configuration has them by now. */
void site_configure_log(struct site *site);

/* Until Redis answers, or says something that waiting does not mend. */
int site_connect(struct site *site) MUST_CHECK;
/* Cluster, topics, sizes; says a refusal. */
int site_ask_kafka(struct site *site) MUST_CHECK;
/* The consumer's settings, for the group and for readers beside it. */
struct kafka_in_options site_consumer(const struct site *site);
int site_open_reader(struct site *site) MUST_CHECK;
/* What the registry is held against; `in` answers for offsets. */
struct start site_start(struct site *site, struct kafka_in *in);
/* Waits before another attempt, in slices, so that a signal ends it early. */
void site_wait_ms(struct site *site, int64_t ms);
/* Says what does not fit and what resolves it; returns EX_CONFIG. */
int site_refuse(const struct site *site, const struct refusal *refusal);
/* The same for a line that says "refused: " already: struct resolve's refuse(), its context the site. */
void site_hear_refusal(void *site, const char *line);

#endif
