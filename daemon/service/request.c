#include "service/request.h"

#include <string.h>

#include "codec/text.h"
#include "seam/json.h"

enum { WIDTH_MIN = 40, WIDTH_DEFAULT = 100, WIDTH_MAX = 400 };

static const char *const words[] = {
#define REQUEST_WORD(constant, word) [REQUEST_##constant] = word,
    REQUEST_VERBS(REQUEST_WORD)
#undef REQUEST_WORD
};

const char *request_verb_name(enum request_verb verb)
{
    ASSERT((unsigned)verb < REQUEST_VERB_COUNT);
    return words[verb];
}

static bool is_plain(struct bytes text)
{
    for (size_t i = 0; i < text.size; i++)
        if ((unsigned char)text.data[i] < 0x20 || text.data[i] == 0x7f)
            return false;
    return true;
}

static int take_text(const struct json *json, const char *name, char *out, size_t size, struct error_text *error)
{
    struct json_member member;

    out[0] = '\0';
    if (!json_member_get(json, name, &member))
        return 0;
    if (member.type != JSON_TYPE_STRING || member.text.size >= size || !is_plain(member.text))
        return error_set(error, -EINVAL, "%s is a text of at most %zu bytes without control characters", name, size - 1);
    memcpy(out, member.text.data, member.text.size);
    out[member.text.size] = '\0';
    return 0;
}

static int take_number(const struct json *json, const char *name, int64_t low, int64_t high, int64_t absent, int64_t *out, struct error_text *error)
{
    struct json_member member;

    *out = absent;
    if (!json_member_get(json, name, &member))
        return 0;
    if (member.type != JSON_TYPE_INTEGER || member.integer < low || member.integer > high)
        return error_set(error, -EINVAL, "%s is an integer from %lld to %lld", name, (long long)low, (long long)high);
    *out = member.integer;
    return 0;
}

static int take_verb(const struct json *json, struct request *out, struct error_text *error)
{
    struct json_member member;

    if (!json_member_get(json, "v", &member) || member.type != JSON_TYPE_INTEGER || member.integer != REQUEST_VERSION)
        return error_set(error, -EINVAL, "v is the version that is spoken here: %d", REQUEST_VERSION);
    if (!json_member_get(json, "do", &member) || member.type != JSON_TYPE_STRING)
        return error_set(error, -EINVAL, "do is missing: a verb, as a text");
    for (int i = 0; i < REQUEST_VERB_COUNT; i++)
        if (bytes_equal_text(member.text, words[i])) {
            out->verb = (enum request_verb)i;
            return 0;
        }
    return error_set(error, -EINVAL, "do is a verb that is not known here");
}

static int take_members(const struct json *json, struct request *out, struct error_text *error)
{
    int64_t partition, width, flag;
    int r = take_verb(json, out, error);

    if (!r)
        r = take_text(json, "topic", out->topic, sizeof out->topic, error);
    if (!r)
        r = take_number(json, "partition", 0, INT32_MAX, -1, &partition, error);
    if (!r)
        r = take_number(json, "offset", 0, INT64_MAX - 1, -1, &out->offset, error);
    if (!r)
        r = take_number(json, "number", 0, INT64_MAX, 0, &out->number, error);
    if (!r)
        r = take_number(json, "width", 1, INT32_MAX, WIDTH_DEFAULT, &width, error);
    if (!r)
        r = take_text(json, "text", out->text, sizeof out->text, error);
    if (r)
        return r;
    out->partition = (int32_t)partition;
    out->width = width < WIDTH_MIN ? WIDTH_MIN : width > WIDTH_MAX ? WIDTH_MAX : (int)width;
    r = take_number(json, "json", 0, 1, 0, &flag, error);
    out->json = flag == 1;
    if (!r)
        r = take_number(json, "colour", 0, 1, 0, &flag, error);
    out->colour = flag == 1;
    return r;
}

static int check(const struct request *r, struct error_text *error)
{
    if (r->partition >= 0 && !r->topic[0])
        return error_set(error, -EINVAL, "partition is given without its topic");
    if (r->verb == REQUEST_SKIP && (r->partition < 0 || r->offset < 0))
        return error_set(error, -EINVAL, "skip is about one event: topic, partition and offset");
    if (((r->verb == REQUEST_SKIP && r->number != REQUEST_SKIP_NOT) || r->verb == REQUEST_LOG_LEVEL) && !r->text[0])
        return error_set(error, -EINVAL, r->verb == REQUEST_SKIP ? "text is missing: why it is skipped" : "text is missing: the level");
    return 0;
}

int request_parse(struct request *out, struct bytes line, struct error_text *error)
{
    struct error_text why = {""};
    struct json json;
    int r;

    *out = (struct request){.partition = -1, .offset = -1};
    if (json_object_parse(&json, line, &why) != JSON_OK)
        return error_set(error, -EINVAL, "a request is one JSON object a line: %s", why.text);
    r = take_members(&json, out, error);
    json_release(&json);
    return r ? r : check(out, error);
}

static void put_text(struct buffer *out, const char *name, const char *text)
{
    if (!text[0])
        return;
    buffer_put_format(out, ",\"%s\":", name);
    text_put_json(out, bytes_of(text));
}

static void put_number(struct buffer *out, const char *name, int64_t value, bool wanted)
{
    if (wanted)
        buffer_put_format(out, ",\"%s\":%lld", name, (long long)value);
}

void request_put(struct buffer *out, const struct request *r)
{
    buffer_put_format(out, "{\"v\":%d", REQUEST_VERSION);
    put_text(out, "do", words[r->verb]);
    put_text(out, "topic", r->topic);
    put_number(out, "partition", r->partition, r->partition >= 0);
    put_number(out, "offset", r->offset, r->offset >= 0);
    put_number(out, "number", r->number, r->number > 0);
    put_number(out, "width", r->width, r->width > 0);
    put_number(out, "json", 1, r->json);
    put_number(out, "colour", 1, r->colour);
    put_text(out, "text", r->text);
    buffer_put_char(out, '}');
}

void answer_put(struct buffer *out, int code, struct bytes text)
{
    buffer_put_format(out, "{\"v\":%d,\"code\":%d,\"text\":", REQUEST_VERSION, code);
    text_put_json(out, text);
    buffer_put_text(out, "}\n");
}
