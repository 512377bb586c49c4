/* What a snapshot says of each partition: where its mark, its outbox entries and its seen list stand, and whether they fit together.
 *
 * Made before the log is read: how far a partition was decided is told by two of the three, should the third have been tampered with. */
#ifndef ORDERD_AUDIT_SURVEY_H
#define ORDERD_AUDIT_SURVEY_H

#include "archive/snapshot_file.h"
#include "audit/audit.h"

enum { SURVEY_HOLES_MAX = 1024 };

struct survey_partition {
    const struct snapshot_mark *mark;    /* NULL: there is none */
    int64_t next;                        /* up to where it was decided, as far as anything tells */
    int64_t entries, first_from, last_to;/* of the outbox; entries 0: it is empty */
    int64_t elements, seen_from, seen_to;/* of the seen list */
    int64_t seen_gap;                    /* an element that does not begin where the one before it ended begins here; -1: none */
    int64_t overlap;                     /* the same of an entry that begins before the end of the one before it; -1: none */
    bool unreadable;                     /* an element cannot be read */
};

/* Offsets of which Redis says that they wait, and has no entry. */
struct survey_hole {
    size_t range;
    int64_t from, to;
};

struct survey {
    const struct audit_range *ranges;
    size_t ranges_count;
    struct survey_partition *partitions; /* by range */
    struct survey_hole holes[SURVEY_HOLES_MAX];
    size_t holes_count;
    int64_t strangers;                   /* entries of no partition of the ranges */
};

/* Reads the market of that index; ranges need topic and partition only. Errors: of the snapshot; -ENOMEM. */
int survey_read(struct survey *survey, struct snapshot *snapshot, size_t market, const struct audit_range *ranges, size_t ranges_count,
                struct error_text *error) MUST_CHECK;
void survey_deinit(struct survey *survey);

/* An element of a seen list, taken apart. */
struct survey_element {
    int64_t from, to;
    struct reader records;
};
bool survey_element_read(struct bytes element, struct survey_element *out) MUST_CHECK;
/* The next record: 1; 0: there is none; -EBADMSG. */
int survey_record_next(struct survey_element *element, struct bytes *source, struct bytes *id, struct window_record *out) MUST_CHECK;
/* The range of "TOPIC:P"; -1: none. */
int64_t survey_range(const struct audit_range *ranges, size_t count, struct bytes at);

#endif
