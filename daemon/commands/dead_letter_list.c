/* `orderd dead-letter list`. */
#include <stdio.h>
#include <string.h>
#include <sysexits.h>

#include "base/number.h"
#include "base/text.h"
#include "codec/members.h"
#include "commands/dead_letter.h"
#include "commands/shown.h"

static const char line_format[] = "%-10s %-26s %-24s %-19s %9s %8s  ";

static void put_state(struct buffer *out, const struct batch_item *item)
{
    const struct letters_record *record = &item->record;

    buffer_put_text(out, letters_state_name(record->state));
    if (record->state == LETTERS_REDRIVEN)
        buffer_put_format(out, " to %s:%d:%lld", item->box.letter.topic, item->box.letter.partition, (long long)record->at);
    if (record->state == LETTERS_DISCARDED) {
        buffer_put_text(out, ": ");
        shown_put(out, bytes_of(record->note));
    }
}

static void put_line(struct dead_letter *work, const struct batch_item *item)
{
    const struct letter *letter = &item->box.letter;
    char place[48], source[LETTER_PLACE_SIZE + 24], time[TEXT_TIME_SIZE] = "-", size[24], redrives[24];
    bool cut = letter->cut_headers || letter->cut_key || letter->cut_value;

    snprintf(place, sizeof place, "%d:%lld", item->box.partition, (long long)item->box.offset);
    snprintf(source, sizeof source, "%s:%d:%lld", letter->topic, letter->partition, (long long)letter->offset);
    if (item->box.message.timestamp >= 0)
        text_time(time, item->box.message.timestamp);
    snprintf(size, sizeof size, "%zu%s", letter->value.size, cut ? " cut" : "");
    snprintf(redrives, sizeof redrives, "%lld", (long long)letter->redrives);
    buffer_put_format(&work->out, line_format, place, source, time, letter->reason, size, redrives);
    put_state(&work->out, item);
    buffer_put_char(&work->out, '\n');
}

static void put_json(struct dead_letter *work, const struct batch_item *item)
{
    buffer_put_char(&work->out, '{');
    dead_letter_put_members(work, item);
    members_int(&work->out, "key_bytes", item->box.letter.key.data ? (int64_t)item->box.letter.key.size : 0);
    members_int(&work->out, "value_bytes", item->box.letter.value.data ? (int64_t)item->box.letter.value.size : 0);
    buffer_put_text(&work->out, "}\n");
}

int dead_letter_list(struct dead_letter *work)
{
    const struct dead_letter_request *request = work->request;
    int64_t count = 0;
    int code = 0, end;

    if (!request->json) {
        buffer_put_format(&work->out, line_format, "PLACE", "SOURCE", "TIME", "REASON", "BYTES", "REDRIVES");
        buffer_put_text(&work->out, "STATE\n");
    }
    while (!code && dead_letter_next(work, &code)) {
        for (size_t i = 0; i < work->batch.count; i++) {
            const struct batch_item *item = &work->batch.items[i];

            if (request->state >= 0 && item->record.state != (enum letters_state)request->state)
                continue;
            (request->json ? put_json : put_line)(work, item);
            count++;
        }
        code = dead_letter_print(work);
        if (!code && interrupt_seen(work->interrupt))
            code = EX_TEMPFAIL;
    }
    end = dead_letter_print(work);
    if (!code && work->box.foreign)
        fprintf(stderr, "%zu %s of orderd's\n", work->box.foreign,
                number_words((int64_t)work->box.foreign, "record of the topic is no dead letter", "records of the topic are no dead letters"));
    if (!code && !request->json)
        fprintf(stderr, "%lld %s\n", (long long)count, number_words(count, "dead letter", "dead letters"));
    return code ? code : end;
}
