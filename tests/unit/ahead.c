/* Events that a thread reads ahead: all come, in their order, with what was said behind them, however slow who takes them is. */
#include "history/ahead.h"

#include <stdatomic.h>
#include <time.h>

#include "check.h"

enum { MANY = 5000, WAIT_MS = 10000 };

/* A log of so many events, silent once every `silent`, that ends with `end`. */
struct script {
    int64_t next, many, silent;
    bool silence;
    int end;
    atomic_int_fast64_t read;
};

static int next(void *context, int timeout_ms, struct journal_event *out, struct error_text *error)
{
    struct script *script = context;

    (void)timeout_ms;
    if (script->silent && script->next % script->silent == 0 && !script->silence) {
        script->silence = true;
        return error_set(error, -EAGAIN, "silence at %lld", (long long)script->next);
    }
    script->silence = false;
    if (script->next == script->many)
        return error_set(error, script->end, "the end");
    *out = (struct journal_event){.offset = script->next++};
    atomic_fetch_add(&script->read, 1);
    return 1;
}

static struct journal_counts counts(void *context)
{
    const struct script *script = context;

    return (struct journal_counts){.read = script->next};
}

static struct ahead *opened(struct checks *c, struct script *script)
{
    const struct ahead_source source = {next, counts, script};
    struct ahead *ahead = NULL;

    CHECK_INT(c, ahead_new(&ahead, &source), 0);
    return ahead;
}

static void all_events_come_in_their_order(struct checks *c)
{
    struct script script = {.many = MANY};
    struct ahead *ahead = opened(c, &script);
    struct journal_event event;
    struct error_text error;
    int64_t expected = 0;
    int r;

    while ((r = ahead_next(ahead, WAIT_MS, &event, &error)) == 1) {
        CHECK_INT(c, event.offset, expected++);
        CHECK(c, ahead_counts(ahead).read >= expected);
    }
    CHECK_INT(c, r, 0);
    CHECK_INT(c, expected, MANY);
    CHECK_INT(c, ahead_counts(ahead).read, MANY);
    CHECK_INT(c, ahead_next(ahead, 0, &event, &error), 0);
    ahead_free(ahead);
}

static void a_silence_is_told_and_ends(struct checks *c)
{
    struct script script = {.many = 10, .silent = 5};
    struct ahead *ahead = opened(c, &script);
    struct journal_event event;
    struct error_text error;
    int64_t expected = 0;
    int r, silences = 0;

    while ((r = ahead_next(ahead, WAIT_MS, &event, &error)) != 0) {
        if (r == 1)
            CHECK_INT(c, event.offset, expected++);
        silences += r == -EAGAIN;
    }
    CHECK_INT(c, silences, 3);
    CHECK_INT(c, expected, 10);
    ahead_free(ahead);
}

static void an_error_comes_behind_what_was_read(struct checks *c)
{
    struct script script = {.many = 3, .end = -ERANGE};
    struct ahead *ahead = opened(c, &script);
    struct journal_event event;
    struct error_text error;

    for (int i = 0; i < 3; i++)
        CHECK_INT(c, ahead_next(ahead, WAIT_MS, &event, &error), 1);
    for (int i = 0; i < 2; i++) {
        CHECK_INT(c, ahead_next(ahead, WAIT_MS, &event, &error), -ERANGE);
        CHECK_TEXT(c, error.text, "the end");
    }
    ahead_free(ahead);
}

/* It must stand still where nobody takes anything: so it is given the time to read more than it may. */
static void the_thread_is_ahead_by_a_bound(struct checks *c)
{
    struct script script = {.many = INT64_MAX};
    struct ahead *ahead = opened(c, &script);
    int64_t read = -1;

    for (int i = 0; i < 500 && read != atomic_load(&script.read); i++) {
        read = atomic_load(&script.read);
        nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
    }
    CHECK(c, read <= MANY);
    ahead_free(ahead);
}

static void who_has_enough_may_leave(struct checks *c)
{
    for (int taken = 0; taken < 3; taken++) {
        struct script script = {.many = INT64_MAX};
        struct ahead *ahead = opened(c, &script);
        struct journal_event event;
        struct error_text error;

        for (int i = 0; i < taken; i++)
            CHECK_INT(c, ahead_next(ahead, WAIT_MS, &event, &error), 1);
        CHECK(c, ahead_free(ahead) == NULL);
    }
}

TESTS({"all events come in their order", all_events_come_in_their_order},
      {"a silence is told and ends", a_silence_is_told_and_ends},
      {"an error comes behind what was read", an_error_comes_behind_what_was_read},
      {"the thread is ahead by a bound", the_thread_is_ahead_by_a_bound},
      {"who has enough may leave", who_has_enough_may_leave})
