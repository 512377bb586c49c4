/* Foreign bytes as they are shown to people. */
#include "check.h"

#include "commands/shown.h"

static void shown(struct checks *c, void (*put)(struct buffer *, struct bytes), struct bytes value, const char *expected)
{
    struct buffer out;

    buffer_init(&out, 1 << 20);
    put(&out, value);
    CHECK_TEXT(c, buffer_text(&out), expected);
    buffer_deinit(&out);
}

static void a_line_holds_nothing_that_a_terminal_obeys(struct checks *c)
{
    shown(c, shown_put, bytes_of("plain \xc3\xbc"), "plain \xc3\xbc");
    shown(c, shown_put, bytes_of("a\nb\x1b[2J\x7f"), "a\\x0ab\\x1b[2J\\x7f");
    shown(c, shown_put, bytes_of("\xc2\x85\xff"), "\\xc2\\x85\\xff");
    shown(c, shown_put, (struct bytes){"\0x", 2}, "\\x00x");
    shown(c, shown_put, (struct bytes){NULL, 0}, "");
}

static void an_object_has_a_member_a_line(struct checks *c)
{
    shown(c, shown_put_value, bytes_of("{\"a\":1,\"b\":{},\"c\":[ ],\"d\":[1,{\"e\":\"x, {y}:\\\" \"}]}"),
          "{\n  \"a\": 1,\n  \"b\": {},\n  \"c\": [],\n  \"d\": [\n    1,\n    {\n      \"e\": \"x, {y}:\\\" \"\n    }\n  ]\n}\n");
    shown(c, shown_put_value, bytes_of(" { \"a\" : 1.50 } "), "{\n  \"a\": 1.50\n}\n");
    shown(c, shown_put_value, bytes_of("{\"a\":\"\xc2\x85\"}"), "{\n  \"a\": \"\\xc2\\x85\"\n}\n");
}

static void other_text_is_shown_as_it_is(struct checks *c)
{
    shown(c, shown_put_value, bytes_of("buy now"), "buy now\n");
    shown(c, shown_put_value, bytes_of("two\nlines\n"), "two\nlines\n");
    shown(c, shown_put_value, bytes_of("over\rwritten"), "over\\x0dwritten\n");
    shown(c, shown_put_value, bytes_of(""), "");
}

static void what_is_no_text_is_shown_in_hexadecimal(struct checks *c)
{
    shown(c, shown_put_value, (struct bytes){"\xff\0abc", 5}, "00000000  ff 00 61 62 63                                    ..abc\n");
    shown(c, shown_put_value, bytes_of("\x1b[2J 0123456789ab"),
          "00000000  1b 5b 32 4a 20 30 31 32  33 34 35 36 37 38 39 61  .[2J 0123456789a\n"
          "00000010  62                                                b\n");
}

static void a_long_value_is_cut_and_counted(struct checks *c)
{
    static char text[SHOWN_MAX + 17];
    struct buffer out;

    memset(text, 'x', sizeof text);
    buffer_init(&out, 1 << 20);
    shown_put_value(&out, (struct bytes){text, sizeof text});
    CHECK_INT(c, out.size, SHOWN_MAX + 1 + sizeof "... 17 bytes more");
    CHECK(c, strcmp(buffer_text(&out) + SHOWN_MAX, "\n... 17 bytes more\n") == 0);
    buffer_deinit(&out);
}

TESTS({"a line holds nothing that a terminal obeys", a_line_holds_nothing_that_a_terminal_obeys},
      {"an object has a member a line", an_object_has_a_member_a_line},
      {"other text is shown as it is", other_text_is_shown_as_it_is},
      {"what is no text is shown in hexadecimal", what_is_no_text_is_shown_in_hexadecimal},
      {"a long value is cut and counted", a_long_value_is_cut_and_counted})
