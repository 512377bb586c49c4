/* Places and times as people write them on the command line: TOPIC:P, TOPIC:P:OFFSET, 2026-11-22T05:42:07Z, start, end. */
#ifndef ORDERD_COMMANDS_WHERE_H
#define ORDERD_COMMANDS_WHERE_H

#include "ledger/resolve.h"

/* What would have been right, for a sentence that refuses. */
#define WHERE_FORMS "start, end, a time like 2026-11-22T05:42:07Z or TOPIC:P:OFFSET"
/* The same in a `--help`. */
#define WHERE_HELP \
    "WHERE is start, end, a time like 2026-11-22T05:42:07Z (the first event at or after it), or\n" \
    "TOPIC:P:OFFSET. It may be given several times; the last that fits a partition rules.\n" \
    "\n"

/* "orders:3" or, with `offset`, "orders:3:17". False: it is none. */
bool where_place(const char *text, bool offset, struct resolve_place *out) MUST_CHECK;
/* UTC, to the second; `ms` since 1970. False: it is none, or there is no such day. */
bool where_time(const char *text, int64_t *ms) MUST_CHECK;
/* One of WHERE_FORMS, appended to `froms`. False: it is none, or there are RESOLVE_FROM_MAX already. */
bool where_add(const char *text, struct resolve_froms *froms) MUST_CHECK;

#endif
