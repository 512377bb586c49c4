/* Text forms that several encoders share, beside times and UTF-8 (base/text.h): JSON strings and what lies in them. */
#ifndef ORDERD_CODEC_TEXT_H
#define ORDERD_CODEC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/text.h"

/* A JSON string with its quotes. The text should be UTF-8; bytes that are none are written as U+FFFD. */
void text_put_json(struct buffer *out, struct bytes text);
/* Appends the members of a JSON object, but not those named `type` and `id`, in their order and with their bytes, white
 * space outside strings left out: "\"buyer\":\"27\",\"price\":97". `object` must be valid JSON (seam/json.h said so). */
void text_put_members(struct buffer *out, struct bytes object);
/* The text of one member's value, absent when no member is written with that plain name. `object` must be valid JSON. */
struct bytes text_member(struct bytes object, const char *wanted);

#endif
