/* `orderd dead-letter show`: a letter whole, as a person or a program reads it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "base/text.h"
#include "codec/members.h"
#include "codec/text.h"
#include "commands/complain.h"
#include "commands/dead_letter.h"
#include "commands/shown.h"

enum { HISTORY_MAX = 20, DECODED_SIZE = 400 };

static void put_time(struct buffer *out, int64_t ms)
{
    char time[TEXT_TIME_SIZE] = "a time that is not known";

    if (ms >= 0)
        text_time(time, ms);
    buffer_put_text(out, time);
}

static void put_record(struct buffer *out, const struct batch_item *item)
{
    const struct letters_record *record = &item->record;

    buffer_put_text(out, letters_state_name(record->state));
    if (record->state == LETTERS_OPEN || record->state == LETTERS_UNREADABLE)
        return;
    if (record->state == LETTERS_REDRIVEN)
        buffer_put_format(out, " to %s:%d:%lld", item->box.letter.topic, item->box.letter.partition, (long long)record->at);
    buffer_put_text(out, " at ");
    put_time(out, record->time);
    buffer_put_text(out, " by ");
    shown_put(out, bytes_of(record->who));
    if (record->note[0] && record->state != LETTERS_SENDING) {
        buffer_put_text(out, ": ");
        shown_put(out, bytes_of(record->note));
    }
}

static void put_field(struct buffer *out, const char *name, struct bytes value)
{
    buffer_put_format(out, "  %-12s", name);
    if (value.data)
        shown_put(out, value);
    else
        buffer_put_text(out, "(none)");
    buffer_put_char(out, '\n');
}

static const char *cut_of(const struct letter *letter)
{
    if (letter->cut_key)
        return letter->cut_value ? "value and key, did not fit into the dead-letter topic" : "key, did not fit into the dead-letter topic";
    if (letter->cut_value)
        return letter->cut_headers ? "headers and value, did not fit into the dead-letter topic" : "value, did not fit into the dead-letter topic";
    return letter->cut_headers ? "headers, did not fit into the dead-letter topic, or were more than are read" : NULL;
}

static void put_head(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct buffer *out = &work->out;
    char decoded[DECODED_SIZE];
    bool good = redrive_decode(letter, item->value, decoded, sizeof decoded);

    buffer_put_format(out, "dead letter %d:%lld of %s, of ", item->box.partition, (long long)item->box.offset, work->site->config->kafka.dead_letters);
    put_time(out, item->box.message.timestamp);
    buffer_put_format(out, "\n  %-12s%s:%d:%lld, of ", "message", letter->topic, letter->partition, (long long)letter->offset);
    put_time(out, letter->timestamp);
    buffer_put_format(out, "\n  %-12s%s: ", "why", letter->reason);
    shown_put(out, letter->detail);
    buffer_put_format(out, "\n  %-12s%s ", "now", good ? "the daemon would read it as" : "it would be malformed again,");
    shown_put(out, bytes_of(decoded));
    buffer_put_format(out, "\n  %-12s", "state");
    put_record(out, item);
    buffer_put_char(out, '\n');
    if (cut_of(letter))
        put_field(out, "cut", bytes_of(cut_of(letter)));
}

/* "orders.dead-letters/0/5", if it is of this topic. */
static bool read_place(struct bytes text, const char *topic, struct box_place *out)
{
    size_t size = strlen(topic);
    const char *slash;
    int64_t partition;

    if (text.size < size + 2 || memcmp(text.data, topic, size) != 0 || text.data[size] != '/')
        return false;
    text = (struct bytes){text.data + size + 1, text.size - size - 1};
    slash = memchr(text.data, '/', text.size);
    if (!slash || !number_parse((struct bytes){text.data, (size_t)(slash - text.data)}, &partition) || partition < 0 || partition > INT32_MAX ||
        !number_parse((struct bytes){slash + 1, text.size - (size_t)(slash + 1 - text.data)}, &out->offset) || out->offset < 0)
        return false;
    out->partition = (int32_t)partition;
    return true;
}

/* One step of the history; `of` becomes that of the letter before, with its bytes in `text`. */
static int put_former(struct dead_letter *work, struct selection *selection, struct bytes *of, char text[LETTER_PLACE_SIZE])
{
    struct box_options options = work->box.options;
    struct batch former;
    struct error_text error;
    struct box box = {.bounds = NULL};
    int r = batch_new(&former);

    options.selection = selection;
    if (!r)
        r = box_open(&box, &options);
    if (!r)
        r = batch_fill(&former, &box);
    if (!r)
        r = batch_read(&former, &work->book, &error);
    *of = (struct bytes){NULL, 0};
    if (!r && former.count == 1 && former.items[0].box.kind == BOX_LETTER) {
        const struct letter *letter = &former.items[0].box.letter;

        buffer_put_format(&work->out, "  %-12s%d:%lld, %s:%d:%lld, %s; ", "before", former.items[0].box.partition, (long long)former.items[0].box.offset,
                          letter->topic, letter->partition, (long long)letter->offset, letter->reason);
        put_record(&work->out, &former.items[0]);
        buffer_put_char(&work->out, '\n');
        if (letter->of.data && letter->of.size < LETTER_PLACE_SIZE) {
            memcpy(text, letter->of.data, letter->of.size);
            *of = (struct bytes){text, letter->of.size};
        }
    } else if (!r) {
        buffer_put_format(&work->out, "  %-12s%d:%lld, which is not there any more\n", "before", selection->places[0].partition,
                          (long long)selection->places[0].offset);
    }
    batch_free(&former);
    box_close(&box);
    return r;
}

/* What it had been before it was sent back and became this. */
static int put_history(struct dead_letter *work, const struct letter *letter)
{
    struct selection *selection = calloc(1, sizeof *selection);
    char text[LETTER_PLACE_SIZE];
    struct bytes of = letter->of;
    int r = selection ? 0 : -ENOMEM;

    for (int i = 0; !r && i < HISTORY_MAX && of.data && read_place(of, work->site->config->kafka.dead_letters, &selection->places[0]); i++) {
        selection->places_count = 1;
        r = put_former(work, selection, &of, text);
    }
    free(selection);
    return r ? dead_letter_failed(r, "its history cannot be read", "") : 0;
}

static void put_headers(struct buffer *out, const struct letter *letter)
{
    for (size_t i = 0; i < letter->headers_count; i++) {
        buffer_put_format(out, "  %-12s", i ? "" : "headers");
        shown_put(out, letter->headers[i].name);
        buffer_put_text(out, ": ");
        if (letter->headers[i].value.data)
            shown_put(out, letter->headers[i].value);
        else
            buffer_put_text(out, "(none)");
        buffer_put_char(out, '\n');
    }
}

static int put_text(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    int code;

    put_head(work, item);
    code = put_history(work, letter);
    put_field(&work->out, "key", letter->key);
    put_headers(&work->out, letter);
    if (!letter->value.data) {
        put_field(&work->out, "value", letter->value);
    } else {
        buffer_put_format(&work->out, "  %-12s%zu bytes\n", "value", letter->value.size);
        shown_put_value(&work->out, letter->value);
    }
    return code;
}

/* Text as text, anything else as hexadecimal digits, under the name with _hex. */
static void put_json_bytes(struct buffer *out, const char *name, const char *name_hex, struct bytes value)
{
    bool text = shown_is_text(value);

    if (value.data && text) {
        members_bytes(out, name, value);
        return;
    }
    members_name(out, value.data ? name_hex : name);
    if (!value.data) {
        buffer_put_text(out, "null");
        return;
    }
    buffer_put_char(out, '"');
    for (size_t i = 0; i < value.size; i++)
        buffer_put_format(out, "%02x", (unsigned)(unsigned char)value.data[i]);
    buffer_put_char(out, '"');
}

static void put_json(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    struct buffer *out = &work->out;
    char decoded[DECODED_SIZE];
    bool good = redrive_decode(letter, item->value, decoded, sizeof decoded);

    buffer_put_char(out, '{');
    dead_letter_put_members(work, item);
    members_flag(out, "readable_now", good);
    members_text(out, "read_now", decoded);
    members_name(out, "redriven_from");
    if (letter->of.data)
        text_put_json(out, letter->of);
    else
        buffer_put_text(out, "null");
    put_json_bytes(out, "key", "key_hex", letter->key);
    members_open(out, "headers", '[');
    for (size_t i = 0; i < letter->headers_count; i++) {
        members_element(out);
        members_bytes(out, "name", letter->headers[i].name);
        put_json_bytes(out, "value", "value_hex", letter->headers[i].value);
        buffer_put_char(out, '}');
    }
    buffer_put_char(out, ']');
    put_json_bytes(out, "value", "value_hex", letter->value);
    buffer_put_text(out, "}\n");
}

static int show(struct dead_letter *work, struct batch_item *item)
{
    if (item->box.kind == BOX_MISSING)
        return complain("dead-letter", EX_NOINPUT, "there is no record at %d:%lld of %s", item->box.partition, (long long)item->box.offset,
                        work->site->config->kafka.dead_letters);
    if (item->box.kind == BOX_FOREIGN)
        return complain("dead-letter", EX_DATAERR, "the record at %d:%lld is no dead letter of orderd's: it lacks the dlq. headers", item->box.partition,
                        (long long)item->box.offset);
    if (work->request->raw) {
        buffer_put_bytes(&work->out, item->box.letter.value);
    } else if (work->request->json) {
        put_json(work, item);
    } else {
        return put_text(work, item);
    }
    return 0;
}

int dead_letter_show(struct dead_letter *work)
{
    int worst = 0, code = 0, shown;
    bool first = true;

    while (!code && dead_letter_next(work, &code))
        for (size_t i = 0; !code && i < work->batch.count; i++) {
            if (!first && !work->request->json)
                buffer_put_char(&work->out, '\n');
            first = false;
            shown = show(work, &work->batch.items[i]);
            worst = worst ? worst : shown;
            code = dead_letter_print(work);
        }
    return code ? code : worst;
}
