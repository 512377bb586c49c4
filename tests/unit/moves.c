/* The registry's record of moved marks, and what a group's member was given: text and bytes that others may have written. */
#include "check.h"

#include <stdio.h>
#include <string.h>

#include "ledger/moves.h"
#include "seam/kafka_assignment.h"

static struct move move_of(const char *topic, int32_t partition, int64_t from, int64_t to, const char *reason)
{
    return (struct move){bytes_of(topic), bytes_of(reason), partition, from, to, 1795326127590};
}

static void a_move_is_read_back_as_it_was_put(struct checks *c)
{
    struct move first = move_of("shop.orders", 3, 17, 42, "ticket 7: wrong file was sent"), second = move_of("a:b", 0, 9, 0, "again"), found;
    struct buffer one, two;
    struct bytes rest;

    buffer_init(&one, MOVES_TEXT_MAX);
    buffer_init(&two, MOVES_TEXT_MAX);
    moves_put(&one, (struct bytes){NULL, 0}, &first);
    CHECK_TEXT(c, buffer_text(&one), "shop.orders:3 17 42 1795326127590 ticket 7: wrong file was sent");
    moves_put(&two, buffer_bytes(&one), &second);
    rest = buffer_bytes(&two);
    CHECK(c, moves_next(&rest, &found) && bytes_equal_text(found.topic, "shop.orders") && found.partition == 3 && found.from == 17 && found.to == 42);
    CHECK(c, found.at == 1795326127590 && bytes_equal_text(found.reason, "ticket 7: wrong file was sent"));
    CHECK(c, moves_next(&rest, &found) && bytes_equal_text(found.topic, "a:b") && found.partition == 0 && found.from == 9 && found.to == 0);
    CHECK(c, !moves_next(&rest, &found));
    buffer_deinit(&one);
    buffer_deinit(&two);
}

static void the_oldest_goes_when_there_are_many(struct checks *c)
{
    struct buffer field, next;
    struct bytes rest;
    struct move move;

    buffer_init(&field, MOVES_TEXT_MAX);
    buffer_init(&next, MOVES_TEXT_MAX);
    for (int64_t i = 0; i < MOVES_MAX + 5; i++) {
        move = move_of("orders", 0, i, i + 1, "r");
        buffer_reset(&next);
        moves_put(&next, buffer_bytes(&field), &move);
        buffer_reset(&field);
        buffer_put_bytes(&field, buffer_bytes(&next));
    }
    rest = buffer_bytes(&field);
    CHECK_INT(c, (int64_t)moves_count(rest), MOVES_MAX);
    CHECK(c, moves_next(&rest, &move) && move.from == 5);
    buffer_deinit(&field);
    buffer_deinit(&next);
}

static void the_longest_moves_fit(struct checks *c)
{
    char topic[250], reason[MOVE_REASON_MAX + 1];
    struct buffer field, next;
    struct move move;

    memset(topic, 't', sizeof topic - 1);
    memset(reason, 'r', sizeof reason - 1);
    topic[sizeof topic - 1] = reason[sizeof reason - 1] = '\0';
    move = move_of(topic, INT32_MAX, INT64_MAX, INT64_MAX - 1, reason);
    buffer_init(&field, MOVES_TEXT_MAX);
    buffer_init(&next, MOVES_TEXT_MAX);
    for (int i = 0; i < MOVES_MAX + 1; i++) {
        buffer_reset(&next);
        moves_put(&next, buffer_bytes(&field), &move);
        buffer_reset(&field);
        buffer_put_bytes(&field, buffer_bytes(&next));
    }
    CHECK_INT(c, buffer_error(&field), 0);
    CHECK_INT(c, (int64_t)moves_count(buffer_bytes(&field)), MOVES_MAX);
    buffer_deinit(&field);
    buffer_deinit(&next);
}

static void lines_that_are_none_of_ours_are_passed_over(struct checks *c)
{
    static const char *const lines[] = {"",           "\n\n",        "orders 1 2 3 r", ":0 1 2 3 r",     "orders:x 1 2 3 r", "orders:-1 1 2 3 r", "orders:0 -1 2 3 r",
                                        "orders:0 1", "orders:0 1 2", "orders:0 1 2 ",  "orders:0 1  2 3", "orders:0 01 2 3 r", "orders:2147483648 1 2 3 r"};
    char text[128];
    struct move move;

    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        struct bytes rest = {text, (size_t)snprintf(text, sizeof text, "%s\norders:0 1 2 3 good", lines[i])};

        CHECK(c, moves_next(&rest, &move) && bytes_equal_text(move.reason, "good"));
    }
}

static void a_reason_is_a_line_that_says_something(struct checks *c)
{
    char longest[MOVE_REASON_MAX + 2];

    memset(longest, 'x', sizeof longest);
    longest[MOVE_REASON_MAX] = '\0';
    CHECK(c, move_reason_is_good("ticket 7") && move_reason_is_good("Müller bat darum") && move_reason_is_good(longest));
    longest[MOVE_REASON_MAX] = 'x';
    longest[MOVE_REASON_MAX + 1] = '\0';
    CHECK(c, !move_reason_is_good(longest) && !move_reason_is_good("") && !move_reason_is_good("   ") && !move_reason_is_good("a\nb"));
    CHECK(c, !move_reason_is_good("\x1b[2J") && !move_reason_is_good("\xff"));
}

/* --- what a member was given */

static void append(void *context, struct bytes topic, int32_t partition)
{
    char *text = context;

    snprintf(text + strlen(text), 128 - strlen(text), "%.*s:%d ", (int)topic.size, topic.data, partition);
}

/* Version 1; "orders" with 0 and 258, "b" with none, "c" with 7; then user data. */
#define GIVEN "\0\1\0\0\0\3\0\6orders\0\0\0\2\0\0\0\0\0\0\1\2\0\1b\0\0\0\0\0\1c\0\0\0\1\0\0\0\7\0\0\0\0"

static void an_assignment_is_read_partition_by_partition(struct checks *c)
{
    char text[128] = "";

    CHECK_INT(c, kafka_assignment_read((struct bytes){GIVEN, sizeof GIVEN - 1}, append, text), 0);
    CHECK_TEXT(c, text, "orders:0 orders:258 c:7 ");
    text[0] = '\0';
    CHECK_INT(c, kafka_assignment_read((struct bytes){NULL, 0}, append, text), 0);
    CHECK_TEXT(c, text, "");
}

static void an_assignment_that_is_cut_is_an_error(struct checks *c)
{
    static const char endless[] = "\0\1\x7f\xff\xff\xff\0\1a\x7f\xff\xff\xff", negative[] = "\0\1\0\0\0\1\xff\xff";
    char text[128] = "";

    for (size_t size = 1; size < sizeof GIVEN - 1 - 4; size++)      /* all but the user data */
        CHECK_INT(c, kafka_assignment_read((struct bytes){GIVEN, size}, append, text), -EBADMSG);
    CHECK_INT(c, kafka_assignment_read((struct bytes){endless, sizeof endless - 1}, append, text), -EBADMSG);
    CHECK_INT(c, kafka_assignment_read((struct bytes){negative, sizeof negative - 1}, append, text), -EBADMSG);
}

TESTS({"a move is read back as it was put", a_move_is_read_back_as_it_was_put},
      {"the oldest goes when there are many", the_oldest_goes_when_there_are_many},
      {"the longest moves fit", the_longest_moves_fit},
      {"lines that are none of ours are passed over", lines_that_are_none_of_ours_are_passed_over},
      {"a reason is a line that says something", a_reason_is_a_line_that_says_something},
      {"an assignment is read partition by partition", an_assignment_is_read_partition_by_partition},
      {"an assignment that is cut is an error", an_assignment_that_is_cut_is_an_error})
