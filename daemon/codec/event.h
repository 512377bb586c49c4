/* From a message to an event: JSON, or a CloudEvent in binary or structured mode, strictly (DESIGN 2.2).
 *
 * A malformed message is a result with a named reason, never an error: it becomes an outcome like any other. */
#ifndef ORDERD_CODEC_EVENT_H
#define ORDERD_CODEC_EVENT_H

#include <stdint.h>

#include "base/bytes.h"
#include "rules/event.h"
#include "rules/outcome.h"
#include "seam/kafka_in.h"

enum { EVENT_ID_MAX = 128, EVENT_SOURCE_MAX = 256, EVENT_DETAIL_MAX = 200, EVENT_HEADERS_MAX = 64 };

struct decoded {
    enum reason reason;                 /* REASON_NONE: `event` is good */
    char detail[EVENT_DETAIL_MAX];      /* what was wrong, and what would be right; "" when good */
    struct event event;
    uint8_t id_size;
    char id[EVENT_ID_MAX];
    uint16_t source_size;               /* of the CloudEvent, 0 without one */
    char source[EVENT_SOURCE_MAX];
    uint64_t digest;                    /* of the kind and its required fields: what makes an id reused (DESIGN 4.8) */
    struct bytes fields;                /* the JSON object with the fields; points into the message */
    struct bytes traceparent, tracestate; /* as they came; point into the message's headers; absent: none, or given twice */
};

/* Decodes; never fails. `headers` are the message's, at most EVENT_HEADERS_MAX. */
void event_decode(struct decoded *out, struct bytes value, const struct kafka_header *headers, size_t headers_count);
/* Makes it malformed, for a reason that the decoder cannot know. */
void event_condemn(struct decoded *out, enum reason reason, const char *detail);
/* What event_decode() puts into `digest`. */
uint64_t event_digest(const struct event *event);

#endif
