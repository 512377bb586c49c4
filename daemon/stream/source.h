/* Where events come from: the group's assignment, what is fetched of it and from where, and the commits (DESIGN 4.2, kafka.md 4).
 *
 * A partition that the group gives is not fetched until source_begin says from which offset; so its take-over comes first.
 * Keeps the two rebalance protocols apart: eager answers with the whole list, cooperative with what changes. */
#ifndef ORDERD_STREAM_SOURCE_H
#define ORDERD_STREAM_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "seam/kafka_in.h"

struct source;

struct source_options {
    struct kafka_in_options kafka;
    const struct log *log;
};

int source_new(struct source **out, const struct source_options *options, struct error_text *error) MUST_CHECK;
/* Does not leave the group; source_leave does. Takes NULL, returns NULL. */
struct source *source_free(struct source *source);
int source_subscribe(struct source *source, struct error_text *error) MUST_CHECK;
bool source_leave(struct source *source, int timeout_ms);

/* As kafka_in_take; remembers how far each partition was read. */
size_t source_take(struct source *source, struct kafka_message *messages, size_t max, int timeout_ms);
/* As kafka_in_serve. KAFKA_ASSIGNED is answered here already, with what is fetched now; after KAFKA_REVOKED the caller ends the
 * partitions by source_end. */
bool source_serve(struct source *source, struct kafka_group_event *event);
/* Fetches the partitions no more: the answer to a revocation, and what a refused partition asks for. Errors: as source_begin. */
int source_end(struct source *source, const struct kafka_position *positions, size_t count) MUST_CHECK;

/* Fetches partitions from these offsets, beginning or anew, with one assignment for all; the others go on where they are. Errors: -ENOMEM,
 * -EAGAIN, -EIO. */
int source_begin(struct source *source, const struct kafka_position *positions, size_t count) MUST_CHECK;

/* For commits, evidence and questions. */
struct kafka_in *source_kafka(struct source *source);

#endif
