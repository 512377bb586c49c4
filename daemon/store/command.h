/* Redis commands as bytes: a builder that counts commands and fails stickily, checked once before sending. */
#ifndef ORDERD_STORE_COMMAND_H
#define ORDERD_STORE_COMMAND_H

#include <stdint.h>

#include "base/bytes.h"
#include "base/error.h"

/* Several commands for one write. `count` is the number of replies to expect. */
struct commands {
    struct buffer bytes;
    size_t count;
    size_t due;         /* arguments that the last command still lacks */
};

void commands_init(struct commands *commands, size_t limit);
void commands_deinit(struct commands *commands);
void commands_reset(struct commands *commands);
/* 0, or -ENOBUFS, -ENOMEM. Asserts that the last command is complete. */
int commands_error(const struct commands *commands) MUST_CHECK;

/* Begins a command of `count` arguments, its name among them. */
void command_begin(struct commands *commands, size_t count);
void command_bytes(struct commands *commands, struct bytes bytes);
void command_text(struct commands *commands, const char *text);
void command_int(struct commands *commands, int64_t value);
/* One argument made of three parts: prefix, kind and owner of a key; "." between item and seller; … */
void command_joined(struct commands *commands, struct bytes a, struct bytes b, struct bytes c);

/* A whole command of texts, for what is not on the way of an event: command_texts(c, "HSET", key, "halt", why, NULL). */
void command_texts(struct commands *commands, ...) __attribute__((sentinel));

#endif
