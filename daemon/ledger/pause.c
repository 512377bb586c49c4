#include "ledger/pause.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"

size_t pause_format(char out[PAUSE_VALUE_SIZE], const struct pause *pause)
{
    int size = snprintf(out, PAUSE_VALUE_SIZE, "%lld %s", (long long)pause->since, pause->note);

    return (size_t)size < PAUSE_VALUE_SIZE ? (size_t)size : PAUSE_VALUE_SIZE - 1;
}

static void put_note(struct pause *out, struct bytes note)
{
    size_t size = note.size < PAUSE_NOTE_MAX ? note.size : PAUSE_NOTE_MAX;

    for (size_t i = 0; i < size; i++)
        out->note[i] = note.data[i];
    out->note[size] = '\0';
}

void pause_read(struct pause *out, const struct reply *reply)
{
    struct bytes text = reply->type == REPLY_STRING ? reply->text : (struct bytes){"", 0};
    const char *space = text.size ? memchr(text.data, ' ', text.size) : NULL;
    size_t digits = space ? (size_t)(space - text.data) : text.size;

    *out = (struct pause){.set = reply->type == REPLY_STRING};
    if (number_parse((struct bytes){text.data, digits}, &out->since))
        text = space ? (struct bytes){space + 1, text.size - digits - 1} : (struct bytes){"", 0};
    put_note(out, text);
}
