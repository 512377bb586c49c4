/* Dead letters: while events come, the digest of the letter that is due is noted; then the dead-letter topic is read and held against it. Only one
 * that is another is looked at piece by piece, with its message read once more. */
#include <string.h>

#include "audit/digest.h"
#include "audit/inside.h"
#include "base/number.h"
#include "base/text.h"
#include "codec/text.h"

enum { LINEAGE = 6, CUT = 2, HEADERS_MAX = AUDIT_HEADERS_MAX + LINEAGE, NUMBER_SIZE = NUMBER_TEXT_MAX + 1, SHOWN = 64 };
/* A slot's place. */
enum { PLACE_FOUND = 1 };
/* The digest of a letter that cannot be known beforehand. */
#define DIGEST_UNKNOWN ((uint64_t)2)

static const char *const lineage_names[LINEAGE] = {"dlq.original.topic", "dlq.original.partition", "dlq.original.offset", "dlq.original.timestamp", "dlq.reason",
                                                   "dlq.message"};

/* A dead letter taken apart. */
struct letter {
    const struct audit_record *record;
    size_t own;                          /* headers of the message itself */
    struct bytes lineage[LINEAGE], truncated, digest;
    int32_t partition;
    int64_t range, offset;
    struct finding finding;
};

struct lineage {
    char partition[NUMBER_SIZE], offset[NUMBER_SIZE], timestamp[NUMBER_SIZE];
    struct bytes values[LINEAGE];
};

static struct bytes put_number(char out[NUMBER_SIZE], int64_t value)
{
    return (struct bytes){out, number_format(out, value)};
}

static void make_lineage(struct lineage *out, const struct audit_range *range, int64_t offset, int64_t timestamp, enum reason reason, struct bytes detail)
{
    out->values[0] = bytes_of(range->topic);
    out->values[1] = put_number(out->partition, range->partition);
    out->values[2] = put_number(out->offset, offset);
    out->values[3] = put_number(out->timestamp, timestamp);
    out->values[4] = bytes_of(reason_name(reason));
    out->values[5] = detail;
}

/* What the letter of a message looks like when nothing is cut. dlq.message counts as JSON, as the outcome tells it: bytes that are no UTF-8 are then the
 * same on both sides. */
static uint64_t digest_due(struct audit *audit, const struct kafka_message *source, const struct lineage *lineage)
{
    struct kafka_header headers[HEADERS_MAX];
    size_t count = kafka_message_headers(source, headers, AUDIT_HEADERS_MAX);

    if (count > EVENT_HEADERS_MAX)
        return DIGEST_UNKNOWN;
    for (size_t i = 0; i < LINEAGE; i++)
        headers[count++] = (struct kafka_header){bytes_of(lineage_names[i]), lineage->values[i]};
    return digest_record(audit->options.seed, source->key, headers, count, source->value) | 4;
}

static int slot_of(struct audit *audit, size_t range, int64_t offset, struct spill_slot **slot)
{
    return spill_at(audit->letters, range, (uint64_t)(offset - audit->options.ranges[range].from), slot);
}

int letters_expect(struct audit *audit, struct trial *trial)
{
    struct track *track = trial->track;
    struct spill_slot *slot;
    struct lineage lineage;
    int r;

    if (!audit->options.letters_partitions || !trial->source)
        return 0;
    r = slot_of(audit, track->index, trial->offset, &slot);
    if (r)
        return r;
    make_lineage(&lineage, track->range, trial->offset, trial->source->timestamp, audit->decision.reason, audit->decision.detail);
    slot->digest = digest_due(audit, trial->source, &lineage);
    track->letters_due++;
    return 0;
}

static bool take_number(struct bytes text, int64_t *value)
{
    return text.data && number_parse(text, value);
}

/* The lineage stands last, whatever a message that was itself a letter once brought along. */
static bool take_apart(struct audit *audit, struct letter *letter)
{
    const struct audit_record *record = letter->record;
    size_t count = record->headers_count;
    int64_t partition;

    if (count >= LINEAGE + CUT && bytes_equal_text(record->headers[count - 1].name, "dlq.digest") &&
        bytes_equal_text(record->headers[count - 2].name, "dlq.truncated")) {
        letter->digest = record->headers[count - 1].value;
        letter->truncated = record->headers[count - 2].value;
        count -= CUT;
    }
    if (count < LINEAGE || record->headers_all > record->headers_count)
        return false;
    letter->own = count - LINEAGE;
    for (size_t i = 0; i < LINEAGE; i++) {
        if (!bytes_equal_text(record->headers[letter->own + i].name, lineage_names[i]))
            return false;
        letter->lineage[i] = record->headers[letter->own + i].value;
    }
    if (!letter->lineage[0].data || !take_number(letter->lineage[1], &partition) || partition < 0 || partition > INT32_MAX ||
        !take_number(letter->lineage[2], &letter->offset) || letter->offset < 0)
        return false;
    letter->partition = (int32_t)partition;
    letter->range = copies_range(audit->copies, letter->lineage[0], letter->partition);
    return true;
}

static void found(struct audit *audit, struct letter *letter, enum finding_kind kind, const char *why)
{
    letter->finding.kind = kind;
    findings_say(audit->findings, &letter->finding, "%s", why);
}

static int shown(struct bytes text)
{
    return text.size < SHOWN ? (int)text.size : SHOWN;
}

static bool begins_with(struct bytes whole, struct bytes start)
{
    return start.size <= whole.size && (start.size == 0 || memcmp(whole.data, start.data, start.size) == 0);
}

/* What was cut says so; nothing else may be missing. */
static bool check_value(const struct letter *letter, const struct kafka_message *source, struct error_text *why)
{
    static const struct hash_key unkeyed = {0, 0};
    bool cut = letter->truncated.data && memmem(letter->truncated.data, letter->truncated.size, "value", 5);
    struct bytes value = letter->record->value;
    char digest[33];

    if (cut ? !begins_with(source->value, value) : !bytes_equal(value, source->value) || !value.data != !source->value.data)
        return error_set(why, 0, "its value is not the message's");
    hash128_text(hash128(unkeyed, source->value), digest);
    if (letter->truncated.data && !bytes_equal_text(letter->digest, digest))
        return error_set(why, 0, "header dlq.digest is \"%.*s\", \"%s\" would be right", shown(letter->digest), letter->digest.data ? letter->digest.data : "", digest);
    return true;
}

static bool check_key(const struct letter *letter, const struct kafka_message *source, struct error_text *why)
{
    bool cut = letter->truncated.data && memmem(letter->truncated.data, letter->truncated.size, "key", 3);
    struct bytes key = letter->record->key;

    if (cut ? !key.data : bytes_equal(key, source->key) && !key.data == !source->key.data)
        return true;
    return error_set(why, 0, "its key is not the message's");
}

static bool check_headers(const struct letter *letter, const struct kafka_message *source, struct error_text *why)
{
    struct kafka_header headers[AUDIT_HEADERS_MAX];
    size_t all = kafka_message_headers(source, headers, AUDIT_HEADERS_MAX), count = all < AUDIT_HEADERS_MAX ? all : AUDIT_HEADERS_MAX;
    bool cut = letter->truncated.data && memmem(letter->truncated.data, letter->truncated.size, "headers", 7);

    if (cut ? letter->own >= all : letter->own != all)
        return error_set(why, 0, "it has %zu of its message's %zu headers%s", letter->own, all, cut ? "" : ", and does not say that some were cut");
    for (size_t i = 0; i < letter->own && i < count; i++)
        if (!bytes_equal(letter->record->headers[i].name, headers[i].name) || !bytes_equal(letter->record->headers[i].value, headers[i].value) ||
            !letter->record->headers[i].value.data != !headers[i].value.data)
            return error_set(why, 0, "header %zu is not the message's", i + 1);
    return true;
}

/* Without its outcome at hand: reason and message are those of the digest, which did not fit, so it is one of them when all else does. */
static bool check_lineage(const struct letter *letter, const struct kafka_message *source, struct error_text *why)
{
    int64_t timestamp;

    if (!take_number(letter->lineage[3], &timestamp) || timestamp != source->timestamp)
        return error_set(why, 0, "header dlq.original.timestamp is \"%.*s\", \"%lld\" would be right", shown(letter->lineage[3]),
                         letter->lineage[3].data ? letter->lineage[3].data : "", (long long)source->timestamp);
    return true;
}

static bool is_of(const struct letter *letter, const struct kafka_message *source, struct error_text *why)
{
    return check_value(letter, source, why) && check_key(letter, source, why) && check_headers(letter, source, why) && check_lineage(letter, source, why);
}

static int fetch(struct audit *audit, const struct letter *letter, struct kafka_message *source)
{
    return audit->options.fetch ? audit->options.fetch(audit->options.context, (size_t)letter->range, letter->offset, source) : 0;
}

/* Piece by piece. True: it is what it must be, as far as that can be told. */
static int look_closer(struct audit *audit, struct letter *letter, uint64_t due, bool *right)
{
    struct kafka_message source;
    struct error_text why = {""};
    int r = fetch(audit, letter, &source);

    *right = false;
    if (r < 0)
        return r;
    if (r == 0) {
        found(audit, letter, FINDING_LETTER_DIFFERS, "it is not its message with the reason that the outcome gives, and the message is gone, so nothing more can be said");
        return 0;
    }
    *right = is_of(letter, &source, &why);
    if (*right && !letter->truncated.data && due != DIGEST_UNKNOWN) {
        *right = false;
        error_set(&why, 0, "dlq.reason is \"%.*s\" and dlq.message \"%.*s\", which is not what the outcome says", shown(letter->lineage[4]),
                  letter->lineage[4].data ? letter->lineage[4].data : "", shown(letter->lineage[5]), letter->lineage[5].data ? letter->lineage[5].data : "");
    }
    kafka_message_free(&source);
    text_clean(why.text);
    if (!*right)
        found(audit, letter, FINDING_LETTER_DIFFERS, why.text);
    return 0;
}

static uint64_t digest_found(struct audit *audit, const struct letter *letter)
{
    const struct audit_record *record = letter->record;
    struct kafka_header headers[AUDIT_HEADERS_MAX];

    buffer_reset(&audit->scratch);
    text_put_json(&audit->scratch, letter->lineage[LINEAGE - 1]);
    memcpy(headers, record->headers, record->headers_count * sizeof headers[0]);
    headers[letter->own + LINEAGE - 1].value = buffer_bytes(&audit->scratch);
    return digest_record(audit->options.seed, record->key, headers, record->headers_count, record->value) | 4;
}

/* By an operator's word an event has one whatever it is like. */
static bool is_by_hand(const struct letter *letter)
{
    return bytes_equal_text(letter->lineage[4], reason_name(REASON_QUARANTINED)) || bytes_equal_text(letter->lineage[4], reason_name(REASON_SKIPPED));
}

/* No outcome tells of it: that may be given up or missing, or no longer say what it said, and the letter of a malformed event was delivered all the same. */
static int look_untold(struct audit *audit, struct letter *letter)
{
    struct kafka_message source;
    struct error_text why = {""};
    struct copies_seen seen;
    bool malformed, right;
    int r = copies_of(audit->copies, (size_t)letter->range, letter->offset, &seen);

    if (r || seen.former)
        return r;
    r = fetch(audit, letter, &source);
    if (r < 0 || (r == 0 && !seen.here))
        return r;
    if (r > 0)
        audit_decode(audit, &source);
    malformed = r > 0 && (audit->decoded.reason || (!seen.here && is_by_hand(letter)));
    right = malformed && is_of(letter, &source, &why);
    text_clean(why.text);
    if (r > 0)
        kafka_message_free(&source);
    if (!malformed)
        found(audit, letter, FINDING_LETTER_STRAY, "its event is not malformed: it has no dead letter");
    else if (!right)
        found(audit, letter, FINDING_LETTER_DIFFERS, why.text);
    return 0;
}

/* A letter of an event of a range: is it due, and is it so. */
static int hold_against(struct audit *audit, struct letter *letter)
{
    struct track *track = &audit->tracks[letter->range];
    struct spill_slot *slot;
    bool right;
    int r = slot_of(audit, (size_t)letter->range, letter->offset, &slot);

    if (r)
        return r;
    if (!slot->digest)
        return look_untold(audit, letter);
    if (letter->record->partition != track->range->partition % audit->options.letters_partitions)
        found(audit, letter, FINDING_LETTER_PARTITION, "it lies in another partition than its event's number modulo the topic's partitions");
    track->letters_found += !(slot->place & PLACE_FOUND);
    slot->place |= PLACE_FOUND;
    if (slot->digest == digest_found(audit, letter))
        return 0;
    return look_closer(audit, letter, slot->digest, &right);
}

static int take(struct audit *audit, const struct audit_record *record)
{
    struct letter letter = {.record = record};
    const struct track *track;

    audit->letter_counts.records++;
    letter.finding = (struct finding){.range = -1, .offset = -1, .topic = FINDING_LETTERS, .partition = record->partition, .at = record->offset};
    if (!take_apart(audit, &letter)) {
        found(audit, &letter, FINDING_LETTER_STRAY, "it does not say in headers dlq.original.… and dlq.reason, dlq.message which event it is of");
        return 0;
    }
    track = letter.range >= 0 ? &audit->tracks[letter.range] : NULL;
    if (track && letter.offset >= track->range->log_end && record->offset < audit->options.letters_early[record->partition]) {
        found(audit, &letter, FINDING_LETTER_STRAY, "its event is not there: the log ends before it");
        return 0;
    }
    /* Of what is not audited, or was decided after the audit began. */
    if (!track || letter.offset < track->range->from || letter.offset < track->first_offset || letter.offset > track->last_offset) {
        audit->letter_counts.others++;
        return 0;
    }
    audit->letter_counts.letters++;
    letter.finding.range = letter.range;
    letter.finding.offset = letter.offset;
    return hold_against(audit, &letter);
}

int audit_letter(struct audit *audit, const struct kafka_message *message)
{
    audit_record_of(&audit->outcome, message);
    return take(audit, &audit->outcome);
}

int audit_letter_waiting(struct audit *audit, const struct record *record)
{
    audit->outcome = (struct audit_record){.partition = record->partition, .offset = -1, .timestamp = -1, .key = record->key, .value = record->value,
                                           .headers_count = record->headers_count, .headers_all = record->headers_count};
    memcpy(audit->outcome.headers, record->headers, record->headers_count * sizeof record->headers[0]);
    return take(audit, &audit->outcome);
}

/* What lies before the first letter that is left of a partition has been deleted with it; what is decided and not committed may be on its way. */
static int find_missing(struct audit *audit, struct track *track)
{
    int32_t partition = track->range->partition % audit->options.letters_partitions;
    bool begun = audit->options.letters_start[partition] == 0;

    for (int64_t offset = track->first_offset; offset <= track->last_offset && offset < track->range->must; offset++) {
        struct finding finding = {.kind = FINDING_LETTER_MISSING, .range = (int64_t)track->index, .offset = offset, .partition = -1, .at = -1};
        struct spill_slot *slot;
        int r = slot_of(audit, track->index, offset, &slot);

        if (r)
            return r;
        begun |= (slot->place & PLACE_FOUND) != 0;
        if (begun && slot->digest && !(slot->place & PLACE_FOUND))
            findings_say(audit->findings, &finding, "it is malformed, and partition %d of the dead-letter topic does not hold it", partition);
    }
    return 0;
}

int letters_finish(struct audit *audit)
{
    int r = 0;

    for (size_t i = 0; !r && audit->options.letters_partitions && i < audit->options.ranges_count; i++)
        if (audit->tracks[i].letters_found < audit->tracks[i].letters_due)
            r = find_missing(audit, &audit->tracks[i]);
    return r;
}

struct audit_letters audit_letters(const struct audit *audit)
{
    return audit->letter_counts;
}
