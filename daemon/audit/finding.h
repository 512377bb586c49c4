/* What an audit finds: each of a named kind, with its place, what is there, and what would be right.
 *
 * Of one event the gravest is kept, so that one damage is one finding: a record that was altered is not also called wrong in all that follows from
 * it. Kinds stand in that order, the most exact word first. Memory is bounded: so many of each kind are kept, all are counted. Two threads may add. */
#ifndef ORDERD_AUDIT_FINDING_H
#define ORDERD_AUDIT_FINDING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* WRONG: the promise is not kept. FOREIGN: legal by design, another program wrote. */
enum finding_weight { FINDING_WRONG, FINDING_FOREIGN };

/* Constant, name in JSON, weight, and what it means. */
#define FINDING_KINDS(X)                                                                                                  \
    X(OUTCOME_UNREADABLE, "outcome_unreadable", WRONG, "a record in the outcome topic that is no outcome")                \
    X(OUTCOME_INCARNATION, "outcome_incarnation", WRONG, "an outcome of an incarnation that nobody knows")                \
    X(OUTCOME_MISNAMED, "outcome_misnamed", WRONG, "an outcome whose ce_id and value name different events")              \
    X(OUTCOME_PARTITION, "outcome_partition", WRONG, "an outcome in another partition than its event")                    \
    X(COPY_DIFFERS, "copy_differs", WRONG, "two copies of one outcome that are not the same bytes")                       \
    X(OUTCOME_ORDER, "outcome_order", WRONG, "a first copy behind one of a higher offset")                                \
    X(OUTCOME_MISSING, "outcome_missing", WRONG, "an event below the mark or the commit that has no outcome")             \
    X(OUTCOME_STRAY, "outcome_stray", WRONG, "an outcome of an event that is not there")                                  \
    X(SEQUENCE, "sequence", WRONG, "a ce_sequence that is missing, given twice, or does not rise with the offsets")       \
    X(EVENT, "event", WRONG, "an outcome that does not carry its event")                                                  \
    X(MALFORMED, "malformed", WRONG, "an event called malformed that is not, or is not so, or the other way round")       \
    X(DUPLICATE, "duplicate", WRONG, "an event called a duplicate that is none, or the other way round")                  \
    X(EXPIRED, "expired", WRONG, "an event that expired and could not")                                                   \
    X(FACTS, "facts", WRONG, "facts that are not those of such a decision, or do not bear it out")                        \
    X(HEADERS, "headers", WRONG, "headers other than an outcome of this event has")                                       \
    X(KEY, "key", WRONG, "an outcome with another key than its event")                                                    \
    X(FACTS_BREAK, "facts_break", WRONG, "facts that neither follow from those before nor are followed by those after")   \
    X(LETTER_MISSING, "letter_missing", WRONG, "a malformed event without a dead letter")                                 \
    X(LETTER_STRAY, "letter_stray", WRONG, "a dead letter of an event that is not malformed, or of none")                 \
    X(LETTER_PARTITION, "letter_partition", WRONG, "a dead letter in another partition than its event's")                 \
    X(LETTER_DIFFERS, "letter_differs", WRONG, "a dead letter that is not its message byte for byte")                     \
    X(REGISTRY, "registry", WRONG, "a registry that is older than what was decided")                                     \
    X(MARK, "mark", WRONG, "a mark that does not fit log, outbox and seen list")                                          \
    X(OUTBOX, "outbox", WRONG, "an outbox that is not what waits to be delivered")                                        \
    X(SEEN, "seen", WRONG, "a seen list that is not what the log says was seen")                                          \
    X(FOREIGN_WRITE, "foreign_write", FOREIGN, "a value that another program has written")                                \
    X(FOREIGN_FIRST, "foreign_first", FOREIGN, "a value that was there before the log says anything of it")               \
    X(FOREIGN_KEY, "foreign_key", FOREIGN, "a value in Redis that no event ever named")

enum finding_kind {
#define FINDING_CONSTANT(constant, name, weight, sentence) FINDING_##constant,
    FINDING_KINDS(FINDING_CONSTANT)
#undef FINDING_CONSTANT
    FINDING_KIND_COUNT
};

/* Its name in JSON, what it means, and how much it weighs; of an enumerator only. */
const char *finding_kind_name(enum finding_kind kind);
const char *finding_kind_sentence(enum finding_kind kind);
enum finding_weight finding_kind_weight(enum finding_kind kind);

enum finding_topic { FINDING_NOWHERE, FINDING_OUTCOMES, FINDING_LETTERS };
enum { FINDING_TEXT_MAX = 400, FINDING_KEY_MAX = 200 };

struct finding {
    enum finding_kind kind;
    int64_t range;                 /* the source partition, as the audit numbers them; -1: of none */
    int64_t offset;                /* of the event; -1: of none, or not known */
    enum finding_topic topic;      /* where the record lies, if there is one */
    int32_t partition;
    int64_t at;                    /* its offset there */
    char key[FINDING_KEY_MAX];     /* the key of the market, as people know it; "": it is about none */
    bool amounts;                  /* the next two are filled */
    int64_t was, became;           /* a number: what the log says, and what was seen instead */
    char text[FINDING_TEXT_MAX];   /* what is there, and what would be right */
};

struct findings;

enum { FINDINGS_KEPT_MAX = 100000 };
/* Keeps up to `kept` of each kind. Errors: -ENOMEM. */
int findings_new(struct findings **out, size_t kept) MUST_CHECK;
struct findings *findings_free(struct findings *findings);
/* Takes a copy. Where the event has a finding of an earlier kind, nothing happens; one of a later kind gives its place up. */
void findings_add(struct findings *findings, const struct finding *finding);
/* Fills the text and adds it. */
void findings_say(struct findings *findings, struct finding *finding, const char *format, ...) PRINTF_LIKE(3, 4);
/* Whether the event has a finding that is kept. */
bool findings_has(struct findings *findings, int64_t range, int64_t offset);

size_t findings_of_kind(const struct findings *findings, enum finding_kind kind);
size_t findings_of_weight(const struct findings *findings, enum finding_weight weight);
/* The kept ones of a kind, in the order of their places: NULL behind the last. Adding ends the walk. */
const struct finding *findings_at(struct findings *findings, enum finding_kind kind, size_t index);

#endif
