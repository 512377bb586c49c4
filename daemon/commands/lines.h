/* A file's lines, one after the other, in memory that a line cannot make grow: one that is too long is counted and passed over. */
#ifndef ORDERD_COMMANDS_LINES_H
#define ORDERD_COMMANDS_LINES_H

#include <stdint.h>

#include "base/bytes.h"

enum { LINES_END = 1, LINES_LIMIT_MAX = 1000000000 };

struct lines;

struct line {
    int64_t number;        /* from 1 */
    uint64_t size;         /* in bytes, without the line feed */
    struct bytes text;     /* until the next call; meaningless where `size` is beyond the limit */
};

/* Reads from `fd`, which stays the caller's. A line holds up to `limit` bytes, 1 to LINES_LIMIT_MAX; that much memory is taken. Errors:
 * -ENOMEM. */
int lines_new(struct lines **out, int fd, size_t limit) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct lines *lines_free(struct lines *lines);
/* The next line, LINES_END behind the last one; what follows the last line feed is a line if it holds a byte. Errors: those of read(2). */
int lines_next(struct lines *lines, struct line *out) MUST_CHECK;

#endif
