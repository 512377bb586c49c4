/* Which arrow it is, read from the environment. */
#include "arrows.h"

#include <dlfcn.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define X(name, text) text ".send", text ".receive",
#define Y(name, text) text,
const char *const arrow_steps[] = {TALKS(X) CALLS(Y) NULL};
#undef X
#undef Y

static struct {
    int step;              /* -1: none */
    enum side side;
    int signal;
    atomic_long left;
} arrow = {.step = -1};

__attribute__((constructor)) static void arrow_read(void)
{
    const char *text = getenv("ORDERD_ARROW"), *colon = text ? strchr(text, ':') : NULL;
    char *end = NULL;

    if (!colon)
        return;
    for (int i = 0; i < STEPS_COUNT; i++)
        if (strlen(arrow_steps[i]) == (size_t)(colon - text) && strncmp(arrow_steps[i], text, (size_t)(colon - text)) == 0)
            arrow.step = i;
    arrow.side = strncmp(colon, ":after:", 7) == 0 ? AFTER : BEFORE;
    colon = strchr(colon + 1, ':');
    atomic_store(&arrow.left, colon ? strtol(colon + 1, &end, 10) : 0);
    arrow.signal = end && strcmp(end, ":stop") == 0 ? SIGSTOP : SIGKILL;
    if (arrow.step < 0 || atomic_load(&arrow.left) < 1)
        abort();           /* a misspelt arrow would never fly */
}

void pass(int step, enum side side)
{
    if (step != arrow.step || side != arrow.side || atomic_fetch_sub(&arrow.left, 1) != 1)
        return;
    kill(getpid(), arrow.signal);
    while (arrow.signal == SIGKILL)
        pause();
}

void *real(const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    if (!found)
        abort();
    return found;
}
