/* The scanner for plain objects beside the library: whatever text, both must say the same. */
#include "seam/json.h"

#include <jansson.h>
#include <stdlib.h>

#include "check.h"
#include "unit/mutated.h"

enum { TEXT_MAX = 400, MUTATIONS = 300000 };

static const char *const seeds[] = {
    "{\"type\":\"purchase\",\"id\":\"e1\",\"buyer\":\"u1\",\"seller\":\"u2\",\"item\":\"i3\",\"price\":97}",
    " { \"a\" : -12 ,\t\"b\":true,\"c\":false , \"d\":null,\r\n\"e\":\"\" } ",
    "{}",
    "{\"a\":0,\"b\":-0,\"c\":123456789012345678,\"d\":1234567890123456789,\"e\":10}",
    "{\"a\":{\"b\":[1,2,{\"c\":1.5e3}]},\"d\":\"\\u00e9\\n\",\"e\":\"\xc3\xa9\"}",
    "{\"a\":1,\"b\":1,\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,\"j\":1,\"k\":1,\"l\":1,\"m\":1,\"n\":1,\"o\":1,\"p\":1,\"q\":1}",
};

static const char *const pieces[] = {"{", "}", "[", "]", "\"", ":", ",", " ", "0", "-", "1.5", "1e2", "00", "true", "null", "tru", "\\", "\\u0041",
                                     "\xff", "\x01", "\x7f", "\"a\":1", ",\"a\":1", "99999999999999999999"};

static bool same_value(const struct json_member *ours, const json_t *theirs)
{
    switch (json_typeof(theirs)) {
    case JSON_STRING:
        return ours->type == JSON_TYPE_STRING &&
               bytes_equal(ours->text, (struct bytes){json_string_value(theirs), json_string_length(theirs)});
    case JSON_INTEGER:
        return ours->type == JSON_TYPE_INTEGER && ours->integer == json_integer_value(theirs);
    case JSON_REAL:
        return ours->type == JSON_TYPE_REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return ours->type == JSON_TYPE_BOOLEAN && ours->integer == json_is_true(theirs);
    case JSON_NULL:
        return ours->type == JSON_TYPE_NULL;
    case JSON_ARRAY:
        return ours->type == JSON_TYPE_ARRAY;
    case JSON_OBJECT:
        return ours->type == JSON_TYPE_OBJECT;
    }
    return false;
}

static bool same_members(const struct json *ours, json_t *theirs)
{
    struct json_member member;
    const char *name;
    json_t *value;

    json_object_foreach(theirs, name, value)
        if (!json_member_get(ours, name, &member) || !same_value(&member, value))
            return false;
    return (ours->tree || ours->count == json_object_size(theirs)) && !json_member_get(ours, "not there", &member);
}

static bool agrees(struct bytes text, bool *was_plain)
{
    struct error_text error;
    json_error_t problem;
    struct json ours;
    json_t *theirs = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &problem);
    bool accepted = json_object_parse(&ours, text, &error) == JSON_OK, good = accepted == json_is_object(theirs);

    if (good && accepted)
        good = same_members(&ours, theirs);
    *was_plain = accepted && !ours.tree;
    if (accepted)
        json_release(&ours);
    json_decref(theirs);
    return good;
}

static void every_text_means_the_same_with_and_without_the_library(struct checks *c)
{
    char text[TEXT_MAX + 1];
    struct mutation m = {.seeds = seeds, .seeds_count = sizeof seeds / sizeof *seeds, .pieces = pieces, .pieces_count = sizeof pieces / sizeof *pieces,
                         .size_max = TEXT_MAX, .state = 20261124};
    int plain = 0, failed = 0;

    for (int i = 0; i < MUTATIONS && !failed; i++) {
        bool was_plain = false;
        char *exact;
        size_t size = mutate(&m, text);

        exact = malloc(size + 1);      /* no byte behind it: a look beyond the end is seen by the sanitizer */
        if (!exact)
            abort();
        memcpy(exact, text, size);
        exact = realloc(exact, size ? size : 1);
        failed += !agrees((struct bytes){exact, size}, &was_plain);
        if (failed)
            fprintf(stderr, "disagreement over: %.*s\n", (int)size, exact);
        plain += was_plain;
        free(exact);
    }
    CHECK_INT(c, failed, 0);
    CHECK(c, plain > MUTATIONS / 20);       /* else nothing was compared */
}

static void an_event_needs_no_library_and_what_is_nested_does(struct checks *c)
{
    struct error_text error;
    struct json json;

    CHECK_INT(c, json_object_parse(&json, bytes_of(seeds[0]), &error), JSON_OK);
    CHECK(c, !json.tree && json.count == 6);
    CHECK_INT(c, json_object_parse(&json, bytes_of(seeds[4]), &error), JSON_OK);
    CHECK(c, json.tree != NULL);
    json_release(&json);
}

static bool append(void *context, struct bytes name, const struct json_member *member)
{
    char *text = context;

    snprintf(text + strlen(text), 60, "%.*s is %s, ", (int)name.size, name.data, json_type_name(member->type));
    return member->type != JSON_TYPE_NULL;
}

static void members_come_in_the_order_of_the_text(struct checks *c)
{
    static const struct { const char *text, *members; bool all; } rows[] = {
        {"{\"b\":1,\"a\":\"\",\"c\":true}", "b is an integer, a is a string, c is a boolean, ", true},
        {"{\"b\":[],\"a\":{},\"c\":1.5}", "b is an array, a is an object, c is a number with a fraction or exponent, ", true},
        {"{\"b\":1,\"n\":null,\"c\":1}", "b is an integer, n is null, ", false},
        {"{\"b\":[1],\"n\":null,\"c\":1}", "b is an array, n is null, ", false},
        {"{}", "", true},
    };
    struct error_text error;
    struct json json;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200] = "";

        CHECK_INT(c, json_object_parse(&json, bytes_of(rows[i].text), &error), JSON_OK);
        CHECK_INT(c, json_each(&json, append, text), rows[i].all);
        CHECK_TEXT(c, text, rows[i].members);
        json_release(&json);
    }
}

static void the_elements_of_an_array_are_read_like_members(struct checks *c)
{
    struct error_text error;
    struct json_member element;
    struct json json;

    CHECK_INT(c, json_object_parse(&json, bytes_of("{\"a\":[null,-5,true],\"b\":7,\"c\":[]}"), &error), JSON_OK);
    CHECK_INT(c, json_member_size(&json, "a"), 3);
    CHECK_INT(c, json_member_size(&json, "b"), 0);
    CHECK_INT(c, json_member_size(&json, "c"), 0);
    CHECK_INT(c, json_member_size(&json, "d"), 0);
    json_element_get(&json, "a", 0, &element);
    CHECK_INT(c, element.type, JSON_TYPE_NULL);
    json_element_get(&json, "a", 1, &element);
    CHECK(c, element.type == JSON_TYPE_INTEGER && element.integer == -5);
    json_element_get(&json, "a", 2, &element);
    CHECK(c, element.type == JSON_TYPE_BOOLEAN && element.integer == 1);
    json_release(&json);
}

static void texts_are_the_same_value_however_they_are_written(struct checks *c)
{
    CHECK(c, json_same(bytes_of("{\"a\":1,\"b\":\"\\u0041\"}"), bytes_of(" {\"b\":\"A\",\"a\":1}")));
    CHECK(c, json_same(bytes_of("\"A\""), bytes_of("\"\\u0041\"")));
    CHECK(c, !json_same(bytes_of("{\"a\":1}"), bytes_of("{\"a\":2}")));
    CHECK(c, !json_same(bytes_of("[1,2]"), bytes_of("[2,1]")));
    CHECK(c, !json_same(bytes_of("x"), bytes_of("x")));
}

TESTS({"every text means the same with and without the library", every_text_means_the_same_with_and_without_the_library},
      {"an event needs no library, and what is nested does", an_event_needs_no_library_and_what_is_nested_does},
      {"members come in the order of the text", members_come_in_the_order_of_the_text},
      {"the elements of an array are read like members", the_elements_of_an_array_are_read_like_members},
      {"texts are the same value however they are written", texts_are_the_same_value_however_they_are_written})
