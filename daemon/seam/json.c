/* The library says what is JSON and what is wrong with what is not. Before it is asked, a scanner of ours looks whether the text is of
 * the shape that nearly every event has: one flat object of few members, printable ASCII without escapes, integers of up to 18 digits.
 * It never refuses: at the first byte that it does not expect, the library reads the whole text. What it accepts, the library would
 * accept with the same members (tests/unit/json.c). Measured: 0.2 instead of 1.6 microseconds, a fifth of what an event costs. */
#include "seam/json.h"

#include <jansson.h>
#include <string.h>

enum { PLAIN_DIGITS_MAX = 18 };

/* jansson's error code is the last byte of its error's text; the classes that a producer can act on are told apart. */
static enum json_fault fault_of(const json_error_t *problem)
{
    switch (json_error_code(problem)) {
    case json_error_end_of_input_expected:
        return JSON_TRAILING;
    case json_error_duplicate_key:
        return JSON_DUPLICATE;
    case json_error_invalid_utf8:
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return JSON_UTF8;
    case json_error_numeric_overflow:
        return JSON_NUMBER;
    case json_error_stack_overflow:
        return JSON_TOO_DEEP;
    case json_error_out_of_memory:
        return JSON_MEMORY;
    default:      /* a lone surrogate has no code of its own */
        return strncmp(problem->text, "invalid Unicode", 15) == 0 ? JSON_UTF8 : JSON_SYNTAX;
    }
}

/* Where the scanner is; NULL: not plain. */
struct scan {
    const char *at, *end;
};

static void skip_space(struct scan *scan)
{
    while (scan->at < scan->end && (*scan->at == ' ' || *scan->at == '\n' || *scan->at == '\t' || *scan->at == '\r'))
        scan->at++;
}

static bool take(struct scan *scan, char wanted)
{
    skip_space(scan);
    if (scan->at == scan->end || *scan->at != wanted)
        return false;
    scan->at++;
    return true;
}

static bool take_string(struct scan *scan, struct bytes *out)
{
    const char *start;

    if (!take(scan, '"'))
        return false;
    for (start = scan->at; scan->at < scan->end && *scan->at != '"'; scan->at++)
        if (*scan->at < 0x20 || *scan->at > 0x7e || *scan->at == '\\')
            return false;
    *out = (struct bytes){start, (size_t)(scan->at - start)};
    return take(scan, '"');
}

static bool take_integer(struct scan *scan, int64_t *out)
{
    const char *start = scan->at;
    bool negative = *start == '-';
    int64_t sum = 0;

    for (scan->at += negative; scan->at < scan->end && *scan->at >= '0' && *scan->at <= '9'; scan->at++) {
        if (scan->at - start >= PLAIN_DIGITS_MAX)
            return false;
        sum = 10 * sum + (*scan->at - '0');
    }
    start += negative;
    *out = negative ? -sum : sum;
    return scan->at > start && (*start != '0' || scan->at - start == 1);
}

static bool take_word(struct scan *scan, const char *word)
{
    size_t size = strlen(word);

    if ((size_t)(scan->end - scan->at) < size || memcmp(scan->at, word, size) != 0)
        return false;
    scan->at += size;
    return true;
}

static bool take_value(struct scan *scan, struct json_plain *member)
{
    skip_space(scan);
    if (scan->at == scan->end)
        return false;
    member->type = *scan->at == '"' ? JSON_TYPE_STRING : *scan->at == 'n' ? JSON_TYPE_NULL : JSON_TYPE_BOOLEAN;
    if (member->type == JSON_TYPE_STRING)
        return take_string(scan, &member->text);
    if (*scan->at == 'n')
        return take_word(scan, "null");
    if (*scan->at == 't' || *scan->at == 'f') {
        member->integer = *scan->at == 't';
        return take_word(scan, member->integer ? "true" : "false");
    }
    member->type = JSON_TYPE_INTEGER;
    return take_integer(scan, &member->integer);
}

static const struct json_plain *find(const struct json *json, struct bytes name)
{
    for (size_t i = 0; i < json->count; i++)
        if (json->members[i].name.size == name.size && memcmp(json->members[i].name.data, name.data, name.size) == 0)
            return &json->members[i];
    return NULL;
}

/* False: not plain, which says nothing about whether it is JSON. */
static bool plain(struct json *out, struct bytes text)
{
    struct scan scan = {text.data, text.data + text.size};

    if (!take(&scan, '{'))
        return false;
    do {
        struct json_plain member = {.integer = 0};

        if (out->count == JSON_PLAIN_MAX || !take_string(&scan, &member.name) || find(out, member.name) || !take(&scan, ':') ||
            !take_value(&scan, &member))
            return false;
        out->members[out->count++] = member;
    } while (take(&scan, ','));
    if (!take(&scan, '}'))
        return false;
    skip_space(&scan);
    return scan.at == scan.end;
}

enum json_fault json_object_parse(struct json *out, struct bytes text, struct error_text *error)
{
    json_error_t problem;
    json_t *root;

    out->tree = NULL;
    out->count = 0;
    if (plain(out, text))
        return JSON_OK;
    root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    if (!root) {
        error_set(error, 0, "byte %d: %s", problem.position, problem.text);
        return fault_of(&problem);
    }
    if (!json_is_object(root)) {
        error_set(error, 0, "byte 0: the value is no JSON object");
        json_decref(root);
        return JSON_NOT_OBJECT;
    }
    out->tree = root;
    return JSON_OK;
}

void json_release(struct json *json)
{
    json_decref((json_t *)(uintptr_t)json->tree);
    json->tree = NULL;
}

static void member_fill(struct json_member *member, const json_t *value)
{
    *member = (struct json_member){.type = JSON_TYPE_NULL};
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        member->type = JSON_TYPE_OBJECT;
        break;
    case JSON_ARRAY:
        member->type = JSON_TYPE_ARRAY;
        break;
    case JSON_STRING:
        member->type = JSON_TYPE_STRING;
        member->text = (struct bytes){json_string_value(value), json_string_length(value)};
        break;
    case JSON_INTEGER:
        member->type = JSON_TYPE_INTEGER;
        member->integer = json_integer_value(value);
        break;
    case JSON_REAL:
        member->type = JSON_TYPE_REAL;
        break;
    case JSON_TRUE:
    case JSON_FALSE:
        member->type = JSON_TYPE_BOOLEAN;
        member->integer = json_is_true(value);
        break;
    case JSON_NULL:
        break;
    }
}

bool json_member_get(const struct json *json, const char *name, struct json_member *member)
{
    const struct json_plain *found;
    const json_t *value;

    if (json->tree) {
        value = json_object_get(json->tree, name);
        if (value)
            member_fill(member, value);
        return value != NULL;
    }
    found = find(json, bytes_of(name));
    if (found)
        *member = (struct json_member){found->type, found->text, found->integer};
    return found != NULL;
}

bool json_member_object(const struct json *json, const char *name, struct json *out)
{
    const json_t *value = json->tree ? json_object_get(json->tree, name) : NULL;

    out->tree = value;
    out->count = 0;
    return json_is_object(value);
}

static const json_t *member_of(const struct json *json, const char *name)
{
    return json->tree ? json_object_get(json->tree, name) : NULL;
}

size_t json_member_size(const struct json *json, const char *name)
{
    return json_array_size(member_of(json, name));
}

void json_element_get(const struct json *json, const char *name, size_t index, struct json_member *element)
{
    const json_t *value = json_array_get(member_of(json, name), index);

    ASSERT(value);
    member_fill(element, value);
}

bool json_each(const struct json *json, bool (*each)(void *context, struct bytes name, const struct json_member *member), void *context)
{
    json_t *tree = (json_t *)(uintptr_t)json->tree;
    struct json_member member;

    for (size_t i = 0; !tree && i < json->count; i++) {
        member = (struct json_member){json->members[i].type, json->members[i].text, json->members[i].integer};
        if (!each(context, json->members[i].name, &member))
            return false;
    }
    for (void *at = json_object_iter(tree); at; at = json_object_iter_next(tree, at)) {
        member_fill(&member, json_object_iter_value(at));
        if (!each(context, bytes_of(json_object_iter_key(at)), &member))
            return false;
    }
    return true;
}

bool json_same(struct bytes a, struct bytes b)
{
    json_t *left = json_loadb(a.data, a.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    json_t *right = json_loadb(b.data, b.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
    bool same = left && right && json_equal(left, right);

    json_decref(left);
    json_decref(right);
    return same;
}

const char *json_type_name(enum json_type type)
{
    static const char *const names[] = {"null", "a boolean", "an integer", "a number with a fraction or exponent",
                                        "a string", "an array", "an object"};

    return names[type];
}
