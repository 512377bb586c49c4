/* What a daemon does to Redis, in the words of the trace. */
#ifndef ORDERD_TESTS_FAKE_REDIS_TRACE_H
#define ORDERD_TESTS_FAKE_REDIS_TRACE_H

#include "fake/world.h"

/* "applied", "nil", "refused", "torn". */
const char *redis_trace_answer(enum exec_answer answer);
/* The transaction of a self-test, which no story tells. */
bool redis_trace_is_selftest(const struct redis_client *client);
/* What the client's transaction holds; `late`: its connection is closed by now. */
void redis_trace_exec(struct node *node, const struct redis_client *client, const char *answer, bool late);
void redis_trace_watch(struct node *node, const struct bytes *keys, size_t count);

#endif
