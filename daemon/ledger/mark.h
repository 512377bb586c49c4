/* A partition's mark: the compare-and-set that makes effects exactly once (DESIGN 4.1). */
#ifndef ORDERD_LEDGER_MARK_H
#define ORDERD_LEDGER_MARK_H

#include <stdbool.h>
#include <stdint.h>

#include "seam/clock.h"
#include "seam/redis_link.h"

enum { MARK_FINGERPRINT_SIZE = 33 };

/* The hash orderd:mark:TOPIC:P. */
struct mark {
    int64_t next;        /* offset to apply next */
    int64_t done;        /* every outcome below was delivered and has left the outbox */
    int64_t seen_from;   /* the seen list is complete from here */
    int64_t time;        /* T of the last decided message, ms; -1: none */
    char epoch[CLOCK_UUID_SIZE];            /* of the owner */
    char fingerprint[MARK_FINGERPRINT_SIZE]; /* of the last decided message; "": none yet */
    int64_t fingerprint_offset;             /* its offset; -1: none yet */
    bool torn;
};

/* The fields in the order in which mark_read expects their values, for HMGET. */
#define MARK_FIELDS "next", "done", "seen_from", "time", "epoch", "fp", "fp_offset", "torn"
enum { MARK_FIELDS_COUNT = 8 };

/* Reads HMGET's reply. 0, -ENOENT (no such hash), -EBADMSG (a field is missing or no number), or -EIO (an error reply). */
int mark_read(struct mark *out, const struct reply *reply) MUST_CHECK;

/* The part that every turn compares: epoch, next, done and torn, for HMGET. */
#define MARK_TURN_FIELDS "epoch", "next", "done", "torn"
enum { MARK_TURN_FIELDS_COUNT = 4 };
/* Whether the reply shows exactly what this owner last wrote (DESIGN 4.1). */
bool mark_is_ours(const struct mark *mark, const struct reply *reply) MUST_CHECK;

/* The fingerprint of a message: 128 bits over timestamp, key and value, in hexadecimal. */
void mark_fingerprint(char out[MARK_FINGERPRINT_SIZE], int64_t timestamp, struct bytes key, struct bytes value);

#endif
