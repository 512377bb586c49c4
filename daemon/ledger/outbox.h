/* Outcomes that are decided but not yet known to be delivered: the stream orderd:outbox and its picture in memory.
 *
 * One entry holds the outcome and dead-letter records of one turn and partition. An entry is encoded before EXEC, joins the
 * partition's queue when EXEC applied it (or take-over read it back), is handed to the sink record by record, is finished
 * when every record was reported delivered, and leaves Redis by a later EXEC, always as a prefix (DESIGN 3.7). */
#ifndef ORDERD_LEDGER_OUTBOX_H
#define ORDERD_LEDGER_OUTBOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"
#include "codec/record.h"
#include "codec/sequence.h"
#include "seam/redis_link.h"
#include "stream/sink.h"

struct outbox;

struct outbox_entry {
    struct outbox *outbox;        /* whose it is; NULL: forgotten, only reports are awaited */
    struct outbox_entry *next;
    struct stream_id id;          /* of the stream's entry, for its removal */
    struct stream_id sequence;    /* the same, but for an entry that a resolution carried over: then its first one */
    int64_t from, to, era;
    bool lost;                    /* written by --accept-loss or --accept-gap: no records, no sequence */
    struct buffer records;        /* encoded by codec/record.h; emptied once all are handed over */
    struct buffer ages;           /* of each event when it was applied, uint32_t ms after its timestamp; what is measured (turn/meters.h) */
    int64_t applied_at;           /* ms since 1970; 0: not by this process, or not yet */
    int64_t timestamp;            /* of its first event, ms since 1970; 0: unknown */
    size_t size;                  /* of the records, for the bound */
    size_t handed;                /* bytes of records handed to the sink */
    uint32_t place;               /* number of records handed */
    uint32_t due;                 /* delivery reports to come */
    bool whole;                   /* every record was handed */
};

/* Entries come from a pool and go back to it, so that their buffers are used again. */
struct outbox_pool {
    struct outbox_entry *spare;
    size_t spare_count;
};

struct outbox {
    struct outbox_entry *head, *tail;     /* in offset order */
    struct outbox_entry *unpublished;     /* the first that is not wholly handed */
    size_t entries, bytes;
    int64_t frontier;                     /* end of the longest finished prefix: what may be committed */
    int64_t reached;                      /* behind the highest place in the outcome partition that a report named; 0: none */
    size_t finished;                      /* entries in that prefix, still in Redis */
};

/* An empty entry; NULL when memory is out. */
struct outbox_entry *outbox_entry_new(struct outbox_pool *pool);
/* Back to the pool; an entry with reports due is only forgotten and comes back by itself. */
void outbox_entry_free(struct outbox_pool *pool, struct outbox_entry *entry);
void outbox_pool_deinit(struct outbox_pool *pool);

/* Empty, with everything below `done` delivered. Forgets all entries. */
void outbox_reset(struct outbox *outbox, struct outbox_pool *pool, int64_t done);
/* Appends an entry that Redis holds. Takes ownership. */
void outbox_append(struct outbox *outbox, struct outbox_entry *entry);
/* Hands over what is not handed yet, in order. 0, or -EAGAIN (the producer's queue is full or away), or an error. `*handed` rises to
 * the end of the last whole entry. */
int outbox_publish(struct outbox *outbox, struct sink *sink, int64_t *handed) MUST_CHECK;
/* A record of the entry was reported delivered, at `offset` of the outcome partition (-1: a dead letter, or not told); moves the
 * frontier. */
void outbox_delivered(struct outbox_pool *pool, struct outbox_entry *entry, int64_t offset);
/* A record of the entry came to nothing (its producer was ended): only the count of reports goes down. */
void outbox_abandoned(struct outbox_pool *pool, struct outbox_entry *entry);
/* Whether the next entry to be finished is one that an adoption carried over. Its outcomes are of offsets below the frontier already, so that nothing may
 * be committed before they are delivered. */
bool outbox_owes(const struct outbox *outbox);
/* Every record of the entries up to this id is where it shall be, by another way than a sink's. */
void outbox_settle(struct outbox *outbox, struct stream_id to);
/* The first `count` finished entries have left Redis. */
void outbox_removed(struct outbox *outbox, struct outbox_pool *pool, size_t count);

/* The stored entry's fields, for XADD: at TOPIC:P from F to T era E [lost 1] [as ID] records BYTES. `as`: a resolution carried it over from
 * the entry ID, which its sequence still shows. */
enum { OUTBOX_FIELDS_COUNT = 5 };
/* Reads one element of XRANGE's reply: which partition it belongs to, and the entry. 0, -EBADMSG. `records` points into
 * the reply. */
struct outbox_stored {
    struct stream_id id, sequence;
    struct bytes at;
    int64_t from, to, era;
    bool lost;
    struct bytes records;
};
int outbox_read(struct outbox_stored *out, const struct reply *reply) MUST_CHECK;

#endif
