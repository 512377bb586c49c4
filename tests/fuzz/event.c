/* The event decoder: whatever a message's value holds, it is refused with a reason, or fulfils the text of DESIGN 2.2. */
#include "codec/event.h"

#include <stdlib.h>

#include "fuzz/accepted.h"
#include "fuzz/fuzz.h"

/* The same object with one more member, whose name the plain scanner does not read: so the library decides. */
static char *with_escape(struct bytes value, size_t *size)
{
    static const char more[] = "\"\\u006done more\":0,";
    size_t at = 0;
    char *text;

    while (at < value.size && memchr(" \t\r\n", value.data[at], 4))
        at++;
    if (at == value.size || value.data[at] != '{')
        return NULL;
    for (at++; at < value.size && memchr(" \t\r\n", value.data[at], 4); at++)
        ;
    if (at == value.size || value.data[at] == '}' || memmem(value.data, value.size, "one more", 8))
        return NULL;
    *size = value.size + sizeof more - 1;
    text = malloc(*size);
    MUST(text);
    memcpy(text, value.data, at);
    memcpy(text + at, more, sizeof more - 1);
    memcpy(text + at + sizeof more - 1, value.data + at, value.size - at);
    return text;
}

static void both_ways_agree(const struct decoded *decoded, struct bytes value)
{
    struct decoded again;
    size_t size;
    char *text = with_escape(value, &size);

    if (!text)
        return;
    event_decode(&again, (struct bytes){text, size}, NULL, 0);
    MUST(again.reason == decoded->reason);
    MUST(decoded->reason || accepted_same(decoded, &again));
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes value = input_of(data, size);
    struct decoded decoded, again;

    event_decode(&decoded, value, NULL, 0);
    event_decode(&again, value, NULL, 0);
    MUST(memcmp(&decoded, &again, sizeof decoded) == 0);
    if (decoded.reason) {
        MUST(decoded.detail[0] && memchr(decoded.detail, '\0', sizeof decoded.detail));
    } else {
        accepted_fulfils(&decoded);
        MUST(decoded.source_size == 0);
    }
    both_ways_agree(&decoded, value);
    return 0;
}
