/* The small texts that come from outside: numbers, scores, stream ids, commit notes, and what is put into JSON and into the log.
 *
 * Input: a letter that says which, then the text. */
#include "codec/text.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>

#include "base/number.h"
#include "codec/sequence.h"
#include "fuzz/fuzz.h"
#include "ledger/evidence.h"
#include "seam/json.h"

/* 0|-?[1-9][0-9]* within int64, by long arithmetic. */
static bool is_number(struct bytes text, int64_t *value)
{
    size_t at = text.size && text.data[0] == '-';
    __extension__ __int128 sum = 0;

    if (at == text.size || text.size > 20 || (text.data[at] == '0' && text.size > 1))
        return false;
    for (size_t i = at; i < text.size; i++) {
        if (!isdigit((unsigned char)text.data[i]))
            return false;
        sum = 10 * sum + (text.data[i] - '0');
    }
    sum = at ? -sum : sum;
    *value = (int64_t)sum;
    return sum >= INT64_MIN && sum <= INT64_MAX;
}

static void number(struct bytes text)
{
    int64_t found = 0, wanted = 0;
    char digits[NUMBER_TEXT_MAX];
    bool good = is_number(text, &wanted);

    MUST(number_parse(text, &found) == good);
    if (good)
        MUST(found == wanted && bytes_equal(text, (struct bytes){digits, number_format(digits, found)}));
}

/* What Redis prints for a double: digits, a point, an exponent; nothing before and nothing behind. */
static void score(struct bytes text)
{
    char copy[80] = "";
    int64_t found = 0;

    if (!number_parse_score(text, &found))
        return;
    MUST(text.size < sizeof copy && found >= -NUMBER_SAFE_MAX && found <= NUMBER_SAFE_MAX);
    memcpy(copy, text.data, text.size);
    MUST(strspn(copy, "0123456789.+-e") == text.size && (double)found == strtod(copy, NULL));
}

static void stream_id(struct bytes text)
{
    char again[STREAM_ID_TEXT_SIZE], sequence[SEQUENCE_TEXT_SIZE];
    struct stream_id id, second;

    if (!stream_id_parse(text, &id))
        return;
    stream_id_text(again, id);
    MUST(stream_id_parse(bytes_of(again), &second) && stream_id_compare(id, second) == 0 && strlen(again) <= text.size);
    sequence_text(sequence, 1, id, 7);
    MUST(strlen(sequence) == SEQUENCE_TEXT_SIZE - 1);
}

static void note(struct bytes text)
{
    char copy[KAFKA_METADATA_MAX + 1] = "", again[KAFKA_METADATA_MAX + 1];
    struct commit_note first, second;

    memcpy(copy, text.data, text.size < KAFKA_METADATA_MAX ? text.size : KAFKA_METADATA_MAX);
    if (!commit_note_parse(copy, &first))
        return;
    MUST(first.era >= 1 && first.handed >= 0 && first.reached >= 0 && strlen(first.incarnation) >= 1);
    commit_note_format(again, &first);
    MUST(commit_note_parse(again, &second) && second.era == first.era && second.handed == first.handed && second.reached == first.reached);
    MUST(stream_id_compare(first.last, second.last) == 0 && strcmp(first.incarnation, second.incarnation) == 0);
    MUST(strcmp(again, copy) == 0);      /* orderd writes it in one way only */
}

static bool is_utf8(struct bytes text)
{
    const char *at = text.data, *end = text.data + text.size;
    uint32_t point;

    for (size_t size; at < end; at += size)
        if ((size = text_utf8(at, end, &point)) == 0)
            return false;
    return true;
}

static void json_string(struct bytes text)
{
    struct buffer out;
    struct json json;
    struct error_text error;
    struct json_member member;

    if (memchr(text.data, '\0', text.size))
        return;      /* ours are C strings; the library takes no U+0000 */
    buffer_init(&out, 1 << 20);
    buffer_put_text(&out, "{\"a\":");
    text_put_json(&out, text);
    buffer_put_char(&out, '}');
    MUST(json_object_parse(&json, buffer_bytes(&out), &error) == JSON_OK);
    MUST(json_member_get(&json, "a", &member) && member.type == JSON_TYPE_STRING);
    MUST(bytes_equal(member.text, text) == is_utf8(text));
    json_release(&json);
    buffer_deinit(&out);
}

static void time_text(struct bytes text)
{
    char out[TEXT_TIME_SIZE];
    int64_t ms;

    if (!is_number(text, &ms))
        return;
    text_time(out, ms);
    MUST(strlen(out) == 24 && out[10] == 'T' && out[23] == 'Z');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pieces pieces = {.count = 0};
    struct bytes text;

    if (!size)
        return 0;
    text = pieces_copy(&pieces, input_of(data + 1, size - 1));
    switch (data[0]) {
    case 'n': number(text); break;
    case 's': score(text); break;
    case 'i': stream_id(text); break;
    case 'c': note(text); break;
    case 'j': json_string(text); break;
    case 't': time_text(text); break;
    case 'l': log_info(fuzz_log(), "text=%.*s", (int)text.size, text.data); break;
    }
    pieces_free(&pieces);
    return 0;
}
