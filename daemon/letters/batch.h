/* Dead letters that are dealt with together, up to a bound, and what is to be done and was done with each. */
#ifndef ORDERD_LETTERS_BATCH_H
#define ORDERD_LETTERS_BATCH_H

#include "letters/book.h"
#include "letters/box.h"

enum { BATCH_MAX = 100, BATCH_BYTES_MAX = 16 << 20, BATCH_WHY_SIZE = 512 };

enum batch_result {
    BATCH_DUE,       /* it is to be done; in a dry run it would be */
    BATCH_DONE,      /* now it is */
    BATCH_BEFORE,    /* it had been done already */
    BATCH_REFUSED,
    BATCH_FAILED     /* Kafka does not take it */
};

struct batch_item {
    struct box_item box;
    struct bytes value;                /* what is sent: the letter's, or what was put in its place */
    char *edited;                      /* owned; NULL: the letter's own */
    bool unchanged;                    /* it was edited, and is as it was */
    struct book_entry entry;
    struct letters_record record;      /* as it is by now */
    enum batch_result result;
    char why[BATCH_WHY_SIZE];          /* "" : nothing to say */
    int64_t at;                        /* where it lies now in its source partition, -1: nowhere */
    int error;                         /* of its delivery */
    char trouble[128];                 /* in words */
};

struct batch {
    struct batch_item *items;          /* BATCH_MAX of them */
    size_t count, bytes;
};

/* Errors: -ENOMEM. */
int batch_new(struct batch *batch) MUST_CHECK;
/* Takes what was made or nothing; frees every message. */
void batch_free(struct batch *batch);
/* Fills it with the next letters of the box: 0, with a count of 0 at its end. Errors: of box_next. */
int batch_fill(struct batch *batch, struct box *box) MUST_CHECK;
void batch_empty(struct batch *batch);
/* Reads the record of every letter. Errors: of book_read. */
int batch_read(struct batch *batch, const struct book *book, struct error_text *error) MUST_CHECK;
/* Writes every change of its entries, and those of `more` others, in one transaction. Errors: of book_write. */
int batch_write(struct batch *batch, const struct book *book, struct book_entry *const *more, size_t count, struct error_text *error) MUST_CHECK;
void batch_say(struct batch_item *item, enum batch_result result, const char *format, ...) PRINTF_LIKE(3, 4);
/* What every way to deal with a letter refuses: no letter, no market, a record that cannot be read. True when it did. */
bool batch_refuse_common(struct batch_item *item);

/* Marks every letter discarded, for a reason, or takes that back. A dry run only says what would be. Errors: of book_write. */
struct discard_options {
    struct book book;
    const char *letters;               /* the dead-letter topic */
    const char *who, *because;
    int64_t now;                       /* ms since 1970 */
    bool dry;
};
int batch_discard(struct batch *batch, const struct discard_options *options, struct error_text *error) MUST_CHECK;
int batch_reopen(struct batch *batch, const struct discard_options *options, struct error_text *error) MUST_CHECK;

#endif
