/* Reads many partitions beside the group at full speed, each in its own order and at its own pace (replay, audit, reapply).
 *
 * In no group, commits nothing, read_committed. What nobody takes is not fetched beyond a bound, so memory stays flat however unevenly the
 * partitions are read. */
#ifndef ORDERD_SEAM_KAFKA_SCAN_H
#define ORDERD_SEAM_KAFKA_SCAN_H

#include "seam/kafka_in.h"

struct kafka_scan;

/* For up to `streams_max` partitions at once; `kbytes` bounds what is fetched ahead over all of them, in KiB of messages and in their number, in equal
 * parts of 1024 at least, with one answer of a broker beyond each part. The options' group is named to the brokers and never joined, their topics are
 * not used; log and clock must live as long. Errors: -EINVAL with librdkafka's words, -ENOMEM. */
int kafka_scan_new(struct kafka_scan **out, const struct kafka_in_options *options, size_t streams_max, size_t kbytes, struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. Messages that were taken must be freed before. */
struct kafka_scan *kafka_scan_free(struct kafka_scan *scan);
/* Adds a partition, to be read from `offset` on (not one of librdkafka's logical ones); `*stream` is its number until it is closed, when another
 * may get it. A partition can be open once. Errors: -EEXIST, -ENOBUFS (more than streams_max), -EIO. */
int kafka_scan_open(struct kafka_scan *scan, const char *topic, int32_t partition, int64_t offset, size_t *stream) MUST_CHECK;
/* 1 and the stream's next message (KAFKA_MESSAGE, KAFKA_END or KAFKA_FAILED; must be freed), or 0 after timeout_ms without any. A KAFKA_FAILED says
 * -ERANGE (out of range), -ENOENT (no such topic or partition; librdkafka waits half a minute for it to appear), -EACCES or -EIO, and its reason;
 * the stream gives no more unless the cause goes away. A KAFKA_END comes each time that the end is reached. Errors: -EAGAIN (brokers are away, try
 * again), -EACCES (they refuse our login). */
int kafka_scan_next(struct kafka_scan *scan, size_t stream, int timeout_ms, struct kafka_message *message) MUST_CHECK;
/* Nothing more is wanted of the stream. */
void kafka_scan_close(struct kafka_scan *scan, size_t stream);

#endif
