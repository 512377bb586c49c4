/* A trace that came with a message, continued under a span of our own (W3C Trace Context, in Kafka headers of the same names). */
#ifndef ORDERD_CODEC_TRACE_H
#define ORDERD_CODEC_TRACE_H

#include <stdbool.h>

#include "base/bytes.h"

enum { TRACE_PARENT_SIZE = 55, TRACE_STATE_MAX = 512, TRACE_SPAN_SIZE = 8 };

/* The trace id in a traceparent, 32 hex digits; absent when it is none that can be continued: a version that may not be (ff), another length than
 * version 00 has, capitals, an id of zeros. */
struct bytes trace_id(struct bytes parent);
/* The traceparent for what we send: the same trace, our span (8 bytes, random), of the flags those that are defined (sampled, random), version 00
 * whatever came. False: nothing to continue. */
bool trace_continue(char out[TRACE_PARENT_SIZE + 1], struct bytes parent, const unsigned char *span);
/* The tracestate as it goes on: whole, or, where it is longer than TRACE_STATE_MAX, without members above 128 bytes and then without the last ones;
 * absent when it is none: no printable ASCII, or more than 32 members. `out` is for what was shortened. */
struct bytes trace_state(char out[TRACE_STATE_MAX], struct bytes state);

#endif
