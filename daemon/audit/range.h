/* A source partition as an audit sees it: which part of it is looked at, and what is known of its log. */
#ifndef ORDERD_AUDIT_RANGE_H
#define ORDERD_AUDIT_RANGE_H

#include "seam/kafka_in.h"

struct audit_range {
    char topic[KAFKA_TOPIC_MAX + 1];
    int32_t partition;
    char at[KAFKA_TOPIC_MAX + 16];        /* "TOPIC:P" */
    int64_t from, to;                     /* offsets, [from, to) */
    int64_t must;                         /* every message below it must have an outcome: the commit, or the mark where that is known */
    int64_t log_start, log_end;           /* of the source partition, at the audit's start */
    int64_t outcomes_start;               /* of the outcome partition's log: what lies before is gone */
    int64_t outcomes_early;               /* where that log ended before Redis was looked at; -1: it was not */
    bool compacted;                       /* messages may leave the source's log in its middle, and their outcomes stay */
    bool begins;                          /* `from` is where orderd began with it: nothing was decided before */
};

#endif
