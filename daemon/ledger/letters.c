#include "ledger/letters.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "base/text.h"

static const char *const names[LETTERS_STATES] = {"open", "sending", "redriven", "discarded", "unreadable"};

const char *letters_state_name(enum letters_state state)
{
    ASSERT(state < LETTERS_STATES);
    return names[state];
}

void letters_key(char out[SHARD_KEY_MAX], const char *prefix, int32_t number)
{
    if (number == SHARD_NONE)
        snprintf(out, SHARD_KEY_MAX, "%sorderd:letters", prefix);
    else
        snprintf(out, SHARD_KEY_MAX, "%s{%d}orderd:letters", prefix, number);
}

size_t letters_format(char out[LETTERS_VALUE_SIZE], const struct letters_record *record)
{
    int size = snprintf(out, LETTERS_VALUE_SIZE, "%s %lld %s %lld %lld %s %s", names[record->state], (long long)record->time, record->place,
                        (long long)record->at, (long long)record->count, record->who[0] ? record->who : "-", record->note);

    ASSERT(record->state == LETTERS_SENDING || record->state == LETTERS_REDRIVEN || record->state == LETTERS_DISCARDED);
    ASSERT(size > 0 && size < LETTERS_VALUE_SIZE);
    return (size_t)size;
}

/* The next word, without the space behind it. */
static struct bytes word_of(struct bytes *rest)
{
    const char *space = rest->size ? memchr(rest->data, ' ', rest->size) : NULL;
    struct bytes word = {rest->data, space ? (size_t)(space - rest->data) : rest->size};

    *rest = (struct bytes){rest->data + word.size + (space != NULL), rest->size - word.size - (space != NULL)};
    return word;
}

static bool take_word(struct bytes *rest, char *out, size_t size)
{
    struct bytes word = word_of(rest);

    if (word.size < 1 || word.size >= size || memchr(word.data, 0, word.size))
        return false;
    memcpy(out, word.data, word.size);
    out[word.size] = '\0';
    return true;
}

static bool take_number(struct bytes *rest, int64_t *out)
{
    return number_parse(word_of(rest), out);
}

static bool take_state(struct bytes *rest, enum letters_state *out)
{
    struct bytes word = word_of(rest);

    for (*out = LETTERS_SENDING; *out <= LETTERS_DISCARDED; (*out)++)
        if (bytes_equal_text(word, names[*out]))
            return true;
    return false;
}

void letters_read(struct letters_record *out, struct bytes value)
{
    struct bytes rest = value;

    *out = (struct letters_record){.state = LETTERS_OPEN, .at = -1};
    if (!value.data)
        return;
    if (!take_state(&rest, &out->state) || !take_number(&rest, &out->time) || !take_word(&rest, out->place, sizeof out->place) ||
        !take_number(&rest, &out->at) || !take_number(&rest, &out->count) || !take_word(&rest, out->who, sizeof out->who))
        out->state = LETTERS_UNREADABLE;
    if (out->state != LETTERS_UNREADABLE)
        text_copy(out->note, sizeof out->note, rest.data, rest.size);
}

size_t letters_looked_format(char out[LETTERS_VALUE_SIZE], const struct letters_looked *looked)
{
    int size = snprintf(out, LETTERS_VALUE_SIZE, "%lld %lld %s", (long long)looked->floor, (long long)looked->upto, looked->run);

    ASSERT(size > 0 && size < LETTERS_VALUE_SIZE);
    return (size_t)size;
}

void letters_looked_read(struct letters_looked *out, struct bytes value)
{
    struct bytes rest = value;

    *out = (struct letters_looked){.known = false};
    out->known = value.data && take_number(&rest, &out->floor) && take_number(&rest, &out->upto) && take_word(&rest, out->run, sizeof out->run) &&
                 out->floor >= 0 && out->upto >= out->floor;
}

void letters_looked_field(char out[LETTER_ID_SIZE], const char *topic, int32_t partition)
{
    snprintf(out, LETTER_ID_SIZE, "looked:%s:%d", topic, partition);
}
