/* What a snapshot's file says of itself, for people and for programs. */
#ifndef ORDERD_COMMANDS_SNAPSHOT_SHOW_H
#define ORDERD_COMMANDS_SNAPSHOT_SHOW_H

#include <stdbool.h>

/* Checks it whole and prints header, registries and marks. Returns the exit code; what is wrong is said on standard error. */
int snapshot_show(const char *path, bool json);

#endif
