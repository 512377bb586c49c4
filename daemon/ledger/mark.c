#include "ledger/mark.h"

#include <string.h>

#include "base/hash.h"
#include "base/number.h"

static const struct reply *field(const struct reply *reply, size_t index)
{
    return index < reply->count ? reply->elements[index] : NULL;
}

static bool read_number(const struct reply *value, int64_t *out)
{
    return value && value->type == REPLY_STRING && number_parse(value->text, out);
}

static bool read_text(const struct reply *value, char *out, size_t size)
{
    if (!value || value->type != REPLY_STRING || value->text.size >= size)
        return false;
    if (value->text.size)
        memcpy(out, value->text.data, value->text.size);
    out[value->text.size] = '\0';
    return true;
}

static bool all_nil(const struct reply *reply)
{
    for (size_t i = 0; i < reply->count; i++)
        if (reply->elements[i]->type != REPLY_NIL)
            return false;
    return true;
}

int mark_read(struct mark *out, const struct reply *reply)
{
    if (reply->type != REPLY_ARRAY || reply->count != MARK_FIELDS_COUNT)
        return -EIO;
    if (all_nil(reply))
        return -ENOENT;
    *out = (struct mark){0};
    if (!read_number(field(reply, 0), &out->next) || !read_number(field(reply, 1), &out->done) ||
        !read_number(field(reply, 2), &out->seen_from) || !read_number(field(reply, 3), &out->time) ||
        !read_text(field(reply, 4), out->epoch, sizeof out->epoch) ||
        !read_text(field(reply, 5), out->fingerprint, sizeof out->fingerprint) ||
        !read_number(field(reply, 6), &out->fingerprint_offset))
        return -EBADMSG;
    out->torn = field(reply, 7)->type != REPLY_NIL;
    return out->done < 0 || out->next < out->done || out->seen_from < 0 || out->seen_from > out->next || out->time < -1 ||
                   out->fingerprint_offset < -1
               ? -EBADMSG
               : 0;
}

static bool number_is(const struct reply *value, int64_t expected)
{
    int64_t number;

    return read_number(value, &number) && number == expected;
}

bool mark_is_ours(const struct mark *mark, const struct reply *reply)
{
    return reply->type == REPLY_ARRAY && reply->count == MARK_TURN_FIELDS_COUNT &&
           reply->elements[0]->type == REPLY_STRING && bytes_equal_text(reply->elements[0]->text, mark->epoch) &&
           number_is(reply->elements[1], mark->next) && number_is(reply->elements[2], mark->done) &&
           reply->elements[3]->type == REPLY_NIL;
}

void mark_fingerprint(char out[MARK_FINGERPRINT_SIZE], int64_t timestamp, struct bytes key, struct bytes value)
{
    static const struct hash_key unkeyed = {0, 0};
    struct hash128 of_key = hash128(unkeyed, key), of_value = hash128(unkeyed, value);
    uint64_t parts[7] = {(uint64_t)timestamp, key.data != NULL, of_key.low, of_key.high,
                         value.data != NULL, of_value.low, of_value.high};

    hash128_text(hash128(unkeyed, (struct bytes){(const char *)parts, sizeof parts}), out);
}
