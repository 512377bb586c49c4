/* Checks for the tests in C: each failure says file, line and both values; main() returns 1 when there was one.
 *
 * A test that checks nothing fails. What a program printed is shown only when it failed, so each test is named before it runs: after
 * a crash the last name is the one. */
#ifndef ORDERD_TESTS_CHECK_H
#define ORDERD_TESTS_CHECK_H

#include <stdio.h>
#include <string.h>

struct checks {
    int made, failed;
};

#define CHECK(c, expression)                                                                          \
    do {                                                                                              \
        (c)->made++;                                                                                  \
        if (!(expression)) {                                                                          \
            (c)->failed++;                                                                            \
            fprintf(stderr, "%s:%d: not true: %s\n", __FILE__, __LINE__, #expression);                \
        }                                                                                             \
    } while (0)

#define CHECK_INT(c, found, expected)                                                                 \
    do {                                                                                              \
        long long f_ = (long long)(found), e_ = (long long)(expected);                                \
        (c)->made++;                                                                                  \
        if (f_ != e_) {                                                                               \
            (c)->failed++;                                                                            \
            fprintf(stderr, "%s:%d: %s is %lld, not %lld\n", __FILE__, __LINE__, #found, f_, e_);     \
        }                                                                                             \
    } while (0)

#define CHECK_TEXT(c, found, expected)                                                                \
    do {                                                                                              \
        const char *f_ = (found), *e_ = (expected);                                                   \
        (c)->made++;                                                                                  \
        if (strcmp(f_, e_) != 0) {                                                                    \
            (c)->failed++;                                                                            \
            fprintf(stderr, "%s:%d: %s\n  is  %s\n  not %s\n", __FILE__, __LINE__, #found, f_, e_);   \
        }                                                                                             \
    } while (0)

struct test {
    const char *name;
    void (*run)(struct checks *);
};

static inline int tests_run(const struct test *tests, size_t count)
{
    int passed = 0, failed = 0;

    for (size_t i = 0; i < count; i++) {
        struct checks checks = {0, 0};

        fprintf(stderr, "test: %s\n", tests[i].name);
        tests[i].run(&checks);
        if (checks.failed || !checks.made) {
            failed++;
            fprintf(stderr, "FAILED: %s\n", tests[i].name);
        } else {
            passed++;
        }
    }
    printf("%d passed, %d failed\n", passed, failed);
    return failed ? 1 : 0;
}

#define TESTS(...)                                                                \
    int main(void)                                                                \
    {                                                                             \
        static const struct test tests[] = {__VA_ARGS__};                         \
        return tests_run(tests, sizeof tests / sizeof *tests);                    \
    }

#endif
