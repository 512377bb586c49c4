#include "differ/real.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "differ/reply.h"
#include "fake/resp.h"

enum { START_MS = 20000, PAUSE_NS = 5000000, READ_AT_ONCE = 1 << 16, ANSWER_S = 20, MEMORY = 1 << 26, WORDS_MAX = 32 };

static void run(const struct real *real, const char *program)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    execlp(program, program, "--port", "0", "--unixsocket", real->socket, "--save", "", "--appendonly", "no", "--daemonize", "no", "--dir", real->folder, "--rdbcompression", "no",
           "--enable-debug-command", "yes", "--enable-protected-configs", "yes", "--logfile", "/dev/null", "--databases", "16", (char *)NULL);
    perror(program);
    _exit(127);
}

static int try_connect(const struct real *real)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ASSERT(fd >= 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", real->socket);
    if (connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    close(fd);
    return -1;
}

static void read_version(struct real *real)
{
    struct real_link link;
    struct bytes info;
    const char *at;

    real_connect(real, &link);
    info = real_ask(&link, "INFO server");
    at = memmem(info.data, info.size, "redis_version:", strlen("redis_version:"));
    ASSERT(at && sscanf(at, "redis_version:%d.%d", &real->major, &real->minor) == 2);
    real_close(&link);
}

void real_start(struct real *real, const char *program)
{
    struct timespec pause = {0, PAUSE_NS};
    int fd = -1;

    snprintf(real->folder, sizeof real->folder, "/tmp/differ-XXXXXX");
    ASSERT(mkdtemp(real->folder));
    snprintf(real->socket, sizeof real->socket, "%s.sock", real->folder);
    real->pid = fork();
    ASSERT(real->pid >= 0);
    if (real->pid == 0)
        run(real, program);
    for (int ms = 0; ms < START_MS && fd < 0; ms += PAUSE_NS / 1000000) {
        nanosleep(&pause, NULL);
        fd = try_connect(real);
    }
    ASSERT(fd >= 0);
    close(fd);
    read_version(real);
}

void real_stop(struct real *real)
{
    kill(real->pid, SIGKILL);
    waitpid(real->pid, NULL, 0);
    unlink(real->socket);
    rmdir(real->folder);
}

void real_connect(const struct real *real, struct real_link *link)
{
    *link = (struct real_link){.fd = try_connect(real)};
    /* Longer than any answer takes: whoever waits in vain learns it. */
    ASSERT(link->fd >= 0 && setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &(struct timeval){ANSWER_S, 0}, sizeof(struct timeval)) == 0);
    buffer_init(&link->in, MEMORY);
}

void real_close(struct real_link *link)
{
    close(link->fd);
    buffer_deinit(&link->in);
}

bool real_write(struct real_link *link, struct bytes bytes)
{
    while (bytes.size) {
        ssize_t sent = send(link->fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return false;
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
    return true;
}

static struct bytes next_reply(struct real_link *link)
{
    struct bytes rest = {link->in.data + link->taken, link->in.size - link->taken};
    size_t size = rest.size ? reply_size(rest) : 0;

    link->taken += size;
    return size ? (struct bytes){rest.data, size} : (struct bytes){NULL, 0};
}

/* False at the connection's end, or with `flags` when there is nothing. */
static bool receive(struct real_link *link, int flags)
{
    char *room;
    ssize_t got;

    if (link->taken == link->in.size) {
        buffer_reset(&link->in);
        link->taken = 0;
    }
    room = buffer_room(&link->in, READ_AT_ONCE);
    ASSERT(room);
    do
        got = recv(link->fd, room, READ_AT_ONCE, flags);
    while (got < 0 && errno == EINTR);
    if (got <= 0)
        return false;
    buffer_used(&link->in, (size_t)got);
    return true;
}

struct bytes real_read(struct real_link *link)
{
    struct bytes reply = next_reply(link);

    while (!reply.data && receive(link, 0))
        reply = next_reply(link);
    return reply;
}

struct bytes real_peek(struct real_link *link)
{
    struct bytes reply = next_reply(link);

    while (!reply.data && receive(link, MSG_DONTWAIT))
        reply = next_reply(link);
    return reply;
}

struct bytes real_ask(struct real_link *link, const char *command)
{
    char copy[512], *rest = copy, *word;
    struct bytes words[WORDS_MAX];
    struct buffer out;
    size_t count = 0;
    bool sent;

    ASSERT(strlen(command) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", command);
    while ((word = strsep(&rest, " "))) {
        for (char *comma = word; (comma = strchr(comma, ','));)
            *comma = ' ';
        words[count++] = bytes_of(word);
    }
    buffer_init(&out, MEMORY);
    resp_array(&out, count);
    for (size_t i = 0; i < count; i++)
        resp_bulk(&out, words[i]);
    sent = real_write(link, buffer_bytes(&out));
    buffer_deinit(&out);
    return sent ? real_read(link) : (struct bytes){NULL, 0};
}
