/* RESP2: replies written by the fake server, and read by the fake link into the daemon's arena. */
#ifndef ORDERD_TESTS_FAKE_RESP_H
#define ORDERD_TESTS_FAKE_RESP_H

#include "base/bytes.h"
#include "seam/redis_link.h"

void resp_error(struct buffer *out, const char *text);
void resp_status(struct buffer *out, const char *text);
void resp_int(struct buffer *out, int64_t value);
void resp_bulk(struct buffer *out, struct bytes value);   /* absent: nil */
void resp_array(struct buffer *out, size_t count);
void resp_nil_array(struct buffer *out);

/* Reads one reply and moves `*at` behind it; NULL when the arena is full. What lies there must be whole. */
struct reply *resp_read(struct arena *arena, const char **at);
/* Reads one command, an array of bulk strings, into `args`, which point into it: how many; 0 when it is not whole, and then `*at` stays. */
size_t resp_command(struct bytes *args, size_t max, const char **at, const char *end);

#endif
