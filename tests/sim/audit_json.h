/* A strict reader of JSON that keeps the spans of an object's members, so that they can be carried as they came. */
#ifndef ORDERD_TESTS_SIM_AUDIT_JSON_H
#define ORDERD_TESTS_SIM_AUDIT_JSON_H

#include "base/arena.h"
#include "base/bytes.h"

enum audit_json { AUDIT_JSON_OBJECT, AUDIT_JSON_ARRAY, AUDIT_JSON_STRING, AUDIT_JSON_INTEGER, AUDIT_JSON_REAL, AUDIT_JSON_WORD };

struct audit_member {
    struct bytes name;        /* without quotes and escapes */
    struct bytes raw_name;    /* with both */
    struct bytes value;       /* from its first byte to its last */
    enum audit_json type;
};

enum { AUDIT_JSON_DEPTH = 2048 };

struct audit_frame;

struct audit_members {
    struct audit_member *items;
    size_t count, capacity;
    struct bytes span;        /* of the object */
    /* Scratch: what is open, hashes of the names of the objects among it, and of large ones in a table. */
    struct audit_frame *frames;
    uint64_t *names;
    size_t names_count, names_capacity;
    struct { uint64_t object, name; } *table;
    size_t table_count, table_capacity;
};

void audit_members_deinit(struct audit_members *members);
/* Reads one object with nothing but white space around it. NULL, or the reason of DESIGN 2.2 why it is none. */
const char *audit_json_object(struct audit_members *out, struct arena *arena, struct bytes text) MUST_CHECK;
/* NULL when there is none. */
const struct audit_member *audit_json_member(const struct audit_members *members, const char *name);
/* The text of a string's span; what was read without a complaint has no other form. */
struct bytes audit_json_text(struct arena *arena, struct bytes span);
/* Appends the span without the white space between its tokens. */
void audit_json_compact(struct buffer *out, struct bytes span);
/* Length of the UTF-8 sequence that begins there; 0: none does. */
size_t audit_utf8(const char *at, const char *end);
/* Appends the text as a string, with quotes and what must be escaped. */
void audit_json_quote(struct buffer *out, struct bytes text);

#endif
