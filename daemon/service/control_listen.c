/* The socket's file. Two daemons that start at the same moment must not take it from each other, so the folder is locked while one looks;
 * and nobody may connect before the mode is right, so it is set on the socket before there is a file. */
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "service/control.h"

enum { BACKLOG = 64, MODE = 0600 };

static int lock_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char folder[sizeof((struct sockaddr_un *)0)->sun_path] = ".";
    int fd;

    if (slash == path)
        memcpy(folder, "/", 2);
    else if (slash)
        memcpy(folder, path, (size_t)(slash - path)), folder[slash - path] = '\0';
    fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    if (flock(fd, LOCK_EX)) {
        close(fd);
        return -errno;
    }
    return fd;
}

/* Whether nobody listens at what is there. */
static bool is_dead(const struct sockaddr_un *address)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    bool refused = fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) < 0 && errno == ECONNREFUSED;

    if (fd >= 0)
        close(fd);
    return refused;
}

static int take_place(int fd, const struct sockaddr_un *address, struct error_text *error)
{
    const struct sockaddr *any = (const struct sockaddr *)address;
    struct stat status;

    if (bind(fd, any, sizeof *address) == 0)
        return 0;
    if (errno != EADDRINUSE)
        return error_set(error, -errno, "%s: %s", address->sun_path, strerror(errno));
    if (lstat(address->sun_path, &status) || !S_ISSOCK(status.st_mode))
        return error_set(error, -EADDRINUSE, "%s is there and is no socket: remove it, or name another control.socket", address->sun_path);
    if (!is_dead(address))
        return error_set(error, -EADDRINUSE, "%s: another daemon answers there: two instances on one host need a control.socket each", address->sun_path);
    if (unlink(address->sun_path) || bind(fd, any, sizeof *address))
        return error_set(error, -errno, "%s: %s", address->sun_path, strerror(errno));
    return 0;
}

int control_listen(const char *path, struct error_text *error)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, lock, r;

    if (strlen(path) >= sizeof address.sun_path)
        return error_set(error, -ENAMETOOLONG, "%s: the path of a unix socket has at most %zu bytes", path, sizeof address.sun_path - 1);
    memcpy(address.sun_path, path, strlen(path) + 1);
    lock = lock_folder(path);
    if (lock < 0)
        return error_set(error, lock, "%s: its folder cannot be opened: %s", path, strerror(-lock));
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    r = fd < 0 || fchmod(fd, MODE) ? error_set(error, -errno, "%s: %s", path, strerror(errno)) : take_place(fd, &address, error);
    if (!r && listen(fd, BACKLOG))
        r = error_set(error, -errno, "%s: %s", path, strerror(errno));
    close(lock);
    if (r && fd >= 0)
        close(fd);
    return r ? r : fd;
}
