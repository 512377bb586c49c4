/* Readers that are slow: what is being sent to them is bounded in all, and comes free when they go. */
#include "check.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "seam/http.h"

enum { BODY_BYTES = 16 << 20, READERS = HTTP_REPLIES_MAX / BODY_BYTES, ROUNDS = 200 };

static void answer(void *context, const struct http_request *request, struct http_reply *reply)
{
    char *room = buffer_room(&reply->body, BODY_BYTES);

    (void)context, (void)request;
    ASSERT(room);
    memset(room, 'x', BODY_BYTES);
    buffer_used(&reply->body, BODY_BYTES);
    reply->status = 200;
    reply->type = "text/plain";
}

static struct sockaddr_in a_free_port(void)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    close(fd);
    return address;
}

static void serve(struct http *http)
{
    for (int i = 0; i < ROUNDS; i++) {
        struct pollfd ready = {.fd = http_fd(http), .events = POLLIN};

        if (poll(&ready, 1, 2) == 0)
            return;
        http_serve(http);
    }
}

/* A client that asks and reads nothing. */
static int client(const struct sockaddr_in *address)
{
    static const char get[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    ASSERT(fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof *address) == 0 && write(fd, get, sizeof get - 1) == sizeof get - 1);
    return fd;
}

static int status_read_by(int fd)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    char line[16] = "";

    if (poll(&ready, 1, 1000) != 1 || read(fd, line, sizeof line - 1) < 12)
        return -1;
    return (int)strtol(line + 9, NULL, 10);
}

static void one_reader_too_many_is_told_so(struct checks *c)
{
    struct sockaddr_in address = a_free_port();
    struct log log = {.level = LOG_LEVEL_ERROR, .fd = 2};
    struct error_text error = {""};
    struct http *http = NULL;
    struct clock *clock;
    char text[32];
    int readers[READERS], late;

    snprintf(text, sizeof text, "127.0.0.1:%d", ntohs(address.sin_port));
    ASSERT(clock_new(&clock) == 0);
    CHECK_INT(c, http_new(&http, &(struct http_options){.address = text, .answer = answer, .clock = clock, .log = &log}, &error), 0);
    for (int i = 0; i < READERS; i++) {
        readers[i] = client(&address);
        serve(http);
    }
    late = client(&address);
    serve(http);
    CHECK_INT(c, status_read_by(readers[READERS - 1]), 200);
    CHECK_INT(c, status_read_by(late), 503);
    close(late);
    for (int i = 0; i < READERS; i++)
        close(readers[i]);
    serve(http);
    late = client(&address);
    serve(http);
    CHECK_INT(c, status_read_by(late), 200);
    close(late);
    http_free(http);
    clock_free(clock);
}

TESTS({"one reader too many is told so", one_reader_too_many_is_told_so})
