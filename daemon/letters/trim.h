/* The record of dead letters stays small: what nobody can ask for any more leaves it (PROTOCOL.md 11).
 *
 * That is a letter whose message retention has deleted from its source topic, so that it is not decided again, whose outbox entry was delivered, so that
 * no copy of it is to come, and of which no copy lies in the dead-letter topic. */
#ifndef ORDERD_LETTERS_TRIM_H
#define ORDERD_LETTERS_TRIM_H

#include "ledger/start.h"
#include "letters/book.h"
#include "letters/box.h"

enum { TRIM_MAX = 50000 };      /* records that one run takes out of a market at most */

struct trim_options {
    struct book book;
    struct kafka_in *in;                     /* answers for offsets */
    struct kafka_reader *reader;             /* its own meanwhile */
    struct clock *clock;
    const char *letters;                     /* the dead-letter topic */
    int32_t letters_partitions;
    const struct start_topic *topics;        /* the source topics; without partitions: it does not exist */
    size_t topics_count;
    bool (*stopped)(void *context);
    void *context;
    int timeout_ms;                          /* for a question, and for a silence while reading */
};

/* How many records a market holds, `market` as in shard_init. Errors: -EACCES (the user lacks HLEN), -EAGAIN; a lost connection. */
int trim_count(const struct book *book, int32_t market, int64_t *out, struct error_text *error) MUST_CHECK;
/* Takes out what may go, at most TRIM_MAX; `removed`: how many. Reads the whole dead-letter topic if anything may go. Errors: those of Redis and Kafka,
 * -ENOMEM, -EINTR (stopped), with a sentence; what was not taken out stays, and nothing else is changed. */
int trim_market(const struct trim_options *options, int32_t market, int64_t *removed, struct error_text *error) MUST_CHECK;

#endif
