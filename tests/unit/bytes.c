/* Numbers, stored bytes, hashes and memory: what everything above believes in. */
#include "check.h"

#include "base/arena.h"
#include "base/bytes.h"
#include "base/hash.h"
#include "base/number.h"

static int parses(const char *text)
{
    int64_t value;

    return number_parse(bytes_of(text), &value);
}

static void numbers_are_exact(struct checks *c)
{
    static const char *const bad[] = {"", "-", "+5", " 5", "5 ", "017", "-0", "-01", "1.0", "1e2", "0x1", "9223372036854775808",
                                      "-9223372036854775809", "99999999999999999999999", "5a"};
    int64_t value = 0;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        CHECK(c, !parses(bad[i]));
    CHECK(c, number_parse(bytes_of("9223372036854775807"), &value) && value == INT64_MAX);
    CHECK(c, number_parse(bytes_of("-9223372036854775808"), &value) && value == INT64_MIN);
    CHECK(c, number_parse(bytes_of("0"), &value) && value == 0);
    CHECK(c, !number_parse((struct bytes){NULL, 0}, &value) && !number_parse((struct bytes){"5\0", 2}, &value));
}

static void numbers_are_written_as_they_are_read(struct checks *c)
{
    static const int64_t numbers[] = {0, 1, -1, 9, 10, -10, 9007199254740991, INT64_MAX, INT64_MIN, INT64_MIN + 1};

    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
        char text[NUMBER_TEXT_MAX];
        int64_t value = 5;

        CHECK(c, number_parse((struct bytes){text, number_format(text, numbers[i])}, &value));
        CHECK_INT(c, value, numbers[i]);
    }
}

static void a_sentence_names_one_offset_or_several(struct checks *c)
{
    CHECK_TEXT(c, number_offsets(5, 5).text, "offset 5");
    CHECK_TEXT(c, number_offsets(5, 7).text, "offsets 5 to 7");
}

static void scores_are_integers_or_nothing(struct checks *c)
{
    int64_t value = 0;

    CHECK(c, number_parse_score(bytes_of("1e+12"), &value) && value == 1000000000000);
    CHECK(c, number_parse_score(bytes_of("9007199254740991"), &value) && value == NUMBER_SAFE_MAX);
    CHECK(c, !number_parse_score(bytes_of("9007199254740992"), &value));
    CHECK(c, !number_parse_score(bytes_of("97.5"), &value));
    CHECK(c, !number_parse_score(bytes_of("inf"), &value));
    CHECK(c, !number_parse_score(bytes_of("nan"), &value));
    CHECK(c, !number_parse_score(bytes_of("-inf"), &value) && !number_parse_score(bytes_of(""), &value) &&
          !number_parse_score(bytes_of("5 "), &value));
    CHECK(c, !number_parse_score(bytes_of(" 5"), &value) && !number_parse_score(bytes_of("0x10"), &value));
    CHECK(c, !number_parse_score((struct bytes){"5\0x", 3}, &value));
    CHECK(c, number_parse_score(bytes_of("-9007199254740991"), &value) && value == -NUMBER_SAFE_MAX);
    CHECK(c, !number_parse_score(bytes_of("-9007199254740992"), &value) && !number_parse_score(bytes_of("1e+300"), &value));
}

static void stored_bytes_come_back(struct checks *c)
{
    struct buffer buffer;
    struct reader reader;

    buffer_init(&buffer, 1000);
    buffer_put_varint(&buffer, UINT64_MAX);
    buffer_put_sized(&buffer, (struct bytes){NULL, 0});
    buffer_put_sized(&buffer, bytes_of(""));
    buffer_put_sized(&buffer, bytes_of("abc"));
    CHECK_INT(c, buffer_error(&buffer), 0);
    reader = reader_of(buffer_bytes(&buffer));
    CHECK(c, reader_varint(&reader) == UINT64_MAX);
    CHECK(c, reader_sized(&reader).data == NULL);
    CHECK(c, bytes_equal_text(reader_sized(&reader), ""));
    CHECK(c, bytes_equal_text(reader_sized(&reader), "abc"));
    CHECK_INT(c, reader_end(&reader), 0);
    reader = reader_of((struct bytes){"\x05" "ab", 3});
    CHECK(c, reader_sized(&reader).data == NULL);
    CHECK_INT(c, reader_error(&reader), -EBADMSG);
    buffer_deinit(&buffer);
}

static void absent_is_not_empty(struct checks *c)
{
    struct bytes absent = {NULL, 0}, empty = {"", 0};

    CHECK(c, !bytes_equal(absent, empty) && bytes_equal(absent, absent) && bytes_equal(empty, bytes_of("")));
    CHECK(c, !bytes_equal_text(absent, "") && bytes_equal_text(empty, "") && !bytes_equal_text(bytes_of("ab"), "a"));
}

/* Every length of a varint, cut short at every byte. */
static void numbers_that_are_cut_short_are_no_numbers(struct checks *c)
{
    for (unsigned shift = 0; shift < 64; shift++) {
        struct buffer buffer;

        buffer_init(&buffer, 100);
        buffer_put_varint(&buffer, (uint64_t)1 << shift);
        for (size_t size = 0; size <= buffer.size; size++) {
            struct reader reader = reader_of((struct bytes){buffer.data, size});
            uint64_t value = reader_varint(&reader);

            CHECK(c, size < buffer.size ? reader_error(&reader) == -EBADMSG && value == 0 : !reader_end(&reader) && value == (uint64_t)1 << shift);
        }
        buffer_deinit(&buffer);
    }
}

static void a_varint_of_more_than_64_bits_is_refused(struct checks *c)
{
    struct reader reader = reader_of((struct bytes){"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10});

    CHECK(c, reader_varint(&reader) == 0 && reader_error(&reader) == -EBADMSG);
    reader = reader_of((struct bytes){"\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01", 11});
    CHECK(c, reader_varint(&reader) == 0 && reader_error(&reader) == -EBADMSG);
    reader = reader_of((struct bytes){"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01" "x", 11});
    CHECK(c, reader_sized(&reader).data == NULL && reader_error(&reader) == -EBADMSG);
}

static void a_buffer_grows_and_keeps_its_bytes(struct checks *c)
{
    struct buffer buffer;

    buffer_init(&buffer, 1 << 20);
    for (int i = 0; i < 10000; i++)
        buffer_put_format(&buffer, "%05d", i);
    CHECK_INT(c, buffer.size, 50000);
    CHECK(c, memcmp(buffer.data + 5 * 4321, "04321", 5) == 0);
    CHECK_INT(c, strlen(buffer_text(&buffer)), 50000);
    buffer_reset(&buffer);
    CHECK_TEXT(c, buffer_text(&buffer), "");
    buffer_deinit(&buffer);
}

static void a_full_buffer_stays_failed(struct checks *c)
{
    struct buffer buffer;

    buffer_init(&buffer, 4);
    buffer_put_text(&buffer, "abc");
    buffer_put_text(&buffer, "de");
    buffer_put_text(&buffer, "f");
    CHECK_INT(c, buffer_error(&buffer), -ENOBUFS);
    CHECK_INT(c, buffer.size, 3);
    buffer_deinit(&buffer);
}

/* The vectors of the SipHash paper's authors: key 00..0f, input 00..0e (64 bits) and empty (128 bits). */
static void hashes_are_siphash(struct checks *c)
{
    char input[15], text[33];
    struct hash_key key = {0x0706050403020100u, 0x0f0e0d0c0b0a0908u};

    for (int i = 0; i < 15; i++)
        input[i] = (char)i;
    CHECK(c, hash64(key, (struct bytes){input, 15}) == 0xa129ca6149be45e5u);
    hash128_text(hash128(key, (struct bytes){input, 0}), text);
    CHECK_TEXT(c, text, "930255c71472f66de6a825ba047f81a3");
}

static void an_arena_is_bounded_and_used_again(struct checks *c)
{
    struct arena *arena = NULL;
    char *first;

    CHECK_INT(c, arena_new(&arena, 1 << 20), 0);
    first = arena_take(arena, 100);
    CHECK(c, first && first[99] == 0);
    CHECK(c, arena_take(arena, 2 << 20) == NULL);
    arena_reset(arena);
    CHECK(c, arena_take(arena, 100) == first);
    arena_free(arena);
}

static void an_arena_holds_what_was_copied_into_it(struct checks *c)
{
    struct arena *arena = NULL;
    struct bytes copies[2000];
    char text[1000];

    CHECK_INT(c, arena_new(&arena, 8 << 20), 0);
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < 2000; i++) {
            memset(text, 'a' + i % 26, sizeof text);
            copies[i] = arena_copy(arena, (struct bytes){text, (size_t)i % 1000});
            CHECK(c, copies[i].data && (uintptr_t)copies[i].data % _Alignof(max_align_t) == 0);
        }
        for (int i = 0; i < 2000; i++) {
            memset(text, 'a' + i % 26, sizeof text);
            CHECK(c, copies[i].size == (size_t)i % 1000 && memcmp(copies[i].data, text, copies[i].size) == 0 && copies[i].data[copies[i].size] == 0);
        }
        CHECK(c, arena_used(arena) >= 990000);
        arena_reset(arena);
        CHECK_INT(c, arena_used(arena), 0);
    }
    CHECK(c, !arena_copy(arena, (struct bytes){NULL, 0}).data);
    CHECK(c, arena_take(arena, SIZE_MAX) == NULL && arena_take(arena, SIZE_MAX - 8) == NULL);
    arena_free(arena);
}

TESTS({"numbers are exact", numbers_are_exact}, {"numbers are written as they are read", numbers_are_written_as_they_are_read},
      {"a sentence names one offset or several", a_sentence_names_one_offset_or_several},
      {"scores are integers or nothing", scores_are_integers_or_nothing}, {"stored bytes come back", stored_bytes_come_back},
      {"absent is not empty", absent_is_not_empty}, {"numbers that are cut short are no numbers", numbers_that_are_cut_short_are_no_numbers},
      {"a varint of more than 64 bits is refused", a_varint_of_more_than_64_bits_is_refused},
      {"a buffer grows and keeps its bytes", a_buffer_grows_and_keeps_its_bytes}, {"a full buffer stays failed", a_full_buffer_stays_failed},
      {"hashes are SipHash", hashes_are_siphash}, {"an arena is bounded and used again", an_arena_is_bounded_and_used_again},
      {"an arena holds what was copied into it", an_arena_holds_what_was_copied_into_it})
