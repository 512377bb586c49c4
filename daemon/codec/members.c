#include "codec/members.h"

#include "codec/text.h"

static void put_comma(struct buffer *out)
{
    char last = out->size ? out->data[out->size - 1] : '{';

    if (last != '{' && last != '[' && last != ',')
        buffer_put_char(out, ',');
}

void members_name(struct buffer *out, const char *name)
{
    put_comma(out);
    buffer_put_format(out, "\"%s\":", name);
}

void members_bytes(struct buffer *out, const char *name, struct bytes text)
{
    members_name(out, name);
    text_put_json(out, text);
}

void members_text(struct buffer *out, const char *name, const char *text)
{
    members_bytes(out, name, bytes_of(text));
}

void members_text_or_null(struct buffer *out, const char *name, const char *text)
{
    members_name(out, name);
    if (text[0])
        text_put_json(out, bytes_of(text));
    else
        buffer_put_text(out, "null");
}

void members_int(struct buffer *out, const char *name, int64_t value)
{
    members_name(out, name);
    buffer_put_int(out, value);
}

void members_int_or_null(struct buffer *out, const char *name, int64_t value)
{
    members_name(out, name);
    if (value < 0)
        buffer_put_text(out, "null");
    else
        buffer_put_int(out, value);
}

void members_real(struct buffer *out, const char *name, double value)
{
    members_name(out, name);
    if (value < 0)
        buffer_put_text(out, "null");
    else
        buffer_put_format(out, "%.3f", value);
}

void members_flag(struct buffer *out, const char *name, bool value)
{
    members_name(out, name);
    buffer_put_text(out, value ? "true" : "false");
}

void members_time(struct buffer *out, const char *name, int64_t ms)
{
    char text[TEXT_TIME_SIZE] = "";

    if (ms > 0)
        text_time(text, ms);
    members_text_or_null(out, name, text);
}

void members_open(struct buffer *out, const char *name, char bracket)
{
    members_name(out, name);
    buffer_put_char(out, bracket);
}

void members_element(struct buffer *out)
{
    put_comma(out);
    buffer_put_char(out, '{');
}
