/* Base64: the vectors of RFC 4648, every length there and back, and nothing but what it writes itself is read. */
#include "base/base64.h"

#include <stdlib.h>

#include "check.h"

enum { ROUNDS = 2000, BYTES_MAX = 100 };

static void encodes(struct checks *c, const char *bytes, const char *letters)
{
    struct buffer buffer;

    buffer_init(&buffer, 1000);
    base64_put(&buffer, bytes_of(bytes));
    CHECK_TEXT(c, buffer_text(&buffer), letters);
    buffer_reset(&buffer);
    CHECK(c, base64_take(&buffer, bytes_of(letters)));
    CHECK_TEXT(c, buffer_text(&buffer), bytes);
    buffer_deinit(&buffer);
}

static void the_vectors_of_the_standard(struct checks *c)
{
    encodes(c, "", "");
    encodes(c, "f", "Zg==");
    encodes(c, "fo", "Zm8=");
    encodes(c, "foo", "Zm9v");
    encodes(c, "foob", "Zm9vYg==");
    encodes(c, "fooba", "Zm9vYmE=");
    encodes(c, "foobar", "Zm9vYmFy");
}

static void random_bytes_come_back(struct checks *c)
{
    struct buffer letters, found;
    char bytes[BYTES_MAX];

    buffer_init(&letters, 1000);
    buffer_init(&found, 1000);
    srand(1);
    for (int i = 0; i < ROUNDS; i++) {
        struct bytes given = {bytes, (size_t)rand() % BYTES_MAX};

        for (size_t n = 0; n < given.size; n++)
            bytes[n] = (char)rand();
        buffer_reset(&letters);
        buffer_reset(&found);
        base64_put(&letters, given);
        CHECK(c, base64_take(&found, buffer_bytes(&letters)) && bytes_equal(buffer_bytes(&found), given));
    }
    buffer_deinit(&letters);
    buffer_deinit(&found);
}

static void nothing_else_is_read(struct checks *c)
{
    static const char *const bad[] = {"Z", "Zg", "Zg=", "Zg===", "=", "====", "Z===", "Zh==", "Zm9=", "Zg==Zg==", "Zm9\n", "Zm 9", "Zm-_", "Zm9vY=g="};
    struct buffer found;

    buffer_init(&found, 1000);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        CHECK(c, !base64_take(&found, bytes_of(bad[i])));
        CHECK_INT(c, found.size, 0);
    }
    buffer_deinit(&found);
}

TESTS({"the vectors of the standard", the_vectors_of_the_standard},
      {"random bytes come back", random_bytes_come_back},
      {"nothing else is read", nothing_else_is_read})
