#include "codec/decision.h"

#include <string.h>

#include "base/number.h"
#include "base/text.h"
#include "codec/decision_plain.h"

enum { SHOWN_MAX = 64 };

/* "TOPIC/PARTITION/OFFSET". */
static bool parse_id(struct bytes id, struct decision_identity *out)
{
    const char *slash = memrchr(id.data, '/', id.size), *before = slash ? memrchr(id.data, '/', (size_t)(slash - id.data)) : NULL;
    int64_t partition;

    if (!before || !number_parse((struct bytes){before + 1, (size_t)(slash - before - 1)}, &partition) || partition < 0 || partition > INT32_MAX ||
        !number_parse((struct bytes){slash + 1, (size_t)(id.data + id.size - slash - 1)}, &out->offset) || out->offset < 0 ||
        !decision_is_topic((struct bytes){id.data, (size_t)(before - id.data)}))
        return false;
    out->partition = (int32_t)partition;
    out->topic = (struct bytes){id.data, (size_t)(before - id.data)};
    return true;
}

static bool parse_type(struct bytes type, struct decision_identity *out)
{
    (void)out;
    return bytes_equal_text(type, "orderd.outcome");
}

/* "/orderd/INCARNATION". */
static bool parse_source(struct bytes source, struct decision_identity *out)
{
    static const char start[] = "/orderd/";

    if (source.size <= sizeof start - 1 || source.size >= sizeof start - 1 + CLOCK_UUID_SIZE || memcmp(source.data, start, sizeof start - 1) != 0)
        return false;
    for (size_t i = sizeof start - 1; i < source.size; i++)
        if (!name_has(source.data[i]) || source.data[i] == '_')
            return false;
    out->incarnation = (struct bytes){source.data + sizeof start - 1, source.size - (sizeof start - 1)};
    return true;
}

static bool parse_sequence(struct bytes sequence, struct decision_identity *out)
{
    out->sequenced = sequence_parse(sequence, &out->era, &out->id, &out->place);
    return out->sequenced;
}

static const struct wanted {
    const char *name;
    size_t size;
    const char *form;
    bool (*parse)(struct bytes value, struct decision_identity *out);
} wanted[] = {
    {"ce_type", 7, "\"orderd.outcome\"", parse_type},
    {"ce_id", 5, "TOPIC/PARTITION/OFFSET", parse_id},
    {"ce_source", 9, "/orderd/INCARNATION", parse_source},
    {"ce_sequence", 11, "ERA-MS-SEQ-PLACE with 10, 20, 20 and 6 digits", parse_sequence},
};
enum { WANTED = sizeof wanted / sizeof *wanted, OPTIONAL = WANTED - 1 };

static int shown(struct bytes text)
{
    return text.size < SHOWN_MAX ? (int)text.size : SHOWN_MAX;
}

static int wrong_header(struct error_text *error, const struct wanted *header, struct bytes value)
{
    if (!value.data)
        return error_set(error, -EBADMSG, "header %s has no value, it must be %s", header->name, header->form);
    error_set(error, -EBADMSG, "header %s is \"%.*s\", it must be %s", header->name, shown(value), value.data, header->form);
    if (error)
        text_clean(error->text);
    return -EBADMSG;
}

/* One of `headers`, if it is wanted. */
static int take_header(struct decision_identity *out, const struct kafka_header *header, bool found[WANTED], struct error_text *error)
{
    for (size_t i = 0; i < WANTED; i++) {
        if (header->name.size != wanted[i].size || memcmp(header->name.data, wanted[i].name, wanted[i].size) != 0)
            continue;
        if (found[i])
            return error_set(error, -EBADMSG, "header %s is given twice", wanted[i].name);
        found[i] = true;
        if (!header->value.data || !wanted[i].parse(header->value, out))
            return wrong_header(error, &wanted[i], header->value);
    }
    return 0;
}

int decision_identify(struct decision_identity *out, const struct kafka_header *headers, size_t headers_count, struct error_text *error)
{
    bool found[WANTED] = {false};
    int r = 0;

    *out = (struct decision_identity){.sequenced = false};
    for (size_t h = 0; h < headers_count; h++) {
        int wrong = take_header(out, &headers[h], found, r ? NULL : error);

        r = r ? r : wrong;
    }
    for (size_t i = 0; i < OPTIONAL && !r; i++)
        if (!found[i])
            r = error_set(error, -EBADMSG, "header %s is missing", wanted[i].name);
    return r;
}

int decision_compare(const struct decision_identity *a, const struct decision_identity *b)
{
    int ids = stream_id_compare(a->id, b->id);

    ASSERT(a->sequenced && b->sequenced);
    if (a->era != b->era)
        return a->era < b->era ? -1 : 1;
    return ids ? ids : a->place == b->place ? 0 : a->place < b->place ? -1 : 1;
}

bool decision_is_of(const struct decision *decision, const struct decision_identity *identity)
{
    return decision->partition == identity->partition && decision->offset == identity->offset && bytes_equal(decision->topic, identity->topic);
}
