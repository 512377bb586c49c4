#include "sim/changes.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"

enum { ARGS_MAX = 32 };

static struct bytes field_of(const struct bytes *args, size_t count, size_t first, const char *name)
{
    for (size_t i = first; i + 1 < count; i += 2)
        if (bytes_equal_text(args[i], name))
            return args[i + 1];
    return (struct bytes){NULL, 0};
}

/* "orders:3"; false when it is none. */
static bool take_place(struct change *out, struct bytes at)
{
    const char *colon = memrchr(at.data, ':', at.size);
    int64_t number;

    if (!colon || colon == at.data || colon - at.data >= CHANGES_TOPIC_SIZE ||
        !number_parse((struct bytes){colon + 1, at.size - (size_t)(colon + 1 - at.data)}, &number))
        return false;
    snprintf(out->topic, sizeof out->topic, "%.*s", (int)(colon - at.data), at.data);
    out->partition = (int32_t)number;
    return true;
}

/* "{1}orderd:mark:orders:1" */
static bool of_mark(struct change *out, struct bytes key)
{
    static const char name[] = "orderd:mark:";
    const char *found = memmem(key.data, key.size, name, sizeof name - 1);
    const char *at = found ? found + sizeof name - 1 : NULL;

    return at && take_place(out, (struct bytes){at, key.size - (size_t)(at - key.data)});
}

static bool take_entry(struct change *out, const struct bytes *args, size_t count)
{
    struct bytes at = field_of(args, count, 3, "at");

    out->kind = field_of(args, count, 3, "lost").data ? CHANGE_LOST : CHANGE_ENTRY;
    return at.data && take_place(out, at) && number_parse(field_of(args, count, 3, "from"), &out->from) &&
           number_parse(field_of(args, count, 3, "to"), &out->to);
}

/* A mark made anew has all of these; a resolution that changes one of them writes it alone. A turn's `next` is its entry's end. */
static bool take_mark(struct change *out, const struct bytes *args, size_t count)
{
    struct bytes next = field_of(args, count, 2, "next"), seen_from = field_of(args, count, 2, "seen_from");
    bool one = count == 4;

    if ((!one && !(next.data && seen_from.data && field_of(args, count, 2, "done").data && field_of(args, count, 2, "fp").size == 0 &&
                   bytes_equal_text(field_of(args, count, 2, "fp_offset"), "-1"))) || !of_mark(out, args[1]))
        return false;
    out->kind = !one ? CHANGE_MARK : next.data ? CHANGE_NEXT : CHANGE_SEEN_FROM;
    return number_parse(next.data ? next : seen_from, &out->to);
}

static bool take(struct change *out, const struct bytes *args, size_t count)
{
    if (bytes_equal_text(args[0], "XADD"))
        return take_entry(out, args, count);
    if (bytes_equal_text(args[0], "HSET"))
        return take_mark(out, args, count);
    out->kind = CHANGE_WHOLE;
    return count == 3 && bytes_equal_text(args[0], "HDEL") && bytes_equal_text(args[2], "torn") && of_mark(out, args[1]);
}

bool changes_next(const struct redis_client *client, size_t *at, struct change *out)
{
    struct bytes args[ARGS_MAX];

    for (size_t size; (size = redis_client_queued_size(client, *at)); ++*at) {
        *out = (struct change){.from = -1};
        if (size <= ARGS_MAX && take(out, args, redis_client_queued(client, *at, args, ARGS_MAX))) {
            ++*at;
            return true;
        }
    }
    return false;
}
