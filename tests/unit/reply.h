/* Replies of Redis from text, as the tests write them: nil :5 +OK -ERR_no 'text' [ … ]; '_' in a status or error is a space. */
#ifndef ORDERD_TESTS_UNIT_REPLY_H
#define ORDERD_TESTS_UNIT_REPLY_H

#include <stdlib.h>
#include <string.h>

#include "seam/redis_link.h"

enum { REPLY_ELEMENTS_MAX = 64 };

static inline struct bytes reply_word(struct arena *arena, const char **at, const char *stop)
{
    size_t size = strcspn(*at, stop);
    struct bytes word = arena_copy(arena, (struct bytes){*at, size});

    for (size_t i = 0; *stop == ' ' && i < size; i++)
        if (word.data[i] == '_')
            ((char *)(uintptr_t)word.data)[i] = ' ';
    *at += size;
    return word;
}

static inline struct reply *reply_next(struct arena *arena, const char **at)
{
    struct reply *reply = arena_take(arena, sizeof *reply);
    char sign;

    ASSERT(reply);
    *at += strspn(*at, " ");
    sign = *(*at)++;
    if (sign == '\'') {
        *reply = (struct reply){.type = REPLY_STRING, .text = reply_word(arena, at, "'")};
        ++*at;
    } else if (sign == '+' || sign == '-') {
        *reply = (struct reply){.type = sign == '+' ? REPLY_STATUS : REPLY_ERROR, .text = reply_word(arena, at, " ]")};
    } else if (sign == ':') {
        *reply = (struct reply){.type = REPLY_INTEGER, .integer = strtoll(*at, (char **)(uintptr_t)at, 10)};
    } else if (sign == '[') {
        *reply = (struct reply){.type = REPLY_ARRAY, .elements = arena_take(arena, REPLY_ELEMENTS_MAX * sizeof(struct reply *))};
        for (*at += strspn(*at, " "); **at != ']'; *at += strspn(*at, " ")) {
            ASSERT(reply->count < REPLY_ELEMENTS_MAX);
            reply->elements[reply->count++] = reply_next(arena, at);
        }
        ++*at;
    } else {
        ASSERT(sign == 'n' && strncmp(*at, "il", 2) == 0);
        *reply = (struct reply){.type = REPLY_NIL};
        *at += 2;
    }
    return reply;
}

static inline const struct reply *reply_of(struct arena *arena, const char *text)
{
    return reply_next(arena, &text);
}

#endif
