#include "service/exposition.h"

#include <inttypes.h>

void exposition_family(struct buffer *out, const char *name, const char *type, const char *help)
{
    buffer_put_format(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* What the format escapes in a label's value. */
static void put_value(struct buffer *out, struct bytes value)
{
    for (size_t i = 0; i < value.size; i++) {
        char c = value.data[i];

        if (c == '\\' || c == '"')
            buffer_put_char(out, '\\');
        if (c == '\n')
            buffer_put_text(out, "\\n");
        else
            buffer_put_char(out, c);
    }
}

static void put_labels(struct buffer *out, const struct labels *labels)
{
    for (size_t i = 0; labels && i < labels->count; i++) {
        buffer_put_char(out, i ? ',' : '{');
        buffer_put_text(out, labels->items[i].name);
        buffer_put_text(out, "=\"");
        put_value(out, labels->items[i].value);
        buffer_put_char(out, '"');
    }
    if (labels && labels->count)
        buffer_put_char(out, '}');
}

/* Without a fraction of zeros, so that a bound's text is the one that people write. */
static void put_number(struct buffer *out, int64_t value, int64_t scale)
{
    uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value, fraction = size % (uint64_t)scale;
    int digits = 0;

    if (value < 0)
        buffer_put_char(out, '-');
    buffer_put_int(out, (int64_t)(size / (uint64_t)scale));
    if (!fraction)
        return;
    for (int64_t left = scale; left > 1; left /= 10)
        digits++;
    for (; fraction % 10 == 0; fraction /= 10)
        digits--;
    buffer_put_format(out, ".%0*" PRIu64, digits, fraction);
}

void exposition_sample(struct buffer *out, const char *name, const struct labels *labels, int64_t value, int64_t scale)
{
    buffer_put_text(out, name);
    put_labels(out, labels);
    buffer_put_char(out, ' ');
    put_number(out, value, scale);
    buffer_put_char(out, '\n');
}

void exposition_histogram(struct buffer *out, const char *name, const struct histogram *histogram, int64_t scale)
{
    uint64_t below = 0;

    for (size_t i = 0; i < histogram->bounds_count; i++) {
        below += histogram->buckets[i];
        buffer_put_format(out, "%s_bucket{le=\"", name);
        put_number(out, histogram->bounds[i], scale);
        buffer_put_format(out, "\"} %" PRIu64 "\n", below);
    }
    buffer_put_format(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n%s_sum ", name, histogram->count, name);
    put_number(out, histogram->sum, scale);
    buffer_put_format(out, "\n%s_count %" PRIu64 "\n", name, histogram->count);
}
