#include "ledger/moves.h"

#include <string.h>

#include "base/number.h"
#include "base/text.h"

/* What stands before `end` (a byte) or, without one, all of it; `rest` becomes what is behind. */
static struct bytes take_until(struct bytes *rest, char end)
{
    const char *at = rest->size ? memchr(rest->data, end, rest->size) : NULL;
    struct bytes taken = {rest->data, at ? (size_t)(at - rest->data) : rest->size};

    *rest = at ? (struct bytes){at + 1, rest->size - taken.size - 1} : (struct bytes){rest->data + rest->size, 0};
    return taken;
}

/* "orders:3": the topic may hold colons. */
static bool read_place(struct bytes word, struct move *out)
{
    const char *colon = word.size ? memrchr(word.data, ':', word.size) : NULL;
    int64_t partition;

    if (!colon || colon == word.data)
        return false;
    out->topic = (struct bytes){word.data, (size_t)(colon - word.data)};
    if (!number_parse((struct bytes){colon + 1, word.size - out->topic.size - 1}, &partition) || partition < 0 || partition > INT32_MAX)
        return false;
    out->partition = (int32_t)partition;
    return true;
}

static bool read_line(struct bytes line, struct move *out)
{
    *out = (struct move){.partition = 0};
    if (!read_place(take_until(&line, ' '), out) || !number_parse(take_until(&line, ' '), &out->from) || !number_parse(take_until(&line, ' '), &out->to) ||
        !number_parse(take_until(&line, ' '), &out->at))
        return false;
    out->reason = line;
    return out->from >= 0 && out->to >= 0 && out->at >= 0;
}

bool moves_next(struct bytes *rest, struct move *out)
{
    while (rest->size)
        if (read_line(take_until(rest, '\n'), out))
            return true;
    return false;
}

size_t moves_count(struct bytes moved)
{
    struct move move;
    size_t count = 0;

    while (moves_next(&moved, &move))
        count++;
    return count;
}

static void put_line(struct buffer *out, const struct move *move)
{
    if (out->size)
        buffer_put_char(out, '\n');
    buffer_put_bytes(out, move->topic);
    buffer_put_format(out, ":%d %lld %lld %lld ", move->partition, (long long)move->from, (long long)move->to, (long long)move->at);
    buffer_put_bytes(out, move->reason);
}

void moves_put(struct buffer *out, struct bytes moved, const struct move *move)
{
    size_t count = moves_count(moved);
    struct move kept;

    for (; moves_next(&moved, &kept); count--)
        if (count < MOVES_MAX)
            put_line(out, &kept);
    put_line(out, move);
}

bool move_reason_is_good(const char *reason)
{
    const char *end = reason + strlen(reason);
    bool blank = true;

    for (const char *at = reason; at < end;) {
        uint32_t point;
        size_t size = text_utf8(at, end, &point);

        if (!size || text_is_control(point))
            return false;
        blank &= point == ' ';
        at += size;
    }
    return !blank && end - reason <= MOVE_REASON_MAX;
}
