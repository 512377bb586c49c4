/* CloudEvents 1.0 over Kafka: which mode a message is in, and what its envelope says (Kafka protocol binding 1.0.2). */
#ifndef ORDERD_CODEC_CLOUDEVENT_H
#define ORDERD_CODEC_CLOUDEVENT_H

#include "codec/event.h"
#include "seam/json.h"

enum cloudevent_mode { CLOUDEVENT_NONE, CLOUDEVENT_BINARY, CLOUDEVENT_STRUCTURED };

/* Absent members were not given. */
struct cloudevent {
    enum cloudevent_mode mode;
    struct bytes id, type, source;
};

/* The headers' part. False: malformed, said in `out`. */
bool cloudevent_headers(struct decoded *out, struct cloudevent *envelope, const struct kafka_header *headers, size_t count);
/* Structured mode: reads the envelope's members; *data becomes the object with the fields (lives with `json`) and
 * out->fields its text. False: malformed, said in `out`. */
bool cloudevent_envelope(struct decoded *out, struct cloudevent *envelope, const struct json *json, struct bytes text,
                         struct json *data);

#endif
