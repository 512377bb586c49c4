#include "base/number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool number_parse(struct bytes text, int64_t *value)
{
    const char *at = text.data, *end = text.data + text.size;
    bool negative = text.size > 0 && *at == '-';
    uint64_t sum = 0;

    if (text.size == 0 || text.size > 20)
        return false;
    at += negative;
    if (at == end || *at < '0' || *at > '9' || (*at == '0' && text.size != 1))
        return false;
    for (; at < end; at++) {
        if (*at < '0' || *at > '9' || __builtin_mul_overflow(sum, 10, &sum) || __builtin_add_overflow(sum, (uint64_t)(*at - '0'), &sum))
            return false;
    }
    if (sum > (uint64_t)INT64_MAX + negative)
        return false;
    *value = negative ? (int64_t)(0 - sum) : (int64_t)sum;
    return true;
}

bool number_parse_score(struct bytes text, int64_t *value)
{
    char copy[64], *end;
    double score;

    if (number_parse(text, value))
        return *value <= NUMBER_SAFE_MAX && *value >= -NUMBER_SAFE_MAX;
    if (text.size == 0 || text.size >= sizeof copy)
        return false;
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    if (strspn(copy, "0123456789+-.e") != text.size)      /* strtod takes more than Redis prints: space, hexadecimal */
        return false;
    score = strtod(copy, &end);
    if (*end || !isfinite(score) || floor(score) != score || fabs(score) > (double)NUMBER_SAFE_MAX)
        return false;
    *value = (int64_t)score;
    return true;
}

const char *number_words(int64_t count, const char *one, const char *many)
{
    return count == 1 ? one : many;
}

struct number_offsets number_offsets(int64_t first, int64_t last)
{
    struct number_offsets said;

    if (first == last)
        snprintf(said.text, sizeof said.text, "offset %lld", (long long)first);
    else
        snprintf(said.text, sizeof said.text, "offsets %lld to %lld", (long long)first, (long long)last);
    return said;
}

/* From the end, two digits a step. */
size_t number_format(char out[NUMBER_TEXT_MAX], int64_t value)
{
    static const char pairs[] = "0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849"
                                "5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";
    char digits[NUMBER_TEXT_MAX], *at = digits + sizeof digits;
    uint64_t rest = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
    size_t size;

    for (; rest >= 100; rest /= 100)
        memcpy(at -= 2, pairs + 2 * (rest % 100), 2);
    if (rest >= 10)
        memcpy(at -= 2, pairs + 2 * rest, 2);
    else
        *--at = (char)('0' + rest);
    if (value < 0)
        *--at = '-';
    size = (size_t)(digits + sizeof digits - at);
    memcpy(out, at, size);
    return size;
}
