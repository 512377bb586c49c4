#include "fake/redis_ask.h"

#include <stdio.h>
#include <string.h>

#include "fake/resp.h"

enum { COMMAND_MAX = 1 << 16, WORDS_MAX = 64, TEXT_MAX = 1024 };

struct bytes redis_ask(struct redis_client *client, int64_t now, const char *const *args, size_t count)
{
    struct buffer command;
    struct bytes reply = {NULL, 0};
    int64_t at;

    while (redis_client_replies(client))      /* of a question that was not answered at once */
        redis_client_take(client);
    buffer_init(&command, COMMAND_MAX);
    resp_array(&command, count);
    for (size_t i = 0; i < count; i++)
        resp_bulk(&command, bytes_of(args[i]));
    redis_client_write(client, buffer_bytes(&command), now);
    buffer_deinit(&command);
    redis_server_serve(redis_client_server(client), now);
    if (!redis_client_reply(client, &reply, &at))
        return (struct bytes){NULL, 0};
    redis_client_take(client);
    return reply;
}

struct bytes redis_ask_text(struct redis_client *client, int64_t now, const char *command)
{
    char copy[TEXT_MAX], *rest = copy, *word;
    const char *args[WORDS_MAX];
    size_t count = 0;

    ASSERT(strlen(command) < sizeof copy);
    snprintf(copy, sizeof copy, "%s", command);
    while ((word = strsep(&rest, " ")) && count < WORDS_MAX)
        args[count++] = word;
    return redis_ask(client, now, args, count);
}
