/* What an operator's program asks over the control socket: one JSON object a line, and one back.
 *
 *     {"v":1,"do":"pause","topic":"orders","partition":3,"text":"the price feed is wrong"}
 *     {"v":1,"code":0,"text":"paused: 1 partition, 1 of them here"}
 *
 * `v` is the version, `code` an exit code (sysexits.h). Members that are not known are ignored. */
#ifndef ORDERD_SERVICE_REQUEST_H
#define ORDERD_SERVICE_REQUEST_H

#include <stdbool.h>
#include <stdint.h>

#include "seam/kafka_in.h"

enum { REQUEST_VERSION = 1, REQUEST_LINE_MAX = 4096, REQUEST_TEXT_MAX = 160 };
/* The `number` of a skip: 0; it was asked before, how far is it?; it is taken back. */
enum { REQUEST_SKIP_AGAIN = 1, REQUEST_SKIP_NOT = 2 };

/* X(constant, word). The first is answered by the desk, the others by the pipeline's thread. */
#define REQUEST_VERBS(X)        \
    X(STATUS, "status")         \
    X(PAUSE, "pause")           \
    X(RESUME, "resume")         \
    X(RATE, "rate")             \
    X(SKIP, "skip")             \
    X(LOG_LEVEL, "log-level")   \
    X(DUMP, "dump")

enum request_verb {
#define REQUEST_CONSTANT(constant, word) REQUEST_##constant,
    REQUEST_VERBS(REQUEST_CONSTANT)
#undef REQUEST_CONSTANT
    REQUEST_VERB_COUNT
};

struct request {
    enum request_verb verb;
    char topic[KAFKA_TOPIC_MAX + 1];       /* pause, resume, skip; "": all */
    int32_t partition;                     /* the same; -1: all of the topic */
    int64_t offset;                        /* skip */
    int64_t number;                        /* rate: events a second, 0: off; skip: see above */
    char text[REQUEST_TEXT_MAX + 1];       /* why; log-level: the level */
    bool json;                             /* status: for programs */
    int width;                             /* status for people: columns, */
    bool colour;                           /* and whether colours are wanted */
};

const char *request_verb_name(enum request_verb verb);
/* Reads a line, without its end. Errors: -EINVAL with a sentence. */
int request_parse(struct request *out, struct bytes line, struct error_text *error) MUST_CHECK;
/* The opposite: the line, without its end. */
void request_put(struct buffer *out, const struct request *request);

/* An answer: what code and text say, with the line's end. */
void answer_put(struct buffer *out, int code, struct bytes text);

#endif
