/* What was done with dead letters: the hash orderd:letters, beside the marks (PROTOCOL.md 11).
 *
 * A field is the letter's id (codec/letter.h), so that its copies have one record. No turn watches it and nothing is decided by it. A second
 * kind of field says up to where a source partition was looked through for what was sent back: from this and from what lies in the topic the
 * rest can be made again, should Redis lose it. */
#ifndef ORDERD_LEDGER_LETTERS_H
#define ORDERD_LEDGER_LETTERS_H

#include "codec/letter.h"
#include "ledger/shard.h"

enum letters_state {
    LETTERS_OPEN,        /* no record: nothing was done */
    LETTERS_SENDING,     /* it is to be sent, or was and nobody wrote it down */
    LETTERS_REDRIVEN,
    LETTERS_DISCARDED,
    LETTERS_UNREADABLE,  /* what stands there is none of ours */
    LETTERS_STATES
};

enum { LETTERS_WHO_SIZE = 64, LETTERS_NOTE_MAX = 200, LETTERS_VALUE_SIZE = LETTER_PLACE_SIZE + LETTERS_WHO_SIZE + LETTERS_NOTE_MAX + 128 };

struct letters_record {
    enum letters_state state;
    int64_t time;                            /* ms since 1970 */
    char place[LETTER_PLACE_SIZE];           /* the dead letter that it was done to, TOPIC/P/OFFSET */
    int64_t at;                              /* sending: the end of its source partition before; redriven: its offset there; else -1 */
    int64_t count;                           /* how often the message was sent back by then */
    char who[LETTERS_WHO_SIZE];              /* a word */
    char note[LETTERS_NOTE_MAX + 1];         /* discarded: why; sending: whose it is, a uuid */
};

/* "open", "sending", "redriven", "discarded", "unreadable". */
const char *letters_state_name(enum letters_state state);
/* The open ones are not written. Returns the value's size. */
size_t letters_format(char out[LETTERS_VALUE_SIZE], const struct letters_record *record);
/* Reads a field's value; absent is open. */
void letters_read(struct letters_record *out, struct bytes value);

/* No more records are kept than this of one market; from so many on a redrive or a discard looks which may go (letters/trim.h). */
enum { LETTERS_KEPT_MAX = 200000, LETTERS_TRIM_FROM = 10000 };

/* Up to where a source partition was looked through: [floor, upto) holds nothing that is not recorded, as long as Redis is the server `run`. */
enum { LETTERS_RUN_SIZE = 160 };
struct letters_looked {
    bool known;
    int64_t floor, upto;
    char run[LETTERS_RUN_SIZE];
};
size_t letters_looked_format(char out[LETTERS_VALUE_SIZE], const struct letters_looked *looked);
/* Whatever it is not written by the above is not known. */
void letters_looked_read(struct letters_looked *out, struct bytes value);
void letters_looked_field(char out[LETTER_ID_SIZE], const char *topic, int32_t partition);

/* The hash of a market; `number` as in shard_init. */
void letters_key(char out[SHARD_KEY_MAX], const char *prefix, int32_t number);

#endif
