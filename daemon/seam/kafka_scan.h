/* Reads many partitions beside the group at full speed, each in its own order and at its own pace (replay, audit, reapply).
 *
 * In no group, commits nothing, read_committed. What nobody takes is not fetched beyond a bound, so memory stays flat however unevenly the
 * partitions are read. */
#ifndef ORDERD_SEAM_KAFKA_SCAN_H
#define ORDERD_SEAM_KAFKA_SCAN_H

#include "seam/kafka_in.h"

struct kafka_scan;

/* `kbytes` bounds what is fetched ahead, over all partitions. Errors: -EINVAL with librdkafka's words, -ENOMEM. */
int kafka_scan_new(struct kafka_scan **out, const struct kafka_in_options *options, size_t kbytes, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. Messages that were taken must be freed before. */
struct kafka_scan *kafka_scan_free(struct kafka_scan *scan);
/* Adds a partition, to be read from `offset` on; `*stream` is its number from now on. A partition can be added once. Errors: -EEXIST, -ENOMEM, -EIO. */
int kafka_scan_open(struct kafka_scan *scan, const char *topic, int32_t partition, int64_t offset, size_t *stream) MUST_CHECK;
/* 1 and the stream's next message (KAFKA_MESSAGE, KAFKA_END or KAFKA_FAILED; must be freed), or 0 after timeout_ms without any. Errors: -EAGAIN (brokers
 * are away, try again), -EACCES, -EIO. */
int kafka_scan_next(struct kafka_scan *scan, size_t stream, int timeout_ms, struct kafka_message *message) MUST_CHECK;
/* Nothing more is wanted of the stream. */
void kafka_scan_close(struct kafka_scan *scan, size_t stream);

#endif
