/* Preloaded before `orderd dead-letter redrive`: it dies, or freezes, before or after one step of sending a letter back.
 *
 * ORDERD_DEATH=STEP:before|after[:stop], STEP one of open, intent, begin, produce, commit, record. */
#include <dlfcn.h>
#include <librdkafka/rdkafka.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        abort();
    return found;
}

#define REAL(name) ((__typeof__(name) *)(uintptr_t)real(#name))

static void pass(const char *step, const char *side)
{
    const char *wanted = getenv("ORDERD_DEATH");
    size_t size = strlen(step);

    if (!wanted || strncmp(wanted, step, size) != 0 || wanted[size] != ':' || strncmp(wanted + size + 1, side, strlen(side)) != 0)
        return;
    wanted = strstr(wanted, ":stop");
    unsetenv("ORDERD_DEATH");
    kill(getpid(), wanted ? SIGSTOP : SIGKILL);
    while (!wanted)
        pause();
}

#define PASSED(step, result, call) \
    do { \
        pass(step, "before"); \
        result = call; \
        pass(step, "after"); \
    } while (0)

rd_kafka_error_t *rd_kafka_init_transactions(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_error_t *r;

    PASSED("open", r, REAL(rd_kafka_init_transactions)(rk, timeout_ms));
    return r;
}

rd_kafka_error_t *rd_kafka_begin_transaction(rd_kafka_t *rk)
{
    rd_kafka_error_t *r;

    PASSED("begin", r, REAL(rd_kafka_begin_transaction)(rk));
    return r;
}

/* What was handed over is given the time to leave. */
rd_kafka_error_t *rd_kafka_produceva(rd_kafka_t *rk, const rd_kafka_vu_t *fields, size_t count)
{
    rd_kafka_error_t *r;

    pass("produce", "before");
    r = REAL(rd_kafka_produceva)(rk, fields, count);
    if (getenv("ORDERD_DEATH") && strncmp(getenv("ORDERD_DEATH"), "produce:after", 13) == 0)
        rd_kafka_flush(rk, 2000);
    pass("produce", "after");
    return r;
}

rd_kafka_error_t *rd_kafka_commit_transaction(rd_kafka_t *rk, int timeout_ms)
{
    rd_kafka_error_t *r;

    PASSED("commit", r, REAL(rd_kafka_commit_transaction)(rk, timeout_ms));
    return r;
}

/* A transaction of Redis that writes records of letters, told by the state in it. */
static bool writes(const void *data, size_t size, const char *state)
{
    return memmem(data, size, "EXEC\r\n", 6) && memmem(data, size, state, strlen(state));
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    const char *step = writes(data, size, "\r\nredriven ") ? "record" : writes(data, size, "\r\nsending ") ? "intent" : NULL;
    ssize_t sent;

    if (step)
        pass(step, "before");
    sent = REAL(send)(fd, data, size, flags);
    if (step)
        pass(step, "after");
    return sent;
}
