/* What a Redis server says of itself: the lines of INFO, values of CONFIG GET, and what both make of durability (DESIGN 4.6). */
#ifndef ORDERD_STORE_SERVER_H
#define ORDERD_STORE_SERVER_H

#include <stdbool.h>

#include "seam/redis_link.h"

/* A line of INFO, "name:value\r\n"; false when there is none. */
bool server_info(struct bytes info, const char *name, char *out, size_t size);
/* One value of CONFIG GET's flat reply; "" when it is not told. Lives with the reply. */
const char *server_config(const struct reply *reply, const char *name);
/* "7.0.15" is at least 7, 0. */
bool server_version_at_least(const char *version, int major, int minor);

/* What CONFIG GET tells of persistence; every text "" where it does not. */
struct server_keeps {
    bool told;                       /* CONFIG GET is allowed */
    bool has_waitaof;
    const char *appendonly, *appendfsync, *no_appendfsync_on_rewrite, *save;
};

/* durability = "aof" means something on such a server: by WAITAOF over an append-only file, else by one that is written always. */
bool server_keeps_aof(const struct server_keeps *keeps);

#endif
