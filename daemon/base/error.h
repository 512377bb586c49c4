/* What every module means by an error.
 *
 * Functions that can fail return an int: 0 for success, a negative errno for a failure that the caller forwards
 * unchanged, and a positive value of the module's own for a result that the caller must handle and never forwards. */
#ifndef ORDERD_BASE_ERROR_H
#define ORDERD_BASE_ERROR_H

#include <errno.h>
#include <stddef.h>

#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))

/* Ends the process when one of our own beliefs is wrong. Stays on in release builds; never used on input. */
#define ASSERT(expression) ((expression) ? (void)0 : assert_failed(#expression, __FILE__, __LINE__))

_Noreturn void assert_failed(const char *expression, const char *file, int line);

/* A sentence for a person beside the errno that a program reads; filled by whoever first knows what happened. */
enum { ERROR_TEXT_MAX = 512 };
struct error_text {
    char text[ERROR_TEXT_MAX];
};

/* Writes the sentence and returns `code`, so that a failing function can end in one line. `error` may be NULL. */
int error_set(struct error_text *error, int code, const char *format, ...) PRINTF_LIKE(3, 4);

#endif
