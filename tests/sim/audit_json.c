#include "sim/audit_json.h"

#include <math.h>
#include <stdlib.h>

#include "base/number.h"

enum { LINEAR_MAX = 16, REAL_MAX = 400 };

static const char not_json[] = "not_json", invalid_utf8[] = "invalid_utf8";

struct scan {
    const char *at, *end;
    struct arena *arena;
    struct audit_members *members;
    uint64_t objects;                 /* begun so far, as their names */
    size_t depth;
    struct audit_frame *frames;
};

/* An object or array that is open. */
struct audit_frame {
    char open;                        /* '{' or '[' */
    size_t base;                      /* its first name's place in members->names */
    uint64_t object;
};

void audit_members_deinit(struct audit_members *members)
{
    free(members->items);
    free(members->names);
    free(members->table);
    free(members->frames);
    *members = (struct audit_members){.items = NULL};
}

size_t audit_utf8(const char *at, const char *end)
{
    const unsigned char *p = (const unsigned char *)at;
    size_t left = (size_t)(end - at), size;
    uint32_t point;

    if (left == 0)
        return 0;
    if (p[0] < 0x80)
        return 1;
    size = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
    if (p[0] < 0xc2 || p[0] > 0xf4 || left < size)
        return 0;
    point = p[0] & (0x7fu >> size);
    for (size_t i = 1; i < size; i++) {
        if ((p[i] & 0xc0) != 0x80)
            return 0;
        point = point << 6 | (p[i] & 0x3fu);
    }
    if ((size == 3 && point < 0x800) || (size == 4 && (point < 0x10000 || point > 0x10ffff)) || (point >= 0xd800 && point <= 0xdfff))
        return 0;
    return size;
}

static const char *no_token(const struct scan *s)
{
    return s->at < s->end && (unsigned char)*s->at >= 0x80 && !audit_utf8(s->at, s->end) ? invalid_utf8 : not_json;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static void skip_space(struct scan *s)
{
    while (s->at < s->end && is_space(*s->at))
        s->at++;
}

/* Four hexadecimal digits; -1 when they are not. */
static int32_t hex4(const char *at, const char *end)
{
    int32_t value = 0;

    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        char c = at[i];
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;

        if (digit < 0)
            return -1;
        value = value * 16 + digit;
    }
    return value;
}

/* Behind "\u"; what is no character at all is no text. */
static const char *scan_unicode(struct scan *s)
{
    int32_t unit = hex4(s->at, s->end), low;

    if (unit < 0)
        return not_json;
    s->at += 4;
    if (unit == 0 || (unit >= 0xdc00 && unit <= 0xdfff))
        return invalid_utf8;
    if (unit < 0xd800 || unit > 0xdbff)
        return NULL;
    if (s->end - s->at < 6 || s->at[0] != '\\' || s->at[1] != 'u')
        return invalid_utf8;
    low = hex4(s->at + 2, s->end);
    if (low < 0)
        return not_json;
    s->at += 6;
    return low >= 0xdc00 && low <= 0xdfff ? NULL : invalid_utf8;
}

/* At the opening quote; ends behind the closing one. */
static const char *scan_string(struct scan *s)
{
    for (s->at++; s->at < s->end;) {
        unsigned char c = (unsigned char)*s->at;
        size_t size;

        if (c == '"') {
            s->at++;
            return NULL;
        }
        if (c < 0x20)
            return not_json;
        if (c == '\\') {
            const char *reason = NULL;

            if (s->end - s->at < 2)
                return not_json;
            s->at += 2;
            if (s->at[-1] == 'u')
                reason = scan_unicode(s);
            else if (!strchr("\"\\/bfnrt", s->at[-1]) || !s->at[-1])
                reason = not_json;
            if (reason)
                return reason;
            continue;
        }
        size = c < 0x80 ? 1 : audit_utf8(s->at, s->end);
        if (!size)
            return invalid_utf8;
        s->at += size;
    }
    return not_json;
}

static size_t digits(struct scan *s)
{
    const char *from = s->at;

    while (s->at < s->end && *s->at >= '0' && *s->at <= '9')
        s->at++;
    return (size_t)(s->at - from);
}

/* A real that a double cannot hold is a number out of range, as an integer beyond 64 bits is. */
static const char *real_range(struct bytes text)
{
    char copy[REAL_MAX];
    const char *exponent = memchr(text.data, 'e', text.size);

    exponent = exponent ? exponent : memchr(text.data, 'E', text.size);
    if (text.size >= sizeof copy && !exponent)
        return NULL;
    if (text.size >= sizeof copy)
        return "number_out_of_range";
    memcpy(copy, text.data, text.size);
    copy[text.size] = '\0';
    return isinf(strtod(copy, NULL)) ? "number_out_of_range" : NULL;
}

static const char *scan_number(struct scan *s, enum audit_json *type)
{
    struct bytes text = {s->at, 0};
    int64_t value;

    *type = AUDIT_JSON_INTEGER;
    s->at += *s->at == '-';
    if (s->at < s->end && *s->at == '0')
        s->at++;
    else if (!digits(s))
        return no_token(s);
    if (s->at < s->end && *s->at == '.') {
        *type = AUDIT_JSON_REAL;
        s->at++;
        if (!digits(s))
            return no_token(s);
    }
    if (s->at < s->end && (*s->at == 'e' || *s->at == 'E')) {
        *type = AUDIT_JSON_REAL;
        s->at++;
        s->at += s->at < s->end && (*s->at == '+' || *s->at == '-');
        if (!digits(s))
            return no_token(s);
    }
    text.size = (size_t)(s->at - text.data);
    if (*type == AUDIT_JSON_REAL)
        return real_range(text);
    return number_parse(text, &value) || bytes_equal_text(text, "-0") ? NULL : "number_out_of_range";
}

static const char *scan_word(struct scan *s, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(s->end - s->at) < size || memcmp(s->at, word, size) != 0)
        return no_token(s);
    s->at += size;
    return NULL;
}

static const char *scan_scalar(struct scan *s, enum audit_json *type)
{
    *type = AUDIT_JSON_WORD;
    if (s->at == s->end)
        return not_json;
    switch (*s->at) {
    case '"':
        *type = AUDIT_JSON_STRING;
        return scan_string(s);
    case 't':
        return scan_word(s, "true");
    case 'f':
        return scan_word(s, "false");
    case 'n':
        return scan_word(s, "null");
    default:
        return *s->at == '-' || (*s->at >= '0' && *s->at <= '9') ? scan_number(s, type) : no_token(s);
    }
}

static void *grown(void *items, size_t *capacity, size_t size)
{
    *capacity = *capacity ? 2 * *capacity : 64;
    items = realloc(items, *capacity * size);
    ASSERT(items);
    return items;
}

static bool table_put(struct audit_members *m, uint64_t object, uint64_t name)
{
    size_t at = (size_t)((object * 0x9e3779b97f4a7c15u) ^ name) & (m->table_capacity - 1);

    while (m->table[at].object && (m->table[at].object != object || m->table[at].name != name))
        at = (at + 1) & (m->table_capacity - 1);
    if (m->table[at].object)
        return false;
    m->table[at].object = object;
    m->table[at].name = name;
    m->table_count++;
    return true;
}

static void table_grow(struct audit_members *m)
{
    size_t before = m->table_capacity;
    struct audit_members old = *m;

    m->table_capacity = before ? 2 * before : 256;
    m->table = calloc(m->table_capacity, sizeof *m->table);
    ASSERT(m->table);
    m->table_count = 0;
    for (size_t i = 0; i < before; i++)
        if (old.table[i].object)
            table_put(m, old.table[i].object, old.table[i].name);
    free(old.table);
}

/* Whether the innermost object has no member of that name yet: few names are compared one by one, many stand in a table. */
static bool new_name(struct scan *s, uint64_t name)
{
    struct audit_members *m = s->members;
    size_t base = s->frames[s->depth - 1].base, count = m->names_count - base;

    if (m->names_count == m->names_capacity)
        m->names = grown(m->names, &m->names_capacity, sizeof *m->names);
    m->names[m->names_count++] = name;
    if (count < LINEAR_MAX) {
        for (size_t i = base; i < base + count; i++)
            if (m->names[i] == name)
                return false;
        return true;
    }
    for (size_t i = count == LINEAR_MAX ? base : base + count; i <= base + count; i++) {
        if (2 * (m->table_count + 1) > m->table_capacity)
            table_grow(m);
        if (!table_put(m, s->frames[s->depth - 1].object, m->names[i]))
            return false;
    }
    return true;
}

static uint64_t name_hash(struct bytes name)
{
    uint64_t hash = 0xcbf29ce484222325u;

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (unsigned char)name.data[i]) * 0x100000001b3u;
    return hash;
}

static void put_member(struct scan *s, struct bytes raw, struct bytes name)
{
    struct audit_members *m = s->members;

    if (m->count == m->capacity)
        m->items = grown(m->items, &m->capacity, sizeof *m->items);
    m->items[m->count++] = (struct audit_member){.name = name, .raw_name = raw};
}

/* At a member's name; ends before its value. */
static const char *scan_name(struct scan *s)
{
    const char *from = s->at, *reason;
    struct bytes raw, name;

    if (s->at == s->end || *s->at != '"')
        return no_token(s);
    reason = scan_string(s);
    if (reason)
        return reason;
    raw = (struct bytes){from, (size_t)(s->at - from)};
    name = audit_json_text(s->arena, raw);
    if (!new_name(s, name_hash(name)))
        return "duplicate_field";
    if (s->depth == 1)
        put_member(s, raw, name);
    skip_space(s);
    if (s->at == s->end || *s->at != ':')
        return no_token(s);
    s->at++;
    return NULL;
}

static bool push(struct scan *s)
{
    if (s->depth == AUDIT_JSON_DEPTH)
        return false;
    s->frames[s->depth++] = (struct audit_frame){*s->at, s->members->names_count, ++s->objects};
    s->at++;
    return true;
}

/* A value of the outermost object ended here. */
static void member_ends(struct scan *s, enum audit_json type)
{
    struct audit_member *member;

    if (s->depth != 1 || s->frames[0].open != '{')
        return;
    member = &s->members->items[s->members->count - 1];
    member->type = type;
    member->value.size = (size_t)(s->at - member->value.data);
}

/* Behind a value: closes what ends here, up to the next value to come (false) or the end of all (true). */
static const char *scan_behind(struct scan *s, enum audit_json type, bool *whole)
{
    for (*whole = false;;) {
        char open;

        member_ends(s, type);
        if (s->depth == 0) {
            *whole = true;
            return NULL;
        }
        open = s->frames[s->depth - 1].open;
        skip_space(s);
        if (s->at < s->end && *s->at == ',') {
            s->at++;
            skip_space(s);
            return open == '{' ? scan_name(s) : NULL;
        }
        if (s->at == s->end || *s->at != (open == '{' ? '}' : ']'))
            return no_token(s);
        s->at++;
        s->members->names_count = s->frames[--s->depth].base;
        type = open == '{' ? AUDIT_JSON_OBJECT : AUDIT_JSON_ARRAY;
    }
}

/* An object or array that is empty ends at once; else its first value is to come. */
static const char *scan_opening(struct scan *s, bool *empty)
{
    char open = *s->at;

    if (!push(s))
        return not_json;
    skip_space(s);
    *empty = s->at < s->end && *s->at == (open == '{' ? '}' : ']');
    if (*empty) {
        s->at++;
        s->members->names_count = s->frames[--s->depth].base;
        return NULL;
    }
    return open == '{' ? scan_name(s) : NULL;
}

static const char *scan_value(struct scan *s, enum audit_json *first)
{
    const char *reason = NULL, *from = s->at;
    bool whole = false;

    while (!reason && !whole) {
        enum audit_json type;
        bool ended = true;

        skip_space(s);
        if (s->depth == 1 && s->frames[0].open == '{')
            s->members->items[s->members->count - 1].value.data = s->at;
        if (s->at < s->end && (*s->at == '{' || *s->at == '[')) {
            type = *s->at == '{' ? AUDIT_JSON_OBJECT : AUDIT_JSON_ARRAY;
            if (s->at == from)
                *first = type;
            reason = scan_opening(s, &ended);
        } else {
            reason = scan_scalar(s, &type);
            if (s->depth == 0)
                *first = type;
        }
        if (!reason && ended)
            reason = scan_behind(s, type, &whole);
    }
    return reason;
}

const char *audit_json_object(struct audit_members *out, struct arena *arena, struct bytes text)
{
    struct scan s = {.at = text.data, .end = text.data + text.size, .arena = arena, .members = out};
    enum audit_json type = AUDIT_JSON_WORD;
    const char *reason;

    if (!out->frames)
        out->frames = malloc(AUDIT_JSON_DEPTH * sizeof *out->frames);
    ASSERT(out->frames);
    s.frames = out->frames;
    out->count = out->names_count = 0;
    if (out->table_count) {
        memset(out->table, 0, out->table_capacity * sizeof *out->table);
        out->table_count = 0;
    }
    skip_space(&s);
    out->span.data = s.at;
    reason = scan_value(&s, &type);
    if (reason)
        return reason;
    out->span.size = (size_t)(s.at - out->span.data);
    skip_space(&s);
    if (s.at != s.end)
        return no_token(&s) == invalid_utf8 ? invalid_utf8 : "trailing_bytes";
    return type == AUDIT_JSON_OBJECT ? NULL : "not_object";
}
