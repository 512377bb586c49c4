/* Whether Redis, where another server answers than before, is as new as what was published of the whole market (PROTOCOL.md 5).
 *
 * An owner compares the marks of its own partitions. But what Redis lost of one is lacking in balances that another one's events read, so nobody
 * decides anything at a server before every partition was compared there: by its owner, who alone knows what it has handed to a producer lately, or,
 * where none comes, by what Kafka shows. */
#ifndef ORDERD_LEDGER_VOUCH_H
#define ORDERD_LEDGER_VOUCH_H

#include "ledger/evidence.h"
#include "ledger/partition.h"
#include "ledger/refusal.h"
#include "store/asker.h"

/* In a mark: run_id and replid of the server (session_run) at which its owner compared it; in the registry: at which all were. It never comes along
 * into a snapshot. */
#define VOUCH_FIELD "server"

/* So long after its connection is up whoever takes over waits for the other owners: longer than a living one needs to be connected again. */
enum { VOUCH_SETTLE_MS = 3000 };

struct vouch {
    struct asker *redis;
    struct clock *clock;
    const struct log *log;
    struct evidence_source evidence;
    struct error_text *why;          /* what stood against it when it fails */
};

/* Whether the field's value names the server that this connection leads to. */
bool vouch_stands(const struct session *session, const struct reply *field);

/* The partitions of `own` were compared and found right, and are this process's. Where the shard's registry has others, the server's name is written
 * into their marks and looked for in those of the others; once VOUCH_SETTLE_MS are over, Kafka is asked about those where it is lacking. Where Redis is
 * older, `refusal` says so; else the name is written into the registry. Errors: -EAGAIN (other owners are waited for, or registry or marks are others by
 * now: take over again), those of evidence_of_outcomes, -EBUSY, -ENOMEM, or a lost connection. */
int vouch_run(const struct vouch *vouch, struct shard *shard, struct partition *const *own, size_t count, struct refusal *refusal) MUST_CHECK;

#endif
