/* Takes a snapshot of a market that is worked meanwhile: read in small chunks, and what changed between them put right by the log.
 *
 * Nothing is stopped and nothing is written to Redis. Every chunk is read in one MULTI together with the marks, so that it is known of which decisions it
 * shows what they did. The last of them is the moment that the snapshot shows: marks, registry and outbox, whole. What was decided between a chunk and
 * that moment is taken from the outcomes, published or waiting in the outbox. So the file is what Redis held at those marks, key for key; a write of
 * another program is in it if it came before its key was read, or if a decision saw it. */
#ifndef ORDERD_ARCHIVE_SNAPSHOT_H
#define ORDERD_ARCHIVE_SNAPSHOT_H

#include "archive/snapshot_file.h"
#include "ledger/start.h"

struct snapshot_options {
    struct start start;                  /* both ends and names; `topics` only for how many shards there are */
    const char *out;                     /* the file, "-": standard output */
    const char *work;                    /* a folder for what is larger than memory */
    const char *release;                 /* of orderd, for the header */
    bool (*stopped)(void *context);      /* whether to give up; NULL: never */
    /* How many values were read of Redis or outcomes of Kafka, by what is done now. NULL: not wanted. */
    void (*progress)(void *context, const char *what, int64_t done);
    void *context;
};

struct snapshot_taken {
    char digest[SNAPSHOT_DIGEST_SIZE];
    int64_t values, decisions;           /* lines with a value; outcomes that were applied to what was read */
    int64_t longest_us;                  /* the longest that Redis took for a question, as seen from here */
    int attempts;                        /* the most that a market needed */
    bool made, in_file;                  /* the file was made; what failed was with the file */
    int64_t left_out;                    /* keys of a type that no snapshot holds */
    char first_left_out[256], halt[SHARD_TEXT_MAX];   /* the first of them; why the market stands still. "": none, it does not */
};

/* Errors: -EPROTO: there is no market, or it cannot be taken as it is; -ESTALE: the market changed under it at every attempt (registry, rollback, the
 * outcomes' retention); -EBADMSG: an outcome cannot be read; -ECANCELED: stopped; -EACCES, -EAGAIN, -ETIMEDOUT or a lost connection: Redis or Kafka; those
 * of the file. A sentence for each. */
int snapshot_take(const struct snapshot_options *options, struct snapshot_taken *taken, struct error_text *error) MUST_CHECK;

#endif
