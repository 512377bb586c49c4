/* Bytes as text of four letters for three of them, with padding (RFC 4648, 4), for what is written into JSON and may be no text. */
#ifndef ORDERD_BASE_BASE64_H
#define ORDERD_BASE_BASE64_H

#include "base/bytes.h"

/* Appends the letters. */
void base64_put(struct buffer *out, struct bytes bytes);
/* Appends the bytes behind the letters; false where they are not exactly as base64_put writes them: then nothing is appended. */
bool base64_take(struct buffer *out, struct bytes letters) MUST_CHECK;

#endif
