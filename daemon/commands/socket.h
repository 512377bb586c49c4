/* Where the control socket is: for the daemon that makes it, and for the commands that look for it. */
#ifndef ORDERD_COMMANDS_SOCKET_H
#define ORDERD_COMMANDS_SOCKET_H

#include "config/config.h"

enum { SOCKET_PATH_MAX = 256 };

/* control.socket; a relative one lies in $RUNTIME_DIRECTORY. False: there is none, or not without that folder. */
bool socket_of_daemon(const struct config *config, char out[SOCKET_PATH_MAX]);
/* How a command was told which daemon it is about: at most one of them, NULL: not given. */
struct socket_hint {
    const char *path, *file, *instance;
};
/* Where that daemon's socket is; what is wrong is said on stderr. Exit code, 0 for success. */
int socket_find(const struct socket_hint *hint, char out[SOCKET_PATH_MAX]) MUST_CHECK;

#endif
