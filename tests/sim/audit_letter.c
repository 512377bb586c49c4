/* Dead letters: the source's message byte for byte, and behind its headers what became of it. */
#include "base/hash.h"
#include "sim/audit_own.h"

enum { NOTES = 6, CUT_NOTES = 2, HEADERS_MAX = 64, RECORD_ROOM = 1024, HEADER_ROOM = 12 };

/* What of a letter was cut, as it says itself. */
struct cut {
    bool any, key, value, headers;
};

static void wrong(struct audit *audit, const struct audit_source *source, size_t index, const char *what, struct bytes found, struct bytes expected)
{
    audit_found(audit->report, AUDIT_LETTER, AUDIT_AT ": its dead letter has %s \"%.*s\", expected \"%.*s\"",
                AUDIT_AT_ARGS(source->log, source->log->messages[index].offset), what, (int)(found.size > 200 ? 200 : found.size),
                found.data ? found.data : "", (int)(expected.size > 200 ? 200 : expected.size), expected.data ? expected.data : "");
}

/* Whether the word stands among those with single spaces between. */
static bool names(struct bytes words, const char *word)
{
    const char *at = words.data, *end = at + words.size;
    size_t size = strlen(word);

    while (at < end) {
        const char *space = memchr(at, ' ', (size_t)(end - at));
        const char *stop = space ? space : end;

        if ((size_t)(stop - at) == size && memcmp(at, word, size) == 0)
            return true;
        at = space ? space + 1 : end;
    }
    return false;
}

static size_t size_of(const struct audit_message *message)
{
    size_t size = RECORD_ROOM + message->key.size + message->value.size;

    for (size_t i = 0; i < message->headers_count; i++)
        size += HEADER_ROOM + message->headers[i].name.size + message->headers[i].value.size;
    return size;
}

/* Only what cannot fit may be cut: more headers than are read, or more bytes than the topic takes. */
static struct cut cut_of(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_message *letter)
{
    const struct audit_message *from = &source->log->messages[index];
    struct bytes words = audit_header_of(letter, "dlq.truncated");
    struct cut cut = {.any = words.data != NULL};

    if (!cut.any)
        return cut;
    cut.key = names(words, "key");
    cut.value = names(words, "value");
    cut.headers = names(words, "headers");
    if (!(from->headers_count > HEADERS_MAX && !cut.key && !cut.value) && size_of(from) <= audit->world->letter_max)
        wrong(audit, source, index, "dlq.truncated, but it would have fitted:", words, (struct bytes){NULL, 0});
    return cut;
}

static void check_message(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_message *letter,
                          const struct cut *cut, size_t headers_count)
{
    const struct audit_message *from = &source->log->messages[index];

    if (!cut->key && !bytes_equal(from->key, letter->key))
        wrong(audit, source, index, "the key", letter->key, from->key);
    if (!cut->value && !bytes_equal(from->value, letter->value))
        wrong(audit, source, index, "the value", letter->value, from->value);
    for (size_t i = 0; i < headers_count && i < from->headers_count; i++) {
        if (!bytes_equal(from->headers[i].name, letter->headers[i].name))
            wrong(audit, source, index, "a header", letter->headers[i].name, from->headers[i].name);
        if (!bytes_equal(from->headers[i].value, letter->headers[i].value))
            wrong(audit, source, index, "a header's value", letter->headers[i].value, from->headers[i].value);
    }
}

static struct bytes number_text(struct audit *audit, int64_t value)
{
    buffer_reset(&audit->text);
    buffer_put_int(&audit->text, value);
    return buffer_bytes(&audit->text);
}

static void check_note(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_header *header, const char *name,
                       struct bytes value)
{

    if (!bytes_equal_text(header->name, name))
        wrong(audit, source, index, "the header", header->name, bytes_of(name));
    else if (!header->value.size || (value.data && !bytes_equal(header->value, value)))
        wrong(audit, source, index, name, header->value, value);
}

/* They stand behind the message's own headers. */
static void check_notes(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_letter *letter, const struct cut *cut,
                        const struct audit_header *note)
{
    const struct audit_message *from = &source->log->messages[index];
    char digest[33];

    check_note(audit, source, index, note++, "dlq.original.topic", bytes_of(source->log->topic));
    check_note(audit, source, index, note++, "dlq.original.partition", number_text(audit, source->log->partition));
    check_note(audit, source, index, note++, "dlq.original.offset", number_text(audit, from->offset));
    check_note(audit, source, index, note++, "dlq.original.timestamp", number_text(audit, from->timestamp));
    check_note(audit, source, index, note++, "dlq.reason", bytes_of(letter->reason));
    check_note(audit, source, index, note++, "dlq.message", (struct bytes){NULL, 0});
    if (!cut->any)
        return;
    check_note(audit, source, index, note++, "dlq.truncated", (struct bytes){NULL, 0});
    hash128_text(hash128((struct hash_key){0, 0}, from->value), digest);
    check_note(audit, source, index, note++, "dlq.digest", bytes_of(digest));
}

static void check_bytes(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_letter *letter)
{
    struct cut cut = cut_of(audit, source, index, letter->record);
    size_t wanted = source->log->messages[index].headers_count, notes = cut.any ? NOTES + CUT_NOTES : NOTES;
    size_t count = letter->record->headers_count;

    if (count < notes || (cut.headers ? count - notes >= wanted : count - notes != wanted)) {
        audit_found(audit->report, AUDIT_LETTER, AUDIT_AT ": its dead letter has %zu headers, the message %zu, and %zu notes belong behind them",
                    AUDIT_AT_ARGS(source->log, source->log->messages[index].offset), count, wanted, notes);
        return;
    }
    check_message(audit, source, index, letter->record, &cut, count - notes);
    check_notes(audit, source, index, letter, &cut, letter->record->headers + count - notes);
}

static void check_one(struct audit *audit, const struct audit_source *source, size_t index, const struct audit_letter *letter)
{
    const struct audit_letter *letters = source->slots[index].letters;
    int32_t partition = audit->world->letters_count ? source->log->partition % (int32_t)audit->world->letters_count : 0;
    int64_t offset = source->log->messages[index].offset;

    if (letter->rules && !letter->record)
        audit_found(audit->report, AUDIT_LETTER_MISSING, AUDIT_AT ": malformed (%s), and no dead letter holds it", AUDIT_AT_ARGS(source->log, offset),
                    letter->reason);
    if (!letter->record || (!letter->reason && audit_in_range(source, AUDIT_FORGOTTEN, offset)))
        return;
    if (!letter->reason) {
        if (letters[AUDIT_BY_ITSELF].reason || letters[AUDIT_BY_QUARANTINE].reason || letters[AUDIT_BY_SKIP].reason)
            wrong(audit, source, index, "dlq.reason", audit_header_of(letter->record, "dlq.reason"), (struct bytes){NULL, 0});
        else
            audit_found(audit->report, AUDIT_LETTER_STRANGER, AUDIT_AT ": has a dead letter and is not malformed", AUDIT_AT_ARGS(source->log, offset));
        return;
    }
    if (letter->partition != partition)
        audit_found(audit->report, AUDIT_LETTER_PARTITION, AUDIT_AT ": its dead letter lies in partition %d, expected %d",
                    AUDIT_AT_ARGS(source->log, offset), (int)letter->partition, (int)partition);
    check_bytes(audit, source, index, letter);
}

void audit_check_letter(struct audit *audit, struct audit_source *source, size_t index)
{
    for (int way = 0; way < AUDIT_MALFORMED_WAYS; way++)
        check_one(audit, source, index, &source->slots[index].letters[way]);
}
