/* Names of users, items and SKUs: [A-Za-z0-9_-]{1,64}, held by value, so that they outlive the message. */
#ifndef ORDERD_RULES_NAME_H
#define ORDERD_RULES_NAME_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { NAME_MAX_SIZE = 64 };

struct name {
    uint8_t size;   /* 0: not given */
    char text[NAME_MAX_SIZE];
};

static inline bool name_equal(const struct name *a, const struct name *b)
{
    return a->size == b->size && memcmp(a->text, b->text, a->size) == 0;
}

#endif
