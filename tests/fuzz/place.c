/* The places that an operator names: TOPIC:P, TOPIC:P:OFFSET, start, end, a time. What is taken says exactly what was written. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "commands/where.h"

#include "fuzz/fuzz.h"

static void place_is_exact(const char *text, bool offset)
{
    struct resolve_place place;
    char again[KAFKA_TOPIC_MAX + 64];

    if (!where_place(text, offset, &place))
        return;
    MUST(place.topic[0] && place.partition >= 0 && place.offset >= 0);
    if (offset)
        snprintf(again, sizeof again, "%s:%d:%lld", place.topic, place.partition, (long long)place.offset);
    else
        snprintf(again, sizeof again, "%s:%d", place.topic, place.partition);
    MUST(strcmp(again, text) == 0);
}

static void from_is_exact(const char *text)
{
    static struct resolve_froms froms;
    char again[96];
    time_t seconds;
    struct tm tm;

    froms.count = 0;
    if (!where_add(text, &froms))
        return;
    MUST(froms.count == 1);
    if (froms.items[0].kind == FROM_START || froms.items[0].kind == FROM_END)
        MUST(strcmp(text, froms.items[0].kind == FROM_START ? "start" : "end") == 0);
    if (froms.items[0].kind != FROM_TIME)
        return;
    seconds = (time_t)(froms.items[0].value / 1000);
    MUST(gmtime_r(&seconds, &tm));
    snprintf(again, sizeof again, "%d-%02d-%02dT%02d:%02d:%02dZ", tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec);
    MUST(strcmp(again, text) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = strndup(size ? (const char *)data : "", size);

    MUST(text);
    place_is_exact(text, false);
    place_is_exact(text, true);
    from_is_exact(text);
    free(text);
    return 0;
}
