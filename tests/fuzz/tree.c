#include "fuzz/tree.h"

#include <string.h>

#include "fuzz/fuzz.h"

enum { DEPTH_MAX = 7, ELEMENTS_MAX = 128 };

static struct reply *make(struct arena *arena, enum reply_type type)
{
    struct reply *reply = arena_take(arena, sizeof *reply);

    if (reply)
        reply->type = type;
    return reply;
}

static struct reply *text_of(struct bytes text, enum reply_type type, struct arena *arena)
{
    struct reply *reply = make(arena, type);

    if (reply)
        reply->text = arena_copy(arena, text.data ? text : (struct bytes){"", 0});
    return reply && reply->text.data ? reply : NULL;
}

static struct reply *integer_of(struct bytes *left, struct arena *arena)
{
    struct reply *reply = make(arena, REPLY_INTEGER);
    bool negative = left->size && *left->data == '-';

    left->data += negative;
    left->size -= negative;
    if (reply) {
        reply->integer = (int64_t)input_number(left, INT64_MAX);
        reply->integer = negative ? -reply->integer : reply->integer;
    }
    return reply;
}

/* A line's rest, up to the next space or bracket. */
static struct bytes word_of(struct bytes *left)
{
    struct bytes word = {left->data, 0};

    while (word.size < left->size && !memchr("\n]", word.data[word.size], 2))
        word.size++;
    left->data += word.size;
    left->size -= word.size;
    return word;
}

static struct reply *next(struct bytes *left, struct arena *arena, int depth);

static struct reply *array_of(struct bytes *left, struct arena *arena, int depth)
{
    struct reply *array = make(arena, REPLY_ARRAY), *elements[ELEMENTS_MAX], *element;

    if (!array)
        return NULL;
    while (array->count < ELEMENTS_MAX && (element = next(left, arena, depth + 1)))
        elements[array->count++] = element;
    array->elements = arena_take(arena, array->count * sizeof *elements);
    if (!array->elements)
        return NULL;
    memcpy(array->elements, elements, array->count * sizeof *elements);
    return array;
}

/* NULL at a closing bracket too: it ends the array around. */
static struct reply *next(struct bytes *left, struct arena *arena, int depth)
{
    while (left->size) {
        char sign = *left->data;

        left->data++;
        left->size--;
        if (sign == '\'')
            return text_of(input_take(left, '\''), REPLY_STRING, arena);
        if (sign == '+' || sign == '-')
            return text_of(word_of(left), sign == '+' ? REPLY_STATUS : REPLY_ERROR, arena);
        if (sign == ':')
            return integer_of(left, arena);
        if (sign == '_')
            return make(arena, REPLY_NIL);
        if (sign == '[' && depth < DEPTH_MAX)
            return array_of(left, arena, depth);
        if (sign == ']' && depth > 0)
            return NULL;
    }
    return NULL;
}

struct reply *tree_next(struct bytes *left, struct arena *arena)
{
    return next(left, arena, 0);
}

struct reply *tree_some(struct bytes *left, struct arena *arena)
{
    struct reply *reply = next(left, arena, 0);

    return reply ? reply : make(arena, REPLY_NIL);
}
