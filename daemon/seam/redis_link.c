/* hiredis reads; its reply objects are built by our own functions straight into the caller's arena, so that a turn's few
 * hundred replies cost no allocation. Sending goes around its output buffer: the bytes are ready and written as they are. */
#include "seam/redis_link.h"

#include <hiredis/hiredis.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "base/number.h"

struct redis_link {
    redisContext *context;
    struct arena *arena;     /* of the receive that goes on; NULL between two */
    bool full;               /* the arena had no room */
    int timeout_ms;
};

static struct reply *reply_make(const redisReadTask *task, enum reply_type type)
{
    struct redis_link *link = task->privdata;
    struct reply *reply = link->arena ? arena_take(link->arena, sizeof *reply) : NULL;

    if (!reply) {
        link->full = true;
        return NULL;
    }
    reply->type = type;
    if (task->parent) {
        struct reply *parent = task->parent->obj;

        parent->elements[task->idx] = reply;
    }
    return reply;
}

static void *on_string(const redisReadTask *task, char *text, size_t size)
{
    enum reply_type type = task->type == REDIS_REPLY_ERROR ? REPLY_ERROR : task->type == REDIS_REPLY_STATUS ? REPLY_STATUS : REPLY_STRING;
    struct redis_link *link = task->privdata;
    struct reply *reply = reply_make(task, type);

    if (!reply)
        return NULL;
    reply->text = arena_copy(link->arena, (struct bytes){text, size});
    if (!reply->text.data) {
        link->full = true;
        return NULL;
    }
    return reply;
}

static struct reply *array_make(const redisReadTask *task, size_t count)
{
    struct redis_link *link = task->privdata;
    struct reply *reply = reply_make(task, REPLY_ARRAY);

    if (!reply || !count)
        return reply;
    reply->elements = count <= SIZE_MAX / sizeof *reply->elements ? arena_take(link->arena, count * sizeof *reply->elements) : NULL;
    if (!reply->elements) {
        link->full = true;
        return NULL;
    }
    reply->count = count;
    return reply;
}

#if HIREDIS_MAJOR >= 1
static void *on_array(const redisReadTask *task, size_t count)
{
    return array_make(task, count);
}
#else
static void *on_array(const redisReadTask *task, int count)
{
    return array_make(task, count > 0 ? (size_t)count : 0);
}
#endif

static void *on_integer(const redisReadTask *task, long long value)
{
    struct reply *reply = reply_make(task, REPLY_INTEGER);

    if (reply)
        reply->integer = value;
    return reply;
}

static void *on_nil(const redisReadTask *task)
{
    return reply_make(task, REPLY_NIL);
}

#if HIREDIS_MAJOR >= 1
/* RESP3's own types, which nobody asked for: without a function hiredis would hand up their number as a pointer. */
static void *on_double(const redisReadTask *task, double value, char *text, size_t size)
{
    (void)task, (void)value, (void)text, (void)size;
    return NULL;
}

static void *on_bool(const redisReadTask *task, int value)
{
    (void)task, (void)value;
    return NULL;
}
#endif

/* Objects die with the arena. */
static void on_free(void *reply)
{
    (void)reply;
}

static redisReplyObjectFunctions *reply_functions(void)
{
    static const redisReplyObjectFunctions functions = {
        .createString = on_string,
        .createArray = on_array,
        .createInteger = on_integer,
        .createNil = on_nil,
#if HIREDIS_MAJOR >= 1
        .createDouble = on_double,
        .createBool = on_bool,
#endif
        .freeObject = on_free,
    };

    return (redisReplyObjectFunctions *)(uintptr_t)&functions;   /* hiredis never writes there */
}

static struct timeval timeval_of(int ms)
{
    return (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
}

static redisContext *connect_to(const char *address, struct timeval timeout, struct error_text *error)
{
    const char *colon = strrchr(address, ':');
    char host[256];
    size_t size;
    int64_t port;

    if (address[0] == '/')
        return redisConnectUnixWithTimeout(address, timeout);
    size = colon ? (size_t)(colon - address) : 0;
    if (!colon || !size || size >= sizeof host || !number_parse(bytes_of(colon + 1), &port) || port < 1 || port > 65535) {
        error_set(error, 0, "address %s is neither a path nor host:port", address);
        return NULL;
    }
    if (address[0] == '[' && colon[-1] == ']') {
        address++;
        size -= 2;
    }
    memcpy(host, address, size);
    host[size] = '\0';
    return redisConnectWithTimeout(host, (int)port, timeout);
}

static int context_error(const redisContext *context, struct error_text *error)
{
    int code = context->err == REDIS_ERR_EOF ? -ECONNRESET : context->err == REDIS_ERR_PROTOCOL ? -EPROTO : -EIO;

    if (context->err == REDIS_ERR_IO && errno)
        code = errno == EAGAIN ? -ETIMEDOUT : -errno;
    return error_set(error, code, "%s", code == -ETIMEDOUT ? "no answer in time" : context->errstr);
}

int redis_link_open(struct redis_link **out, const struct redis_link_options *options, struct error_text *error)
{
    struct redis_link *link = calloc(1, sizeof *link);
    int r = -EINVAL;

    if (!link)
        return -ENOMEM;
    errno = 0;
    link->timeout_ms = options->command_timeout_ms;
    link->context = connect_to(options->address, timeval_of(options->connect_timeout_ms), error);
    if (!link->context || link->context->err) {
        if (link->context)
            r = context_error(link->context, error);
        if (r == -EACCES && options->address[0] == '/')
            (void)error_set(error, r, "%s: the socket is for another user or group; of a service, SupplementaryGroups= adds its group", strerror(EACCES));
        redis_link_close(link);
        return r;
    }
    redisSetTimeout(link->context, timeval_of(options->command_timeout_ms));
    if (options->address[0] != '/')
        redisEnableKeepAlive(link->context);
    link->context->reader->fn = reply_functions();
    link->context->reader->privdata = link;
    *out = link;
    return 0;
}

struct redis_link *redis_link_close(struct redis_link *link)
{
    if (link) {
        if (link->context)
            redisFree(link->context);
        free(link);
    }
    return NULL;
}

int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{
    while (bytes.size) {
        ssize_t sent = send(link->context->fd, bytes.data, bytes.size, MSG_NOSIGNAL);

        if (sent >= 0) {
            bytes.data += sent;
            bytes.size -= (size_t)sent;
        } else if (errno != EINTR) {
            int code = errno == EAGAIN ? ETIMEDOUT : errno;

            return error_set(error, -code, "write: %s", strerror(code));
        }
    }
    return 0;
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    void *reply = NULL;
    int r;

    link->arena = arena;
    link->full = false;
    errno = 0;
    do
        r = redisGetReply(link->context, &reply);
    while (r != REDIS_OK && link->context->err == REDIS_ERR_IO && errno == EINTR && (link->context->err = 0, true));
    link->arena = NULL;
    if (link->full)
        return error_set(error, -ENOBUFS, "a reply is larger than the turn's memory");
    if (r != REDIS_OK)
        return context_error(link->context, error);
    *out = reply;
    return 0;
}

/* What can be read where nothing was asked is the end of the file. */
bool redis_link_has_ended(const struct redis_link *link)
{
    struct pollfd end = {.fd = link->context->fd, .events = POLLIN};

    return poll(&end, 1, 0) > 0;
}

#define TEXT_OF_NUMBER(number) #number
#define TEXT_OF(number) TEXT_OF_NUMBER(number)

const char *redis_library_version_text(void)
{
    return TEXT_OF(HIREDIS_MAJOR) "." TEXT_OF(HIREDIS_MINOR) "." TEXT_OF(HIREDIS_PATCH);
}
