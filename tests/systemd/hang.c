/* Preloaded into the daemon: while the file that ORDERD_HANG names (/run/orderd-hang without it) is there, whoever sends to a unix socket by
 * send() hangs, which the pipeline does to Redis and nobody else. All other threads live on. */
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

static bool goes_to_unix(int fd)
{
    struct sockaddr_un address;
    socklen_t size = sizeof address;

    return getsockname(fd, (struct sockaddr *)&address, &size) == 0 && address.sun_family == AF_UNIX;
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    const struct timespec pause = {.tv_nsec = 10000000};
    const char *named = getenv("ORDERD_HANG"), *file = named ? named : "/run/orderd-hang";

    while (goes_to_unix(fd) && access(file, F_OK) == 0)
        nanosleep(&pause, NULL);
    return sendto(fd, data, size, flags, NULL, 0);
}
