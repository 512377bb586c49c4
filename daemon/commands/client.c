#include "commands/client.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <sysexits.h>
#include <unistd.h>

#include "seam/json.h"

enum { PATIENCE_S = 15, LINE_MAX_BYTES = 64 << 20, CHUNK = 65536 };

void client_answer_init(struct client_answer *answer)
{
    *answer = (struct client_answer){.code = EX_UNAVAILABLE};
    buffer_init(&answer->line, LINE_MAX_BYTES);
    buffer_init(&answer->text, LINE_MAX_BYTES);
}

void client_answer_deinit(struct client_answer *answer)
{
    buffer_deinit(&answer->line);
    buffer_deinit(&answer->text);
}

static void unreached(struct client_answer *answer, int error, const char *path)
{
    answer->code = error == EACCES || error == EPERM ? EX_NOPERM : EX_UNAVAILABLE;
    if (answer->code == EX_NOPERM)
        buffer_put_format(&answer->text, "%s: %s: only the daemon's own user and root may talk to it", path, strerror(error));
    else if (error == ENOENT || error == ECONNREFUSED)
        buffer_put_format(&answer->text, "no daemon answers at %s: it is not running, or has another socket (--socket PATH, --instance NAME or -c FILE says which)", path);
    else
        buffer_put_format(&answer->text, "%s: %s", path, strerror(error));
}

static int open_socket(const char *path, struct client_answer *answer)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    int fd;

    if (strlen(path) >= sizeof address.sun_path) {
        buffer_put_format(&answer->text, "%s: the path of a unix socket has at most %zu bytes", path, sizeof address.sun_path - 1);
        answer->code = EX_USAGE;
        return -1;
    }
    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0 &&
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) == 0 && connect(fd, (const struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    unreached(answer, errno, path);
    if (fd >= 0)
        close(fd);
    return -1;
}

static bool transmit(int fd, struct bytes bytes)
{
    while (bytes.size) {
        ssize_t sent = send(fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        bytes.data += sent;
        bytes.size -= (size_t)sent;
    }
    return true;
}

static bool receive_line(int fd, struct buffer *line)
{
    for (;;) {
        char *room = buffer_room(line, CHUNK), *end;
        ssize_t got = room ? recv(fd, room, CHUNK, 0) : -1;

        if (got < 0 && room && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        end = memchr(room, '\n', (size_t)got);
        buffer_used(line, end ? (size_t)(end - room) : (size_t)got);
        if (end)
            return true;
    }
}

static void take(struct client_answer *answer)
{
    struct error_text why = {""};
    struct json_member member;
    struct json json;

    if (json_object_parse(&json, buffer_bytes(&answer->line), &why) != JSON_OK) {
        buffer_put_format(&answer->text, "the answer is not understood: %s", why.text);
        answer->code = EX_SOFTWARE;
        return;
    }
    answer->reached = true;
    answer->code = json_member_get(&json, "code", &member) && member.type == JSON_TYPE_INTEGER ? (int)member.integer : EX_SOFTWARE;
    if (json_member_get(&json, "text", &member) && member.type == JSON_TYPE_STRING)
        buffer_put_bytes(&answer->text, member.text);
    json_release(&json);
}

void client_ask(const char *path, const struct request *request, struct client_answer *answer)
{
    int fd;

    buffer_reset(&answer->line);
    buffer_reset(&answer->text);
    answer->reached = false;
    fd = open_socket(path, answer);
    if (fd < 0)
        return;
    request_put(&answer->line, request);
    buffer_put_char(&answer->line, '\n');
    if (transmit(fd, buffer_bytes(&answer->line)) && (buffer_reset(&answer->line), receive_line(fd, &answer->line))) {
        take(answer);
    } else {
        buffer_put_format(&answer->text, "the daemon at %s gave no answer%s", path, errno == EAGAIN ? " in 15 s" : "");
        answer->code = EX_UNAVAILABLE;
    }
    close(fd);
}
