/* From the lines of a snapshot that hold orderd's own hashes to registry and marks. Part of its reader, and known to nobody else. */
#ifndef ORDERD_ARCHIVE_SNAPSHOT_LEDGER_H
#define ORDERD_ARCHIVE_SNAPSHOT_LEDGER_H

#include "archive/snapshot_file.h"
#include "base/arena.h"

enum { SNAPSHOT_LEDGER_FIELDS_MAX = 32 };

/* Registry, or one mark, whose fields come line by line; a hash's lines stand together. */
struct snapshot_ledger {
    struct snapshot_market *market;      /* of which the lines are */
    struct arena *arena;                 /* names and values so far */
    struct bytes key;                    /* of the hash whose lines come; absent: none */
    struct reply values[SNAPSHOT_LEDGER_FIELDS_MAX];
    bool registry;                       /* the market's was read */
};

/* Errors: -ENOMEM. */
int snapshot_ledger_init(struct snapshot_ledger *ledger) MUST_CHECK;
void snapshot_ledger_deinit(struct snapshot_ledger *ledger);
/* The lines that follow are of this market. */
void snapshot_ledger_begin(struct snapshot_ledger *ledger, struct snapshot_market *market);
/* Takes a line. Errors: -EBADMSG with a sentence: what was complete by it cannot be read; -ENOMEM. */
int snapshot_ledger_take(struct snapshot_ledger *ledger, const struct snapshot_value *value, struct error_text *error) MUST_CHECK;
/* The market's last line was taken; -EBADMSG also where it has no registry. */
int snapshot_ledger_end(struct snapshot_ledger *ledger, struct error_text *error) MUST_CHECK;

#endif
