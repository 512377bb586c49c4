/* Another program's connection: it asks one command and has the reply at once, over the same server as the daemons. Between two
 * questions its WATCH and MULTI last, and others may work. */
#ifndef ORDERD_TESTS_FAKE_REDIS_ASK_H
#define ORDERD_TESTS_FAKE_REDIS_ASK_H

#include "fake/redis_server.h"

/* The reply's bytes as they come ("+OK\r\n", "*-1\r\n"), valid until the next question; absent when the server does not answer now (frozen,
 * paused, closed, or the client waits). */
struct bytes redis_ask(struct redis_client *client, int64_t now, const char *const *args, size_t count);
/* The same, from a text with spaces. */
struct bytes redis_ask_text(struct redis_client *client, int64_t now, const char *command);

#endif
