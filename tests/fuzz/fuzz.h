/* What the fuzz targets share: a check that ends the run, and the input taken apart.
 *
 * A target is one file with LLVMFuzzerTestOneInput(). It is linked twice: with libFuzzer, which invents inputs (tests/fuzz/run.py), and with
 * replay.c, which runs the committed corpus in every build. Its input is text as far as possible, so that a corpus can be read. */
#ifndef ORDERD_TESTS_FUZZ_FUZZ_H
#define ORDERD_TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/bytes.h"
#include "base/log.h"
#include "seam/kafka_in.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An oracle's sentence: says which one is not true, and aborts. */
#define MUST(expression) ((expression) ? (void)0 : must_failed(#expression, __FILE__, __LINE__))
_Noreturn void must_failed(const char *expression, const char *file, int line);

/* A log that formats every line and shows none; a line with a control character in it fails. */
const struct log *fuzz_log(void);

struct bytes input_of(const uint8_t *data, size_t size);
/* Takes the text up to the next `stop`, or all of it; `*left` goes on behind. Absent when nothing was left. */
struct bytes input_take(struct bytes *left, char stop);
/* Takes a word and reads the digits at its beginning, at most `most`; 0 without any. */
uint64_t input_number(struct bytes *left, uint64_t most);

/* Memory of one input, in pieces of their own: a look beyond a piece is seen by the sanitizer. */
struct pieces {
    void *items[512];
    size_t count;
};

struct bytes pieces_copy(struct pieces *pieces, struct bytes bytes);
void pieces_free(struct pieces *pieces);

/* A message as a mail is written: "name: value" a line, an empty line, the value. A header without a colon has no value; without the
 * empty line the message has none. */
struct mail {
    struct pieces pieces;
    struct kafka_header headers[80];
    size_t count;
    struct bytes value;
};

void mail_read(struct mail *mail, struct bytes text);
void mail_free(struct mail *mail);

#endif
