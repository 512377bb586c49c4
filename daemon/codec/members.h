/* JSON objects built member by member: the comma is put where one is needed. For reports that programs read. */
#ifndef ORDERD_CODEC_MEMBERS_H
#define ORDERD_CODEC_MEMBERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* The name alone; its value is put next. Brackets are put by the caller or by the two at the end. Names need no escapes. */
void members_name(struct buffer *out, const char *name);
/* `text` should be UTF-8 (codec/text.h). */
void members_text(struct buffer *out, const char *name, const char *text);
void members_bytes(struct buffer *out, const char *name, struct bytes text);
/* null where it is empty. */
void members_text_or_null(struct buffer *out, const char *name, const char *text);
void members_int(struct buffer *out, const char *name, int64_t value);
/* null where it is below 0: not known. */
void members_int_or_null(struct buffer *out, const char *name, int64_t value);
/* With three places behind the point; null where it is below 0. */
void members_real(struct buffer *out, const char *name, double value);
void members_flag(struct buffer *out, const char *name, bool value);
/* RFC 3339 in UTC with milliseconds; `ms` since 1970, null where there is none (0 and below). */
void members_time(struct buffer *out, const char *name, int64_t ms);
/* A member that is an object ('{') or an array ('['); the caller puts what closes it. */
void members_open(struct buffer *out, const char *name, char bracket);
/* Begins an element that is an object, within an array. */
void members_element(struct buffer *out);

#endif
