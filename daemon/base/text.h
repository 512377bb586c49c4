/* Text forms that the log and the encoders share: times and UTF-8. */
#ifndef ORDERD_BASE_TEXT_H
#define ORDERD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 3339 in UTC with milliseconds, "2026-11-22T05:42:07.590Z", and an end. */
enum { TEXT_TIME_SIZE = 32 };
void text_time(char out[TEXT_TIME_SIZE], int64_t ms);
/* Length in bytes of the valid UTF-8 sequence at `at`, 0 when there is none. `*point` is its code point. */
size_t text_utf8(const char *at, const char *end, uint32_t *point);
/* Whether it moves a terminal's cursor or ends a line: control characters of ASCII and those behind it (C1). */
bool text_is_control(uint32_t point);
/* Makes foreign text one line of valid UTF-8, in place: what is none, and each control character, becomes '?'. */
void text_clean(char *text);

/* At most `size` - 1 bytes of it and an end, cut between characters and marked by "..." where it is longer. */
void text_copy(char *out, size_t size, const char *text, size_t text_size);

#endif
