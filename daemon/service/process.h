/* What the kernel counts of this process, read from its own files under /proc (nothing else there is needed, so ProcSubset=pid is fine). */
#ifndef ORDERD_SERVICE_PROCESS_H
#define ORDERD_SERVICE_PROCESS_H

#include <stdint.h>

struct process {
    int64_t cpu_ms;                           /* user and system */
    int64_t virtual_bytes, resident_bytes;
    int64_t open_fds, max_fds;
    int64_t threads;
};

/* What cannot be read is 0. */
void process_look(struct process *process);
/* When it began, ms since 1970. The kernel counts from its own start: as the clock is set, the answer changes. Who wants one that stays asks
 * once. */
int64_t process_started_ms(void);

#endif
