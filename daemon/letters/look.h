/* Looking through source partitions for what was sent back to them and is not written down. */
#ifndef ORDERD_LETTERS_LOOK_H
#define ORDERD_LETTERS_LOOK_H

#include "letters/redrive.h"

/* A source partition that letters of a batch go to. */
struct target {
    const char *topic;
    int32_t partition;
    struct book_entry entry;
    struct letters_looked looked;
    int64_t end;                    /* of its log when it was looked at, whatever is not committed yet included */
    int64_t lowest;                 /* offset of a letter's message */
    int64_t unsure;                 /* the lowest place behind which a letter whose sending was begun may lie; -1: there is none */
};

/* Reads what must be read, and writes down what it finds. 0, with `*read` set when anything was looked through. Errors: as of redrive_batch. */
int look_through(const struct redrive_options *options, struct kafka_out *out, struct target *target, bool *read, struct error_text *error) MUST_CHECK;

#endif
