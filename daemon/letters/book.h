/* The record of what was done with dead letters, in Redis: read, and changed by compare-and-set, so that of two who want the same one does it. */
#ifndef ORDERD_LETTERS_BOOK_H
#define ORDERD_LETTERS_BOOK_H

#include "ledger/letters.h"
#include "store/asker.h"

/* A field as it was read, and what it shall become. */
struct book_entry {
    char key[SHARD_KEY_MAX], meta[SHARD_KEY_MAX];
    char field[LETTER_ID_SIZE];
    bool there, registry;               /* read: the field is there; the market has a registry */
    char raw[LETTERS_VALUE_SIZE];       /* read: its value, "" without one; what is longer is cut and never matches */
    enum { BOOK_KEEP, BOOK_PUT, BOOK_REMOVE } change;
    char value[LETTERS_VALUE_SIZE];     /* BOOK_PUT */
};

struct book {
    struct asker *redis;
    const char *prefix;                 /* the configured one */
    bool sharded;
};

/* Names the entry: the record of a letter's message, or up to where a source partition was looked through. */
void book_entry_of_letter(const struct book *book, struct book_entry *out, const struct letter *letter);
void book_entry_of_looked(const struct book *book, struct book_entry *out, const char *topic, int32_t partition);
/* Of a letter that is known by its id alone; false when that is too long for one. */
bool book_entry_of_id(const struct book *book, struct book_entry *out, int32_t partition, struct bytes id);

/* Reads them all. Errors: -EAGAIN (redis is not ready), -EACCES, with what it said; a lost connection. */
int book_read(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error) MUST_CHECK;
/* Makes every change in one transaction, or none. -ESTALE: an entry is not any more as it was read, read again. After anything else but 0 nobody knows
 * whether it was done; so for -EIO, which may come of rights, too. */
int book_write(const struct book *book, struct book_entry *const *entries, size_t count, struct error_text *error) MUST_CHECK;

/* An entry's record, as it was read. */
void book_record(const struct book_entry *entry, struct letters_record *out);
void book_put(struct book_entry *entry, const struct letters_record *record);

#endif
