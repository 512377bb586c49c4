/* The last words of a daemon that crashes: which offsets it was at, so that an operator can quarantine the event (DESIGN 4.4). */
#ifndef ORDERD_COMMANDS_CRASH_H
#define ORDERD_COMMANDS_CRASH_H

#include "turn/pipeline.h"

/* From now on a fatal signal (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT) writes one line about this pipeline to stderr before it ends
 * the process as it would have anyway. Offsets are named only where the process's first thread, which is the pipeline's, crashed: what
 * another one does tells nothing of events. NULL: no more. */
void crash_watch(const struct pipeline *pipeline);

#endif
