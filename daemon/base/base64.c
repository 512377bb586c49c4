#include "base/base64.h"

static const char letters_of[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_put(struct buffer *out, struct bytes bytes)
{
    const unsigned char *at = (const unsigned char *)bytes.data;
    size_t size = (bytes.size + 2) / 3 * 4;
    char *to = size ? buffer_room(out, size) : NULL;

    if (!to)
        return;
    for (size_t i = 0; i < bytes.size; i += 3, to += 4) {
        size_t left = bytes.size - i;
        uint32_t three = (uint32_t)at[i] << 16 | (left > 1 ? (uint32_t)at[i + 1] << 8 : 0) | (left > 2 ? at[i + 2] : 0);

        to[0] = letters_of[three >> 18];
        to[1] = letters_of[three >> 12 & 63];
        to[2] = left > 1 ? letters_of[three >> 6 & 63] : '=';
        to[3] = left > 2 ? letters_of[three & 63] : '=';
    }
    buffer_used(out, size);
}

/* -1: no letter. */
static int value_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z')
        return letter - 'A';
    if (letter >= 'a' && letter <= 'z')
        return letter - 'a' + 26;
    if (letter >= '0' && letter <= '9')
        return letter - '0' + 52;
    return letter == '+' ? 62 : letter == '/' ? 63 : -1;
}

/* Four letters, `count` of them no padding, into three bytes; the bits that padding leaves over must be 0. */
static bool take_four(const char *four, size_t count, char *to)
{
    uint32_t three = 0;

    for (size_t i = 0; i < 4; i++) {
        int value = i < count ? value_of(four[i]) : 0;

        if (value < 0)
            return false;
        three = three << 6 | (uint32_t)value;
    }
    if ((count == 2 && three & 0xffff) || (count == 3 && three & 0xff))
        return false;
    for (size_t i = 0; i < count - 1; i++)
        to[i] = (char)(three >> (16 - 8 * i) & 0xff);
    return true;
}

bool base64_take(struct buffer *out, struct bytes letters)
{
    size_t padding = 0, size;
    char *to;

    if (letters.size % 4)
        return false;
    while (padding < 2 && padding < letters.size && letters.data[letters.size - 1 - padding] == '=')
        padding++;
    size = letters.size / 4 * 3 - padding;
    to = size ? buffer_room(out, size) : NULL;
    if (!to)
        return size == 0 && letters.size == 0;
    for (size_t i = 0; i < letters.size; i += 4, to += 3)
        if (!take_four(letters.data + i, i + 4 < letters.size ? 4 : 4 - padding, to))
            return false;
    buffer_used(out, size);
    return true;
}
