/* The checks themselves: each macro can fail, and a failed or empty test makes the program fail. */
#include "check.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void passes(struct checks *c)
{
    CHECK(c, 1 == 1);
}

static void checks_nothing(struct checks *c)
{
    (void)c;
}

static void fails_on_a_condition(struct checks *c)
{
    CHECK(c, 1 == 2);
}

static void fails_on_a_number(struct checks *c)
{
    CHECK_INT(c, 1, 2);
}

static void fails_on_a_text(struct checks *c)
{
    CHECK_TEXT(c, "a", "b");
}

static void fails_only_first(struct checks *c)
{
    CHECK_INT(c, 1, 2);
    CHECK_INT(c, 2, 2);
}

/* The exit code of a program of one test, with what it prints thrown away. */
static int exit_code_of(void (*run)(struct checks *))
{
    struct test tests[] = {{"passes", passes}, {"the one", run}};
    pid_t child;
    int status = 0;

    fflush(NULL);
    child = fork();
    if (child == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(99);
        _exit(tests_run(tests, 2));
    }
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return -1;
    return WEXITSTATUS(status);
}

static void a_failed_check_fails_the_program(struct checks *c)
{
    CHECK_INT(c, exit_code_of(fails_on_a_condition), 1);
    CHECK_INT(c, exit_code_of(fails_on_a_number), 1);
    CHECK_INT(c, exit_code_of(fails_on_a_text), 1);
    CHECK_INT(c, exit_code_of(fails_only_first), 1);
}

static void a_test_that_checks_nothing_fails(struct checks *c)
{
    CHECK_INT(c, exit_code_of(checks_nothing), 1);
}

static void what_is_right_passes(struct checks *c)
{
    CHECK_INT(c, exit_code_of(passes), 0);
}

TESTS({"a failed check fails the program", a_failed_check_fails_the_program},
      {"a test that checks nothing fails", a_test_that_checks_nothing_fails}, {"what is right passes", what_is_right_passes})
