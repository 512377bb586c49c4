#include "seam/json.h"

#include <jansson.h>
#include <string.h>

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

enum json_fault json_object_parse(struct json **out, struct bytes text, struct error_text *error)
{
    json_error_t problem;
    json_t *root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);

    if (!root) {
        error_set(error, 0, "byte %d: %s", problem.position, problem.text);
        return fault_of(&problem);
    }
    if (!json_is_object(root)) {
        error_set(error, 0, "byte 0: the value is no JSON object");
        json_decref(root);
        return JSON_NOT_OBJECT;
    }
    *out = (struct json *)root;
    return JSON_OK;
}

struct json *json_release(struct json *json)
{
    json_decref((json_t *)json);
    return NULL;
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
        break;
    case JSON_NULL:
        break;
    }
}

bool json_member_get(const struct json *json, const char *name, struct json_member *member)
{
    const json_t *value = json_object_get((const json_t *)json, name);

    if (!value)
        return false;
    member_fill(member, value);
    return true;
}

const struct json *json_member_object(const struct json *json, const char *name)
{
    const json_t *value = json_object_get((const json_t *)json, name);

    return json_is_object(value) ? (const struct json *)value : NULL;
}
