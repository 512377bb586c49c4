/* Strict JSON: one object, its members handed up in the order of the text. The only file that includes the JSON library. */
#ifndef ORDERD_SEAM_JSON_H
#define ORDERD_SEAM_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

enum json_type { JSON_TYPE_NULL, JSON_TYPE_BOOLEAN, JSON_TYPE_INTEGER, JSON_TYPE_REAL, JSON_TYPE_STRING, JSON_TYPE_ARRAY, JSON_TYPE_OBJECT };

/* A member that stands in the text as it is: no escape, nothing nested. Points into the text. */
struct json_plain {
    struct bytes name, text;
    enum json_type type;
    int64_t integer;     /* a boolean is 0 or 1 */
};

enum { JSON_PLAIN_MAX = 16 };

/* An object. Nearly every event is flat and short, and is read in one pass without the library; `tree` is the library's for all others. */
struct json {
    const void *tree;
    size_t count;
    struct json_plain members[JSON_PLAIN_MAX];
};

enum json_fault {
    JSON_OK,
    JSON_NOT_OBJECT,      /* well formed, but no object */
    JSON_SYNTAX,          /* trailing bytes, bad literal, unterminated … */
    JSON_TRAILING,        /* a whole value and then more bytes */
    JSON_DUPLICATE,       /* a member given twice */
    JSON_UTF8,            /* not UTF-8, or \u0000, or a lone surrogate */
    JSON_NUMBER,          /* a number outside int64 and double */
    JSON_TOO_DEEP,
    JSON_MEMORY
};

/* Parses exactly one object. `error` gets a sentence with the place ("byte 17: …"). On JSON_OK it must be released; the text must live as
 * long as the object. */
enum json_fault json_object_parse(struct json *out, struct bytes text, struct error_text *error) MUST_CHECK;
void json_release(struct json *json);

/* A member of the object; valid until json_release. `text` is the decoded string (JSON_TYPE_STRING), `integer` 0 or 1 of a boolean. */
struct json_member {
    enum json_type type;
    struct bytes text;
    int64_t integer;
};

/* True when the object has the member. */
bool json_member_get(const struct json *json, const char *name, struct json_member *member);
/* The member as an object of its own (borrowed: lives with its parent, not released); false when it is none. */
bool json_member_object(const struct json *json, const char *name, struct json *out);
/* How many elements the member has; 0 when it is no array. */
size_t json_member_size(const struct json *json, const char *name);
/* An element of it; `index` is below its size. */
void json_element_get(const struct json *json, const char *name, size_t index, struct json_member *element);
/* Hands up each member in the order of the text, until `each` returns false; whether it never did. */
bool json_each(const struct json *json, bool (*each)(void *context, struct bytes name, const struct json_member *member), void *context);

/* Whether both are JSON, and the same value: the order of members, white space and escapes do not count. */
bool json_same(struct bytes a, struct bytes b);
/* "an integer", "null", for messages. */
const char *json_type_name(enum json_type type);

#endif
