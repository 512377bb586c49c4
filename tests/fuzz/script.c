#include "fuzz/script.h"

#include <string.h>

#include "fuzz/tree.h"
#include "seam/redis_link.h"

static struct script {
    struct bytes left;
    bool open;
} script;

struct redis_link {
    struct script *script;
};

const char script_handshake[] =
    "+OK\n"
    "'run_id:aaaa\r\nredis_version:7.2.4\r\n' 'role:master\r\nmaster_replid:bbbb\r\n'\n"
    ":7 +OK\n +OK\n"
    "['maxmemory-policy' 'noeviction'] ['appendonly' 'yes'] ['appendfsync' 'always'] ['no-appendfsync-on-rewrite' 'no'] ['save' '']\n"
    "+OK\n +OK\n +none\n [_ _] _ _ [:0] [_] [] :0 [] :0 :0\n"
    "+OK\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n +QUEUED\n"
    "+QUEUED\n +QUEUED\n [:1 :0 :2 :1 :1 :1 :1 :1 '0-1' '1-1' :1 :1 +OK\n ['c'] :4]\n"
    "'default' +OK\n +OK\n +OK\n +OK\n +OK\n +OK\n +OK\n +OK\n";

void script_begin(struct bytes text)
{
    script = (struct script){text, true};
}

struct bytes script_left(void)
{
    return script.left;
}

int redis_link_open(struct redis_link **out, const struct redis_link_options *options, struct error_text *error)
{
    static struct redis_link link = {&script};

    (void)options;
    if (!script.left.size)
        return error_set(error, -ECONNREFUSED, "nobody listens");
    script.open = true;
    *out = &link;
    return 0;
}

struct redis_link *redis_link_close(struct redis_link *link)
{
    if (link)
        link->script->open = false;
    return NULL;
}

int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error)
{
    MUST(link->script->open && bytes.size > 0 && bytes.data[0] == '*');
    return link->script->left.size ? 0 : error_set(error, -EPIPE, "the connection is broken");
}

bool redis_link_has_ended(const struct redis_link *link)
{
    return !link->script->open;
}

int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out, struct error_text *error)
{
    struct bytes *left = &link->script->left;

    MUST(link->script->open);
    while (left->size && memchr(" \n", *left->data, 2))
        left->data++, left->size--;
    if (left->size && *left->data == '!') {
        left->data++, left->size--;
        return error_set(error, -ETIMEDOUT, "no answer in time");
    }
    *out = tree_next(left, arena);
    return *out ? 0 : error_set(error, left->size ? -ENOBUFS : -ECONNRESET, "the connection was lost");
}

struct session *script_session(struct clock *clock)
{
    const struct session_options options = {.address = "script", .user = "", .password = "", .prefix = "", .clock = clock, .log = fuzz_log(),
                                            .backoff_min_ms = 1, .backoff_max_ms = 2};
    struct error_text error = {""};
    struct session *session;

    script_begin(bytes_of(script_handshake));
    MUST(session_new(&session, &options) == 0);
    MUST(session_connect(session, &error) == 0);
    return session;
}
