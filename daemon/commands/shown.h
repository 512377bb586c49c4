/* Foreign bytes as a person may see them: nothing that a terminal would obey, and nothing left out in silence. */
#ifndef ORDERD_COMMANDS_SHOWN_H
#define ORDERD_COMMANDS_SHOWN_H

#include <stdbool.h>

#include "base/bytes.h"

/* How much of a value is shown; what is beyond is counted. */
enum { SHOWN_MAX = 65536 };

/* One line: text as it is, but control characters and what is no UTF-8 as \xNN. */
void shown_put(struct buffer *out, struct bytes text);
/* Whether it is UTF-8, without control characters but tab and the ends of lines. */
bool shown_is_text(struct bytes value);
/* A value in lines: a JSON object with a member a line, other text as it is, anything else in hexadecimal with offsets. */
void shown_put_value(struct buffer *out, struct bytes value);

#endif
