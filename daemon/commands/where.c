#include "commands/where.h"

#include <string.h>
#include <time.h>

#include "base/number.h"

bool where_place(const char *text, bool offset, struct resolve_place *out)
{
    size_t size = strlen(text);
    int64_t number[2] = {0, 0};

    for (int i = offset ? 1 : 0; i >= 0; i--) {
        const char *colon = memrchr(text, ':', size);

        if (!colon || !number_parse((struct bytes){colon + 1, size - (size_t)(colon + 1 - text)}, &number[i]) || number[i] < 0)
            return false;
        size = (size_t)(colon - text);
    }
    if (size < 1 || size > KAFKA_TOPIC_MAX || number[0] > INT32_MAX)
        return false;
    memcpy(out->topic, text, size);
    out->topic[size] = '\0';
    out->partition = (int32_t)number[0];
    out->offset = number[1];
    return true;
}

bool where_time(const char *text, int64_t *ms)
{
    static const char format[] = "%Y-%m-%dT%H:%M:%SZ";
    struct tm tm = {0};
    char again[32];
    time_t seconds;

    if (!strptime(text, format, &tm))
        return false;
    seconds = timegm(&tm);
    *ms = (int64_t)seconds * 1000;
    /* The 31st of February would be a day in March, and is none. */
    return gmtime_r(&seconds, &tm) && strftime(again, sizeof again, format, &tm) && strcmp(again, text) == 0;
}

bool where_add(const char *text, struct resolve_froms *froms)
{
    struct resolve_from *from = &froms->items[froms->count];
    struct resolve_place place;

    if (froms->count == RESOLVE_FROM_MAX)
        return false;
    *from = (struct resolve_from){.kind = FROM_START};
    if (strcmp(text, "end") == 0) {
        from->kind = FROM_END;
    } else if (where_time(text, &from->value)) {
        from->kind = FROM_TIME;
    } else if (where_place(text, true, &place)) {
        from->kind = FROM_OFFSET;
        from->value = place.offset;
        from->partition = place.partition;
        memcpy(from->topic, place.topic, sizeof place.topic);
    } else if (strcmp(text, "start") != 0) {
        return false;
    }
    froms->count++;
    return true;
}
