/* `orderd check` from the inside: what its parts share. Each part looks at one thing after the other and says a line for each.
 *
 * Nothing here writes to Redis or Kafka, or joins the group. A line is for a person and for grep: its kind, what was looked at, what was
 * found, and after " -> " what to do. */
#ifndef ORDERD_COMMANDS_CHECK_H
#define ORDERD_COMMANDS_CHECK_H

#include <stdio.h>

#include "commands/site.h"
#include "seam/kafka_look.h"

enum check_kind { CHECK_OK, CHECK_WARNING, CHECK_FAILURE, CHECK_NOT_CHECKED, CHECK_KINDS };
/* Of a failure: what its exit code is. A mistake is reported before a missing right, and that before somebody's absence. */
enum check_cause { CAUSE_MISTAKE, CAUSE_RIGHTS, CAUSE_AWAY, CHECK_CAUSES };

enum { CHECK_ABOUT_MAX = 320, CHECK_QUESTION_MS = 5000, CHECK_WITHIN_S = 60 };

struct check {
    bool json, colour, strict;
    FILE *out;
    char about[CHECK_ABOUT_MAX];         /* what the next lines are about */
    size_t count[CHECK_KINDS];
    size_t causes[CHECK_CAUSES];         /* of the failures */

    struct site site;
    int64_t until;                       /* monotonic ms: what was not looked at by then is not checked */
    struct kafka_look *look;
    struct kafka_in *in;                 /* asks for commits; NULL: nobody may, or it would have the broker make a topic */
    bool redis_up, kafka_up;
    bool topics_known;                   /* site.topics is filled: every source topic is there */
    bool settings_silent;                /* a question for a topic's settings had no answer: each would wait its whole time */
    bool groups_known;                   /* asking for the group's coordinator makes the broker create nothing */
};

/* The report. `format` holds what was found and, after " -> ", what to do; control characters in it are replaced. */
void check_about(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
void check_ok(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
void check_warn(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
void check_fail(struct check *check, enum check_cause cause, const char *format, ...) PRINTF_LIKE(3, 4);
void check_pass_over(struct check *check, const char *format, ...) PRINTF_LIKE(2, 3);
/* A refusal as a failure, with the command that resolves it; true when there was one. */
bool check_refused(struct check *check, const struct refusal *refusal);
/* The last line. Returns the exit code of everything that was said. */
int check_close(struct check *check);

/* "" for one, else "s". */
const char *check_plural(int64_t count);
/* How long the next question may take, ms: at most `most`, and not beyond the end; 0: the time is over. */
int check_left_ms(const struct check *check, int most);

/* The parts, in the order in which they are run. */
void check_redis(struct check *check);      /* connects; sets redis_up */
void check_acl(struct check *check);        /* what the Redis user may do */
void check_kafka(struct check *check);      /* brokers and topics; sets look, kafka_up, topics_known, groups_known */
void check_rights(struct check *check);     /* what the Kafka user may do */
void check_market(struct check *check);     /* registry, marks, outbox */

#endif
