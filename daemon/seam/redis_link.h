/* One connection to Redis: it connects, sends bytes, hands up replies and closes. Knows no command and never retries.
 *
 * After any error but a full arena the link is dead: close it (redis.md 11: a late reply would be matched to the next
 * command). RESP2 only. The only file that includes hiredis. */
#ifndef ORDERD_SEAM_REDIS_LINK_H
#define ORDERD_SEAM_REDIS_LINK_H

#include "base/arena.h"
#include "base/bytes.h"
#include "base/error.h"

struct redis_link;

struct redis_link_options {
    const char *address;   /* "/path/of/a.sock" or "host:port" ("[v6]:port" too) */
    int connect_timeout_ms;
    int command_timeout_ms; /* for one send and for one receive */
};

enum reply_type { REPLY_STRING, REPLY_STATUS, REPLY_ERROR, REPLY_INTEGER, REPLY_NIL, REPLY_ARRAY };

/* A reply, or an element of one. Lives in the arena given to redis_link_receive. */
struct reply {
    enum reply_type type;
    int64_t integer;       /* REPLY_INTEGER */
    struct bytes text;     /* REPLY_STRING, REPLY_STATUS, REPLY_ERROR */
    size_t count;          /* REPLY_ARRAY */
    struct reply **elements;
};

/* Errors: -ETIMEDOUT, -ECONNREFUSED, … with a sentence in `error`. */
int redis_link_open(struct redis_link **out, const struct redis_link_options *options,
                    struct error_text *error) MUST_CHECK;
/* Takes NULL, returns NULL. */
struct redis_link *redis_link_close(struct redis_link *link);
/* Writes all of it or fails: -ETIMEDOUT, -ECONNRESET, -EPIPE … */
int redis_link_send(struct redis_link *link, struct bytes bytes, struct error_text *error) MUST_CHECK;
/* The next reply, in `arena`. Errors: -ETIMEDOUT, -ECONNRESET (end of file), -EPROTO, -ENOBUFS (arena full). */
int redis_link_receive(struct redis_link *link, struct arena *arena, struct reply **out,
                       struct error_text *error) MUST_CHECK;
/* Whether the other end has closed it, told without asking. Only while no reply is due. */
bool redis_link_has_ended(const struct redis_link *link);
/* The version of hiredis that this was built with. */
const char *redis_library_version_text(void);

#endif
