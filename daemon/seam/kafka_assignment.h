/* What a member of a consumer group was given, as its leader wrote it and the broker tells it to whoever asks: Kafka's consumer protocol. */
#ifndef ORDERD_SEAM_KAFKA_ASSIGNMENT_H
#define ORDERD_SEAM_KAFKA_ASSIGNMENT_H

#include "base/bytes.h"

/* Calls `each` for every partition; the topic has no end and points into the assignment. No bytes are a member that was given nothing.
 * Errors: -EBADMSG: it is cut, or of no form that is known; what came before was told. */
int kafka_assignment_read(struct bytes assignment, void (*each)(void *context, struct bytes topic, int32_t partition), void *context) MUST_CHECK;

#endif
