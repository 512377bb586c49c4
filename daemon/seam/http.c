/* libmicrohttpd without a thread: its epoll descriptor is polled by ours. It closes a connection that is silent; one that dribbles is
 * shut down here when its request takes too long, and the library then finds it closed. */
#include "seam/http.h"

#include <microhttpd.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, HOST_MAX = 256 };

/* A connection and since when it owes us a request: its beginning, or its last answer. */
struct client {
    int fd;               /* -1: the place is free */
    int64_t since;        /* monotonic ms */
};

struct http {
    struct http_options options;
    struct MHD_Daemon *daemon;
    int epoll;
    struct client clients[HTTP_CONNECTIONS_MAX];
    struct http_reply reply;
    size_t replies_bytes;      /* of answers that are still being sent */
};

/* An answer's own copy, while it is sent. */
struct sent {
    struct http *http;
    size_t size;
    char bytes[];
};

static const char no_method[] = "only GET and HEAD are answered here\n";
static const char too_many[] = "too many answers are being read slowly, try again later\n";

static void on_log(void *context, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* What clients do wrong is not worth more. */
static void on_log(void *context, const char *format, va_list arguments)
{
    const struct http *http = context;
    char line[256];

    vsnprintf(line, sizeof line, format, arguments);
    line[strcspn(line, "\n")] = '\0';
    log_debug(http->options.log, "libmicrohttpd: %s", line);
}

static void on_connection(void *context, struct MHD_Connection *connection, void **place, enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;
    struct client *client = *place;

    if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (client)
            client->fd = -1;
        return;
    }
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++) {
        client = &http->clients[i];
        if (client->fd >= 0)
            continue;
        client->fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        client->since = clock_monotonic_ms(http->options.clock);
        *place = client;
        return;
    }
}

static void on_completed(void *context, struct MHD_Connection *connection, void **request, enum MHD_RequestTerminationCode code)
{
    struct http *http = context;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct client *client = info ? info->socket_context : NULL;

    (void)request, (void)code;
    if (client)
        client->since = clock_monotonic_ms(http->options.clock);
}

static void sent_free(void *context)
{
    struct sent *sent = context;

    sent->http->replies_bytes -= sent->size;
    free(sent);
}

/* Readers that are slow hold a copy each: all of them together are bounded, and one more is told so. */
static struct MHD_Response *response_of(struct http *http, int *status, struct bytes body)
{
    bool full = http->replies_bytes + body.size > HTTP_REPLIES_MAX;
    struct bytes said = full ? bytes_of(too_many) : body;
    struct sent *sent = malloc(sizeof *sent + said.size);
    struct MHD_Response *response;

    if (!sent)
        return NULL;
    *sent = (struct sent){.http = http, .size = said.size};
    if (said.size)
        memcpy(sent->bytes, said.data, said.size);
    if (full)
        *status = MHD_HTTP_SERVICE_UNAVAILABLE;
    http->replies_bytes += said.size;
    response = MHD_create_response_from_buffer_with_free_callback_cls(said.size, sent->bytes, sent_free, sent);
    if (!response)
        sent_free(sent);
    return response;
}

static enum MHD_Result queue(struct http *http, struct MHD_Connection *connection, int status, const char *type, struct bytes body)
{
    struct MHD_Response *response = response_of(http, &status, body);
    enum MHD_Result result = MHD_NO;

    if (!response)
        return MHD_NO;
    if (MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type) == MHD_YES &&
        MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store") == MHD_YES &&
        (status != MHD_HTTP_METHOD_NOT_ALLOWED || MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD") == MHD_YES))
        result = MHD_queue_response(connection, (unsigned)status, response);
    MHD_destroy_response(response);
    return result;
}

/* Called once when the head was read, then for each part of a body, then to answer. Who sends a body is dropped. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *method, const char *version,
                                  const char *body, size_t *body_size, void **seen)
{
    struct http *http = context;
    struct http_request request = {path, connection};
    struct http_reply *reply = &http->reply;

    (void)version, (void)body;
    if (*body_size)
        return MHD_NO;
    if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 && strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
        return queue(http, connection, MHD_HTTP_METHOD_NOT_ALLOWED, "text/plain; charset=utf-8", bytes_of(no_method));
    if (!*seen) {
        *seen = http;
        return MHD_YES;
    }
    buffer_reset(&reply->body);
    http->options.answer(http->options.context, &request, reply);
    return buffer_error(&reply->body) ? MHD_NO : queue(http, connection, reply->status, reply->type, buffer_bytes(&reply->body));
}

bool http_request_has(const struct http_request *request, const char *argument)
{
    return MHD_lookup_connection_value_n(request->handle, MHD_GET_ARGUMENT_KIND, argument, strlen(argument), NULL, NULL) == MHD_YES;
}

/* "host:port" taken apart; brackets around an address of IPv6 fall off. */
static int address_split(const char *address, char host[HOST_MAX], const char **port)
{
    const char *colon = strrchr(address, ':');
    size_t size = colon ? (size_t)(colon - address) : 0;

    if (size < 1 || size >= HOST_MAX)
        return -EINVAL;
    if (address[0] == '[' && colon[-1] == ']') {
        address++;
        size -= 2;
    }
    memcpy(host, address, size);
    host[size] = '\0';
    *port = colon + 1;
    return 0;
}

static int resolve(const char *address, struct addrinfo **out, struct error_text *error)
{
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    const char *port;
    char host[HOST_MAX];
    int r = address_split(address, host, &port);

    if (r)
        return error_set(error, r, "%s: \"host:port\" is right", address);
    r = getaddrinfo(host, port, &hints, out);
    return r ? error_set(error, r == EAI_AGAIN || r == EAI_SYSTEM ? -EAGAIN : r == EAI_MEMORY ? -ENOMEM : -EINVAL, "%s: %s", address, gai_strerror(r)) : 0;
}

static int listen_on(const struct addrinfo *at, int *out)
{
    int fd = socket(at->ai_family, at->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at->ai_protocol), on = 1, r = 0;

    if (fd < 0)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) ||
        (at->ai_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof on)) ||
        bind(fd, at->ai_addr, at->ai_addrlen) || listen(fd, BACKLOG))
        r = -errno;
    if (r)
        close(fd);
    else
        *out = fd;
    return r;
}

/* The first of the name's addresses that works. */
static int listen_at(const char *address, int *out, struct error_text *error)
{
    struct addrinfo *list, *at;
    int r = resolve(address, &list, error);

    if (r)
        return r;
    for (at = list, r = -EINVAL; at && r; at = at->ai_next)
        r = listen_on(at, out);
    freeaddrinfo(list);
    return r ? error_set(error, r, "%s: %s", address, strerror(-r)) : 0;
}

static int start(struct http *http, int listener)
{
    const union MHD_DaemonInfo *info;

    http->daemon = MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG, 0, NULL, NULL, on_request, http,
                                    MHD_OPTION_EXTERNAL_LOGGER, on_log, http,
                                    MHD_OPTION_LISTEN_SOCKET, listener,
                                    MHD_OPTION_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_MAX,
                                    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)HTTP_CONNECTIONS_PER_ADDRESS_MAX,
                                    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_SILENCE_S,
                                    MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_MEMORY_MAX,
                                    MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
                                    MHD_OPTION_NOTIFY_COMPLETED, on_completed, http,
                                    MHD_OPTION_END);
    info = http->daemon ? MHD_get_daemon_info(http->daemon, MHD_DAEMON_INFO_EPOLL_FD) : NULL;
    if (!info)
        return -ENOMEM;
    http->epoll = info->epoll_fd;
    return 0;
}

int http_new(struct http **out, const struct http_options *options, struct error_text *error)
{
    struct http *http = calloc(1, sizeof *http);
    int listener = -1, r;

    if (!http)
        return error_set(error, -ENOMEM, "out of memory");
    http->options = *options;
    buffer_init(&http->reply.body, HTTP_REPLY_MAX);
    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        http->clients[i].fd = -1;
    r = listen_at(options->address, &listener, error);
    if (!r && (r = start(http, listener)))
        error_set(error, r, "%s: libmicrohttpd does not start", options->address);
    if (r) {
        http_free(http);
        return r;
    }
    *out = http;
    return 0;
}

struct http *http_free(struct http *http)
{
    if (!http)
        return NULL;
    if (http->daemon)
        MHD_stop_daemon(http->daemon);
    buffer_deinit(&http->reply.body);
    free(http);
    return NULL;
}

int http_fd(const struct http *http)
{
    return http->epoll;
}

int http_timeout_ms(struct http *http)
{
    MHD_UNSIGNED_LONG_LONG timeout;

    if (MHD_get_timeout(http->daemon, &timeout) != MHD_YES)
        return -1;
    return timeout > 60000 ? 60000 : (int)timeout;
}

static void end_the_slow(struct http *http)
{
    int64_t now = clock_monotonic_ms(http->options.clock);

    for (size_t i = 0; i < HTTP_CONNECTIONS_MAX; i++)
        if (http->clients[i].fd >= 0 && now - http->clients[i].since > HTTP_REQUEST_MS)
            shutdown(http->clients[i].fd, SHUT_RDWR);
}

void http_serve(struct http *http)
{
    MHD_run(http->daemon);
    end_the_slow(http);
}

const char *http_library_version_text(void)
{
    return MHD_get_version();
}
