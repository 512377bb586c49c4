/* Dead letters: the source's message byte for byte, and behind its headers what became of it. */
#include "sim/audit_own.h"

enum { NOTES = 6 };

static void wrong(struct audit *audit, const struct audit_source *source, size_t index, const char *what, struct bytes found, struct bytes expected)
{
    audit_found(audit->report, AUDIT_LETTER, AUDIT_AT ": its dead letter has %s \"%.*s\", expected \"%.*s\"",
                AUDIT_AT_ARGS(source->log, source->log->messages[index].offset), what, (int)(found.size > 200 ? 200 : found.size),
                found.data ? found.data : "", (int)(expected.size > 200 ? 200 : expected.size), expected.data ? expected.data : "");
}

static void check_message(struct audit *audit, const struct audit_source *source, size_t index)
{
    const struct audit_message *from = &source->log->messages[index], *letter = source->slots[index].letter;

    if (!bytes_equal(from->key, letter->key))
        wrong(audit, source, index, "the key", letter->key, from->key);
    if (!bytes_equal(from->value, letter->value))
        wrong(audit, source, index, "the value", letter->value, from->value);
    for (size_t i = 0; i < from->headers_count && i < letter->headers_count; i++) {
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

static void check_note(struct audit *audit, const struct audit_source *source, size_t index, size_t note, const char *name, struct bytes value)
{
    const struct audit_message *letter = source->slots[index].letter;
    const struct audit_header *header = &letter->headers[source->log->messages[index].headers_count + note];

    if (!bytes_equal_text(header->name, name))
        wrong(audit, source, index, "the header", header->name, bytes_of(name));
    else if (!header->value.size || (value.data && !bytes_equal(header->value, value)))
        wrong(audit, source, index, name, header->value, value);
}

static void check_notes(struct audit *audit, const struct audit_source *source, size_t index)
{
    const struct audit_message *from = &source->log->messages[index], *letter = source->slots[index].letter;

    if (letter->headers_count != from->headers_count + NOTES) {
        audit_found(audit->report, AUDIT_LETTER, AUDIT_AT ": its dead letter has %zu headers, expected the message's %zu and six",
                    AUDIT_AT_ARGS(source->log, from->offset), letter->headers_count, from->headers_count);
        return;
    }
    check_note(audit, source, index, 0, "dlq.original.topic", bytes_of(source->log->topic));
    check_note(audit, source, index, 1, "dlq.original.partition", number_text(audit, source->log->partition));
    check_note(audit, source, index, 2, "dlq.original.offset", number_text(audit, from->offset));
    check_note(audit, source, index, 3, "dlq.original.timestamp", number_text(audit, from->timestamp));
    check_note(audit, source, index, 4, "dlq.reason", bytes_of(source->slots[index].reason));
    check_note(audit, source, index, 5, "dlq.message", (struct bytes){NULL, 0});
}

void audit_check_letter(struct audit *audit, struct audit_source *source, size_t index)
{
    const struct audit_slot *slot = &source->slots[index];
    int64_t offset = source->log->messages[index].offset;
    int32_t partition = audit->world->letters_count ? source->log->partition % (int32_t)audit->world->letters_count : 0;

    if (slot->malformed && slot->replayed && !slot->letter)
        audit_found(audit->report, AUDIT_LETTER_MISSING, AUDIT_AT ": malformed (%s), and no dead letter holds it", AUDIT_AT_ARGS(source->log, offset),
                    slot->reason);
    if (!slot->letter)
        return;
    if (!slot->malformed) {
        audit_found(audit->report, AUDIT_LETTER_STRANGER, AUDIT_AT ": has a dead letter and is not malformed", AUDIT_AT_ARGS(source->log, offset));
        return;
    }
    if (slot->letter_partition != partition)
        audit_found(audit->report, AUDIT_LETTER_PARTITION, AUDIT_AT ": its dead letter lies in partition %d, expected %d",
                    AUDIT_AT_ARGS(source->log, offset), (int)slot->letter_partition, (int)partition);
    check_message(audit, source, index);
    check_notes(audit, source, index);
}
