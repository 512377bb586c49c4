#include "differ/reply.h"

#include <stdlib.h>
#include <string.h>

enum { NEAR = 10000, ELEMENTS_MAX = 512 };

/* The number of a reply's first line, and where the line ends; NULL when it is not whole. */
static const char *line_end(struct bytes bytes, long long *number)
{
    const char *end = bytes.size ? memchr(bytes.data, '\n', bytes.size) : NULL;

    if (end && bytes.data[0] != '+' && bytes.data[0] != '-')
        *number = strtoll(bytes.data + 1, NULL, 10);
    return end ? end + 1 : NULL;
}

static struct bytes behind(struct bytes bytes, size_t size)
{
    return (struct bytes){bytes.data + size, bytes.size - size};
}

size_t reply_size(struct bytes bytes)
{
    long long number = 0;
    const char *end = line_end(bytes, &number);
    size_t size = end ? (size_t)(end - bytes.data) : 0;

    if (!end)
        return 0;
    if (bytes.data[0] == '$' && number >= 0)
        return size + (size_t)number + 2 <= bytes.size ? size + (size_t)number + 2 : 0;
    for (long long i = 0; bytes.data[0] == '*' && i < number; i++) {
        size_t one = reply_size(behind(bytes, size));

        if (!one)
            return 0;
        size += one;
    }
    return size;
}

bool reply_is(struct bytes reply, const char *text)
{
    return reply.size >= strlen(text) && memcmp(reply.data, text, strlen(text)) == 0;
}

static struct bytes word(struct bytes bytes)
{
    size_t size = 0;

    while (size < bytes.size && !strchr(" \r\n,.", bytes.data[size]))
        size++;
    return (struct bytes){bytes.data, size};
}

static bool same_error(struct bytes a, struct bytes b)
{
    static const char cause[] = "-EXECABORT Transaction discarded because of: ";

    if (reply_is(a, cause) && reply_is(b, cause)) {
        a = behind(a, sizeof cause - 1);
        b = behind(b, sizeof cause - 1);
    }
    return bytes_equal(word(a), word(b));
}

/* Splits an array; false when it has not `*count` elements or fewer. */
static bool split(struct bytes reply, struct bytes *elements, size_t *count)
{
    long long number = 0;
    const char *end = line_end(reply, &number);
    struct bytes rest = behind(reply, (size_t)(end - reply.data));

    if (reply.data[0] != '*' || number < 0 || (size_t)number > *count)
        return false;
    *count = (size_t)number;
    for (size_t i = 0; i < *count; i++) {
        elements[i] = (struct bytes){rest.data, reply_size(rest)};
        rest = behind(rest, elements[i].size);
    }
    return true;
}

static int by_bytes(const void *x, const void *y)
{
    const struct bytes *a = x, *b = y;
    int order = memcmp(a->data, b->data, a->size < b->size ? a->size : b->size);

    return order ? order : (a->size > b->size) - (a->size < b->size);
}

static bool same_set(struct bytes a, struct bytes b, bool pairs)
{
    struct bytes x[ELEMENTS_MAX], y[ELEMENTS_MAX];
    size_t count_x = ELEMENTS_MAX, count_y = ELEMENTS_MAX;

    if (!split(a, x, &count_x) || !split(b, y, &count_y) || count_x != count_y)
        return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
    if (pairs) {
        /* Neighbours lie side by side in the reply, so that a pair is one stretch of bytes. */
        for (size_t i = 0; i + 1 < count_x; i += 2) {
            x[i / 2] = (struct bytes){x[i].data, x[i].size + x[i + 1].size};
            y[i / 2] = (struct bytes){y[i].data, y[i].size + y[i + 1].size};
        }
        count_x /= 2;
    }
    qsort(x, count_x, sizeof *x, by_bytes);
    qsort(y, count_x, sizeof *y, by_bytes);
    for (size_t i = 0; i < count_x; i++)
        if (!bytes_equal(x[i], y[i]))
            return false;
    return true;
}

static bool same_time(struct bytes a, struct bytes b)
{
    long long x = 0, y = 0;

    line_end(a, &x);
    line_end(b, &y);
    return a.data[0] == ':' && b.data[0] == ':' && (x == y || (x > 0 && y > 0 && llabs(x - y) < NEAR));
}

bool reply_same(struct bytes a, struct bytes b, enum compare how)
{
    if (a.data[0] != b.data[0])
        return false;
    if (a.data[0] == '-')
        return same_error(a, b);
    if (how == COMPARE_ANY)
        return true;
    if (how == COMPARE_TIME && a.data[0] == ':')
        return same_time(a, b);
    if ((how == COMPARE_SET || how == COMPARE_PAIRS) && a.data[0] == '*')
        return same_set(a, b, how == COMPARE_PAIRS);
    return a.size == b.size && memcmp(a.data, b.data, a.size) == 0;
}

bool reply_same_each(struct bytes a, struct bytes b, const enum compare *how, size_t count)
{
    struct bytes x[ELEMENTS_MAX], y[ELEMENTS_MAX];
    size_t count_x = ELEMENTS_MAX, count_y = ELEMENTS_MAX;

    if (!split(a, x, &count_x) || !split(b, y, &count_y))
        return reply_same(a, b, COMPARE_EXACT);
    if (count_x != count || count_y != count)
        return false;
    for (size_t i = 0; i < count; i++)
        if (!reply_same(x[i], y[i], how[i]))
            return false;
    return true;
}

int64_t reply_clock(struct bytes reply, int64_t from, int64_t to)
{
    int64_t last = 0;

    for (size_t i = 0; i + 1 < reply.size; i++) {
        long long number;
        char *end;

        if (reply.data[i] != '\n' || reply.data[i + 1] < '1' || reply.data[i + 1] > '9')
            continue;
        number = strtoll(reply.data + i + 1, &end, 10);
        if (*end == '-' && number >= from && number <= to && number > last)
            last = number;
    }
    return last;
}
