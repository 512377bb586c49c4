#include "service/control.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

/* After what could not be admitted, since the process has no descriptor left, nobody new is looked at for a while: poll would return at once. */
enum { TICK_MS = 20, ADMIT_AGAIN_MS = 1000 };

struct client {
    int fd;                          /* -1: a free place */
    char line[REQUEST_LINE_MAX];
    size_t size;                     /* of what came of it */
    struct buffer out;
    size_t sent;                     /* of it */
    int64_t moved_at;                /* monotonic ms: a byte came or went */
    bool waits;                      /* for the pipeline's answer, */
    size_t place;                    /* here, */
    int64_t asked_at;                /* since */
    bool ends;                       /* once it has its answer: it says nothing more */
    long uid, pid;
};

struct control {
    struct control_options options;
    char path[sizeof((struct sockaddr_un *)0)->sun_path];
    int fd;
    struct stat file;                /* of the socket, as it was made */
    int64_t admit_at;                /* monotonic ms; before it nobody is admitted */
    struct client clients[CONTROL_CLIENTS_MAX];
};

static int64_t monotonic(const struct control *control)
{
    return clock_monotonic_ms(control->options.clock);
}

int control_new(struct control **out, const struct control_options *options, struct error_text *error)
{
    struct control *control = calloc(1, sizeof *control);

    if (!control)
        return error_set(error, -ENOMEM, "out of memory");
    control->options = *options;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        control->clients[i].fd = -1;
    control->fd = control_listen(options->path, error);
    if (control->fd < 0) {
        int r = control->fd;

        free(control);
        return r;
    }
    memcpy(control->path, options->path, strlen(options->path) + 1);
    if (stat(control->path, &control->file))
        control->file = (struct stat){0};
    *out = control;
    return 0;
}

static void let_go(struct control *control, struct client *client)
{
    if (client->fd < 0)
        return;
    if (client->waits)
        errands_withdraw(control->options.errands, client->place);
    close(client->fd);
    buffer_deinit(&client->out);
    client->fd = -1;
}

struct control *control_free(struct control *control)
{
    struct stat file;

    if (!control)
        return NULL;
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        let_go(control, &control->clients[i]);
    if (stat(control->path, &file) == 0 && file.st_ino == control->file.st_ino && file.st_dev == control->file.st_dev)
        unlink(control->path);
    close(control->fd);      /* last: while it listens nobody takes the file for a dead daemon's and puts one of the same number there */
    free(control);
    return NULL;
}

int control_code(int error)
{
    switch (error) {
    case 0:
        return 0;
    case -EINVAL:
        return EX_USAGE;
    case -EALREADY:
        return EX_DATAERR;
    case -ENOENT:
    case -EREMOTE:
        return EX_NOINPUT;
    case -EIO:
        return EX_IOERR;
    case -ESHUTDOWN:
        return EX_UNAVAILABLE;
    default:
        return EX_TEMPFAIL;          /* -EAGAIN, -EBUSY, -EINPROGRESS, -ENOSPC, -ETIMEDOUT, -ENOMEM */
    }
}

static void answer(struct client *client, int error, const char *text)
{
    answer_put(&client->out, control_code(error), bytes_of(text));
}

static void ask_pipeline(struct control *control, struct client *client, const struct request *request)
{
    struct errand errand = {*request, client->uid, client->pid};
    int r = errands_ask(control->options.errands, &errand, &client->place);

    if (r == -EBUSY)
        answer(client, r, "too many commands wait for the pipeline already: try again");
    else if (r)
        answer(client, r, "the daemon ends");
    client->waits = r == 0;
    client->asked_at = monotonic(control);
}

static void serve_line(struct control *control, struct client *client, struct bytes line)
{
    struct error_text error = {""};
    struct request request;

    if (request_parse(&request, line, &error))
        answer(client, -EINVAL, error.text);
    else if (request.verb == REQUEST_STATUS)
        control->options.status(control->options.context, &request, &client->out);
    else
        ask_pipeline(control, client, &request);
}

/* One request after the other: the next one is looked at when the answer to this one is on its way. */
static void serve_lines(struct control *control, struct client *client)
{
    char *end;

    while (!client->waits && (end = memchr(client->line, '\n', client->size))) {
        size_t size = (size_t)(end - client->line);

        serve_line(control, client, (struct bytes){client->line, size});
        client->size -= size + 1;
        memmove(client->line, end + 1, client->size);
    }
    if (client->size == sizeof client->line && !client->waits) {
        answer(client, -EINVAL, "a request has fewer than 4096 bytes");
        client->size = 0;
        client->ends = true;
    }
}

/* Errors: the client is gone, or its answers are more than it may leave unread. */
static int receive(struct control *control, struct client *client)
{
    ssize_t got = recv(client->fd, client->line + client->size, sizeof client->line - client->size, MSG_DONTWAIT);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got < 0)
        return -errno;
    client->ends = got == 0;
    client->size += (size_t)got;
    client->moved_at = monotonic(control);
    serve_lines(control, client);
    return buffer_error(&client->out);
}

static int take_answer(struct control *control, struct client *client)
{
    struct operator_answer done;

    if (!client->waits)
        return 0;
    if (errands_answered(control->options.errands, client->place, &done)) {
        client->waits = false;
        answer(client, done.error, done.text);
    } else if (monotonic(control) - client->asked_at > CONTROL_ANSWER_MS) {
        bool undone = errands_withdraw(control->options.errands, client->place);

        client->waits = false;
        answer(client, -ETIMEDOUT, undone ? "the pipeline is busy with something else for 10 s, nothing was done: try again"
                                          : "the pipeline has begun with it and is not done after 10 s: look at what became of it");
    }
    if (!client->waits) {
        client->moved_at = monotonic(control);
        serve_lines(control, client);
    }
    return buffer_error(&client->out);
}

static int transmit(struct control *control, struct client *client)
{
    struct bytes left = {client->out.data + client->sent, client->out.size - client->sent};
    ssize_t sent = left.size ? send(client->fd, left.data, left.size, MSG_DONTWAIT | MSG_NOSIGNAL) : 0;

    if (sent < 0)
        return errno == EAGAIN || errno == EINTR ? 0 : -errno;
    if (sent)
        client->moved_at = monotonic(control);
    client->sent += (size_t)sent;
    if (client->sent < client->out.size)
        return 0;
    client->sent = 0;
    buffer_reset(&client->out);
    return client->ends && !client->waits ? -ESHUTDOWN : 0;
}

/* SO_PEERCRED: who connected, as the kernel knows it. */
static void welcome(struct control *control, struct client *client, int fd)
{
    struct ucred who = {.pid = -1, .uid = (uid_t)-1};
    socklen_t size = sizeof who;

    (void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size);
    *client = (struct client){.fd = fd, .moved_at = monotonic(control), .uid = (long)who.uid, .pid = (long)who.pid};
    buffer_init(&client->out, CONTROL_OUT_MAX);
}

static void admit(struct control *control)
{
    static const char full[] = "{\"v\":1,\"code\":75,\"text\":\"too many clients: try again\"}\n";

    for (int i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        int fd = accept4(control->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
        struct client *client = NULL;

        if (fd < 0) {
            if (errno != EAGAIN && errno != EINTR && errno != ECONNABORTED)
                control->admit_at = monotonic(control) + ADMIT_AGAIN_MS;
            return;
        }
        for (size_t k = 0; !client && k < CONTROL_CLIENTS_MAX; k++)
            if (control->clients[k].fd < 0)
                client = &control->clients[k];
        if (client) {
            welcome(control, client, fd);
        } else {
            (void)!send(fd, full, sizeof full - 1, MSG_DONTWAIT | MSG_NOSIGNAL);
            close(fd);
        }
    }
}

/* A client whose answer does not go is not read either. */
static short wanted(const struct client *client)
{
    if (client->out.size)
        return POLLOUT;
    return client->ends || client->size == sizeof client->line ? 0 : POLLIN;
}

static size_t polls(void *context, struct pollfd *fds, size_t max, int *timeout_ms)
{
    struct control *control = context;
    size_t used = 0;

    if (max < 1 + CONTROL_CLIENTS_MAX)
        return 0;
    fds[used++] = (struct pollfd){.fd = control->fd, .events = monotonic(control) < control->admit_at ? 0 : POLLIN};
    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++) {
        const struct client *client = &control->clients[i];

        if (client->fd < 0)
            continue;
        fds[used++] = (struct pollfd){.fd = client->fd, .events = wanted(client)};
        if (client->waits && *timeout_ms > TICK_MS)
            *timeout_ms = TICK_MS;
    }
    return used;
}

static const struct pollfd *found(const struct pollfd *fds, size_t count, int fd)
{
    for (size_t i = 0; i < count; i++)
        if (fds[i].fd == fd)
            return &fds[i];
    return NULL;
}

static int serve_client(struct control *control, struct client *client, const struct pollfd *poll)
{
    int r = 0;

    if (poll && (poll->revents & (POLLHUP | POLLERR)))
        return -ECONNRESET;
    if (poll && (poll->revents & POLLIN))
        r = receive(control, client);
    if (!r)
        r = take_answer(control, client);
    if (!r)
        r = transmit(control, client);
    if (!r && !client->waits && monotonic(control) - client->moved_at > CONTROL_PATIENCE_MS)
        r = -ETIMEDOUT;
    return r;
}

static void serve(void *context, const struct pollfd *fds, size_t count)
{
    struct control *control = context;

    for (size_t i = 0; i < CONTROL_CLIENTS_MAX; i++)
        if (control->clients[i].fd >= 0 && serve_client(control, &control->clients[i], found(fds, count, control->clients[i].fd)))
            let_go(control, &control->clients[i]);
    if (count && fds[0].revents)
        admit(control);
}

struct desk_guest control_guest(struct control *control)
{
    return (struct desk_guest){control, polls, serve};
}
