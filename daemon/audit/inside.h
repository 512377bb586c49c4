/* An audit from inside, for the files that make it up. */
#ifndef ORDERD_AUDIT_INSIDE_H
#define ORDERD_AUDIT_INSIDE_H

#include "audit/audit.h"
#include "audit/order.h"
#include "audit/spill.h"
#include "audit/window.h"
#include "codec/event.h"

/* What is known of a source partition so far. */
struct track {
    const struct audit_range *range;
    size_t index;
    struct window *window;
    bool exact;                          /* window and T are what the daemon had */
    bool joined;                         /* the next event's sequence stands right behind the last one's */
    int64_t time;                        /* T */
    const struct audit_rule *rule;       /* a former one that still rules */
    struct order order;
    struct blank_point last;             /* of the last decision; zeros: none yet */
    int64_t first_offset, last_offset;   /* of the first and the last event with a decision; -1: none */
    int64_t last_message;                /* offset of the last one that came; -1: none */
    struct waiting *waiting;             /* the first that is not passed */
    int64_t letters_due, letters_found;  /* of different events */
    struct audit_table table;
};

/* A decision in the outbox. */
struct waiting {
    size_t range;
    int64_t offset;
    struct blank_point at;
    struct decision_identity identity;   /* points into the record */
    struct buffer bytes;
    struct audit_record record;          /* points into the bytes */
    struct waiting *next;                /* of the same range, by offset */
    bool chained;                        /* its values were taken, in its place in the order */
};

struct audit {
    struct audit_options options;
    struct findings *findings;
    struct copies *copies;
    struct chain *chain;
    struct spill *letters;               /* by event: the digest of the dead letter that is due, and whether it was found */
    struct audit_letters letter_counts;
    struct track *tracks;
    struct waiting **waiting;            /* by place in the order, once the first event has come */
    size_t waiting_count, waiting_capacity, waiting_next;
    bool waiting_sorted;
    struct audit_record record;          /* working memory of audit_record, which another thread may call */
    struct audit_record outcome;         /* working memory of one event */
    struct decision decision;
    struct decoded decoded;
    struct buffer scratch;
};

/* One event at hand. */
struct trial {
    struct track *track;
    int64_t offset;
    const struct kafka_message *source;  /* NULL: gone */
    const struct audit_record *outcome;  /* NULL: none */
    struct decision_identity identity;
    struct waiting *waiting;             /* it is this one */
    bool readable;                       /* audit->decision holds what the outcome says */
    bool believed;                       /* and nothing was found that speaks against it */
    bool lettered;                       /* a dead letter is due */
    struct finding finding;              /* its place */
};

/* The former rule of duplicates at an offset; NULL: the one of now. */
const struct audit_rule *audit_rule_at(const struct audit_options *options, size_t range, int64_t offset);
/* repeat.c: malformed, duplicate, deadline: what comes before any rule. */
int repeat_check(struct audit *audit, struct trial *trial) MUST_CHECK;
/* The same for an event whose decision is not known: whether a rule may have applied it. */
int repeat_guess(struct audit *audit, struct trial *trial, bool *ruled) MUST_CHECK;

/* event.c: what the message is, into `decoded`. */
void audit_decode(struct audit *audit, const struct kafka_message *source);
/* letters.c: the dead letter of this event is due. */
int letters_expect(struct audit *audit, struct trial *trial) MUST_CHECK;
int letters_finish(struct audit *audit) MUST_CHECK;

/* waiting.c: what the outbox has for this event, or NULL. */
struct waiting *waiting_of(struct track *track, int64_t offset);
/* The values of those that come before this place in the order. */
int waiting_before(struct audit *audit, const struct blank_point *at) MUST_CHECK;
void waiting_free(struct audit *audit);

/* event.c */
struct chain_place place_of(const struct track *track, int64_t offset, const struct blank_point *at, const struct audit_record *outcome);

#endif
