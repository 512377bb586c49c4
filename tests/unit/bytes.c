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

TESTS({"numbers are exact", numbers_are_exact}, {"scores are integers or nothing", scores_are_integers_or_nothing},
      {"stored bytes come back", stored_bytes_come_back}, {"a full buffer stays failed", a_full_buffer_stays_failed},
      {"hashes are SipHash", hashes_are_siphash}, {"an arena is bounded and used again", an_arena_is_bounded_and_used_again})
