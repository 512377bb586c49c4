/* A real redis-server as a child process on a unix socket of its own, and raw connections to it. */
#ifndef ORDERD_TESTS_DIFFER_REAL_H
#define ORDERD_TESTS_DIFFER_REAL_H

#include <sys/types.h>

#include "base/bytes.h"

struct real {
    pid_t pid;
    char folder[64], socket[96];
    int major, minor;
};

struct real_link {
    int fd;
    struct buffer in;
    size_t taken;
};

/* Starts the program and waits until it answers. */
void real_start(struct real *real, const char *program);
void real_stop(struct real *real);
void real_connect(const struct real *real, struct real_link *link);
void real_close(struct real_link *link);
/* False when the server has closed the connection. */
bool real_write(struct real_link *link, struct bytes bytes);
/* The next reply, valid until the next call; absent when the server has closed the connection. */
struct bytes real_read(struct real_link *link);
/* What is there now, without waiting: absent when nothing is. */
struct bytes real_peek(struct real_link *link);
/* One command from words with spaces between, and its reply. A comma within a word stands for a space. */
struct bytes real_ask(struct real_link *link, const char *command);

#endif
