/* Kafka's transactions, for what must be sent once whoever is killed: records become visible together, and whoever opens the name next
 * ends what the one before had begun and shuts it out for good, also where that was only frozen.
 *
 * For a kafka_out whose options name a transaction. It sends between begin and commit only. */
#ifndef ORDERD_SEAM_KAFKA_TRANSACTION_H
#define ORDERD_SEAM_KAFKA_TRANSACTION_H

#include "seam/kafka_out.h"

/* How long a transaction may stay open, ms, before the brokers abort it: for so long a killed sender holds back what comes behind it. */
enum { KAFKA_TRANSACTION_MS = 15000 };

/* Shuts out whoever had the name, and waits until its transaction is ended, one way or the other. Errors: -EACCES, -ETIMEDOUT, -EAGAIN, -ESTALE, -EIO. */
int kafka_transaction_open(struct kafka_out *out, int timeout_ms, struct error_text *error) MUST_CHECK;
/* Errors: -ESTALE, somebody else has opened the name; -EIO. So for all below. */
int kafka_transaction_begin(struct kafka_out *out, struct error_text *error) MUST_CHECK;
/* Waits for every record sent, then makes them visible; their delivery reports come meanwhile. Errors also: -ECANCELED, it cannot be, and must be
 * aborted; -EAGAIN, nobody knows yet whether it is. */
int kafka_transaction_commit(struct kafka_out *out, struct error_text *error) MUST_CHECK;
/* No record of it is ever seen by who reads what is committed. Errors also: -EAGAIN. */
int kafka_transaction_abort(struct kafka_out *out, struct error_text *error) MUST_CHECK;

/* The end of a log whatever is not committed yet included, which a consumer of ours is not told. Errors: as kafka_in_bounds. */
int kafka_transaction_log_end(struct kafka_out *out, const char *topic, int32_t partition, int64_t *end, int timeout_ms) MUST_CHECK;

#endif
