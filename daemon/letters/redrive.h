/* Sending dead letters back to their source, each at most once, whoever is killed, frozen or run twice at a time (PROTOCOL.md 11).
 *
 * Whoever redrives opens a transaction name, which ends what the one before had begun and shuts it out: from then on what lies in the source
 * topics is all that was ever sent. What nobody wrote down is found there by its lineage headers. Only then is it written down that letters
 * will be sent; they are sent in one transaction; it is written down where they lie. */
#ifndef ORDERD_LETTERS_REDRIVE_H
#define ORDERD_LETTERS_REDRIVE_H

#include "ledger/start.h"
#include "letters/batch.h"
#include "seam/kafka_transaction.h"

struct redrive_options {
    struct book book;
    struct clock *clock;
    struct kafka_in *in;                     /* answers for offsets */
    struct kafka_reader *reader;             /* its own; not the box's. NULL in a dry run */
    const char *brokers;
    struct kafka_properties properties;      /* of the producer */
    const struct log *log;
    const char *letters;                     /* the dead-letter topic */
    const char *transaction;                 /* the name; one for a consumer group */
    const struct start_topic *topics;        /* the source topics; without partitions: it does not exist */
    size_t topics_count;
    const char *who;
    int64_t max;                             /* how often a message is sent back at most */
    bool anyway;                             /* also what would be malformed again */
    bool dry;
    /* A source partition is read, so far; false stops it. NULL: nobody is told. */
    bool (*looking)(void *context, const char *topic, int32_t partition, int64_t done, int64_t of);
    void *context;
    int timeout_ms;                          /* for a question, and for a silence while reading */
};

struct redrive;

/* Opens the name, unless it is a dry run. Errors: -EACCES, -ETIMEDOUT, -EAGAIN, -EINVAL, -EIO, with a sentence. */
int redrive_new(struct redrive **out, const struct redrive_options *options, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct redrive *redrive_free(struct redrive *redrive);
/* Sends what may be sent of the batch, and says of every letter what became of it. Errors, after which the same command must be run again, which
 * finds out what was sent: -ESTALE, somebody else redrives now; -EAGAIN, -ETIMEDOUT, Kafka is away; a lost connection to Redis; -EBUSY, somebody
 * else's transaction hides the end of a source partition; -EINTR, stopped. */
int redrive_batch(struct redrive *redrive, struct batch *batch, struct error_text *error) MUST_CHECK;

/* What the daemon reads in the value today, with the headers with which it would be sent: "purchase p1", or why it is malformed. False: it is. */
bool redrive_decode(const struct letter *letter, struct bytes value, char *out, size_t size);

#endif
