/* A signal handler is handed nothing of ours, so here, and only here, a variable is global: it belongs to the process, of which
 * there is one, and not to a daemon, of which there may be several. */
#include "commands/crash.h"

#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

enum { LINE_MAX_SIZE = 1024 };

static _Atomic(const struct pipeline *) watched;

static void on_crash(int number)
{
    static const char start[] = "<2>crashed ", beside[] = "in a thread beside the pipeline, so by no event", end[] = "\n";
    const struct pipeline *pipeline = atomic_load(&watched);
    char line[LINE_MAX_SIZE];
    size_t size = sizeof start - 1;
    ssize_t written;

    memcpy(line, start, size);
    if (gettid() != getpid()) {
        memcpy(line + size, beside, sizeof beside - 1);
        size += sizeof beside - 1;
    } else if (pipeline) {
        size += pipeline_crash_note(pipeline, line + size, sizeof line - size - sizeof end);
    }
    memcpy(line + size, end, sizeof end - 1);
    written = write(STDERR_FILENO, line, size + sizeof end - 1);
    (void)written;
    raise(number);      /* the handler was reset: now it ends the process */
}

void crash_watch(const struct pipeline *pipeline)
{
    static const int fatal[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
    struct sigaction action = {.sa_handler = on_crash, .sa_flags = (int)SA_RESETHAND};

    atomic_store(&watched, pipeline);
    if (!pipeline)
        return;
    for (size_t i = 0; i < sizeof fatal / sizeof *fatal; i++)
        sigaction(fatal[i], &action, NULL);
}
