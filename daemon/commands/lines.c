/* One buffer, a byte larger than the limit, so that a full one without a line feed is a line that is too long. What is left of it moves to
 * the front before every read, and bytes that were searched are not searched again. */
#include "commands/lines.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct lines {
    int fd;
    size_t limit, start, end;      /* data[start, end) was read and not yet handed out */
    bool ended;
    int64_t number;
    char data[];
};

int lines_new(struct lines **out, int fd, size_t limit)
{
    struct lines *lines;

    ASSERT(limit >= 1 && limit <= LINES_LIMIT_MAX);
    lines = malloc(sizeof *lines + limit + 1);
    if (!lines)
        return -ENOMEM;
    *lines = (struct lines){.fd = fd, .limit = limit};
    *out = lines;
    return 0;
}

struct lines *lines_free(struct lines *lines)
{
    free(lines);
    return NULL;
}

static int fill(struct lines *lines)
{
    ssize_t n;

    memmove(lines->data, lines->data + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    do
        n = read(lines->fd, lines->data + lines->end, lines->limit + 1 - lines->end);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return -errno;
    lines->ended = n == 0;
    lines->end += (size_t)n;
    return 0;
}

int lines_next(struct lines *lines, struct line *out)
{
    uint64_t lost = 0;
    size_t searched = 0;

    for (;;) {
        const char *start = lines->data + lines->start;
        size_t size = lines->end - lines->start;
        const char *stop = memchr(start + searched, '\n', size - searched);
        int r;

        if (stop || lines->ended) {
            size_t length = stop ? (size_t)(stop - start) : size;

            if (!stop && size + lost == 0)
                return LINES_END;
            *out = (struct line){++lines->number, lost + length, {start, length}};
            lines->start += length + (stop != NULL);
            return 0;
        }
        searched = size;
        if (size > lines->limit) {
            lost += size;
            searched = 0;
            lines->start = lines->end;
        }
        r = fill(lines);
        if (r)
            return r;
    }
}
