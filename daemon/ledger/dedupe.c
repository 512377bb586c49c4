#include "ledger/dedupe.h"

#include <string.h>

#include "base/number.h"

static bool take_word(struct bytes *rest, struct bytes *word)
{
    const char *space;

    while (rest->size && *rest->data == ' ')
        rest->data++, rest->size--;
    if (!rest->size)
        return false;
    space = memchr(rest->data, ' ', rest->size);
    *word = (struct bytes){rest->data, space ? (size_t)(space - rest->data) : rest->size};
    rest->data += word->size;
    rest->size -= word->size;
    return true;
}

bool dedupe_next(struct dedupe_walk *walk, struct dedupe_ruled *out)
{
    struct bytes word;

    while (take_word(&walk->rest, &word)) {
        const char *equals = memrchr(word.data, '=', word.size);
        struct bytes name = {word.data, equals ? (size_t)(equals - word.data) : 0};
        int64_t value;

        if (!equals || !number_parse((struct bytes){equals + 1, word.size - name.size - 1}, &value))
            continue;
        if (bytes_equal_text(name, "window_s"))
            walk->window_s = value;
        else if (bytes_equal_text(name, "ids"))
            walk->ids = value;
        else if (walk->ids) {
            *out = (struct dedupe_ruled){name, value, walk->window_s, walk->ids};
            return true;
        }
    }
    return false;
}
