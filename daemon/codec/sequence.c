#include "codec/sequence.h"

#include <stdio.h>
#include <string.h>

static bool parse_half(const char *at, const char *end, uint64_t *value)
{
    *value = 0;
    if (at == end || end - at > 20)
        return false;
    for (; at < end; at++)
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(*at - '0'), value))
            return false;
    return true;
}

bool stream_id_parse(struct bytes text, struct stream_id *id)
{
    const char *dash = text.data ? memchr(text.data, '-', text.size) : NULL;

    return dash && parse_half(text.data, dash, &id->ms) && parse_half(dash + 1, text.data + text.size, &id->seq);
}

int stream_id_compare(struct stream_id a, struct stream_id b)
{
    if (a.ms != b.ms)
        return a.ms < b.ms ? -1 : 1;
    return a.seq == b.seq ? 0 : a.seq < b.seq ? -1 : 1;
}

void stream_id_text(char out[STREAM_ID_TEXT_SIZE], struct stream_id id)
{
    snprintf(out, STREAM_ID_TEXT_SIZE, "%llu-%llu", (unsigned long long)id.ms, (unsigned long long)id.seq);
}

static char *put_digits(char *out, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    return out + digits;
}

void sequence_text(char out[SEQUENCE_TEXT_SIZE], int64_t era, struct stream_id id, uint32_t place)
{
    out = put_digits(out, (uint64_t)era, 10);
    *out++ = '-';
    out = put_digits(out, id.ms, 20);
    *out++ = '-';
    out = put_digits(out, id.seq, 20);
    *out++ = '-';
    out = put_digits(out, place, 6);
    *out = '\0';
}

/* So many digits, and `stop` behind them. */
static bool take_digits(const char **at, int digits, char stop, uint64_t *value)
{
    *value = 0;
    for (int i = 0; i < digits; i++, (*at)++)
        if (**at < '0' || **at > '9' || __builtin_mul_overflow(*value, 10, value) ||
            __builtin_add_overflow(*value, (uint64_t)(**at - '0'), value))
            return false;
    return !stop || *(*at)++ == stop;
}

bool sequence_parse(struct bytes text, int64_t *era, struct stream_id *id, uint32_t *place)
{
    const char *at = text.data;
    uint64_t first, last;

    if (!at || text.size != SEQUENCE_TEXT_SIZE - 1 || !take_digits(&at, 10, '-', &first) || !take_digits(&at, 20, '-', &id->ms) ||
        !take_digits(&at, 20, '-', &id->seq) || !take_digits(&at, 6, '\0', &last))
        return false;
    *era = (int64_t)first;
    *place = (uint32_t)last;
    return true;
}
