/* The snapshot's file: a market with its marks as JSON lines, written once and read by restore, replay and audit.
 *
 * Every line is one flat object, so that a file of any size is read in little memory, and by any JSON tool. The first is the header, the last one
 * tells how many lines there are and a 128-bit digest of them; a file that was cut or altered is not read. Then market after market (one, or with
 * shard = "partition" one a partition number) what Redis held, a value a line. Keys are without prefix and hash tag:
 *
 *     {"orderd_snapshot":1,"taken_at":"2026-11-26T14:30:00.125Z","orderd":"0.1.0","cluster":"…","group":"orderd","topics":"orders=3",
 *      "outcomes":"orders.outcomes","shard":"none","prefix":"","markets":1}
 *     {"market":null,"last":"1795326127590-0"}                             null: the only one; else the partition number. last: the highest id of
 *                                                                           an outbox entry that was seen
 *     {"outcome_partition":0,"from":1234}                                   no outcome of the mark's `next` or above lies before that offset
 *     {"hash":"orderd:meta","field":"era","value":"3"}                      the registry, the marks (orderd:mark:TOPIC:P), what is paused, and
 *                                                                           whatever else orderd keeps in hashes beside them
 *     {"entry":"1795326127590-0","at":"orders:0","from":4,"to":9,"era":1,"records64":"…"}     the outbox, in its order
 *     {"list":"orderd:seen:orders:0","value64":"…"}                         the seen lists, in their order
 *     {"hash":"users:27","field":"funds","value":"125"}                     the market, sorted by key and member
 *     {"set":"inventory:27","member":"ItemM"}
 *     {"zset":"market:","member":"ItemM.17","score":"97"}
 *     {"string":"stock:S1","value":"17"}
 *     {"end":1017,"digest":"0123456789abcdef0123456789abcdef"}
 *
 * A name, member or value that is no UTF-8 text, or holds a zero byte, is base64 in a member of that name with 64 behind it. */
#ifndef ORDERD_ARCHIVE_SNAPSHOT_FILE_H
#define ORDERD_ARCHIVE_SNAPSHOT_FILE_H

#include "base/text.h"
#include "ledger/mark.h"
#include "ledger/outbox.h"
#include "ledger/shard.h"
#include "rules/view.h"

enum { SNAPSHOT_FORMAT = 1, SNAPSHOT_DIGEST_SIZE = 33, SNAPSHOT_LINE_MAX = 512 << 20 };

struct snapshot_header {
    char taken_at[TEXT_TIME_SIZE];
    char orderd[32];                     /* the release that took it */
    char cluster[KAFKA_CLUSTER_ID_MAX], group[256];
    char topics[16384];                  /* as in the registry, "orders=3 refunds=2" */
    char outcomes[KAFKA_TOPIC_MAX + 1];
    char shard[16];                      /* "none" or "partition" */
    char prefix[SHARD_PREFIX_MAX];
    int64_t markets;
};

/* A line that holds a value. What points, points into the reader until its next call, or is the writer's caller's. */
enum snapshot_type { SNAPSHOT_HASH, SNAPSHOT_SET, SNAPSHOT_ZSET, SNAPSHOT_STRING, SNAPSHOT_LIST, SNAPSHOT_ENTRY };

struct snapshot_value {
    enum snapshot_type type;
    struct bytes key;                    /* without prefix and hash tag; SNAPSHOT_ENTRY: "orderd:outbox" */
    struct bytes member;                 /* HASH: the field; SET, ZSET: the member */
    struct bytes value;                  /* HASH, STRING, LIST: the value; ZSET: the score as Redis prints it */
    struct outbox_stored entry;          /* ENTRY */
};

/* A value as the rules mean it. */
struct snapshot_cell {
    enum view_key_kind kind;
    struct name owner, item, seller;     /* as in rules/view.h */
    enum view_state state;               /* PRESENT, or INVALID: no integer, or the key is of another type (then item and seller are empty) */
    int64_t value;                       /* funds, stock, price, where PRESENT */
};
/* False: no value that a rule could ask for (another program's field, a name that no event can have, orderd's own keys). */
bool snapshot_cell_of(const struct snapshot_value *value, struct snapshot_cell *out);

struct snapshot_mark {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    struct mark mark;
    int64_t outcomes_from;               /* in the outcome partition of that number: of decisions at or above mark.next nothing lies before it */
};

struct snapshot_market {
    int32_t number;                      /* SHARD_NONE, or the partition number */
    struct registry registry;            /* its `halt` as it was then */
    struct stream_id last;
    struct snapshot_mark *marks;         /* by topic, then by partition, as the registry has them */
    size_t marks_count;
    int64_t values;                      /* lines with one */
};

struct snapshot;

/* Reads the whole file once: that it is a snapshot, whole and unaltered, with registry and marks of each market. Errors: those of open(2) and read(2);
 * -EBADMSG: it is none, or is cut or altered; -ENOTSUP: of a later release; -ENOMEM. The sentence is in `error`. */
int snapshot_open(struct snapshot **out, const char *path, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct snapshot *snapshot_free(struct snapshot *snapshot);
const struct snapshot_header *snapshot_header(const struct snapshot *snapshot);
size_t snapshot_markets(const struct snapshot *snapshot);
const struct snapshot_market *snapshot_market(const struct snapshot *snapshot, size_t index);
/* The mark of a source partition in any of the markets; NULL: it has none. */
const struct snapshot_mark *snapshot_mark_of(const struct snapshot *snapshot, const char *topic, int32_t partition);
/* 32 hexadecimal digits: which snapshot it is. */
const char *snapshot_digest(const struct snapshot *snapshot);
/* How many lines hold a value, and the file's size in bytes. */
int64_t snapshot_values(const struct snapshot *snapshot);
int64_t snapshot_size(const struct snapshot *snapshot);

/* Its values once more from the first. */
int snapshot_rewind(struct snapshot *snapshot) MUST_CHECK;
/* 1, the next value and the index of its market; 0: that was the last. Errors: of read(2); -EBADMSG: it is another file than before. */
int snapshot_next(struct snapshot *snapshot, size_t *market, struct snapshot_value *out, struct error_text *error) MUST_CHECK;

struct snapshot_writer;

/* Begins PATH.partial, which takes PATH's place when it is finished; "-": standard output. Errors: of open(2), with a sentence. */
int snapshot_writer_new(struct snapshot_writer **out, const char *path, const struct snapshot_header *header, struct error_text *error) MUST_CHECK;
/* Removes what is not finished. Takes NULL, returns NULL. */
struct snapshot_writer *snapshot_writer_free(struct snapshot_writer *writer);
/* What follows is of this market. */
void snapshot_write_market(struct snapshot_writer *writer, int32_t number, struct stream_id last);
void snapshot_write_outcomes_from(struct snapshot_writer *writer, int32_t partition, int64_t from);
void snapshot_write(struct snapshot_writer *writer, const struct snapshot_value *value);
/* 0, or what went wrong with a line written so far. */
int snapshot_writer_error(const struct snapshot_writer *writer) MUST_CHECK;
/* The last line; all of it on the disk, and under its name. Errors: of write(2), fsync(2) and rename(2), with a sentence. */
int snapshot_writer_finish(struct snapshot_writer *writer, struct error_text *error) MUST_CHECK;
/* Of what was finished. */
const char *snapshot_writer_digest(const struct snapshot_writer *writer);
int64_t snapshot_writer_values(const struct snapshot_writer *writer);

#endif
