/* The auditor: holds all that came out of a history against DESIGN.md, by a replay of its own.
 *
 * Written from the text of the design (1, 2.1 to 2.3, 3, 4.4, 4.8) and nothing else: of the daemon it knows base/ only, so that a
 * mistake of the daemon's is not made here too. It gets the logs, the last state of Redis, the first state of the market, and what
 * happened from outside; it decides every event once more, one at a time, in the order of ce_sequence. */
#ifndef ORDERD_TESTS_SIM_AUDITOR_H
#define ORDERD_TESTS_SIM_AUDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/bytes.h"

/* --- what is audited */

struct audit_header {
    struct bytes name, value;
};

/* A record of a log. Offsets rise and may have gaps (transaction markers, compaction). */
struct audit_message {
    int64_t offset, timestamp;       /* -1: none */
    struct bytes key, value;         /* data NULL: null */
    const struct audit_header *headers;
    size_t headers_count;
};

/* One partition. For a source: everything that was ever appended from `start` on, also what retention took later. */
struct audit_log {
    const char *topic;
    int32_t partition;
    const struct audit_message *messages;
    size_t count;
    int64_t start, end;              /* where the first mark stood; behind the last record or marker */
    int64_t committed;               /* by the group; negative: never */
};

enum audit_type { AUDIT_NONE, AUDIT_STRING, AUDIT_HASH, AUDIT_SET, AUDIT_ZSET, AUDIT_LIST, AUDIT_STREAM };

/* field and value, member and score, id and whatever; a list and a string use `value` alone. */
struct audit_pair {
    struct bytes field, value;
};

/* A key of Redis, by its whole name. */
struct audit_key {
    struct bytes name;
    enum audit_type type;
    const struct audit_pair *pairs;
    size_t count;
};

struct audit_keys {
    const struct audit_key *items;
    size_t count;
};

/* A place in the order of one market's decisions: behind the outbox entry of this id, in this era. */
struct audit_place {
    int64_t era;
    uint64_t ms, seq;
};

enum audit_happening_kind {
    /* Another program's command, as it was answered: every argument whole. DEL for a key that expired. */
    AUDIT_FOREIGN,
    /* Redis came back older: what was decided behind `to` up to `place`, and all that happened since the happening `since`, is
     * gone from the market. Written when Redis came back, whether or not an operator must accept it. */
    AUDIT_RESTORED,
    /* What was published of offsets [from, end) of a source, under this incarnation, takes effect once more, as it was decided, without being decided. */
    AUDIT_REDONE,
    /* The same, but the market had gone on meanwhile without what is done again (DESIGN 4.5: between the restart and the halt another instance may decide):
     * what is decided from there on, and what the market is in the end, is looked at no more; that nothing is decided twice still is. */
    AUDIT_MUDDLED,
    /* Offsets [from, end) of a source, which were decided, are decided once more and take effect once more, under another incarnation: an operator has moved
     * the mark back. Of the seen list and the largest timestamp nothing is left. */
    AUDIT_AGAIN,
    /* The market is taken as it stands in `keys`: a transaction was torn, and which part of it was applied cannot be derived. */
    AUDIT_MARKET_IS,
    /* Offsets [from, end) of a source that were decided but need not have an outcome (--accept-loss). Their effects are not replayed: an
     * AUDIT_MARKET_IS must have them. */
    AUDIT_LOST,
    /* The seen list was begun anew at `end`. */
    AUDIT_SEEN_ANEW,
    /* The mark was made anew at `end` (--adopt): no seen list, and no largest timestamp yet. */
    AUDIT_MARK_ANEW,
    /* Offsets [from, end) of a source that were never decided (--accept-gap). */
    AUDIT_GAP,
    /* Offsets [from, end) of a source that the mark stands above, so that what was decided of them is not decided again when its effects went
     * with an older Redis: an operator has put it there, or compaction has taken the message out of the log. */
    AUDIT_PASSED,
    /* The offset `from` may be decided malformed, quarantined. */
    AUDIT_QUARANTINED,
    /* The same, skipped: an instance has agreed to it. */
    AUDIT_SKIPPED,
    /* Offsets [from, end) of a source were decided, and Redis forgot it before the outcomes were in Kafka, without a durability gate. They are decided anew,
     * and a dead letter of the former decision may stand all the same. */
    AUDIT_FORGOTTEN,
    /* The same, and nobody could know that it had been handed over: the outcome may still come, beside that of the new decision. */
    AUDIT_UNHEARD
};

struct audit_happening {
    enum audit_happening_kind kind;
    int32_t shard;                   /* number of the market; 0 where there is one */
    struct audit_place place;        /* FOREIGN, RESTORED, AGAIN, MARKET_IS: the last entry's when it took effect */
    struct audit_place to;           /* RESTORED: the last entry that Redis still knew */
    size_t since;                    /* RESTORED: how many happenings had been when that state was */
    const struct bytes *args;        /* FOREIGN */
    size_t args_count;
    struct audit_keys keys;          /* MARKET_IS */
    struct bytes incarnation;        /* REDONE */
    size_t source;                   /* REDONE, AGAIN, LOST, SEEN_ANEW, MARK_ANEW, GAP, PASSED, QUARANTINED, SKIPPED, FORGOTTEN, UNHEARD: index into `sources` */
    int64_t from, end;
};

enum audit_event_kind { AUDIT_KIND_LIST, AUDIT_KIND_UNLIST, AUDIT_KIND_PURCHASE, AUDIT_KIND_RESERVE, AUDIT_KIND_RESTOCK, AUDIT_KIND_DEPOSIT,
                        AUDIT_KIND_GRANT, AUDIT_KINDS };

struct audit_world {
    const char *prefix;
    bool sharded;                    /* a market of its own per partition number */
    int64_t deadline_ms[AUDIT_KINDS];
    int64_t window_ms;
    size_t ids;
    const struct audit_log *sources;
    size_t sources_count;
    const struct audit_log *outcomes;    /* index: partition */
    size_t outcomes_count;
    const struct audit_log *letters;     /* index: partition */
    size_t letters_count;
    size_t letter_max;               /* max.message.bytes of dead letters; only above it may one be cut */
    struct audit_keys before, after;     /* Redis at the start and at the end */
    const struct audit_happening *happenings;
    size_t happenings_count;
    /* How long after it was ordered this event, alone in its transaction, was last in conflict, ms; -1: never. NULL: not known. */
    int64_t (*in_conflict_ms)(void *context, size_t source, int64_t offset);
    void *context;
};

/* --- what is found */

#define AUDIT_VIOLATIONS(X)                                                                     \
    X(WORLD_UNREADABLE, "what the auditor was given makes no sense")                            \
    X(OUTCOME_UNREADABLE, "an outcome that names no event of the sources")                      \
    X(OUTCOME_MISSING, "an event without an outcome")                                           \
    X(OUTCOME_PARTITION, "an outcome in another partition than its event")                      \
    X(OUTCOME_KEY, "an outcome with another key than its event")                                \
    X(OUTCOME_ORDER, "a first copy below one of a higher offset")                               \
    X(COPY_DIFFERS, "two copies of one outcome that are not the same bytes")                    \
    X(DECIDED_TWICE, "an event with two decisions")                                             \
    X(HEADERS, "headers other than DESIGN 2.3 has them")                                        \
    X(TRACE, "a trace that is not continued")                                                   \
    X(SEQUENCE_FORM, "a ce_sequence of another form")                                           \
    X(SEQUENCE_TWICE, "a ce_sequence that two outcomes have")                                   \
    X(SEQUENCE_ORDER, "sequences that do not rise with the offsets")                            \
    X(TIME, "a time of decision of another form, or two of them")                               \
    X(ATTEMPTS, "a number of attempts that cannot be")                                          \
    X(STATUS, "another status than the replay's")                                               \
    X(REASON, "another reason than the replay's")                                               \
    X(DETAIL, "a malformed event without a word about why")                                     \
    X(FACTS, "other facts than the replay's")                                                   \
    X(FIRST, "a duplicate that names another first decision")                                   \
    X(EVENT, "an outcome that does not carry its event")                                        \
    X(VALUE, "a value other than DESIGN 2.3 has it")                                            \
    X(EXPIRED, "an event that expired and could not")                                           \
    X(LETTER_MISSING, "a malformed message without a dead letter")                              \
    X(LETTER_STRANGER, "a dead letter of a message that is not malformed")                      \
    X(LETTER_PARTITION, "a dead letter in another partition")                                   \
    X(LETTER, "a dead letter that is not its message byte for byte")                            \
    X(LETTER_COPY, "two copies of one dead letter that are not the same bytes")                 \
    X(MARKET, "a market other than the replayed one")                                           \
    X(STOCK_NEGATIVE, "more reserved than there was")                                           \
    X(MONEY, "money made or lost")                                                              \
    X(ITEMS, "items made or lost")                                                              \
    X(COMMIT_TOO_FAR, "a commit above an event that has no outcome")                            \
    X(COMMIT_BEHIND, "a commit that did not reach the end")                                     \
    X(OUTBOX, "entries left in the outbox")                                                     \
    X(MARK, "a mark that is not at its log's end")                                              \
    X(TORN, "a mark that is torn")                                                              \
    X(HALTED, "a market that is halted")                                                        \
    X(SEEN, "a seen list that does not tile")                                                   \
    X(REGISTRY, "a registry that does not fit the outcomes")

enum audit_violation_kind {
#define AUDIT_CONSTANT(name, sentence) AUDIT_##name,
    AUDIT_VIOLATIONS(AUDIT_CONSTANT)
#undef AUDIT_CONSTANT
    AUDIT_VIOLATION_KINDS
};

const char *audit_violation_name(enum audit_violation_kind kind);
const char *audit_violation_sentence(enum audit_violation_kind kind);

enum { AUDIT_KEPT_MAX = 16, AUDIT_TEXT_MAX = 1024 };

/* The first ones are kept with their words, all are counted. */
struct audit_report {
    size_t count, kept;
    size_t of_kind[AUDIT_VIOLATION_KINDS];
    struct {
        enum audit_violation_kind kind;
        char text[AUDIT_TEXT_MAX];   /* where, what was expected, what was found */
    } items[AUDIT_KEPT_MAX];
    size_t events, copies;           /* looked at */
    bool muddled;                    /* AUDIT_MUDDLED happened to what is looked at: what was decided is not judged */
};

struct audit;

/* Memory for audits one after the other. Errors: -ENOMEM. */
int auditor_new(struct audit **out) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct audit *auditor_free(struct audit *audit);
/* At the end of a history, after its quiet phase. `report` is begun anew. */
void audit_run(struct audit *audit, const struct audit_world *world, struct audit_report *report);

/* While a history runs: whether everything below what is committed has a delivered outcome. What was looked at once is not looked at
 * again, so it may be asked at every commit. */
struct audit_watch;

int audit_watch_new(struct audit_watch **out) MUST_CHECK;
struct audit_watch *audit_watch_free(struct audit_watch *watch);
/* Another history begins. */
void audit_watch_reset(struct audit_watch *watch);
/* False, with a violation in `report`, when `committed` of the source is above an event that has no outcome. The logs may have grown
 * since the last call, and happenings may have joined; nothing else may have changed. */
bool audit_commit_is_honest(struct audit_watch *watch, const struct audit_world *world, size_t source, int64_t committed, struct audit_report *report);

#endif
