/* Ctrl-C and SIGTERM as something that a long job asks for between two steps, so that it stops where it can go on later. */
#ifndef ORDERD_COMMANDS_INTERRUPT_H
#define ORDERD_COMMANDS_INTERRUPT_H

#include <stdbool.h>

#include "base/error.h"

struct interrupt {
    int fd;
};

/* From here on both signals end nothing by themselves. Call it before any thread is made. Errors: -errno. */
int interrupt_open(struct interrupt *interrupt) MUST_CHECK;
void interrupt_close(struct interrupt *interrupt);
/* Whether one came; once true it is true for good. */
bool interrupt_seen(struct interrupt *interrupt);
/* For a child of ours, before it becomes another program: the signals end it as they end any. */
void interrupt_let_go(void);

#endif
