/* Names of users, items and SKUs: [A-Za-z0-9_-]{1,64}, held by value, so that they outlive the message. */
#ifndef ORDERD_RULES_NAME_H
#define ORDERD_RULES_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"

enum { NAME_MAX_SIZE = 64 };

struct name {
    uint8_t size;   /* 0: not given */
    char text[NAME_MAX_SIZE];
};

static inline bool name_equal(const struct name *a, const struct name *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

static inline bool name_has(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* False: the text is no name. */
static inline bool name_parse(struct bytes text, struct name *out)
{
    if (text.size < 1 || text.size > NAME_MAX_SIZE)
        return false;
    for (size_t i = 0; i < text.size; i++)
        if (!name_has(text.data[i]))
            return false;
    out->size = (uint8_t)text.size;
    memcpy(out->text, text.data, text.size);
    return true;
}

#endif
