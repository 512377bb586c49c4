/* Whether Redis, where another server answers than before, is as new as what was published of the whole market (PROTOCOL.md 5).
 *
 * A partition's owner compares its own mark. But what Redis lost of one partition is lacking in balances that another one's events read, so whoever
 * comes to a server that nobody has looked at yet looks at all of them before it decides anything, and writes its name into the registry. */
#ifndef ORDERD_LEDGER_VOUCH_H
#define ORDERD_LEDGER_VOUCH_H

#include "ledger/evidence.h"
#include "ledger/partition.h"
#include "ledger/refusal.h"
#include "store/asker.h"

/* In the registry: run_id and replid of the server that was looked at (session_run). It never comes along into a snapshot. */
#define VOUCH_FIELD "server"

struct vouch {
    struct asker *redis;
    struct clock *clock;
    const struct log *log;
    struct evidence_source evidence;
    struct error_text *why;          /* what stood against it when it fails */
};

/* Whether the field's value names the server that this connection leads to. */
bool vouch_stands(const struct session *session, const struct reply *field);

/* Asks Kafka of every partition of the shard's registry but those of `own` (the caller compares them itself), then reads its mark. Where Redis is
 * older, `refusal` says so and nothing is written; else the server's name is. What is still on its way to Kafka is not seen. Errors: those of
 * evidence_of_outcomes, -EAGAIN where the registry is another by now (take over again), -EBUSY, -ENOMEM, or a lost connection. */
int vouch_run(const struct vouch *vouch, struct shard *shard, struct partition *const *own, size_t count, struct refusal *refusal) MUST_CHECK;

#endif
