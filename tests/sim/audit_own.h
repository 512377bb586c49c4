/* What the auditor's parts share: the outcomes found, by event, and the state of the replay. */
#ifndef ORDERD_TESTS_SIM_AUDIT_OWN_H
#define ORDERD_TESTS_SIM_AUDIT_OWN_H

#include "sim/audit_market.h"

/* The first copy of an outcome. */
struct audit_outcome {
    const struct audit_message *record;
    struct audit_outcome *next;      /* another one of the same event */
    size_t source, index;            /* the event: log and place in it */
    int32_t partition;               /* where it lies */
    size_t incarnation;
    struct audit_place place;
    uint32_t in_entry;
    bool undone;                     /* its effects went with a restored Redis */
};

/* An event may be decided malformed for what it is, and also because an operator quarantined it, or had it skipped: with an older Redis between, one
 * after the other. */
enum audit_malformed { AUDIT_BY_ITSELF, AUDIT_BY_QUARANTINE, AUDIT_BY_SKIP, AUDIT_MALFORMED_WAYS };

/* The dead letter of such a decision. */
struct audit_letter {
    const struct audit_message *record;      /* NULL: none was found */
    int32_t partition;
    const char *reason;              /* NULL: it was never decided so */
    bool rules;                      /* it was, and Redis did not forget it */
};

/* What came of one event. */
struct audit_slot {
    struct audit_outcome *outcomes;
    struct audit_letter letters[AUDIT_MALFORMED_WAYS];
    bool replayed;
};

struct audit_range {
    struct audit_range *next;
    enum audit_happening_kind kind;
    int64_t from, end;
    unsigned pass;               /* how often the mark had been moved back before */
    bool passed;                 /* MARK_ANEW: the replay is behind it */
};

/* One source partition in the replay. */
struct audit_source {
    const struct audit_log *log;
    struct audit_slot *slots;        /* one for each message */
    struct audit_range *ranges;
    size_t cursor;                   /* the next message to be decided */
    int64_t time;                    /* T; -1: none */
    size_t recorded;                 /* decisions in the duplicate window so far */
    unsigned pass;                   /* how often its mark was moved back so far */
};

/* The newest decision of a (source, id) in its partition. */
struct audit_seen {
    struct audit_hashed hashed;
    const struct audit_source *partition;
    struct bytes source, id;
    int64_t offset, time;
    size_t ordinal;
    unsigned pass;
    uint64_t content;
    const char *status;              /* NULL: lost, could be any */
};

struct audit_incarnation {
    struct audit_incarnation *next;
    struct bytes name;               /* the whole ce_source */
    size_t number;
    int64_t *copied, *decided;       /* of each source: the highest offset so far, in the log's order and in that of sequences */
    int64_t era;                     /* highest */
    int32_t shard;                   /* of its market */
};

struct audit {
    const struct audit_world *world;
    struct audit_report *report;
    struct arena *arena;
    struct audit_members members, found_members;
    struct audit_market market;
    struct audit_table seen;
    struct audit_source *sources;
    struct audit_outcome **order;    /* all, by market and sequence */
    size_t order_count, order_capacity;
    bool *undone;                    /* of each happening */
    struct audit_incarnation *incarnations;
    size_t incarnations_count;
    struct buffer expected, text;
    audit_sum money;                 /* what there must be in the end */
    uint64_t items;
};

/* What the outcome of one event must be. */
struct audit_verdict {
    const struct audit_event *event;
    struct audit_decision decision;
    bool duplicate;
    int64_t first_offset;
    const char *first_status;        /* NULL: any */
};

/* audit_index.c: every record of outcomes and dead letters to its event. */
void audit_index(struct audit *audit);
/* Index of the message with this offset; false when there is none. */
bool audit_message_at(const struct audit_log *log, int64_t offset, size_t *index);
bool audit_same_record(const struct audit_message *a, const struct audit_message *b);
/* "TOPIC/P/OFFSET": the source's index and the offset; false when it is no such thing. */
bool audit_parse_id(const struct audit_world *world, struct bytes id, size_t *source, int64_t *offset);
bool audit_in_range(const struct audit_source *source, enum audit_happening_kind kind, int64_t offset);
/* audit_replay.c: everything decided once more. */
void audit_replay(struct audit *audit);
/* audit_outcome.c: the record of one outcome. */
void audit_check_outcome(struct audit *audit, const struct audit_outcome *outcome, const struct audit_verdict *verdict);
void audit_check_headers(struct audit *audit, const struct audit_outcome *outcome, const struct audit_event *event);
/* Whether it says that the event has this status. */
bool audit_claims(struct audit *audit, const struct audit_outcome *outcome, const struct audit_event *event, const char *status);
/* audit_letter.c: the dead letter of one event, or that there is none. */
void audit_check_letter(struct audit *audit, struct audit_source *source, size_t index);
/* audit_rest.c: commits, marks, outbox, seen lists, registry. */
void audit_rest(struct audit *audit);

#define AUDIT_AT "%s/%d@%lld"
#define AUDIT_AT_ARGS(log, offset) (log)->topic, (int)(log)->partition, (long long)(offset)

#endif
