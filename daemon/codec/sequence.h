/* The one total order of outcomes: "ERA-MS-SEQ-PLACE", made in one place for first copies and republished ones (DESIGN 2.3). */
#ifndef ORDERD_CODEC_SEQUENCE_H
#define ORDERD_CODEC_SEQUENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The id of a stream entry, given by Redis at EXEC. */
struct stream_id {
    uint64_t ms, seq;
};

/* "1795326127590-0"; false when it is none. */
bool stream_id_parse(struct bytes text, struct stream_id *id) MUST_CHECK;
/* Negative, 0 or positive, as strcmp. */
int stream_id_compare(struct stream_id a, struct stream_id b);
enum { STREAM_ID_TEXT_SIZE = 42 };
void stream_id_text(char out[STREAM_ID_TEXT_SIZE], struct stream_id id);

/* 10, 20, 20 and 6 digits with dashes between, and an end. */
enum { SEQUENCE_TEXT_SIZE = 10 + 1 + 20 + 1 + 20 + 1 + 6 + 1 };
void sequence_text(char out[SEQUENCE_TEXT_SIZE], int64_t era, struct stream_id id, uint32_t place);
/* Exactly what sequence_text writes; false when it is none. */
bool sequence_parse(struct bytes text, int64_t *era, struct stream_id *id, uint32_t *place) MUST_CHECK;

#endif
