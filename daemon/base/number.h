/* Integers as text, exactly: what Redis, JSON and the command line mean by a number. */
#ifndef ORDERD_BASE_NUMBER_H
#define ORDERD_BASE_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

/* Largest integer that a double, and so a sorted set's score, holds exactly together with all below (DESIGN 2.2). */
#define NUMBER_SAFE_MAX ((int64_t)9007199254740991)

/* Exactly 0|-?[1-9][0-9]* within int64; anything else is false: HINCRBY and INCRBY refuse what strtoll would take. */
bool number_parse(struct bytes text, int64_t *value) MUST_CHECK;
/* A score as Redis prints it ("97", "1e+12", "97.5", "inf"): true when it is an integer of at most ±(2^53 - 1). */
bool number_parse_score(struct bytes text, int64_t *value) MUST_CHECK;
/* The words that go with a count: `one` for 1, else `many`. */
const char *number_words(int64_t count, const char *one, const char *many);
/* The offsets from `first` to `last`, both of them, as a sentence names them: "offset 5", "offsets 5 to 7". */
enum { NUMBER_OFFSETS_MAX = 64 };
struct number_offsets {
    char text[NUMBER_OFFSETS_MAX];
};
struct number_offsets number_offsets(int64_t first, int64_t last);
enum { NUMBER_TEXT_MAX = 21 };
/* Writes the decimal digits without an end; returns how many. */
size_t number_format(char out[NUMBER_TEXT_MAX], int64_t value);

#endif
