#include "codec/trace.h"

#include <string.h>

/* Where the parts of a traceparent begin, and how long they are. */
enum { ID_AT = 3, ID_SIZE = 32, SPAN_AT = 36, SPAN_TEXT_SIZE = 16, FLAGS_AT = 53, FLAGS_SIZE = 2, MEMBERS_MAX = 32, MEMBER_LONG = 128 };

static bool is_hex(const char *at, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (!((at[i] >= '0' && at[i] <= '9') || (at[i] >= 'a' && at[i] <= 'f')))
            return false;
    return true;
}

static bool is_zero(const char *at, size_t size)
{
    while (size && at[size - 1] == '0')
        size--;
    return size == 0;
}

/* Of a version above 00 only the beginning is known; what follows it must be set apart. */
static bool has_length(struct bytes parent)
{
    if (parent.size == TRACE_PARENT_SIZE)
        return true;
    return parent.size > TRACE_PARENT_SIZE && memcmp(parent.data, "00", 2) != 0 && parent.data[TRACE_PARENT_SIZE] == '-';
}

static bool is_parent(struct bytes parent)
{
    const char *at = parent.data;

    return at && has_length(parent) && is_hex(at, 2) && memcmp(at, "ff", 2) != 0 && at[2] == '-' && is_hex(at + ID_AT, ID_SIZE) &&
           !is_zero(at + ID_AT, ID_SIZE) && at[SPAN_AT - 1] == '-' && is_hex(at + SPAN_AT, SPAN_TEXT_SIZE) &&
           !is_zero(at + SPAN_AT, SPAN_TEXT_SIZE) && at[FLAGS_AT - 1] == '-' && is_hex(at + FLAGS_AT, FLAGS_SIZE);
}

struct bytes trace_id(struct bytes parent)
{
    return is_parent(parent) ? (struct bytes){parent.data + ID_AT, ID_SIZE} : (struct bytes){NULL, 0};
}

/* Of the flags, the two bits that have a meaning. */
static char flags_of(char digit)
{
    int value = digit <= '9' ? digit - '0' : digit - 'a' + 10;

    return (char)('0' + (value & 3));
}

bool trace_continue(char out[TRACE_PARENT_SIZE + 1], struct bytes parent, const unsigned char *span)
{
    static const char digits[] = "0123456789abcdef";

    if (!is_parent(parent))
        return false;
    memcpy(out, parent.data, TRACE_PARENT_SIZE);
    out[TRACE_PARENT_SIZE] = '\0';
    out[0] = out[1] = out[FLAGS_AT] = '0';
    out[FLAGS_AT + 1] = flags_of(parent.data[FLAGS_AT + 1]);
    for (int i = 0; i < TRACE_SPAN_SIZE; i++) {
        out[SPAN_AT + 2 * i] = digits[span[i] >> 4];
        out[SPAN_AT + 2 * i + 1] = digits[span[i] & 15];
    }
    return true;
}

static bool is_state(struct bytes state)
{
    size_t members = 1;

    for (size_t i = 0; i < state.size; i++) {
        if (state.data[i] < 0x20 || state.data[i] > 0x7e)
            return false;
        members += state.data[i] == ',';
    }
    return state.data && state.size > 0 && members <= MEMBERS_MAX;
}

struct bytes trace_state(char out[TRACE_STATE_MAX], struct bytes state)
{
    const char *at, *end;
    size_t size = 0;

    if (!is_state(state))
        return (struct bytes){NULL, 0};
    if (state.size <= TRACE_STATE_MAX)
        return state;
    at = state.data;
    end = at + state.size;
    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at)), *stop = comma ? comma : end;
        size_t length = (size_t)(stop - at), comma_size = size > 0;

        if (length <= MEMBER_LONG && size + comma_size + length > TRACE_STATE_MAX)
            break;
        if (length <= MEMBER_LONG) {
            memcpy(out + size, ",", comma_size);
            memcpy(out + size + comma_size, at, length);
            size += comma_size + length;
        }
        at = comma ? comma + 1 : end;
    }
    return (struct bytes){size ? out : NULL, size};
}
