/* The dead-letter topic, read letter by letter up to its ends as of now: all that fit a selection, or those at given places. */
#ifndef ORDERD_LETTERS_BOX_H
#define ORDERD_LETTERS_BOX_H

#include "codec/letter.h"
#include "seam/clock.h"

enum { BOX_PLACES_MAX = 1000, BOX_REASONS_MAX = 32 };

struct box_place {
    int32_t partition;
    int64_t offset;
};

/* Which letters are meant. Texts stay the caller's. */
struct selection {
    struct box_place places[BOX_PLACES_MAX];   /* these, and nothing else of this counts; none: by what follows */
    size_t places_count;
    const char *reasons[BOX_REASONS_MAX];      /* one of these; none: any */
    size_t reasons_count;
    int64_t since, until;                      /* when they became dead letters, ms since 1970: from, and below; -1: any time */
    char source[KAFKA_TOPIC_MAX + 1];          /* "": any topic */
    int32_t source_partition;                  /* -1: any */
    int64_t from, to;                          /* offsets in the source, both included; -1: any */
};

enum box_kind {
    BOX_LETTER,
    BOX_FOREIGN,    /* the record is no dead letter of the daemon's; comes for places only */
    BOX_MISSING     /* there is no record at that place; comes for places only */
};

/* `message` must be freed (kafka_message_free) unless it is BOX_MISSING. */
struct box_item {
    enum box_kind kind;
    int32_t partition;
    int64_t offset;
    struct kafka_message message;
    struct letter letter;               /* points into the message */
};

struct box_options {
    struct kafka_in *in;                /* answers for offsets */
    struct kafka_reader *reader;        /* its own while it is open */
    struct clock *clock;
    const char *topic;
    int32_t partitions;
    const struct selection *selection;
    int timeout_ms;                     /* for a question, and for a silence while reading */
};

struct box {
    struct box_options options;
    struct kafka_bounds *bounds;        /* of every partition, when it was opened */
    size_t at;                          /* the partition, or the place, that is read next or just now */
    bool open;
    size_t foreign;                     /* records that are no dead letters of the daemon's */
};

/* Asks where the topic ends: what comes later is left. Errors: -ENOMEM, -ETIMEDOUT, -EAGAIN, -EACCES, -EIO. */
int box_open(struct box *box, const struct box_options *options) MUST_CHECK;
/* Takes one that was never opened, too, if it is zeroed. */
void box_close(struct box *box);
/* 1 and the next letter, by partition and offset (places in the order given); 0 at the end. Errors: -ETIMEDOUT, -EAGAIN, -EACCES, -ENOENT, -EIO. */
int box_next(struct box *box, struct box_item *out) MUST_CHECK;

#endif
