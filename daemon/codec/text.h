/* Text forms that several encoders share: JSON strings, times, UTF-8. */
#ifndef ORDERD_CODEC_TEXT_H
#define ORDERD_CODEC_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* A JSON string with its quotes. The text should be UTF-8; bytes that are none are written as U+FFFD. */
void text_put_json(struct buffer *out, struct bytes text);
/* RFC 3339 in UTC with milliseconds, "2026-11-22T05:42:07.590Z", and an end. */
enum { TEXT_TIME_SIZE = 32 };
void text_time(char out[TEXT_TIME_SIZE], int64_t ms);
/* Length in bytes of the valid UTF-8 sequence at `at`, 0 when there is none. `*point` is its code point. */
size_t text_utf8(const char *at, const char *end, uint32_t *point);
/* Appends the members of a JSON object, but not those named `type` and `id`, in their order and with their bytes, white
 * space outside strings left out: "\"buyer\":\"27\",\"price\":97". `object` must be valid JSON (seam/json.h said so). */
void text_put_members(struct buffer *out, struct bytes object);
/* The text of one member's value, absent when no member is written with that plain name. `object` must be valid JSON. */
struct bytes text_member(struct bytes object, const char *wanted);

#endif
