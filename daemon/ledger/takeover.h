/* Taking partitions over: the epoch that fences a former owner, then everything read and compared (PROTOCOL.md 2 and 5). */
#ifndef ORDERD_LEDGER_TAKEOVER_H
#define ORDERD_LEDGER_TAKEOVER_H

#include "ledger/evidence.h"
#include "ledger/gather.h"
#include "ledger/refusal.h"

enum { TAKEOVER_MAX = 128 };   /* partitions in one call */

struct takeover {
    struct gather gather;
    struct evidence_source evidence;
    int64_t gate_ms;                  /* how long the durability gate may take */
    bool vouched;                     /* the registry names this server: it was seen not to be older than what was published (ledger/vouch.h) */
    struct error_text why;            /* what stood against the last one; "": nothing but the error */
};

/* Takes over `count` partitions of one shard. Afterwards each is OWNED, its outbox filled and nothing of it handed over, or
 * STOPPED with its refusal. Errors: partitions are left UNTAKEN: -EPERM (Redis refuses us: an operator must
 * look), -EBUSY (it is not ready), -EAGAIN and others (try again later), or a lost connection (session_is_up says so). */
int takeover_run(struct takeover *takeover, struct shard *shard, struct partition *const *partitions, size_t count,
                 struct refusal *refusals) MUST_CHECK;

/* Writes `halt` into the registry, unless it has changed meanwhile. Errors: -ESTALE (another era, or halted already), -EAGAIN (conflict), and as
 * takeover_run() when Redis refuses. */
int takeover_halt(struct takeover *takeover, struct shard *shard, const char *reason) MUST_CHECK;

#endif
