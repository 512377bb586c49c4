/* The real server and the model side by side: every command is given to both in the same order, and their replies are held against
 * each other. The first difference ends it, told with what led there. */
#ifndef ORDERD_TESTS_DIFFER_BOTH_H
#define ORDERD_TESTS_DIFFER_BOTH_H

#include "differ/real.h"
#include "differ/words.h"
#include "fake/redis_server.h"

enum { LINKS = 3, OBSERVER = LINKS, RUN_MAX = 12, TOLD_MAX = 4096, QUEUE_MAX = 256 };

/* A connection of both. */
struct both_link {
    struct real_link real;
    struct redis_client *client;
    bool multi;
    enum compare queue[QUEUE_MAX];   /* how the replies within EXEC's are compared */
    size_t queue_count;
    bool clocked;                    /* the transaction holds an XADD with "*": a second one might see the next millisecond */
};

struct told {
    int link;
    char text[120];
};

struct both {
    struct real real;
    struct real_link control;        /* of the real server alone: what makes its conditions */
    struct redis_server model;
    struct both_link links[LINKS + 1];
    struct dice dice;
    uint64_t seed, commands;
    bool differs;
    struct told *told;               /* the last ones, going round */
    uint64_t told_count;
};

void both_begin(struct both *both, const char *program, uint64_t seed);
void both_end(struct both *both);
/* Gives the commands to a connection in one write. */
void both_run(struct both *both, int link, const struct words *words, size_t count);
/* One command from a shape of words. */
void both_do(struct both *both, int link, const char *shape);
/* The same for a command that neither may answer now; both_read() compares the replies later. */
void both_ask(struct both *both, int link, const char *shape);
void both_read(struct both *both, int link, const char *shape);
/* Nothing of the connection is answered by either. */
void both_silent(struct both *both, int link);
/* The connection was closed by both; a new one takes its place. */
void both_closed(struct both *both, int link);
/* A command to the real server that must succeed. */
void both_control(struct both *both, const char *command);
/* Asks the observer for all that is there. */
void both_compare_data(struct both *both);
int64_t both_clock(void);

#endif
