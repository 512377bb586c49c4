/* The events of one source partition that were taken from Kafka and are not yet decided, decoded and in order. */
#ifndef ORDERD_TURN_LANE_H
#define ORDERD_TURN_LANE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "codec/event.h"
#include "ledger/partition.h"
#include "seam/kafka_in.h"

/* What a playback takes of an event's decision as it was recorded, instead of having it judged (turn/playback.h). */
struct taken {
    enum taken_how { TAKEN_NOTHING, TAKEN_UNLESS_DUPLICATE, TAKEN_WHOLLY } how;
    enum status status;
    enum reason reason;
    int64_t first_offset;           /* STATUS_DUPLICATE */
    enum status first_status;
    const struct facts *facts;      /* NULL: none */
    bool told;                      /* its dead letter was delivered, if it has one */
};

struct item {
    struct item *next;
    struct kafka_message message;   /* owned */
    struct decoded decoded;         /* points into the message */
    int64_t watched_at;             /* deadline clock at its first WATCH, ms; -1: not yet */
    int32_t attempts;               /* EXECs sent with it */
    enum status status;             /* as last decided */
    enum reason why;                /* the same */
    bool expiring;                  /* its own EXEC, sent after its deadline, got nil (DESIGN 4.4) */
    const struct taken *taken;      /* of a playback's event; NULL: it is judged */
};

/* Items are allocated at start and never more. */
struct item_pool {
    struct item *all, *spare;
    size_t count, used, bytes;      /* bytes: of the messages held */
};

int item_pool_init(struct item_pool *pool, size_t count) MUST_CHECK;
void item_pool_deinit(struct item_pool *pool);

enum { LANE_REFUSAL_MAX = 400 };

struct lane {
    struct partition *partition;    /* owned */
    struct item *head, *tail;
    size_t count;
    int64_t base;                   /* between here and the head lies nothing (gaps of the log), -1: nothing is fetched */
    int64_t position;               /* offset after the last message taken; -1: nothing is fetched */
    int64_t end;                    /* the partition's end, when nothing was there at `position`; -1: not known */
    int64_t turned_at;              /* monotonic ms of the last EXEC with this partition */
    int64_t retry_at;               /* when a take-over may be tried again, monotonic ms */
    bool shown;                     /* its refusal was logged */
    bool torn;                      /* its mark must be marked torn before anything else (DESIGN 4.3) */
    bool parked;                    /* fetched no more while its outbox is at its bound, or by the operator's word */
    bool held;                      /* parked by the operator's word */
    int64_t closed_since;           /* monotonic ms; 0: its outbox has room */
    bool failed;                    /* Kafka could not be read on: to be taken over again, between turns */
    int64_t era;                    /* of the registry when its events were decoded */
    int64_t stopped_era;            /* PARTITION_STOPPED: the era in which it was refused; another one may have resolved it */
    int64_t cut_said_at;            /* monotonic ms of the last word about a duplicate window that its count ended */
    char refusal[LANE_REFUSAL_MAX]; /* PARTITION_STOPPED: what was found, and the command that resolves it */
    int64_t complained_at;          /* monotonic ms of the last word about a record that no producer takes */
    int64_t waiting_from;           /* when the lane was cleared: nothing lay between here and an event, */
    int64_t waiting_timestamp;      /* whose timestamp was this, ms since 1970; 0: none was held */
    int64_t owed_timestamp;         /* of the oldest event not delivered when the outbox was last forgotten, the same; 0: none */
};

/* The bytes of a message that count towards the bounds. */
size_t item_bytes(const struct item *item);
/* Decodes the item's message. */
void item_decode(struct item *item);
/* Makes a held event malformed by the operator's word; no turn may hold it. Its trace goes on. */
void item_skip(struct item *item, const char *why);
/* Takes ownership of the message, which is not decoded yet. The pool must not be exhausted. */
struct item *lane_append(struct lane *lane, struct item_pool *pool, const struct kafka_message *message);
/* The same, and decodes it. */
void lane_push(struct lane *lane, struct item_pool *pool, const struct kafka_message *message);
/* Frees the first `count` items. */
void lane_pop(struct lane *lane, struct item_pool *pool, size_t count);
/* Frees items below `next`; true when what is left goes on from there. False: all is freed, and Kafka must be read anew. */
bool lane_skip_to(struct lane *lane, struct item_pool *pool, int64_t next);
/* The timestamp of the event at the offset, ms since 1970: of the one held there, or that was when the lane was cleared; 0: unknown. */
int64_t lane_timestamp(const struct lane *lane, int64_t next);
/* The timestamp of the oldest event that was applied and is not known to be delivered, the same; 0: there is none. While the partition
 * is not owned, that of when it last was. */
int64_t lane_owed(const struct lane *lane);
/* Fetching begins at `next`; the lane is empty. */
void lane_start(struct lane *lane, int64_t next);
void lane_clear(struct lane *lane, struct item_pool *pool);

#endif
