/* What a server sends, through the real seam and hiredis: replies that are whole, or an error that the header names, and never more.
 *
 * A socket is listened on once; each input is what the server has sent before it closes. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "fuzz/fuzz.h"
#include "seam/redis_link.h"

enum { MEMORY = 1 << 20, REPLIES_MAX = 4096, SENT_MAX = 1 << 16 };

static struct server {
    int fd;
    char folder[64], path[96];
    struct arena *arena;
    size_t looked;
} server;

static void server_end(void)
{
    unlink(server.path);
    rmdir(server.folder);
    arena_free(server.arena);
}

static void server_begin(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const char *parent = getenv("TMPDIR");

    snprintf(server.folder, sizeof server.folder, "%.40s/orderd-fuzz-XXXXXX", parent ? parent : "/tmp");
    MUST(mkdtemp(server.folder));
    snprintf(server.path, sizeof server.path, "%s/redis.sock", server.folder);
    memcpy(address.sun_path, server.path, sizeof server.path);
    server.fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    MUST(server.fd >= 0 && bind(server.fd, (struct sockaddr *)&address, sizeof address) == 0 && listen(server.fd, 4) == 0);
    MUST(arena_new(&server.arena, MEMORY) == 0);
    atexit(server_end);
}

/* Every byte of it is looked at, so that one that is not there is noticed. */
static size_t look(const struct reply *reply)
{
    size_t sum = (size_t)reply->integer;

    MUST(reply->type <= REPLY_ARRAY);
    for (size_t i = 0; i < reply->text.size; i++)
        sum += (unsigned char)reply->text.data[i];
    MUST(!reply->text.data || reply->text.data[reply->text.size] == '\0');
    MUST((reply->type <= REPLY_ERROR) == (reply->text.data != NULL));
    MUST(reply->type == REPLY_ARRAY || (!reply->count && !reply->elements));
    for (size_t i = 0; i < reply->count; i++) {
        MUST(reply->elements[i]);
        sum += look(reply->elements[i]);
    }
    return sum;
}

static void receive_all(struct redis_link *link)
{
    struct error_text error = {""};
    struct reply *reply;
    int r = 0;

    for (int i = 0; !r && i < REPLIES_MAX; i++) {
        arena_reset(server.arena);
        reply = NULL;
        r = redis_link_receive(link, server.arena, &reply, &error);
        MUST(r == 0 || error.text[0]);
        MUST(r == 0 || r == -ECONNRESET || r == -EPROTO || r == -ENOBUFS || r == -EIO);
        MUST(r || reply);
        if (!r)
            server.looked += look(reply);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct redis_link_options options = {server.path, 1000, 1000};
    struct error_text error;
    struct redis_link *link;
    int theirs;

    if (!server.arena)
        server_begin();
    if (size > SENT_MAX)
        return 0;
    MUST(redis_link_open(&link, &options, &error) == 0);
    theirs = accept4(server.fd, NULL, NULL, SOCK_CLOEXEC);
    MUST(theirs >= 0 && write(theirs, data, size) == (ssize_t)size);
    close(theirs);
    receive_all(link);
    redis_link_close(link);
    return 0;
}
