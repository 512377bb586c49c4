/* Lines of a file: whatever pieces it comes in, the lines are those that its line feeds make. */
#include "commands/lines.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "check.h"

enum { LIMIT = 8, TEXT_MAX = 64, ROUNDS = 20000 };

/* Every line as "[text]", or "<size>" where it was too long. */
static void show(struct checks *c, int fd, size_t limit, char *out)
{
    struct lines *lines = NULL;
    struct line line;
    int64_t number = 0;
    int r;

    CHECK_INT(c, lines_new(&lines, fd, limit), 0);
    while (!(r = lines_next(lines, &line))) {
        CHECK_INT(c, line.number, ++number);
        out += line.size > limit ? sprintf(out, "<%llu>", (unsigned long long)line.size) : sprintf(out, "[%.*s]", (int)line.size, line.text.data);
    }
    *out = '\0';
    CHECK_INT(c, r, LINES_END);
    CHECK_INT(c, lines_next(lines, &line), LINES_END);
    lines_free(lines);
}

/* The same, from the whole text at once. */
static void expect(struct bytes text, size_t limit, char *out)
{
    while (text.size) {
        const char *feed = memchr(text.data, '\n', text.size);
        size_t size = feed ? (size_t)(feed - text.data) : text.size;

        out += size > limit ? sprintf(out, "<%zu>", size) : sprintf(out, "[%.*s]", (int)size, text.data);
        size += feed != NULL;
        text = (struct bytes){text.data + size, text.size - size};
    }
    *out = '\0';
}

static void from_a_file(struct checks *c, struct bytes text, size_t limit)
{
    char found[8 * TEXT_MAX] = "", expected[8 * TEXT_MAX] = "";
    int fd = memfd_create("lines", MFD_CLOEXEC);

    CHECK(c, fd >= 0 && write(fd, text.data, text.size) == (ssize_t)text.size && lseek(fd, 0, SEEK_SET) == 0);
    show(c, fd, limit, found);
    expect(text, limit, expected);
    CHECK_TEXT(c, found, expected);
    close(fd);
}

static void a_line_ends_with_a_line_feed_or_the_file(struct checks *c)
{
    static const char *const texts[] = {"", "\n", "\n\n", "a", "a\n", "a\nb", "a\n\nb\n", "\na", "12345678", "12345678\n", "12345678\n\n1"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        from_a_file(c, bytes_of(texts[i]), LIMIT);
}

static void a_longer_line_is_counted_and_passed_over(struct checks *c)
{
    static const char *const texts[] = {"123456789", "123456789\n", "123456789\nb", "a\n123456789\nb\n", "1234567890123456789012345\nb",
                                        "12345678\n123456789", "123456789012345678\n"};

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        from_a_file(c, bytes_of(texts[i]), LIMIT);
}

static void any_text_has_the_lines_that_it_has(struct checks *c)
{
    uint32_t state = 1;

    for (int round = 0; round < ROUNDS; round++) {
        char text[TEXT_MAX];
        size_t size, limit;

        state = state * 1664525u + 1013904223u;
        size = (state >> 8) % TEXT_MAX;
        limit = 1 + (state >> 16) % 12;
        for (size_t i = 0; i < size; i++) {
            state = state * 1664525u + 1013904223u;
            text[i] = (state >> 24) % 6 ? 'x' : '\n';
        }
        from_a_file(c, (struct bytes){text, size}, limit);
    }
}

/* A pipe hands out what is there: the writer's pieces. */
static void pieces_of_a_pipe_are_put_together(struct checks *c)
{
    static const char *const pieces[] = {"a", "b\nc", "\n", "123456", "78", "9\n", "d"};
    char found[256] = "";
    int fds[2];

    CHECK_INT(c, pipe(fds), 0);
    if (fork() == 0) {
        for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
            usleep(1000);
            if (write(fds[1], pieces[i], strlen(pieces[i])) < 0)
                _exit(1);
        }
        _exit(0);
    }
    close(fds[1]);
    show(c, fds[0], LIMIT, found);
    close(fds[0]);
    CHECK(c, wait(NULL) > 0);
    CHECK_TEXT(c, found, "[ab][c]<9>[d]");
}

static void what_cannot_be_read_is_an_error(struct checks *c)
{
    struct lines *lines = NULL;
    struct line line;

    CHECK_INT(c, lines_new(&lines, -1, LIMIT), 0);
    CHECK_INT(c, lines_next(lines, &line), -EBADF);
    lines_free(lines);
}

TESTS({"a line ends with a line feed or the file", a_line_ends_with_a_line_feed_or_the_file},
      {"a longer line is counted and passed over", a_longer_line_is_counted_and_passed_over},
      {"any text has the lines that it has", any_text_has_the_lines_that_it_has},
      {"pieces of a pipe are put together", pieces_of_a_pipe_are_put_together},
      {"what cannot be read is an error", what_cannot_be_read_is_an_error})
