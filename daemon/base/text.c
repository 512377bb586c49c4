#include "base/text.h"

#include <string.h>
#include <time.h>

#include "base/error.h"

size_t text_utf8(const char *at, const char *end, uint32_t *point)
{
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    const unsigned char *b = (const unsigned char *)at;
    size_t left = (size_t)(end - at), size;

    if (left == 0)
        return 0;
    size = b[0] < 0x80 ? 1 : (b[0] & 0xe0) == 0xc0 ? 2 : (b[0] & 0xf0) == 0xe0 ? 3 : (b[0] & 0xf8) == 0xf0 ? 4 : 0;
    if (size == 0 || size > left)
        return 0;
    *point = size == 1 ? b[0] : b[0] & (0xffu >> (size + 1));
    for (size_t i = 1; i < size; i++) {
        if ((b[i] & 0xc0) != 0x80)
            return 0;
        *point = *point << 6 | (b[i] & 0x3f);
    }
    return *point < least[size] || *point > 0x10ffff || (*point >= 0xd800 && *point < 0xe000) ? 0 : size;
}

bool text_is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7f && point < 0xa0);
}

void text_clean(char *text)
{
    const char *at = text, *end = text + strlen(text);

    while (at < end) {
        uint32_t point = 0;
        size_t size = text_utf8(at, end, &point);

        if (size == 0 || text_is_control(point)) {
            *text++ = '?';
        } else {
            memmove(text, at, size);
            text += size;
        }
        at += size ? size : 1;
    }
    *text = '\0';
}

static char *put_digits(char *out, int value, int digits, char after)
{
    for (int i = digits - 1; i >= 0; i--, value /= 10)
        out[i] = (char)('0' + value % 10);
    out[digits] = after;
    return out + digits + 1;
}

void text_time(char out[TEXT_TIME_SIZE], int64_t ms)
{
    struct tm tm = {.tm_year = 70, .tm_mday = 1};
    time_t seconds;

    if (ms < 0 || ms > 253402300799999)       /* before 1970 or after the year 9999: no such clock */
        ms = 0;
    seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &tm);
    out = put_digits(out, tm.tm_year + 1900, 4, '-');
    out = put_digits(out, tm.tm_mon + 1, 2, '-');
    out = put_digits(out, tm.tm_mday, 2, 'T');
    out = put_digits(out, tm.tm_hour, 2, ':');
    out = put_digits(out, tm.tm_min, 2, ':');
    out = put_digits(out, tm.tm_sec, 2, '.');
    out = put_digits(out, (int)(ms % 1000), 3, 'Z');
    *out = '\0';
}

void text_copy(char *out, size_t size, const char *text, size_t text_size)
{
    size_t used = text_size < size ? text_size : size - sizeof "...";

    ASSERT(size > sizeof "...");
    while (text_size >= size && used && ((unsigned char)text[used] & 0xc0) == 0x80)
        used--;
    memcpy(out, text, used);
    if (text_size < size)
        out[used] = '\0';
    else
        memcpy(out + used, "...", sizeof "...");
}
