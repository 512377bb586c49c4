/* What an accepted event must be, written from the text of DESIGN 2.2 and not from the decoder. */
#ifndef ORDERD_TESTS_FUZZ_ACCEPTED_H
#define ORDERD_TESTS_FUZZ_ACCEPTED_H

#include <stdbool.h>

#include "codec/event.h"

/* Ends the run when it is not. */
void accepted_fulfils(const struct decoded *decoded);
/* Whether two messages say the same: kind, id, source, fields and digest. */
bool accepted_same(const struct decoded *a, const struct decoded *b);
/* Whether the text is UTF-8 without control characters. */
bool accepted_text(const char *text, size_t size);

#endif
